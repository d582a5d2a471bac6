"""Distance and text as one ranking, where an index in the process finds the nearest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.legs import nearest_leg
from agentorm.query import Query
from agentorm.rank import texts
from agentorm.rank.base import Found, Run
from agentorm.rank.fused import Fused
from agentorm.rank.held import serves
from agentorm.rank.here import Inside, Outside, as_it_stands
from agentorm.rank.inside import is_filtered, searching_in
from agentorm.rank.matches import fetched
from agentorm.statement import statement

E = TypeVar("E")


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

    def here(self, query: Query[Any], run: Run) -> Fused:
        return _Here(as_it_stands(nearest_leg(query), run))


class _Here(Fused):
    """The same as things stand, for `explain`."""

    def __init__(self, leg: Inside | Outside) -> None:
        self._leg = leg

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        if query.ranking is None or isinstance(self._leg, Outside):
            return super().statements(query, dialect)
        ranking = replace(query.ranking, near=(self._leg.finalists,))
        asked = texts.asked(replace(query, ranking=ranking), dialect)
        return (statement(asked, indexed=False),)

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        return (*self._leg.notes(nearest_leg(query), dialect), *texts.notes(query, dialect))

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return self._leg.is_exact(nearest_leg(query), dialect)
