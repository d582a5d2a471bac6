"""Everything agentorm raises on purpose.

AgentORMError
├── InvalidModel (TypeError)            a class is declared in a way that cannot work
├── InvalidValue (ValueError)           a value is refused before any SQL
│   ├── InvalidVector
│   │   └── DimensionMismatch
│   ├── MissingValue                    a required field has none at the write
│   └── UnknownField                    a name the model does not have
├── InvalidQuery (ValueError)           a query that cannot mean anything
│   ├── InvalidCursor                   a cursor of another query, or changed
│   ├── InvalidFilter                   a filter, at the path in its document
│   ├── InvalidMetric
│   ├── NotBound                        an ending, and nowhere to run it
│   └── SessionInUse                    two tasks, and one session
├── InvalidScores (ValueError)          a re-ranker gave something else than a number per row
├── NotLoaded                           what was read is not loaded, and reading it needs SQL
├── NoResult (LookupError)              `one()` found no row, or the row to change is gone
├── MultipleResults (LookupError)       `one()` found more than one
├── UnsupportedFeature                  the engine cannot, and says so before any SQL
├── MissingDependency (ImportError)     an optional package is not installed
├── InvalidURL (ValueError)
└── DatabaseError                       the engine refused; its own error is the `__cause__`
├── ConnectionFailed
│   └── AuthenticationFailed
├── ClosedSession
├── ConstraintViolation
├── ExtensionMissing
├── NotADatabase
├── ReadOnlyDatabase
├── SchemaMismatch                  the schema was made for other models or settings
├── TableMissing
└── TransactionConflict             locked, deadlocked or not serialisable: try again

AgentORMWarning (UserWarning)
└── SlowPath                            the answer is right and took the long way
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from types import FrameType
from typing import Any


class AgentORMError(Exception):
    """The root of the tree: what happened, and in `hint` the way out."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}; {hint}" if hint else message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())


def _restore(
    kind: type[AgentORMError], args: tuple[Any, ...], state: dict[str, Any]
) -> AgentORMError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidModel(AgentORMError, TypeError):
    """A class is declared in a way that cannot work on any engine."""


class InvalidValue(AgentORMError, ValueError):
    """A value was refused before any SQL, or by what `into` reads; `field` names where."""

    def __init__(self, problem: str, *, field: str | None = None, hint: str | None = None) -> None:
        self.problem = problem
        self.field = field
        super().__init__(f"{field}: {problem}" if field else problem, hint=hint)


class InvalidVector(InvalidValue):
    """Not a vector: not numbers, not finite, empty, or of more than one axis."""


class DimensionMismatch(InvalidVector):
    """A vector of another length than the field declares."""

    def __init__(self, *, expected: int, got: int, field: str | None = None) -> None:
        self.expected = expected
        self.got = got
        super().__init__(f"expected a vector of {expected} dimensions, got {got}", field=field)


class MissingValue(InvalidValue):
    """A required field has no value when the row is written."""


class UnknownField(InvalidValue):
    """A name the model does not have; the message offers the nearest ones it does."""

    def __init__(self, name: str, *, owner: str, known: Iterable[str]) -> None:
        self.name = name
        known = sorted(known)
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
        super().__init__(f"{owner} has no field {name!r}", hint=hint)


class InvalidQuery(AgentORMError, ValueError):
    """A query that cannot mean anything, refused where it is written."""


