"""The engine ranks: one statement, ``ORDER BY distance LIMIT k``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from math import isnan
from typing import Any, TypeVar

from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.query import Query
from agentorm.rank.base import Found, Ranker, Run, sortable_key
from agentorm.rank.streaming import streamed
from agentorm.statement import counted, farthest_distance, servable, statement

E = TypeVar("E")


class Native(Ranker):
    name = "native"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        if not self.is_exact(query, run.dialect):
            with _searching(query, run):
                found = self._fetch(query, run, indexed=True)
            found.sort(key=lambda row: (row[1], sortable_key(query, row[0])))
            if _sorts_alone(query, run.dialect):
                found = found[query.skip :]
            if len(found) == query.size:
                return Found(found, exact=False)
        return Found(self._fetch(query, run, indexed=False), exact=True)

    def stream(self, query: Query[E], run: Run) -> Iterator[E]:
        made = statement(query, indexed=False)
        with streamed(query, made, run) as rows:
            yield from (entity for entity, _ in _ranked(rows))

    def count(self, query: Query[Any], run: Run) -> int:
        return int(run.session.execute(counted(query)).scalar_one())

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        return (self._statement(query, dialect, indexed=not self.is_exact(query, dialect)),)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        ranking = query.ranking
        assert ranking is not None
        if ranking.field.index is None or not servable(query):
            return True
        return dialect.indexed_by(ranking.field.index.method, ranking.metric, ranking.kind) is None

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        ranking = query.ranking
        assert ranking is not None
        index = ranking.field.index
        if index is None:
            return ()
        built = dialect.indexed_by(index.method, ranking.field.metric, ranking.kind)
        if built is None:
            reason = f"{dialect.name} has no {index.method} for {ranking.field.metric}"
            return (f"{reason}: every row is ranked, exactly",)
        if ranking.metric is not ranking.field.metric:
            return (f"the {built} ranks by {ranking.field.metric}, not {ranking.metric}",)
        if query.size is None:
            return (f"without a limit the {built} does not serve: every row is ranked",)
        instead = "" if built is index.method else f", instead of the {index.method},"
        return (f"the {built}{instead} may serve: near rows can be missed, never invented",)

    def _fetch(self, query: Query[E], run: Run, *, indexed: bool) -> list[tuple[E, float]]:
        result = run.session.execute(self._statement(query, run.dialect, indexed=indexed))
        found = list(_ranked(result.unique() if query.loaders else result))
        farthest = farthest_distance(query)
        return found if farthest is None else [row for row in found if row[1] <= farthest]

    def _statement(self, query: Query[Any], dialect: Dialect, *, indexed: bool) -> AnySelect:
        """With a limit, a threshold only cuts off the end, so the index need not know of it."""
        if query.size is None:
            return statement(query, indexed=indexed)
        sent = replace(query, farthest=None, lowest_score=None)
        if indexed and _sorts_alone(query, dialect):
            sent = replace(sent, size=query.size + query.skip, skip=0)
        return statement(sent, indexed=indexed)


def _sorts_alone(query: Query[Any], dialect: Dialect) -> bool:
    """Whether an index gives rows in an order of its own, so that pages are cut after sorting."""
    assert query.ranking is not None
    return query.ranking.metric in dialect.index_order


def _ranked(rows: Iterable[Any]) -> Iterator[tuple[Any, float]]:
    """The rows up to the first without a distance, which sort behind all others."""
    for entity, distance in rows:
        if distance is None or isnan(distance):
            return
        yield entity, distance


def _searching(query: Query[Any], run: Run) -> AbstractContextManager[None]:
    """Let the index go on until k rows pass the filters."""
    ranking = query.ranking
    assert ranking is not None
    assert ranking.field.index is not None
    method = run.dialect.indexed_by(ranking.field.index.method, ranking.metric, ranking.kind)
    assert method is not None
    deep = (query.size or 0) + query.skip
    filtered = bool(query.filters or query.joins)
    return run.dialect.searching(run.connection, method, deep, filtered=filtered)
