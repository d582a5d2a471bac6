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
from agentorm.rank.base import Found, Ranker, Run, reading
from agentorm.rank.diversity import Likeness, spread, within_one
from agentorm.rank.loaded import entity_of, values_of
from agentorm.rank.scores import scores_of
from agentorm.read_models import WHOLE_ROW
from agentorm.reranking import Reranking
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
        alone = replace(query, reranking=None, diversity=None, size=first.depth, skip=0)
        return reading(alone, *_looked_at(query))

    def here(self, query: Query[Any], run: Run) -> Reranked:
        return Reranked(self._base.here(self.asked(query), run))

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        check(query)
        asked = self.asked(query)
        found = self._base.nearest(asked, run)
        rows = found.rows
        if query.reranking is not None:
            rows = _rescored(asked, query.reranking, rows, run)
        if query.diversity is not None:
            rows = _spread(query, asked, rows, run)
        last = None if query.size is None else depth_of(query)
        page = rows[query.skip : last]
        return Found(page, found.exact, complete=found.complete or len(page) == query.size)

    def stream(self, query: Query[E], run: Run) -> Iterator[Hit[E]]:
        exactly = replace(query, search=Search(ranker="exact"))
        yield from self.nearest(exactly, run).rows

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
        return (*said, *_read_beside(query))


def _looked_at(query: Query[Any]) -> tuple[str, ...]:
    """What is read of a row beside what it is read into, for the scorer and for its vector."""
    names: tuple[str, ...] = ()
    if query.reranking is not None:
        scored = query.reranking.target
        names = (WHOLE_ROW,) if scored is None else scored.columns
    if query.diversity is None or query.ranking is None or WHOLE_ROW in names:
        return names
    return (*names, str(query.ranking.field.attribute.key))


def _read_beside(query: Query[Any]) -> tuple[str, ...]:
    if query.target is None:
        return ()
    if WHOLE_ROW in _looked_at(query):
        return ("whole rows are read: rerank() before into() scores entities",)
    return () if query.diversity is None else ("vectors are read: diverse() compares them",)


def _rescored(asked: Query[E], reranking: Reranking, rows: list[Hit[E]], run: Run) -> list[Hit[E]]:
    scores = scores_of(reranking, _to_score(asked, reranking, rows), run)
    scored = [replace(hit, score=score) for hit, score in zip(rows, scores, strict=True)]
    return sorted(scored, key=lambda hit: -hit.score)


def _to_score(asked: Query[Any], reranking: Reranking, rows: list[Hit[Any]]) -> list[Any]:
    if asked.target is None or reranking.target is None:
        return [entity_of(asked, hit.entity) for hit in rows]
    made, names = reranking.target.of_hit(asked.gives), reranking.target.columns
    return [made(replace(hit, entity=asked.target.values(hit.entity, names))) for hit in rows]


def _spread(query: Query[E], asked: Query[E], rows: list[Hit[E]], run: Run) -> list[Hit[E]]:
    ranking, diversity = query.ranking, query.diversity
    assert ranking is not None
    assert diversity is not None
    looked_at = rows[: diversity.depth]
    relevance = np.array([hit.score for hit in looked_at], np.float64)
    if query.reranking is not None or query.text is not None:
        relevance = within_one(relevance)
    held = values_of(asked, [h.entity for h in looked_at], ranking.field.attribute, run)
    vectors = [None if value is None else ranking.field.type.vector(value) for value in held]
    most = len(looked_at) if query.size is None else depth_of(query)
    places = spread(relevance, Likeness(vectors, ranking.metric), diversity.lambda_, most)
    return [looked_at[place] for place in places]
