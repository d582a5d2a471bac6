"""The engine filters, numpy ranks: for engines that cannot compute the distance.

Keys and vectors are streamed in chunks under the query's filters, the nearest keys are kept,
and only their rows are loaded, in the same transaction and under the same filters. Their
distances are computed once more from the vectors read then, so none is ever stale.

Whatever the size of the table, a ranking holds one chunk of 1 MiB of rows, less than 12 MiB with
what the driver and numpy make of it, and the keys of the k nearest; without a limit, every key.
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
from agentorm.query import Query
from agentorm.rank.base import (
    Found,
    Ranker,
    Run,
    check_values,
    hit_of,
    in_chunks,
    sortable,
    sortable_key,
    taken,
    with_keys,
)
from agentorm.rankings import Ranking
from agentorm.results import Hit
from agentorm.selecting import farthest_distance, keys_and_vectors, rows_of_keys
from agentorm.vectors import Kind, distances

E = TypeVar("E")
Key: TypeAlias = tuple[Any, ...]
_CHUNK_BYTES, _BYTES_OF_A_ROW = 1 << 20, 512
_ATTEMPTS = 3


class Scan(Ranker):
    name = "scan"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        found: list[tuple[float, Key, E]] = []
        complete = False
        for _ in range(_ATTEMPTS):
            keys = [key for _, key in nearest_keys(query, run)]
            found = [row for part in in_chunks(keys) for row in _load(query, run, part)]
            complete = len(found) == len(keys)
            if complete:
                break
        found.sort(key=_by_distance)
        assert query.ranking is not None
        hits = [hit_of(query.ranking, entity, distance) for distance, _, entity in found]
        return Found(hits, exact=True, complete=complete)

    def stream(self, query: Query[E], run: Run) -> Iterator[Hit[E]]:
        for part in in_chunks(key for _, key in nearest_keys(query, run)):
            loaded = sorted(_load(query, run, part), key=_by_distance)
            assert query.ranking is not None
            for distance, _, entity in loaded:
                yield hit_of(query.ranking, entity, distance)

    def count(self, query: Query[Any], run: Run) -> int:
        if query.best_of is not None:
            return len(_firsts(query, run))
        return sum(int((~np.isnan(found)).sum()) for _, found in _scan(query, run))

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        keys = mapper_of(query.model).primary_key
        example: list[Key] = [(None,) * len(keys)]
        asked = with_keys(query)
        return keys_and_vectors(query), rows_of_keys(asked, example)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return True

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        assert query.ranking is not None
        return (slow_path(query.ranking, dialect),)


def slow_path(ranking: Ranking, dialect: Dialect) -> str:
    """The announcement of this ranker."""
    reason = f" ({'; '.join(dialect.notes)})" if dialect.notes else ""
    return (
        f"{dialect.name} does not compute {ranking.metric}{_of_kind(ranking)} here{reason}: "
        f"the vectors of {ranking.field.label} are read and ranked in this process"
    )


def _of_kind(ranking: Ranking) -> str:
    return "" if ranking.kind is Kind.FLOAT32 else f" of {ranking.kind} vectors"


def _scan(query: Query[Any], run: Run) -> Iterator[tuple[Sequence[Any], NDArray[np.float64]]]:
    """Chunks of rows, key and packed vector, with their distances: NaN where one does not count."""
    assert query.ranking is not None
    farthest = farthest_distance(query)
    check_values(query, run)
    options = {"yield_per": rows_at_a_time(query.ranking)}
    with run.session.execute(keys_and_vectors(query), execution_options=options) as rows:
        for part in rows.partitions():
            run.pause()
            found = measured([row[-1] for row in part], query.ranking)
            if farthest is not None:
                found[found > farthest] = np.nan
            yield part, found
            run.pause()


def rows_at_a_time(ranking: Ranking) -> int:
    """How many rows with a vector a chunk of the scan holds."""
    return max(1, _CHUNK_BYTES // (len(ranking.vector.tobytes()) + _BYTES_OF_A_ROW))


def nearest_keys(query: Query[Any], run: Run) -> list[tuple[float, Key]]:
    """Distances and keys in their order, from the offset up to the limit."""
    last = None if query.size is None else query.skip + query.size
    if query.best_of is not None:
        firsts = sorted(_firsts(query, run).values())
        return [(distance, key) for distance, _, key in firsts[query.skip : last]]
    best: list[tuple[float, Key, Key]] = []
    for rows, found in _scan(query, run):
        for i in _candidates(found, best, last):
            key = tuple(rows[i][:-1])
            best.append((float(found[i]), sortable(key), key))
        if last is not None:
            best = nsmallest(last, best)
    return [(distance, key) for distance, _, key in sorted(best)[query.skip :]]


def _firsts(query: Query[Any], run: Run) -> dict[Any, tuple[float, Key, Key]]:
    """The nearest row of each value of the field that `best_per` names."""
    firsts: dict[Any, tuple[float, Key, Key]] = {}
    for rows, found in _scan(query, run):
        for i in np.flatnonzero(~np.isnan(found)).tolist():
            *key, group, _ = rows[i]
            row = (float(found[i]), sortable(key), tuple(key))
            firsts[group] = min(row, firsts.get(group, row))
    return firsts


def _candidates(found: NDArray[np.float64], best: list[Any], last: int | None) -> list[int]:
    """Which rows of a chunk can be among so many nearest, ties with the farthest included."""
    if last is None:
        return np.flatnonzero(~np.isnan(found)).tolist()
    farthest = best[-1][0] if len(best) == last else np.inf
    if last < len(found):
        farthest = min(farthest, np.partition(found, last - 1)[last - 1])
    return np.flatnonzero(found <= (np.inf if np.isnan(farthest) else farthest)).tolist()


def _load(query: Query[Any], run: Run, keys: Sequence[Key]) -> list[tuple[float, Key, Any]]:
    """The rows of these keys that still count, each behind its distance and its key."""
    assert query.ranking is not None
    asked = with_keys(query)
    read = [row for row in loaded(asked, run, keys) if row[1] is not None]
    found = measured([row[1] for row in read], query.ranking)
    farthest = farthest_distance(query)
    return [
        (d, sortable_key(asked, row[0]), row[0])
        for d, row in zip(found.tolist(), read, strict=True)
        if not isnan(d) and (farthest is None or d <= farthest)
    ]


def loaded(query: Query[Any], run: Run, keys: Sequence[Key]) -> list[Any]:
    """The rows of these keys that pass, each with its packed vector."""
    rows = run.session.execute(rows_of_keys(query, keys))
    return [*(rows.unique() if query.target is None else taken(query, rows))]


def _by_distance(row: tuple[float, Key, Any]) -> tuple[float, Key]:
    return row[:2]


def measured(vectors: Sequence[bytes], ranking: Ranking) -> NDArray[np.float64]:
    """The distances of packed vectors, NaN where there is none."""
    if not vectors:
        return np.empty(0)
    query = ranking.vector
    size = len(query.tobytes())
    packed = b"".join(vectors)
    if len(packed) != size * len(vectors) or any(len(vector) != size for vector in vectors):
        odd = next(len(vector) for vector in vectors if len(vector) != size)
        got = odd * len(query) // size
        raise DimensionMismatch(field=ranking.field.label, expected=len(query), got=got)
    rows = np.frombuffer(packed, query.packing).reshape(len(vectors), -1)
    found = [distances(rows, vector, ranking.metric) for vector in ranking.vectors]
    return found[0] if len(found) == 1 else np.minimum.reduce(found)
