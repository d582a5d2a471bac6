"""Distance and text as one ranking, in one statement, where the engine computes the distance.

Where a vector index may serve, the ranking by distance asks it for the best rows, then for
further ones, and then ranks every row, until there are as many as the fusion takes.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import nan
from typing import Any, Generic, TypeVar

from agentorm.counting import passing
from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.legs import nearest_leg
from agentorm.query import Query
from agentorm.rank import texts
from agentorm.rank.base import Found, Run
from agentorm.rank.indexing import candidates_of, is_served, why
from agentorm.rank.matches import InOneStatement, fetched
from agentorm.rank.native import few_pass, searching
from agentorm.results import Hit
from agentorm.statement import statement, watched_statement

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class _Watched(Generic[E]):
    """What came of a fusion whose ranking by distance an index served.

    Attributes:
        rows: the hits.
        read: how many rows the index gave.
        held: how many of them the thresholds left.
    """

    rows: list[Hit[E]]
    read: int
    held: int

    def is_page_of(self, query: Query[Any]) -> bool:
        """Whether there are as many as asked for, and the thresholds alone left out more."""
        return len(self.rows) == query.size and self.held < self.read


class Fused(InOneStatement):
    name = "fusion"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        leg, asked = nearest_leg(query), texts.asked(query, run.dialect)
        if not is_served(leg, run.dialect) or few_pass(leg, run):
            return _exactly(asked, run)
        candidates, wanted = candidates_of(leg, run.dialect), leg.size or 0
        made = watched_statement(asked, candidates)
        looked = _look(asked, made, searching(leg, run), run)
        if looked.held >= wanted:
            return Found(looked.rows, exact=False)
        if looked.read >= candidates and looked.is_page_of(query):
            return Found(looked.rows, exact=False)
        if looked.read < candidates:
            left = run.session.execute(passing(leg, candidates)).scalar_one()
            if left <= looked.read:
                return Found(looked.rows, exact=True)
            if left < wanted:
                return _exactly(asked, run)
        looked = _look(asked, made, searching(leg, run, widened=True), run)
        is_full = looked.held >= wanted or looked.is_page_of(query)
        if is_full or looked.held < looked.read:
            return Found(looked.rows, exact=False, complete=is_full)
        return _exactly(asked, run)

    def hit(self, *row: Any) -> Hit[Any]:
        return _hit(*row)

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        asked, leg = texts.asked(query, dialect), nearest_leg(query)
        if is_served(leg, dialect):
            return (watched_statement(asked, candidates_of(leg, dialect)),)
        return (statement(asked, indexed=False),)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return not is_served(nearest_leg(query), dialect)

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        return (*why(nearest_leg(query), dialect), *texts.notes(query, dialect))

    def searching(self, query: Query[Any], run: Run) -> AbstractContextManager[None]:
        leg = nearest_leg(query)
        return searching(leg, run) if is_served(leg, run.dialect) else nullcontext()


def _exactly(asked: Query[E], run: Run) -> Found[E]:
    rows = fetched(asked, statement(asked, indexed=False), run)
    return Found([_hit(*row) for row in rows], exact=True)


def _look(
    asked: Query[E], made: AnySelect, settings: AbstractContextManager[None], run: Run
) -> _Watched[E]:
    with settings:
        rows = fetched(asked, made, run)
    read, held = rows[0][-2:] if rows else (0, 0)
    return _Watched([_hit(*row[:-2]) for row in rows], read or 0, held or 0)


def _hit(entity: E, distance: float | None, text_score: float | None, fused: float) -> Hit[E]:
    measured = nan if distance is None else distance
    return Hit(entity, measured, fused, text_score=text_score, fused_score=fused)
