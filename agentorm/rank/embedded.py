"""The index in the process finds the nearest, the engine reads them: for SQLite.

The index knows what was committed up to an entry of the change log. Every row that the reader's
own snapshot sees changed behind that entry is a finalist too, and no candidate. The finalists are
read in the reader's transaction, under all filters, and sorted by their distance there. So no row
is stale, missing or from another transaction; where the index is of no past of the reader, or too
few rows come, the engine ranks all.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Generic, TypeVar

import numpy as np
from sqlalchemy import func, select

from agentorm.checking import depth_of
from agentorm.dialects import Dialect
from agentorm.dialects.tasks import settled
from agentorm.direct import Sent
from agentorm.embedded.codes import Vectors
from agentorm.embedded.index import (
    MOST_CHANGES,
    EmbeddedIndex,
    Standing,
    changes_since,
    is_worth_merging,
)
from agentorm.embedded.measures import kept
from agentorm.embedded.places import Numbers
from agentorm.embedded.searching import Asked, Nearest
from agentorm.embedded.source import rows_of
from agentorm.listed import AmongListed, listed
from agentorm.models import mapper_of
from agentorm.query import Query
from agentorm.rank.announcing import say_once
from agentorm.rank.base import Found, Run
from agentorm.rank.groups import first_of_each
from agentorm.rank.held import Held, index_of, make_room, serves
from agentorm.rank.here import Inside, Outside
from agentorm.rank.native import Native, hits, within_thresholds
from agentorm.selecting import restricted, scoped, scopes_of
from agentorm.switch import indexes_serve_always

E = TypeVar("E")
SMALL = 1_000
"""Rows that the engine itself ranks sooner."""
_SCHEMA = Sent("PRAGMA schema_version")
_NO_ROOM = (
    "its vectors take more than index_memory leaves, so that those of candidates are read each time"
)
_NO_ROWS = np.empty(0, np.int64)


class Embedded(Native):
    name = "embedded"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        assert query.ranking is not None
        run.line.flush()
        held = index_of(query.ranking, run)
        standing = _standing(held, run)
        if standing is None:
            if held.index.why:
                reason = f"{held.index.declared.label}: {held.index.why}"
                say_once(f"{reason}, so that every row is ranked", run)
            return self._natively(query, run)
        is_small = standing.version.contents.live < SMALL and not indexes_serve_always()
        if is_small:
            return self._natively(query, run)
        if query.best_of is not None:
            return first_of_each(query, run, self) or self._natively(query, run)
        if not standing.version.contents.keeps:
            say_once(f"{held.index.declared.label}: {_NO_ROOM}", run)
        search = _Search(query, run, held, standing)
        found = self._by_index(query, search)
        held.index.read_on(standing, search.fetch)
        return found or self._natively(query, run)

    def here(self, query: Query[Any], run: Run) -> Native:
        """It is brought up to date as a search would do it, so that it can be told of."""
        assert query.ranking is not None
        run.line.flush()
        held = index_of(query.ranking, run)
        standing = _standing(held, run)
        if standing is None:
            why = held.index.why or "the index in this process is of no past of this transaction"
            return Outside(f"{why}: every row is ranked, exactly")
        live = standing.version.contents.live
        if live < SMALL and not indexes_serve_always():
            return Outside(f"the engine ranks {live} rows sooner than an index: exactly")
        return Inside(held, standing)

    def serves(self, query: Query[Any], dialect: Dialect) -> bool:
        return serves(query, dialect)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return False

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        return ("an index in this process may serve: near rows can be missed, never invented",)

    def _natively(self, query: Query[E], run: Run) -> Found[E]:
        return replace(super().nearest(query, run), ranker=Native.name)

    def _by_index(self, query: Query[E], search: _Search) -> Found[E] | None:
        depth = depth_of(query)
        if not _is_filtered(query):
            return self._read(query, search, search.nearest(depth)).found
        return self._by_filters(query, search)

    def _by_filters(self, query: Query[E], search: _Search) -> Found[E] | None:
        """Among more of the nearest, or among all rows that pass, whichever took less before."""
        experience, depth = search.held.experience, depth_of(query)
        key, passing = experience.of(query)
        started = perf_counter()
        if not passing.is_listed_sooner(search.standing.version, depth):
            over = search.nearest(passing.looked_at(depth))
            page = self._read(query, search, over)
            if page.found is not None:
                experience.keep(key, passing.looked(perf_counter() - started))
                return page.found
            passing = passing.too_few(page.rows + query.skip, len(over.numbers))
            started = perf_counter()
        among = search.passing()
        found = self._read(query, search, search.nearest(depth, among=among)).found
        took, live = perf_counter() - started, search.standing.version.contents.live
        experience.keep(key, passing.listed(len(among), live, took))
        return found

    def _read(self, query: Query[E], search: _Search, nearest: Nearest) -> _Page[E]:
        """The page, of these rows and those that changed."""
        finalists = np.concatenate([nearest.numbers, search.standing.changes])
        listed = AmongListed(search.held.number, finalists)
        asked = replace(query, filters=(*query.filters, listed))
        read = self._fetch(asked, search.run, indexed=False)
        if len(read) < (query.size or 0) and not nearest.are_all:
            return _Page(None, len(read))
        rows = within_thresholds(query, read)
        is_sure = nearest.are_all or len(rows) == query.size
        found = Found(hits(query, rows), exact=nearest.are_all, complete=is_sure)
        return _Page(found, len(read))


def _is_filtered(query: Query[Any]) -> bool:
    """Whether rows of the table may be none of the query's."""
    inherits = mapper_of(query.model).inherits is not None
    return inherits or bool(query.filters or query.joins or scopes_of(query))


