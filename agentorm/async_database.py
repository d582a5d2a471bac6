"""Where models live, with statements that are awaited: a `Database` in SQLAlchemy's bridge."""

from __future__ import annotations

from abc import ABC
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar, cast, overload

from sqlalchemy import URL
from sqlalchemy.util.concurrency import greenlet_spawn
from sqlmodel import Session

from agentorm.bridge import all_ended, entered, to_the_end
from agentorm.capabilities import Capabilities
from agentorm.database import Database
from agentorm.dialects import Dialect
from agentorm.dialects.tasks import (
    check_unused,
    let_others_end,
    refuse_other_tasks_in,
    share,
    waited_for,
)
from agentorm.embedded.building import Progress
from agentorm.index_reports import Indexes, IndexReport
from agentorm.loading import explain_loads
from agentorm.tracing import Trace
from agentorm.urls import made_async_engine, url_from_env, url_of

if TYPE_CHECKING:  # importing it takes greenlet
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlmodel.ext.asyncio.session import AsyncSession

P = ParamSpec("P")
T = TypeVar("T")


class AwaitedSession(ABC):
    """The AsyncSession of SQLAlchemy or SQLModel, known without importing it."""

    sync_session: Session

    @classmethod
    def __subclasshook__(cls, kind: type[Any]) -> bool:
        return all(hasattr(kind, name) for name in ("sync_session_class", "run_sync"))


