"""Where models live: an engine made ready for vectors, its sessions and its schema."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import get_ident
from time import perf_counter
from types import TracebackType
from typing import Any, Self, cast

from sqlalchemy import URL, Connection, Engine, MetaData, Table, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

from agentorm.capabilities import Capabilities, capabilities_of
from agentorm.dialects import IMMEDIATE, Dialect
from agentorm.dialects.connecting import attach, ensure
from agentorm.dialects.tasks import current_task
from agentorm.dialects.translation import translated
from agentorm.errors import InvalidModel
from agentorm.index_reports import Indexes, Place, indexes_of
from agentorm.models import mapper_of
from agentorm.rank.held import limit_memory
from agentorm.tracing import Trace, traced
from agentorm.types import VectorType
from agentorm.urls import made_engine, url_from_env, url_of

_LEFT = "agentorm_left"


class Database:
    """An engine by its URL, ready for vectors. Nothing is opened before it is needed.

    Args:
        where: a URL as ``sqlite:///docs.db`` or ``postgresql://user@host/name``, or an existing
            SQLAlchemy `Engine`, which is made ready from its next connection on.
        engine_options: keywords for `sqlalchemy.create_engine`, its pool settings among them.
        index_memory: the bytes that the indexes in this process may take, of a database whose
            engine has none of its own; None for as many as they need, about that of the vectors.
            With less, candidates are read from their rows, which a `SlowPath` announces.

    Raises:
        InvalidURL: the URL cannot be read, or names an engine that has no dialect here.
        MissingDependency: the driver is not installed.

    Example:
        ``Database("sqlite:///docs.db")``, ``Database("postgresql://me@localhost/docs",
        engine_options={"pool_size": 20})``
    """

    def __init__(
        self,
        where: str | URL | Engine,
        *,
        engine_options: Mapping[str, Any] | None = None,
        index_memory: int | None = None,
    ) -> None:
        if isinstance(where, Engine):
            self.engine = where
            self.url = where.url
        else:
            self.url = url_of(where)
            self.engine = made_engine(self.url, dict(engine_options or {}))
        self._open: ContextVar[_Open | None] = ContextVar("open transaction", default=None)
        attach(self.engine)
        limit_memory(self.engine, index_memory)

    @classmethod
    def from_env(
        cls, default: str | None = None, *, engine_options: Mapping[str, Any] | None = None
    ) -> Database:
        """The database that ``AGENTORM_URL``, else ``DATABASE_URL``, else the default names.

        Raises:
            InvalidURL: none of them is given, or it cannot be read.
        """
        return cls(url_from_env(default), engine_options=engine_options)

    def session(self) -> Session:
        """A SQLModel session: only its ``commit()`` commits, and objects stay readable after.

        Once closed it stays closed. On SQLite it reads one snapshot from its first statement
        on, and asks for the right to write at once when that statement writes; on other engines
        the isolation level of the server or of `engine_options` holds.
        """
        return Session(self.engine, expire_on_commit=False, close_resets_only=False)

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """A session that commits on success and rolls back on an exception: all or nothing.

        Within another ``transaction()`` of this database, in the same thread and task, it is a
        savepoint of it, on the same session.

        Raises:
            TransactionConflict: another writer holds the database for longer than the timeout.
            ConnectionFailed: no connection could be had.
        """
        outer = self.open_session()
        if outer is not None:
            yield from self._savepoint(outer)
            return
        with self.session() as session:
            with translated(self.engine.dialect):
                session.connection(execution_options=IMMEDIATE)
            before, opened = self._open.get(), _Open(session)
            self._open.set(opened)
            try:
                yield session
                with translated(self.engine.dialect):
                    session.commit()
            except BaseException:
                with suppress(DBAPIError):  # the connection is lost, and the transaction with it
                    session.rollback()
                raise
            finally:
                if self._open.get() is opened:
                    self._open.set(before)

    def _savepoint(self, outer: Session) -> Generator[Session]:
        with translated(self.engine.dialect):
            savepoint = outer.begin_nested()
        with savepoint:
            yield outer
            with translated(self.engine.dialect):
                outer.flush()

    @contextmanager
    def reading(self) -> Generator[Session]:
        """The session of the open `transaction`, else one for the reads within."""
        outer = self.open_session()
        if outer is not None:
            yield outer
            return
        with self.session() as session:
            yield session

    def open_session(self) -> Session | None:
        """The session of the open transaction, if this very thread and task opened it."""
        opened = self._open.get()
        if opened is None or opened.by != _whoever() or _LEFT in opened.session.info:
            return None
        return opened.session if opened.session.in_transaction() else None

    def leave(self, session: Session) -> None:
        """Let nothing more join this session's transaction, which another task is about to end."""
        session.info[_LEFT] = True

    def create_all(self, *models: type[Any]) -> None:
        """Create the tables and indexes that are missing.

        A table that is there stays as it is: a migration adds a column or an index to it.
        All of them or none; but on MySQL and MariaDB, which commit each table as it is made,
        what was created before a refusal stays, and the next call goes on from there.

        Args:
            models: mapped classes; without any, every table of SQLModel's metadata.

        Raises:
            ExtensionMissing: PostgreSQL has pgvector, and this role may not create it.
            InvalidModel: there is no table to create.
            UnsupportedFeature: the engine cannot have one of them as declared.
        """
        metadata, tables = _tables(models)
        with translated(self.engine.dialect):
            if any(map(_has_vectors, tables or metadata.tables.values())):
                self.prepare_for_vectors()
            with self._changing_schema() as connection:
                for table in tables or metadata.tables.values():
                    ensure(connection).check_table(table)
                metadata.create_all(connection, tables=tables)

    def drop_all(self, *models: type[Any]) -> None:
        """Drop the tables of these models, or every table of SQLModel's metadata, or none."""
        metadata, tables = _tables(models)
        with translated(self.engine.dialect), self._changing_schema() as connection:
            metadata.drop_all(connection, tables=tables)

    def prepare_for_vectors(self) -> None:
        """Create what tables with vectors need first: pgvector's extension on PostgreSQL.

        Raises:
            ExtensionMissing: PostgreSQL has pgvector, and this role may not create it.
        """
        with self._changing_schema() as connection:
            outdated = ensure(connection).prepare_schema(connection)
        if outdated:
            self.engine.dispose()

    @contextmanager
    def _changing_schema(self) -> Generator[Connection]:
        """A transaction that no other process changes the schema beside."""
        with self._connected() as opened:
            connection = opened.execution_options(**IMMEDIATE)
            with connection.begin(), ensure(connection).schema_lock(connection):
                yield connection

    def _connected(self) -> AbstractContextManager[Connection]:
        return self.engine.connect()

    def capabilities(self) -> Capabilities:
        """What the server behind the URL can do, as probed at the first connection."""
        return capabilities_of(self.dialect())

    def dialect(self) -> Dialect:
        """The dialect as probed on a real connection.

        Raises:
            ConnectionFailed: no connection could be had.
        """
        with translated(self.engine.dialect), self._connected() as connection:
            return ensure(connection)

    def indexes(self, *models: type[Any]) -> Indexes:
        """The vector indexes that models declare, and how they stand here; ``print`` them.

        Args:
            models: mapped classes; without any, all that are mapped in SQLModel's registry.

        Raises:
            ConnectionFailed: no connection could be had.

        Example:
            ``print(db.indexes())``, ``db.indexes().rebuild(Doc)``
        """
        return indexes_of(models, Place(self._connected, self._changing_schema))

    def trace(self) -> AbstractContextManager[Trace]:
        """Record the SQL and its time: ``with db.trace() as trace: ...; print(trace)``."""
        return traced(self.engine)

    def ping(self) -> float:
        """The seconds of a round trip to the database.

        Raises:
            ConnectionFailed: no connection could be had.
        """
        with translated(self.engine.dialect), self._connected() as connection:
            started = perf_counter()
            connection.execute(text("SELECT 1")).scalar_one()
            return perf_counter() - started

    def dispose(self) -> None:
        """Close all pooled connections; the next use opens new ones."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.dispose()

    def __repr__(self) -> str:
        query = {k: "***" if "pass" in k.casefold() else v for k, v in self.url.query.items()}
        return f"Database({self.url.set(query=query).render_as_string(hide_password=True)!r})"


def _whoever() -> tuple[int, object]:
    return get_ident(), current_task()


@dataclass(frozen=True)
class _Open:
    """A transaction under way, and who began it: other tasks and threads inherit the context."""

    session: Session
    by: tuple[int, object] = field(default_factory=_whoever)


def _has_vectors(table: Table) -> bool:
    return any(isinstance(column.type, VectorType) for column in table.columns)


def _tables(models: tuple[type[Any], ...]) -> tuple[MetaData, list[Table] | None]:
    if models:
        found = dict.fromkeys(table for model in models for table in mapper_of(model).tables)
        tables = [cast(Table, table) for table in found]
        return tables[0].metadata, tables
    if not SQLModel.metadata.tables:
        raise InvalidModel("there are no tables", hint="import the module with your models first")
    return SQLModel.metadata, None
