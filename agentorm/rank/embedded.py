"""The index in the process finds the nearest, the engine reads them: for SQLite.

The index knows what was committed up to an entry of the change log. Every row that the reader's
own snapshot sees changed behind that entry is a finalist too, and no candidate. The finalists are
read in the reader's transaction, under all filters, and sorted by their distance there. So no row
is stale, missing or from another transaction; where the index is of no past of the reader, or too
few rows come, the engine ranks all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Generic, TypeVar

from agentorm.checking import depth_of
from agentorm.dialects import Dialect
from agentorm.embedded.searching import Nearest
from agentorm.query import Query
from agentorm.rank.base import Found, Run
from agentorm.rank.groups import first_of_each
from agentorm.rank.held import serves
from agentorm.rank.here import as_it_stands
from agentorm.rank.inside import Search, is_filtered, searching_in
from agentorm.rank.native import Native, hits, within_thresholds

E = TypeVar("E")


class Embedded(Native):
    name = "embedded"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        search = searching_in(query, run)
        if search is None:
            return self._natively(query, run)
        if query.best_of is not None:
            return first_of_each(query, run, self) or self._natively(query, run)
        found = self._by_index(query, search)
        search.read_on()
        return found or self._natively(query, run)

    def here(self, query: Query[Any], run: Run) -> Native:
        """It is brought up to date as a search would do it, so that it can be told of."""
        return as_it_stands(query, run)

    def serves(self, query: Query[Any], dialect: Dialect) -> bool:
        return serves(query, dialect)

    def _natively(self, query: Query[E], run: Run) -> Found[E]:
        return replace(super().nearest(query, run), ranker=Native.name)

    def _by_index(self, query: Query[E], search: Search) -> Found[E] | None:
        depth = depth_of(query)
        if not is_filtered(query):
            return self._read(query, search, search.nearest(depth)).found
        return self._by_filters(query, search)

    def _by_filters(self, query: Query[E], search: Search) -> Found[E] | None:
        """Among more of the nearest, or among all rows that pass, whichever took less before."""
        experience, depth = search.held.experience, depth_of(query)
        key, passing = experience.of(search.shape)
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

    def _read(self, query: Query[E], search: Search, nearest: Nearest) -> _Page[E]:
        """The page, of these rows and those that changed."""
        asked = replace(query, filters=(*query.filters, search.finalists(nearest)))
        read = self._fetch(asked, search.run, indexed=False)
        near = sum(distance <= nearest.farthest for _, distance in read)
        if near < (query.size or 0) and not nearest.are_all:  # one that changed may be farther
            return _Page(None, near)
        rows = within_thresholds(query, read)
        is_sure = nearest.are_all or len(rows) == query.size
        found = Found(hits(query, rows), exact=nearest.are_all, complete=is_sure)
        return _Page(found, len(read))


@dataclass(frozen=True, slots=True)
class _Page(Generic[E]):
    """What finalists come to.

    Attributes:
        found: None where more rows may belong to it.
        rows: how many of them pass, up to the limit.
    """

    found: Found[E] | None
    rows: int