@dataclass(frozen=True, slots=True)
class _Page(Generic[E]):
    """What finalists come to.

    Attributes:
        found: None where more rows may belong to it.
        rows: how many of them pass, up to the limit.
    """

    found: Found[E] | None
    rows: int


def _standing(held: Held, run: Run) -> Standing | None:
    """Where the index stands for who searches, brought up to date if that is worth it."""
    index = held.index
    standing = _looked(index, run)
    if standing is None or is_worth_merging(standing.changes):
        make_room(held, run.connection)
        if run.connection.dialect.is_async:
            settled(to_thread(index.refresh))
        else:
            index.refresh()
        standing = _looked(index, run)
    return standing


def _looked(index: EmbeddedIndex, run: Run) -> Standing | None:
    version = index.version
    if version is None:
        return None
    ((schema,),) = run.line.fetch(_SCHEMA, ())
    if schema != version.schema:
        return None
    parameters = {"clock": version.clock, "most": MOST_CHANGES + 2}
    read = run.line.fetch(Sent(index.declared.statements.since), parameters)
    changes = changes_since(version, schema, read)
    return None if changes is None else Standing(version, changes)


@dataclass(frozen=True, slots=True)
class _Search:
    """A query in an index."""

    query: Query[Any]
    run: Run
    held: Held
    standing: Standing

    def nearest(self, depth: int, among: Numbers | None = None) -> Nearest:
        """The nearest of all rows, or of these."""
        assert self.query.ranking is not None
        given = np.asarray(self.query.ranking.vector, np.float32)
        ((vector,), _) = kept(given[None, :], self.query.ranking.metric)
        spare = len(self.query.ranking.apart)
        asked = Asked(vector, depth + spare, among, self.standing.changes)
        return self.standing.version.nearest(asked, self._vectors)

    def passing(self) -> Numbers:
        """The numbers of all rows that pass the filters."""
        made = restricted(select(func.group_concat(self.held.number)), self.query)
        made = made.select_from(self.query.model)
        found = self.run.session.execute(scoped(made, self.query)).scalar()
        return np.fromstring(found, np.int64, sep=",") if found else _NO_ROWS

    def fetch(self, sql: str, parameters: Any) -> Sequence[Sequence[Any]]:
        """Read rows in the transaction."""
        return self.run.line.fetch(Sent(sql), parameters)

    def _vectors(self, numbers: Numbers) -> tuple[Numbers, Vectors]:
        declared = self.held.index.declared
        read = self.fetch(declared.statements.read, {"numbers": listed(numbers)})
        rows = rows_of(read, declared.dimension)
        return rows.numbers, rows.vectors
