"""The engine ranks: one statement, ``ORDER BY distance LIMIT k``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import isnan
from typing import Any, TypeVar

from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.query import Query
from agentorm.rank.base import CHUNK, Found, Ranker, Run, sortable_key
from agentorm.statement import counted, farthest_distance, statement

E = TypeVar("E")
_DEEPEST_DEFAULT = 40


class Native(Ranker):
    name = "native"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        if not self.is_exact(query, run.dialect):
            _prepare_index(query, run)
            found = self._fetch(query, run, indexed=True)
            if len(found) == query.size:
                found.sort(key=lambda row: (row[1], sortable_key(query, row[0])))
                return Found(found, exact=False)
        return Found(self._fetch(query, run, indexed=False), exact=True)

    def stream(self, query: Query[E], run: Run) -> Iterator[E]:
        made = statement(query, indexed=False)
        with run.session.execute(made, execution_options={"yield_per": CHUNK}) as rows:
            yield from (entity for entity, _ in _ranked(rows))

    def count(self, query: Query[Any], run: Run) -> int:
        return int(run.session.execute(counted(query)).scalar_one())

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        return (self._statement(query, indexed=not self.is_exact(query, dialect)),)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        ranking = query.ranking
        assert ranking is not None
        if query.size is None or not ranking.served_by_index or ranking.field.index is None:
            return True
        return ranking.field.index.method not in dialect.features

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        ranking = query.ranking
        assert ranking is not None
        index = ranking.field.index
        if index is None:
            return ()
        if index.method not in dialect.features:
            return (f"{dialect.name} has no {index.method}: every row is ranked, exactly",)
        if ranking.metric is not ranking.field.metric:
            return (f"the {index.method} ranks by {ranking.field.metric}, not {ranking.metric}",)
        if query.size is None:
            return (f"without a limit the {index.method} does not serve: every row is ranked",)
        return (f"the {index.method} may serve: near rows can be missed, never invented",)

    def _fetch(self, query: Query[E], run: Run, *, indexed: bool) -> list[tuple[E, float]]:
        result = run.session.execute(self._statement(query, indexed=indexed))
        found = list(_ranked(result.unique() if query.loaders else result))
        farthest = farthest_distance(query)
        return found if farthest is None else [row for row in found if row[1] <= farthest]

    def _statement(self, query: Query[Any], *, indexed: bool) -> AnySelect:
        """With a limit, a threshold only cuts off the end, so the index need not know of it."""
        if query.size is None:
            return statement(query, indexed=indexed)
        return statement(replace(query, farthest=None, lowest_score=None), indexed=indexed)


def _ranked(rows: Iterable[Any]) -> Iterator[tuple[Any, float]]:
    """The rows up to the first without a distance, which sort behind all others."""
    for entity, distance in rows:
        if distance is None or isnan(distance):
            return
        yield entity, distance


def _prepare_index(query: Query[Any], run: Run) -> None:
    """Let the index go on until k rows pass the filters; forgotten with the transaction."""
    assert query.ranking is not None
    assert query.ranking.field.index is not None
    deep = (query.size or 0) + query.skip
    if not query.filters and not query.joins and deep <= _DEEPEST_DEFAULT:
        return
    run.dialect.prepare_search(run.connection, query.ranking.field.index.method, deep)
