"""Rows as they come over, a chunk in memory at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import Connection, Result, event
from sqlalchemy.exc import InvalidRequestError, ResourceClosedError
from sqlalchemy.orm import Session

from agentorm.dialects.tasks import let_others_end
from agentorm.errors import DatabaseError, InvalidQuery
from agentorm.expressions import AnySelect
from agentorm.models import mapper_of
from agentorm.query import Query
from agentorm.rank.base import CHUNK, Run, check_values


@contextmanager
def streamed(query: Query[Any], made: AnySelect, run: Run) -> Generator[Result[Any]]:
    """The rows of a select that the query was made into.

    Some drivers end a stream when its connection is used for anything else. There, that is
    refused as long as the stream is open; and where the query loads relationships, which takes
    statements of its own, all rows come over at once.

    Raises:
        InvalidQuery: within, at a second statement on such a connection.
        DatabaseError: the transaction was rolled back under the stream.
    """
    alone = run.dialect.streams_alone
    at_once = alone and (bool(query.loaders) or _loads_by_itself(query))
    options = {} if at_once else {"yield_per": CHUNK}
    check_values(query, run)
    with run.session.execute(made, execution_options=options) as rows:
        guarded = alone and not at_once
        kept = _guard(run.session).around(rows, run.connection) if guarded else nullcontext()
        with kept, _no_joined_collection():
            yield rows


def _loads_by_itself(query: Query[Any]) -> bool:
    """Whether entities of the model come with others, which takes statements of their own."""
    if query.target is not None:
        return False
    eager = {"selectin", "subquery", "immediate", "joined"}
    kinds = [*mapper_of(query.model).self_and_descendants]
    return any(r.lazy in eager for kind in kinds for r in kind.relationships) or any(
        kind.polymorphic_load == "selectin" for kind in kinds
    )


@contextmanager
def _no_joined_collection() -> Generator[None]:
    """Where rows repeat for a collection, there is no telling them apart chunk by chunk."""
    try:
        yield
    except InvalidRequestError as error:
        if "joined eager load" not in str(error):
            raise
        hint = "load it with selectinload()"
        raise InvalidQuery("a stream cannot join a collection", hint=hint) from error


class _Guard:
    """Keeps all else off a session's connection while a stream is read from it."""

    def __init__(self, session: Session) -> None:
        self.rows: Result[Any] | None = None
        self.undone = False
        self.watched: WeakSet[Connection] = WeakSet()
        for name in ("before_flush", "before_commit"):
            event.listen(session, name, self.refuse)

    def refuse(self, *_: object) -> None:
        if self.rows is not None:
            raise InvalidQuery(
                "a stream is open on this session, and its engine runs one statement at a time",
                hint="read the stream to its end, close() it, or use another session beside it",
            )

    def end(self, connection: Connection) -> None:
        let_others_end(connection)
        if self.rows is not None:
            self.undone = True
            self.rows.close()

    @contextmanager
    def around(self, rows: Result[Any], connection: Connection) -> Generator[None]:
        self._watch(connection)
        self.rows, self.undone = rows, False
        try:
            yield
        except ResourceClosedError:
            if not self.undone:
                raise
            raise DatabaseError("the transaction was rolled back under its stream") from None
        finally:
            self.rows = None

    def _watch(self, connection: Connection) -> None:
        if connection in self.watched:
            return
        self.watched.add(connection)
        event.listen(connection, "before_cursor_execute", self.refuse)
        event.listen(connection, "savepoint", self.refuse)
        event.listen(connection, "rollback", self.end)


_guards: WeakKeyDictionary[Session, _Guard] = WeakKeyDictionary()


def check_free(session: Session) -> None:
    """See that no stream has the session's connection for itself.

    Raises:
        InvalidQuery: one has.
    """
    if session in _guards:
        _guards[session].refuse()


def _guard(session: Session) -> _Guard:
    return _guards.get(session) or _guards.setdefault(session, _Guard(session))
