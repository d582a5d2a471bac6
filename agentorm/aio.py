"""The same, awaited: every ending and write runs as it is, in SQLAlchemy's bridge to async."""

from __future__ import annotations

import asyncio
from abc import ABC
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar, cast, overload

from sqlalchemy import URL, ColumnElement
from sqlalchemy.util.concurrency import greenlet_spawn
from sqlmodel import Session

from agentorm.capabilities import Capabilities
from agentorm.database import Database
from agentorm.dialects import Dialect
from agentorm.dialects.tasks import (
    check_unused,
    let_others_end,
    refuse_other_tasks_in,
    share,
    used,
    waited_for,
)
from agentorm.endings import SyncQuery
from agentorm.loading import explain_loads
from agentorm.places import AsyncPlace, Kinds, Placed, SyncPlace, WhereToRun, kinds_in
from agentorm.rank.base import CHUNK
from agentorm.repository import Repository
from agentorm.results import Explanation, Hits
from agentorm.tracing import Trace
from agentorm.urls import made_async_engine, url_from_env, url_of

if TYPE_CHECKING:  # importing it takes greenlet
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlmodel.ext.asyncio.session import AsyncSession

E = TypeVar("E")
Q = TypeVar("Q", bound="AsyncEndings[Any, Any]")
P = ParamSpec("P")
T = TypeVar("T")
_ending: set[asyncio.Task[Any]] = set()


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
        self, where: str | URL | AsyncEngine, *, engine_options: Mapping[str, Any] | None = None
    ) -> None:
        self.engine = _engine(where, dict(engine_options or {}))
        self.sync_database = Database(self.engine.sync_engine)
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
        loop = asyncio.get_running_loop()
        if ending := [task for task in _ending if task.get_loop() is loop]:
            await asyncio.wait(ending)
        disposing = asyncio.create_task(greenlet_spawn(self.sync_database.dispose))
        try:
            await asyncio.shield(disposing)
        finally:
            await asyncio.wait([disposing])

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


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AsyncEndings(Placed[E, Q]):
    """A `Query` whose endings are awaited; what they do and raise is said at `Endings`."""

    async def all(self) -> list[E]:
        """See `Endings.all`."""
        return await self._awaited(lambda query: query.all())

    async def hits(self) -> Hits[E]:
        """See `Endings.hits`."""
        return await self._awaited(lambda query: query.hits())

    async def first(self) -> E | None:
        """See `Endings.first`."""
        return await self._awaited(lambda query: query.first())

    async def one(self) -> E:
        """See `Endings.one`."""
        return await self._awaited(lambda query: query.one())

    async def one_or_none(self) -> E | None:
        """See `Endings.one_or_none`."""
        return await self._awaited(lambda query: query.one_or_none())

    async def count(self) -> int:
        """See `Endings.count`."""
        return await self._awaited(lambda query: query.count())

    async def exists(self) -> bool:
        """See `Endings.exists`."""
        return await self._awaited(lambda query: query.exists())

    async def explain(self) -> Explanation:
        """See `Endings.explain`."""
        return await self._awaited(lambda query: query.explain())

    def stream(self) -> AsyncGenerator[E]:
        """See `Endings.stream`; the rows come over a chunk at a time.

        To leave it early, close it: ``async with contextlib.aclosing(query.stream()) as rows``.
        """
        self._bound("stream")
        return self._streamed()

    async def _streamed(self) -> AsyncGenerator[E]:
        place = self._sync_place()
        query: SyncQuery[E] = self._as(SyncQuery, place)
        rows = query.stream()
        try:
            while part := await greenlet_spawn(_next_of, rows, place):
                for row in part:
                    yield row
        finally:
            await _to_the_end(_close, rows, place)

    async def _awaited(self, ending: Callable[[SyncQuery[E]], T]) -> T:
        return await greenlet_spawn(ending, self._as(SyncQuery, self._sync_place()))

    def _sync_place(self) -> SyncPlace:
        place = self.where_to_run
        if isinstance(place, AsyncDatabase):
            return place.sync_database
        assert isinstance(place, AwaitedSession)
        explain_loads(place.sync_session)
        refuse_other_tasks_in(place.sync_session)
        return place.sync_session


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AsyncQuery(AsyncEndings[E, "AsyncQuery[E]"]):
    """A query that is awaited in a session or a database; see `Query` and `Endings`."""

    def _with(self, **changes: Any) -> AsyncQuery[E]:
        return replace(self, **changes)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AsyncRepository(AsyncEndings[E, AsyncQuery[E]]):
    """Every row of a model as a query, and the writes, awaited; see `Repository` for each."""

    def _with(self, **changes: Any) -> AsyncQuery[E]:
        start: dict[str, Any] = {"model": self.model, "where_to_run": self.where_to_run}
        return AsyncQuery(**(start | changes))

    @overload  # type: ignore[override]
    def on(self, where_to_run: SyncPlace) -> Repository[E]: ...

    @overload
    def on(self, where_to_run: AsyncPlace) -> AsyncRepository[E]: ...

    def on(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, where_to_run: WhereToRun
    ) -> Any:
        """The same repository, bound to a session or database; awaited if that is async.

        Raises:
            InvalidQuery: it is neither.
        """
        kind: Any = kinds_in(where_to_run).repository
        return kind(model=self.model, where_to_run=where_to_run)

    async def get(self, key: Any) -> E | None:
        """See `Repository.get`."""
        return await self._done(lambda rows: rows.get(key))

    async def get_many(self, keys: Iterable[Any]) -> list[E]:
        """See `Repository.get_many`."""
        return await self._done(lambda rows: rows.get_many(keys))

    async def add(self, entity: E) -> E:
        """See `Repository.add`."""
        return await self._done(lambda rows: rows.add(entity))

    async def add_all(self, entities: Iterable[E]) -> list[E]:
        """See `Repository.add_all`."""
        return await self._done(lambda rows: rows.add_all(entities))

    async def upsert(
        self, entities: Iterable[E], *, on: Any = None, update: Iterable[Any] | None = None
    ) -> list[E]:
        """See `Repository.upsert`."""
        return await self._done(lambda rows: rows.upsert(entities, on=on, update=update))

    async def update(self, entity: E, **values: Any) -> E:
        """See `Repository.update`."""
        return await self._done(lambda rows: rows.update(entity, **values))

    async def delete(self, entity: E) -> None:
        """See `Repository.delete`."""
        return await self._done(lambda rows: rows.delete(entity))

    async def update_where(self, *conditions: ColumnElement[bool] | bool, **values: Any) -> int:
        """See `Repository.update_where`."""
        return await self._done(lambda rows: rows.update_where(*conditions, **values))

    async def delete_where(self, *conditions: ColumnElement[bool] | bool) -> int:
        """See `Repository.delete_where`."""
        return await self._done(lambda rows: rows.delete_where(*conditions))

    async def _done(self, write: Callable[[Repository[E]], T]) -> T:
        return await greenlet_spawn(write, self._as(Repository, self._sync_place()))


@kinds_in.register
def _awaiting(place: AwaitedSession | AsyncDatabase) -> Kinds:
    return Kinds(AsyncQuery, AsyncRepository)


def _next_of(rows: Iterator[E], place: SyncPlace) -> list[E]:
    with nullcontext() if isinstance(place, Database) else used(place):
        return list(islice(rows, CHUNK))


def _close(rows: Generator[Any], place: SyncPlace) -> None:
    with nullcontext() if isinstance(place, Database) else waited_for(place):
        rows.close()


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


@asynccontextmanager
async def entered(block: AbstractContextManager[T]) -> AsyncGenerator[T]:
    """The block of a ``with``, entered and left in the bridge; it is left to its end."""
    given = await greenlet_spawn(block.__enter__)
    try:
        yield given
    except BaseException as error:
        if not await _to_the_end(block.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await _to_the_end(block.__exit__, None, None, None)


async def _to_the_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call it in the bridge; if the task is cancelled meanwhile, it still comes to its end."""
    task = asyncio.create_task(greenlet_spawn(partial(function, *args, **kwargs)))
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    return await asyncio.shield(task)
