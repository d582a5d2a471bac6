"""The best rows looked at again: scored by a callable, or spread by their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from agentorm.checking import check, depth_of
from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.query import Query
from agentorm.rank.base import Found, Ranker, Run
from agentorm.rank.diversity import Likeness, spread, within_one
from agentorm.rank.loaded import values_of
from agentorm.rank.scores import scores_of
from agentorm.reranking import Diversity, Reranking
from agentorm.results import Hit
from agentorm.search import Search

E = TypeVar("E")


class Reranked(Ranker):
    """Another ranker's best rows in a new order."""

    def __init__(self, base: Ranker) -> None:
        self._base = base
        self.name = base.name

    @property
    def base(self) -> Ranker:
        return self._base

    def asked(self, query: Query[E]) -> Query[E]:
        """As many rows as are looked at, whatever page of them is wanted."""
        first = query.reranking or query.diversity
        assert first is not None
        return replace(query, reranking=None, diversity=None, size=first.depth, skip=0)

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        check(query)
        found = self._base.nearest(self.asked(query), run)
        rows = found.rows
        if query.reranking is not None:
            rows = _rescored(query.reranking, rows, run)
        if query.diversity is not None:
            rows = _spread(query, query.diversity, rows, run)
        last = None if query.size is None else depth_of(query)
        page = rows[query.skip : last]
        return Found(page, found.exact, complete=found.complete or len(page) == query.size)

    def stream(self, query: Query[E], run: Run) -> Iterator[E]:
        exactly = replace(query, search=Search(ranker="exact"))
        yield from (hit.entity for hit in self.nearest(exactly, run).rows)

    def count(self, query: Query[Any], run: Run) -> int:
        check(query)
        return self._base.count(self.asked(query), run)

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        check(query)
        return self._base.statements(self.asked(query), dialect)

    def searching(self, query: Query[Any], run: Run) -> AbstractContextManager[None]:
        return self._base.searching(self.asked(query), run)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return self._base.is_exact(self.asked(query), dialect)

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        said = [*self._base.notes(self.asked(query), dialect)]
        if query.reranking is not None:
            said.append(f"re-ranked: the first {query.reranking.depth} rows")
        if query.diversity is not None:
            said.append(f"spread by their vectors: the first {query.diversity.depth} rows")
        return tuple(said)


def _rescored(reranking: Reranking, rows: list[Hit[E]], run: Run) -> list[Hit[E]]:
    scores = scores_of(reranking, [hit.entity for hit in rows], run)
    scored = [replace(hit, score=score) for hit, score in zip(rows, scores, strict=True)]
    return sorted(scored, key=lambda hit: -hit.score)


def _spread(query: Query[E], diversity: Diversity, rows: list[Hit[E]], run: Run) -> list[Hit[E]]:
    ranking = query.ranking
    assert ranking is not None
    looked_at = rows[: diversity.depth]
    relevance = np.array([hit.score for hit in looked_at], np.float64)
    if query.reranking is not None or query.text is not None:
        relevance = within_one(relevance)
    held = values_of([h.entity for h in looked_at], query.model, ranking.field.attribute, run)
    vectors = [None if value is None else ranking.field.type.vector(value) for value in held]
    most = len(looked_at) if query.size is None else depth_of(query)
    places = spread(relevance, Likeness(vectors, ranking.metric), diversity.lambda_, most)
    return [looked_at[place] for place in places]