class AsyncDatabase:
    """A `Database` whose statements are awaited: aiosqlite, psycopg, asyncmy.

    Args:
        where: a URL as ``sqlite:///docs.db`` or ``postgresql://user@host/name``, or an existing
            SQLAlchemy `AsyncEngine`, which is made ready from its next connection on.
        engine_options: keywords for `sqlalchemy.ext.asyncio.create_async_engine`.
        index_memory: as of a `Database`.

    Raises:
        InvalidURL: the URL cannot be read, or names an engine that has no dialect here.
        MissingDependency: the driver, or greenlet, is not installed.

    Example:
        ``db = AsyncDatabase("sqlite:///docs.db")``, then ``async with db.transaction() as session:
        hits = await repository(Doc, session).similar_to(vec).limit(5).hits()``

    Attributes:
        engine: the `AsyncEngine`.
        sync_database: what `run_sync` gives to a function; of no use outside of it.
    """

    def __init__(
        self,
        where: str | URL | AsyncEngine,
        *,
        engine_options: Mapping[str, Any] | None = None,
        index_memory: int | None = None,
    ) -> None:
        self.engine = _engine(where, dict(engine_options or {}))
        self.sync_database = Database(self.engine.sync_engine, index_memory=index_memory)
        self.url = self.sync_database.url

    @classmethod
    def from_env(
        cls, default: str | None = None, *, engine_options: Mapping[str, Any] | None = None
    ) -> AsyncDatabase:
        """The database that ``AGENTORM_URL``, else ``DATABASE_URL``, else the default names.

        Raises:
            InvalidURL: none of them is given, or it cannot be read.
        """
        return cls(url_from_env(default), engine_options=engine_options)

    def session(self) -> AsyncSession:
        """What `Database.session` is, with awaited methods; for one task at a time."""
        return self._awaited(self.sync_database.session())

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """What `Database.transaction` is. A cancelled task rolls back, and does so to the end.

        Nested in the same task it is a savepoint; a task that was started within has none, and
        begins a transaction of its own.

        Raises:
            TransactionConflict: another writer holds the database for longer than the timeout.
            ConnectionFailed: no connection could be had.
        """
        nested = self.sync_database.open_session() is not None
        async with entered(_alone(self.sync_database.transaction())) as session:
            try:
                yield self._awaited(session)
            finally:
                if not nested:
                    self.sync_database.leave(session)

    def _awaited(self, session: Session) -> AsyncSession:
        from sqlalchemy.ext.asyncio import async_session

        from agentorm.awaited import AwaitedByOne

        known = async_session(session)
        if known is None:
            explain_loads(session)
            refuse_other_tasks_in(session)
            known = AwaitedByOne(self.engine, sync_session_class=cast(Any, _giving(session)))
        return cast("AsyncSession", known)

    async def run_sync(
        self, function: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function with a `Database` that may be used as if nothing were awaited.

        Example:
            ``await db.run_sync(memory.upgrade)``
        """
        return await greenlet_spawn(partial(function, self.sync_database, *args, **kwargs))

    async def create_all(self, *models: type[Any]) -> None:
        """See `Database.create_all`."""
        await self.run_sync(Database.create_all, *models)

    async def drop_all(self, *models: type[Any]) -> None:
        """See `Database.drop_all`."""
        await self.run_sync(Database.drop_all, *models)

    async def capabilities(self) -> Capabilities:
        """See `Database.capabilities`."""
        return await self.run_sync(Database.capabilities)

    async def dialect(self) -> Dialect:
        """See `Database.dialect`."""
        return await self.run_sync(Database.dialect)

    async def indexes(self, *models: type[Any]) -> AsyncIndexes:
        """See `Database.indexes`; what it gives has `rebuild` and `drop` that are awaited."""
        return AsyncIndexes(self, await self.run_sync(Database.indexes, *models))

    def trace(self) -> AbstractContextManager[Trace]:
        """See `Database.trace`; nothing is awaited."""
        return self.sync_database.trace()

    async def ping(self) -> float:
        """See `Database.ping`."""
        return await self.run_sync(Database.ping)

    async def dispose(self) -> None:
        """See `Database.dispose`; due before the event loop ends.

        What cancelled tasks are still undoing comes to its end first.
        """
        await all_ended()
        try:
            await to_the_end(self.sync_database.dispose)
        finally:
            await all_ended()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.dispose()

    def __repr__(self) -> str:
        return f"Async{self.sync_database!r}"


class AsyncIndexes(Sequence[IndexReport]):
    """What `Indexes` is, with methods that are awaited.

    Example:
        ``await (await db.indexes()).rebuild(Doc)``
    """

    __slots__ = ("_db", "_indexes")

    def __init__(self, db: AsyncDatabase, indexes: Indexes) -> None:
        self._db, self._indexes = db, indexes

    async def rebuild(
        self, model: type[Any], field: str | None = None, *, progress: Progress | None = None
    ) -> None:
        """See `Indexes.rebuild`; `progress` is called in another thread."""
        await self._run(partial(self._indexes.rebuild, model, field, progress=progress))

    async def drop(self, model: type[Any], field: str | None = None) -> None:
        """See `Indexes.drop`."""
        await self._run(partial(self._indexes.drop, model, field))

    async def _run(self, call: Callable[[], None]) -> None:
        await self._db.run_sync(lambda _: call())

    def __len__(self) -> int:
        return len(self._indexes)

    @overload
    def __getitem__(self, index: int) -> IndexReport: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[IndexReport, ...]: ...
    def __getitem__(self, index: int | slice) -> IndexReport | tuple[IndexReport, ...]:
        return self._indexes[index]

    def __repr__(self) -> str:
        return f"Async{self._indexes!r}"

    def __str__(self) -> str:
        return str(self._indexes)


@contextmanager
def _alone(block: AbstractContextManager[Session]) -> Generator[Session]:
    """The block of a transaction, which does not end under another task's call, nor is used then.

    A task that is cancelled while it leaves the block does not wait for its end.
    """
    with ExitStack() as ending, block as session:
        if not session.in_nested_transaction():
            refuse_other_tasks_in(session)
            share(session, session.connection())
        try:
            yield session
            check_unused(session)
        except BaseException:
            let_others_end(session)
            raise
        finally:
            ending.enter_context(waited_for(session))


def _engine(where: str | URL | AsyncEngine, options: dict[str, Any]) -> AsyncEngine:
    given: Any = where
    if hasattr(given, "sync_engine"):
        return cast("AsyncEngine", given)
    url = url_of(given, lambda dialect: dialect.async_driver)
    return made_async_engine(url, options)


def _giving(session: Session) -> Callable[..., Session]:
    """What an `AsyncSession` takes to be around this session, which was made for it."""

    def given(**_: Any) -> Session:
        return session

    return given
