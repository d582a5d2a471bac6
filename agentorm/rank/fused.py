"""Distance and text as one ranking, in one statement, where the engine computes the distance.

Where a vector index may serve, the ranking by distance asks it for the best rows, then for
further ones, and then ranks every row, until there are as many as the fusion takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import nan
from typing import Any, Generic, TypeVar

from agentorm.counting import counted, passing
from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.legs import nearest_leg
from agentorm.query import Query
from agentorm.rank import texts
from agentorm.rank.base import Found, Ranker, Run
from agentorm.rank.indexing import candidates_of, is_served, why
from agentorm.rank.matches import raw_refused
from agentorm.rank.native import few_pass, searching
from agentorm.rank.streaming import streamed
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


class Fused(Ranker):
    name = "fusion"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        leg = nearest_leg(query)
        if not is_served(leg, run.dialect) or few_pass(leg, run):
            return self._exactly(query, run)
        asked, wanted = candidates_of(leg, run.dialect), leg.size or 0
        looked = self._look(query, run)
        if looked.held >= wanted:
            return Found(looked.rows, exact=False)
        if looked.read >= asked and looked.is_page_of(query):
            return Found(looked.rows, exact=False)
        if looked.read < asked:
            left = run.session.execute(passing(leg, asked)).scalar_one()
            if left <= looked.read:
                return Found(looked.rows, exact=True)
            if left < wanted:
                return self._exactly(query, run)
        looked = self._look(query, run, widened=True)
        is_full = looked.held >= wanted or looked.is_page_of(query)
        if is_full or looked.held < looked.read:
            return Found(looked.rows, exact=False, complete=is_full)
        return self._exactly(query, run)

    def stream(self, query: Query[E], run: Run) -> Iterator[E]:
        made = statement(texts.asked(query, run.dialect), indexed=False)
        with raw_refused(query, run), streamed(query, made, run) as rows:
            yield from rows.scalars()

    def count(self, query: Query[Any], run: Run) -> int:
        made = counted(texts.asked(query, run.dialect))
        with raw_refused(query, run):
            return int(run.session.execute(made).scalar_one())

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

    def _exactly(self, query: Query[E], run: Run) -> Found[E]:
        made = statement(texts.asked(query, run.dialect), indexed=False)
        return Found([_hit(*row) for row in _fetch(query, made, run)], exact=True)

    def _look(self, query: Query[E], run: Run, *, widened: bool = False) -> _Watched[E]:
        leg = nearest_leg(query)
        asked = texts.asked(query, run.dialect)
        made = watched_statement(asked, candidates_of(leg, run.dialect))
        with searching(leg, run, widened=widened):
            rows = _fetch(query, made, run)
        read, held = rows[0][-2:] if rows else (0, 0)
        return _Watched([_hit(*row[:-2]) for row in rows], read or 0, held or 0)


def _fetch(query: Query[Any], made: AnySelect, run: Run) -> list[tuple[Any, ...]]:
    with raw_refused(query, run):
        rows = run.session.execute(made)
    return [tuple(row) for row in (rows.unique() if query.loaders else rows)]


def _hit(entity: E, distance: float | None, text_score: float | None, fused: float) -> Hit[E]:
    measured = nan if distance is None else distance
    return Hit(entity, measured, fused, text_score=text_score, fused_score=fused)
