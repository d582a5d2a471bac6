"""The same, awaited: every ending and write runs as it is, in SQLAlchemy's bridge to async."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar, overload

from sqlalchemy import ColumnElement
from sqlalchemy.util.concurrency import greenlet_spawn

from agentorm.async_database import AsyncDatabase, AwaitedSession
from agentorm.bridge import to_the_end
from agentorm.database import Database
from agentorm.dialects.tasks import refuse_other_tasks_in, used, waited_for
from agentorm.endings import SyncQuery
from agentorm.loading import explain_loads
from agentorm.places import AsyncPlace, Kinds, SyncPlace, WhereToRun, kinds_in
from agentorm.prepared import Preparing
from agentorm.rank.base import CHUNK
from agentorm.repository import Repository
from agentorm.reranking import AsyncScorer, Reranking, Scorer
from agentorm.results import Explanation, Hits, Page

E = TypeVar("E")
Q = TypeVar("Q", bound="AsyncEndings[Any, Any]")
T = TypeVar("T")
C = TypeVar("C")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AsyncEndings(Preparing[E, Q]):
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

    def into(self, cls: type[C]) -> AsyncQuery[C]:
        """See `Endings.into`."""
        made: Any = self._into(cls)
        return made  # type: ignore[no-any-return]

    async def count(self) -> int:
        """See `Endings.count`."""
        return await self._awaited(lambda query: query.count())

    async def exists(self) -> bool:
        """See `Endings.exists`."""
        return await self._awaited(lambda query: query.exists())

    async def page(self, after: str | None = None, *, size: int = 50) -> Page[E]:
        """See `Endings.page`."""
        return await self._awaited(lambda query: query.page(after, size=size))

    async def explain(self) -> Explanation:
        """See `Endings.explain`."""
        return await self._awaited(lambda query: query.explain())

    def rerank(self, scorer: Scorer[E] | AsyncScorer[E], depth: int = 50) -> Q:
        """See `Query.rerank`; the scorer may be awaited too.

        A scorer that is not awaited holds up the event loop: give it
        ``async def score(docs): return await asyncio.to_thread(model, docs)``.
        """
        return self._with(reranking=Reranking(scorer, depth, self.target))

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
                await asyncio.sleep(0)  # a driver may have the next rows already
        finally:
            await to_the_end(_close, rows, place)

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
