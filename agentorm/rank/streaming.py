"""Rows as they come over, a chunk in memory at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Result, event

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
        with _undisturbed(run.connection):
            yield rows


@contextmanager
def _undisturbed(connection: Connection) -> Generator[None]:
    undone: list[object] = []

    def notice(*_: object) -> None:
        undone.append(connection)

    def refuse(*_: object) -> None:
        raise InvalidQuery(
            "a stream is open on this session, and its engine runs one statement at a time",
            hint="read the stream to its end, close() it, or use another session beside it",
        )

    for name in _WHILE_OPEN:
        event.listen(connection, name, refuse)
    event.listen(connection, "rollback", notice)
    try:
        yield
        if undone:
            raise DatabaseError("the transaction was rolled back while its stream was read")
    finally:
        for name in _WHILE_OPEN:
            event.remove(connection, name, refuse)
        event.remove(connection, "rollback", notice)