class InvalidCursor(InvalidQuery):
    """A text that is no cursor of this query: changed, of another one, or of a newer version."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem, hint="begin with the first page: page()")


class InvalidFilter(InvalidQuery):
    """A filter that cannot mean anything; `path` is where in its document, as ``$.and[1].value``.

    Args:
        problem: what was expected, and what came.
        path: where; ``$`` is the whole document.
        hint: the way out.
    """

    def __init__(self, problem: str, *, path: str, hint: str | None = None) -> None:
        self.problem = problem
        self.path = path
        super().__init__(f"{path}: {problem}", hint=hint)


class InvalidMetric(InvalidQuery):
    """An unknown metric, or one that does not fit the kind of vector."""


class NotBound(InvalidQuery):
    """An ending was called on a query that knows no session and no database."""

    def __init__(self, ending: str) -> None:
        super().__init__(
            f"{ending}() has nowhere to run",
            hint="bind the query first: query.on(session) or repository(Model, session)",
        )


class SessionInUse(InvalidQuery):
    """A task used a session, or connection, on which another waits for an answer."""

    def __init__(self) -> None:
        super().__init__(
            "another task uses this session, and a session serves one at a time",
            hint="give each task its own: db.session(), or repository(Model, db)",
        )


class InvalidScores(AgentORMError, ValueError):
    """What a re-ranker gave is not one finite number for each row it was given."""


class NotLoaded(AgentORMError):
    """A relationship or a column was read that no query has loaded; `attribute` is which."""

    def __init__(self, attribute: str, *, hint: str) -> None:
        self.attribute = attribute
        super().__init__(f"{attribute} is not loaded", hint=hint)


class NoResult(AgentORMError, LookupError):
    """Exactly one row was asked for, and there is none."""


class MultipleResults(AgentORMError, LookupError):
    """Exactly one row was asked for, and there are more."""


class UnsupportedFeature(AgentORMError):
    """The engine cannot do this, in any way; known when the query is built or compiled."""

    def __init__(self, feature: str, *, dialect: str, hint: str | None = None) -> None:
        self.feature = feature
        self.dialect = dialect
        super().__init__(f"{dialect} does not support {feature}", hint=hint)


class MissingDependency(AgentORMError, ImportError):
    """An optional package is not installed; `extra` is what to install."""

    def __init__(self, package: str, *, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(f"{package!r} is not installed", hint=f"pip install '{extra}'")


class InvalidURL(AgentORMError, ValueError):
    """The database URL cannot be read; the message never holds its password."""


class DatabaseError(AgentORMError):
    """The engine refused a statement; its own error is the ``__cause__``."""


class ConnectionFailed(DatabaseError):
    """No connection: nobody listens there, the database does not exist, or the link broke."""


class AuthenticationFailed(ConnectionFailed):
    """The server knows no such role, or not this password."""


class ClosedSession(DatabaseError):
    """The session was closed and cannot run anything."""


class ConstraintViolation(DatabaseError):
    """A unique key, foreign key, NOT NULL or check constraint refused the row."""


class ExtensionMissing(DatabaseError):
    """The server lacks an extension that the schema needs; `statement` creates it."""

    def __init__(self, extension: str, *, statement: str) -> None:
        self.extension = extension
        self.statement = statement
        super().__init__(
            f"the extension {extension!r} is not created in this database",
            hint=f"as a role that may, run: {statement}",
        )


class NotADatabase(DatabaseError):
    """The file exists and holds something else."""


class ReadOnlyDatabase(DatabaseError):
    """The file, the server or the transaction takes no writes."""


class SchemaMismatch(DatabaseError):
    """The schema was made for other models or settings than these."""


class TableMissing(DatabaseError):
    """The schema is not there, or is older than the model."""


class TransactionConflict(DatabaseError):
    """Another transaction was in the way: nothing was written, the transaction may be repeated."""


class AgentORMWarning(UserWarning):
    """The root of agentorm's warnings."""


class SlowPath(AgentORMWarning):
    """The answer is right, and took a slower way than the engine could offer; said once."""


def warn_caller(warning: AgentORMWarning) -> None:
    """Warn at the line outside of this library, and of SQLAlchemy, that led here."""
    for frame in _callers():
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_INNER):
            registry = frame.f_globals.setdefault("__warningregistry__", {})
            place = frame.f_code.co_filename, frame.f_lineno
            warnings.warn_explicit(warning, type(warning), *place, module, registry)
            return


def _callers() -> Iterator[FrameType]:
    """The frames from here outwards; those of a greenlet go on in the one that waits for it."""
    greenlet: Any = sys.modules.get("greenlet")
    frame, current = inspect.currentframe(), greenlet and greenlet.getcurrent()
    while frame is not None:
        yield frame
        frame = frame.f_back
        if frame is None and current is not None and current.parent is not None:
            current = current.parent
            frame = current.gr_frame


_INNER = ("agentorm.", "sqlalchemy.", "contextlib")
