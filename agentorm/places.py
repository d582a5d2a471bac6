"""Where queries run: sessions and databases, and what a query becomes when it is bound to one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import singledispatch
from typing import TYPE_CHECKING, Any, TypeAlias, overload
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session
from typing_extensions import TypeVar

from agentorm import rank
from agentorm.database import Database
from agentorm.dialects.connecting import ensure
from agentorm.dialects.tasks import share, used
from agentorm.dialects.translation import translated
from agentorm.direct import Line, keeps_to_sqlalchemy, line_of
from agentorm.errors import InvalidQuery, NotBound
from agentorm.models import mapper_of
from agentorm.parameters import check_given
from agentorm.query import Query
from agentorm.rank import Run
from agentorm.written import Written

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from agentorm.aio import AsyncQuery
    from agentorm.async_database import AsyncDatabase
    from agentorm.endings import SyncQuery

E = TypeVar("E")
Q = TypeVar("Q", bound="Query[Any, Any]", default=Any)
SyncPlace: TypeAlias = Session | Database
"""A session, in whose transaction everything runs, or a database: each call on its own."""
AsyncPlace: TypeAlias = "AsyncSession | AsyncDatabase"
"""The same where statements are awaited."""
WhereToRun: TypeAlias = "SyncPlace | AsyncPlace"
"""Any of them."""


@dataclass(frozen=True)
class Kinds:
    """What a query and a repository are in a place of some kind."""

    query: Callable[..., Query[Any, Any]]
    repository: Callable[..., Query[Any, Any]]


@singledispatch
def kinds_in(place: object) -> Kinds:
    """The kinds of query and repository that this place runs.

    Raises:
        InvalidQuery: nothing runs there.
    """
    raise InvalidQuery(
        f"expected a Session or a Database, got {type(place).__name__}",
        hint="repository(Model, session) or repository(Model, db)",
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Placed(Written[E, Q]):
    """A `Query` that knows, or will be told, where to run."""

    where_to_run: WhereToRun | None = None

    @overload
    def on(self, where_to_run: SyncPlace) -> SyncQuery[E]: ...

    @overload
    def on(self, where_to_run: AsyncPlace) -> AsyncQuery[E]: ...

    def on(self, where_to_run: WhereToRun) -> Any:
        """The same query, bound to a session or database; its endings are awaited if that is async.

        Raises:
            InvalidQuery: it is neither.
        """
        return self._as(kinds_in(where_to_run).query, where_to_run)

    def _as(self, kind: Callable[..., Query[Any, Any]], where_to_run: object) -> Any:
        asked = {field.name: getattr(self, field.name) for field in fields(Query)}
        return kind(**asked, where_to_run=where_to_run)

    def _bound(self, ending: str) -> Any:
        if self.where_to_run is None:
            raise NotBound(ending)
        check_given(self.slots)
        return self.where_to_run


_LINES = "agentorm_ready"
_NONE: dict[type[Any], Line] = {}
_first_used: WeakKeyDictionary[Engine, set[type[Any]]] = WeakKeyDictionary()


@contextmanager
def running(session: Session, model: type[Any]) -> Generator[Run]:
    """A session that is ready for this model; its errors are ours within.

    A model with a class method ``__first_use__`` is asked by it, once per engine, whether the
    database is the one it was declared for.
    """
    kept = kept_run(session, model)
    if kept is not None:
        with translated(kept.connection.dialect):
            rank.check_free(session)
            yield kept
        return
    mapper = mapper_of(model)
    with translated(session.get_bind(mapper).dialect):
        with used(session):
            rank.check_free(session)
            connection = session.connection(bind_arguments={"mapper": mapper})
            share(session, connection)
            known = ensure(connection)
            _use_first(model, connection)
        run = Run(session, connection, known, line_of(session, connection, known))
        if not connection.dialect.is_async and keeps_to_sqlalchemy(session):
            session.info.setdefault(_LINES, {})[model] = run.line
        yield run


def kept_run(session: Session, model: type[Any]) -> Run | None:
    """What `running` gave for this model in the transaction that the session is still in."""
    lines: dict[type[Any], Line] = session.info.get(_LINES, _NONE)
    line = lines.get(model)
    if line is None or not line.serves(session):
        return None
    return Run(session, line.connection, line.dialect, line)


def _use_first(model: Any, connection: Connection) -> None:
    verify = getattr(model, "__first_use__", None)
    if verify is None or model in _first_used.get(connection.engine, ()):
        return
    verify(connection)
    _first_used.setdefault(connection.engine, set()).add(model)
