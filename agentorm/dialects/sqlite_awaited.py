"""SQLite that is awaited: aiosqlite's thread, opened with sqlite-vec and ended in peace."""

from __future__ import annotations

from asyncio import Future, shield
from collections.abc import Generator
from contextlib import suppress
from functools import cache, partial
from types import ModuleType
from typing import Any
from weakref import WeakSet

from aiosqlite import Connection, Cursor
from aiosqlite.context import contextmanager

from agentorm.dialects import sqlite_vec

_ROWS_AT_ONCE = 64


def connect(*arguments: Any, **keywords: Any) -> Any:
    """An awaitable connection; its thread opens it, and does not keep the process from ending."""
    way = sqlite_vec.best_way()
    given = {"factory": _undoing(way.module), **keywords}
    connection: Any = _Connection(partial(way.connect, *arguments, **given), _ROWS_AT_ONCE)
    connection._thread.daemon = True  # noqa: SLF001  # as SQLAlchemy does where it opens one
    return connection


@cache
def _undoing(module: ModuleType) -> type[Any]:
    """Connections that give their locks back when they are closed.

    SQLite keeps a closed one alive, with its transaction, as long as there is a statement that
    has not come to its end; and a cancelled task's traceback keeps the statement.
    """
    base: Any = module.Connection

    def cursor(self: Any, *arguments: Any, **keywords: Any) -> Any:
        made = base.cursor(self, *arguments, **keywords)
        self.__dict__.setdefault("opened", WeakSet[Any]()).add(made)
        return made

    def close(self: Any) -> None:
        with suppress(module.Error):
            for opened in list(self.__dict__.get("opened", ())):
                opened.close()
            self.rollback()
        base.close(self)

    return type("Undoing", (base,), {"cursor": cursor, "close": close})


class _Connection(Connection):
    """SQLAlchemy stops a connection while a cancelled `close` of it still waits for the thread."""

    _stopped: Future[Any] | None = None

    def __await__(self) -> Generator[Any, None, Connection]:
        try:
            return (yield from super().__await__())
        except BaseException:
            if self._stopped is not None:  # an event loop that ends now would fail its thread
                yield from shield(self._stopped).__await__()
            raise

    async def close(self) -> None:
        self._interrupt()
        await super().close()

    def stop(self) -> Future[Any] | None:
        self._interrupt()
        untyped: Any = super()
        self._stopped = self._stopped or untyped.stop()
        return self._stopped

    def _interrupt(self) -> None:
        """Nobody waits for what still runs, which may be long."""
        opened: Any = self._connection
        if opened is not None:
            with suppress(opened.ProgrammingError):  # it is closed already
                opened.interrupt()

    @contextmanager
    async def cursor(self) -> Cursor:
        untyped: Any = self
        return _Cursor(self, await untyped._execute(self._conn.cursor))  # noqa: SLF001


class _Cursor(Cursor):
    async def close(self) -> None:
        with suppress(ValueError):  # the connection was closed before
            await super().close()
