"""Rows as they come over, a chunk in memory at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Result, event
from sqlalchemy.exc import ResourceClosedError

from agentorm.errors import DatabaseError, InvalidQuery
from agentorm.expressions import AnySelect
from agentorm.query import Query
from agentorm.rank.base import CHUNK, Run

_WHILE_OPEN = ("before_cursor_execute", "commit", "savepoint")


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
    options = {"yield_per": CHUNK, "stream_results": not (alone and query.loaders)}
    with run.session.execute(made, execution_options=options) as rows:
        if not alone or query.loaders:
            yield rows
            return
        with _guard(run.connection).around(rows):
            yield rows


class _Guard:
    """Keeps all else off a connection while a stream is read from it."""

    def __init__(self, connection: Connection) -> None:
        self.rows: Result[Any] | None = None
        self.undone = False
        for name in _WHILE_OPEN:
            event.listen(connection, name, self.refuse)
        event.listen(connection, "rollback", self.end)

    def refuse(self, *_: object) -> None:
        if self.rows is not None:
            raise InvalidQuery(
                "a stream is open on this session, and its engine runs one statement at a time",
                hint="read the stream to its end, close() it, or use another session beside it",
            )

    def end(self, *_: object) -> None:
        if self.rows is not None:
            self.undone = True
            self.rows.close()

    @contextmanager
    def around(self, rows: Result[Any]) -> Generator[None]:
        self.rows, self.undone = rows, False
        try:
            yield
        except ResourceClosedError:
            if not self.undone:
                raise
            raise DatabaseError("the transaction was rolled back under its stream") from None
        finally:
            self.rows = None


_guards: WeakKeyDictionary[Connection, _Guard] = WeakKeyDictionary()


def _guard(connection: Connection) -> _Guard:
    return _guards.get(connection) or _guards.setdefault(connection, _Guard(connection))
