"""Distance and text as one ranking, where an index in the process finds the nearest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from agentorm.dialects import Dialect
from agentorm.legs import nearest_leg
from agentorm.query import Query
from agentorm.rank import texts
from agentorm.rank.base import Found, Run
from agentorm.rank.fused import Fused
from agentorm.rank.held import serves
from agentorm.rank.inside import is_filtered, searching_in
from agentorm.rank.matches import fetched
from agentorm.statement import statement

E = TypeVar("E")
_MAY_SERVE = "an index in this process may serve: near rows can be missed, never invented"


def serves_leg(query: Query[Any], dialect: Dialect) -> bool:
    """Whether an index in the process may find the nearest of a fusion."""
    return query.best_of is None and serves(nearest_leg(query), dialect)


class FusedInside(Fused):
    """The ranking by distance is one of finalists; that by text is as ever."""

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        leg = nearest_leg(query)
        search = searching_in(leg, run)
        if search is None or query.ranking is None:
            return super().nearest(query, run)
        among = search.passing() if is_filtered(leg) else None
        nearest = search.nearest(leg.size or 0, among=among)
        ranking = replace(query.ranking, near=(search.finalists(nearest),))
        asked = texts.asked(replace(query, ranking=ranking), run.dialect)
        rows = fetched(asked, statement(asked, indexed=False), run)
        search.read_on()
        return Found([self.hit(*row) for row in rows], exact=nearest.are_all)

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        return (_MAY_SERVE, *texts.notes(query, dialect))

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return False
