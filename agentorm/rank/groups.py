"""The best row of each value of a field, among rows that another ranking found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from agentorm.checking import depth_of
from agentorm.dialects import Dialect
from agentorm.query import Query
from agentorm.rank.base import Found, Run, reading
from agentorm.rank.indexing import FIRST_TIMES, SECOND_TIMES, more
from agentorm.rank.loaded import values_of
from agentorm.results import Hit

E = TypeVar("E")


class IndexRanker(Protocol):
    """A ranker that an index serves."""

    def serves(self, query: Query[Any], dialect: Dialect) -> bool:
        """Whether the index may serve the query as it is written."""
        ...

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        """The rows of a ranking, all in memory."""
        ...


def firsts(query: Query[E], rows: Sequence[Hit[E]], run: Run) -> list[Hit[E]]:
    """The first of these rows of each value of the field, in their order."""
    assert query.best_of is not None
    field = getattr(query.model, query.best_of)
    groups = values_of(query, [hit.entity for hit in rows], field, run)
    found: dict[Any, Hit[E]] = {}
    for group, hit in zip(groups, rows, strict=True):
        found.setdefault(group, hit)
    return [*found.values()]


def first_of_each(query: Query[E], run: Run, ranker: IndexRanker) -> Found[E] | None:
    """The page of groups that an index comes up with; None where there may be more groups.

    It is asked for more rows than groups are wanted, twice.
    """
    for times in (FIRST_TIMES, SECOND_TIMES):
        asked = more(query, times)
        if not ranker.serves(asked, run.dialect):
            return None
        found = ranker.nearest(asked, run)
        grouped = reading(query, str(query.best_of))
        groups = firsts(grouped, found.rows, run)[query.skip : depth_of(query)]
        is_full = len(groups) == query.size
        if is_full or len(found.rows) < depth_of(asked):
            return Found(groups, found.exact, complete=is_full or found.complete)
    return None
