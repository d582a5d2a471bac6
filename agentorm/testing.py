"""For tests of your own: a database in which everything is undone at the end."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from typing import Any, NoReturn, overload

from sqlalchemy import Connection, event
from sqlalchemy.orm import SessionTransaction
from sqlalchemy.util.concurrency import in_greenlet
from sqlmodel import Session

from agentorm.async_database import AsyncDatabase
from agentorm.bridge import entered
from agentorm.database import Database
from agentorm.dialects import IMMEDIATE
from agentorm.dialects.connecting import ensure
from agentorm.dialects.translation import translated
from agentorm.errors import DatabaseError, InvalidQuery

_MARK, _UNDO = "SAVEPOINT agentorm_undone", "ROLLBACK TO SAVEPOINT agentorm_undone"
_READS = re.compile(
    r"[\s(]*(SELECT|VALUES|EXPLAIN|PRAGMA|SHOW|SET|SAVEPOINT|RELEASE|ROLLBACK"
    r"|WITH\b(?!.*\b(INSERT|UPDATE|DELETE|MERGE)\b))\b",
    re.IGNORECASE | re.DOTALL,
)


@overload
def rolled_back(db: Database) -> AbstractContextManager[Database]: ...


@overload
def rolled_back(db: AsyncDatabase) -> AbstractAsyncContextManager[AsyncDatabase]: ...


def rolled_back(db: Database | AsyncDatabase) -> Any:
    """A database whose sessions share one transaction, which is rolled back when the block ends.

    What is committed within is a savepoint, and gone at the end as everything else. The tables
    must be there before. One session at a time is in a transaction: one that has only read is
    ended where another begins, one that has written must commit or roll back first. Only one
    task, or thread, may use it at a time.

    Raises:
        InvalidQuery: within, another session begins before one that has written ends, or the
            schema is changed.
        ConnectionFailed: no connection could be had.
        DatabaseError: at the end, when something has committed for good, as ``CREATE TABLE`` does
            on MySQL and MariaDB.

    Example:
        ``with rolled_back(database) as db:``, or for an `AsyncDatabase`
        ``async with rolled_back(database) as db:``, where a fixture yields ``db``.
    """
    return _awaited(db) if isinstance(db, AsyncDatabase) else _undoing(db)


@contextmanager
def _undoing(db: Database) -> Generator[Database]:
    if isinstance(db, _Undone):
        raise InvalidQuery("a rolled_back() database cannot be rolled back once more")
    with translated(db.engine.dialect):
        connection = db.engine.connect()
    with connection:
        with translated(db.engine.dialect):
            connection.execution_options(**IMMEDIATE).begin()
            ensure(connection).before_savepoint(connection)
            connection.exec_driver_sql(_MARK)
        yield _Undone(db, connection)
        if not connection.invalidated:
            _see_that_nothing_is_committed(connection)


def _see_that_nothing_is_committed(connection: Connection) -> None:
    """A commit, whoever sent it, has taken the savepoint away."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(_UNDO)
    except connection.dialect.loaded_dbapi.Error as error:
        raise DatabaseError(
            "something was committed for good in rolled_back()",
            hint="CREATE, ALTER and DROP do so on MySQL and MariaDB, and so does COMMIT as SQL",
        ) from error
    finally:
        cursor.close()


@asynccontextmanager
async def _awaited(db: AsyncDatabase) -> AsyncGenerator[AsyncDatabase]:
    async with entered(_undoing(db.sync_database)) as undone:
        yield _AsyncUndone(db, undone)


class _Undone(Database):
    def __init__(self, db: Database, connection: Connection) -> None:
        super().__init__(db.engine)
        self.url = db.url
        self._connection = connection
        self._turns = _Turns(connection)

    def session(self) -> Session:
        return _OneAtATime(self._connection, self._turns)

    def _connected(self) -> AbstractContextManager[Connection]:
        return nullcontext(self._connection)

    def _changing_schema(self) -> NoReturn:
        raise InvalidQuery(
            "rolled_back() cannot undo changes of the schema on every engine",
            hint="create the tables before: rolled_back(db) after db.create_all()",
        )

    def dispose(self) -> None:
        """Nothing: its only connection is closed where the block ends."""


class _AsyncUndone(AsyncDatabase):
    def __init__(self, db: AsyncDatabase, undone: Database) -> None:
        super().__init__(db.engine)
        self.sync_database, self.url = undone, undone.url

    async def dispose(self) -> None:
        """Nothing: its only connection is closed where the block ends."""


class _Turns:
    """Whose of the sessions the connection is, and whether it has written."""

    def __init__(self, connection: Connection) -> None:
        self.session: Session | None = None
        self.written = False
        event.listen(connection, "before_cursor_execute", self._note)

    def give(self, session: Session) -> None:
        """Let this session begin, and the one before it end.

        Raises:
            InvalidQuery: that one has changes.
        """
        before = self.session
        if before is session:
            return
        if before is not None and before.in_transaction():
            if self.written or before.new or before.dirty or before.deleted:
                raise InvalidQuery(
                    "rolled_back() has one session at a time, and another has changes",
                    hint="let that one commit() or rollback() before the next one begins",
                )
            before.commit()
        self.session, self.written = session, False

    def ended(self, session: Session, transaction: SessionTransaction) -> None:
        """What a session has written is settled by the end of its transaction."""
        if transaction.parent is None and session is self.session:
            self.written = False

    def _note(
        self,
        conn: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        many: bool,  # noqa: FBT001  # the signature of SQLAlchemy's hook
    ) -> None:
        self.written |= _READS.match(statement) is None


class _OneAtATime(Session):
    def __init__(self, connection: Connection, turns: _Turns) -> None:
        super().__init__(
            connection,
            expire_on_commit=False,
            close_resets_only=False,
            join_transaction_mode="create_savepoint",
        )
        self._turns = turns
        event.listen(self, "after_transaction_end", turns.ended)

    def get_bind(self, *args: Any, **kwargs: Any) -> Any:
        """Every statement asks for it, so this is where a session has its turn."""
        bind = super().get_bind(*args, **kwargs)
        if not bind.dialect.is_async or in_greenlet():
            self._turns.give(self)
        return bind
