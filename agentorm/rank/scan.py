"""The engine filters, numpy ranks: for engines that cannot compute the distance.

Keys and vectors are streamed in chunks under the query's filters, the nearest keys are kept,
and only their rows are loaded, in the same transaction and under the same filters. Their
distances are computed once more from the vectors read then, so none is ever stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nsmallest
from math import isnan
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from agentorm.dialects import Dialect
from agentorm.errors import DimensionMismatch
from agentorm.expressions import AnySelect
from agentorm.models import mapper_of
from agentorm.query import Query, Ranking
from agentorm.rank.base import Found, Ranker, Run, in_chunks, sortable, sortable_key
from agentorm.statement import farthest_distance, keys_and_vectors, rows_of_keys
from agentorm.vectors import PACKED, Vector, distances

E = TypeVar("E")
Key: TypeAlias = tuple[Any, ...]
_SCANNED = 1000
_ATTEMPTS = 3


class Scan(Ranker):
    name = "scan"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        rows: list[tuple[E, float]] = []
        for _ in range(_ATTEMPTS):
            keys = _nearest_keys(query, run)
            rows = [row for part in in_chunks(keys) for row in _load(query, run, part)]
            if len(rows) == len(keys):
                break
        return Found(rows, exact=True)

    def stream(self, query: Query[E], run: Run) -> Iterator[E]:
        for part in in_chunks(_nearest_keys(query, run)):
            yield from (entity for entity, _ in _load(query, run, part))

    def count(self, query: Query[Any], run: Run) -> int:
        return sum(len(near) for _, near in _scan(query, run))

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        keys = mapper_of(query.model).primary_key
        example: list[Key] = [(None,) * len(keys)]
        return keys_and_vectors(query), rows_of_keys(query, example)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return True

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        assert query.ranking is not None
        return (slow_path(query.ranking, dialect),)


def slow_path(ranking: Ranking, dialect: Dialect) -> str:
    """The announcement of this ranker."""
    reason = f" ({'; '.join(dialect.notes)})" if dialect.notes else ""
    return (
        f"{dialect.name} does not compute {ranking.metric} here{reason}: "
        f"the vectors of {ranking.field.label} are read and ranked in this process"
    )


def _scan(query: Query[Any], run: Run) -> Iterator[tuple[list[Key], NDArray[np.float64]]]:
    """Chunks of keys with their distances, rows without one or beyond the threshold left out."""
    assert query.ranking is not None
    farthest = farthest_distance(query)
    made = keys_and_vectors(query)
    with run.session.execute(made, execution_options={"yield_per": _SCANNED}) as rows:
        for part in rows.partitions():
            found = _measure([row[-1] for row in part], query.ranking)
            kept = ~np.isnan(found) if farthest is None else found <= farthest
            yield [tuple(part[i][:-1]) for i in np.flatnonzero(kept).tolist()], found[kept]


def _nearest_keys(query: Query[Any], run: Run) -> list[Key]:
    """The keys in order of (distance, key), from the offset up to the limit."""
    last = None if query.size is None else query.skip + query.size
    best: list[tuple[float, Key, Key]] = []
    for keys, found in _scan(query, run):
        full = last is not None and len(best) >= last
        near = np.flatnonzero(found <= best[-1][0]) if full else np.arange(len(keys))
        best += [(float(found[i]), sortable(keys[i]), keys[i]) for i in near.tolist()]
        if last is not None:
            best = nsmallest(last, best)
    return [key for _, _, key in sorted(best)[query.skip :]]


def _load(query: Query[Any], run: Run, keys: Sequence[Key]) -> list[tuple[Any, float]]:
    assert query.ranking is not None
    read = run.session.execute(rows_of_keys(query, keys)).unique().all()
    read = [row for row in read if row[1] is not None]
    found = _measure([row[1] for row in read], query.ranking)
    farthest = farthest_distance(query)
    ranked = [
        (d, sortable_key(query, row[0]), row[0])
        for d, row in zip(found.tolist(), read, strict=True)
        if not isnan(d) and (farthest is None or d <= farthest)
    ]
    return [(entity, d) for d, _, entity in sorted(ranked, key=lambda row: row[:2])]


def _measure(vectors: Sequence[Vector], ranking: Ranking) -> NDArray[np.float64]:
    dimension = len(ranking.vector)
    for vector in vectors:
        if len(vector) != dimension:
            raise DimensionMismatch(field=ranking.field.label, expected=dimension, got=len(vector))
    packed = b"".join(vector.tobytes() for vector in vectors)
    rows = np.frombuffer(packed, PACKED).reshape(len(vectors), dimension)
    return distances(rows, ranking.vector, ranking.metric)
