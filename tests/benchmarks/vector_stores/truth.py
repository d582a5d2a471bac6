"""The true nearest, by numpy over all rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.vector_stores.given import BUCKETS, SHARES, Floats

MOST = 100
TIE = 1e-6
"""What differs by less is as near."""
_AT_ONCE = 8_192


class Truth:
    """How near the nearest rows of each query are, for each filter."""

    def __init__(self, vectors: Floats, queries: Floats) -> None:
        self._vectors, self._queries = vectors, queries
        self._passing = {
            buckets: int((np.arange(len(vectors)) % BUCKETS < buckets).sum()) for buckets in SHARES
        }
        found = {buckets: np.full((len(queries), MOST), -np.inf, np.float32) for buckets in SHARES}
        for start in range(0, len(vectors), _AT_ONCE):
            part = vectors[start : start + _AT_ONCE]
            bucket = np.arange(start, start + len(part)) % BUCKETS
            near = queries @ part.T
            for buckets, best in found.items():
                found[buckets] = _best(best, near[:, bucket < buckets])
        self._nearest = {buckets: -np.sort(-best, axis=1) for buckets, best in found.items()}

    def expected(self, k: int, buckets: int) -> int:
        """How many rows a search returns that misses none."""
        return min(k, self._passing[buckets])

    def found(self, query: int, ids: Sequence[int], k: int, buckets: int) -> int:
        """How many of the true nearest are there, or are as near."""
        passing = sorted({n for n in ids if 0 <= n < len(self._vectors) and n % BUCKETS < buckets})
        if not passing:
            return 0
        expected = self.expected(k, buckets)
        farthest = float(self._nearest[buckets][query, expected - 1])
        near = np.asarray(self._vectors[passing], np.float64) @ self._queries[query]
        return min(expected, int((near >= farthest - TIE).sum()))


def _best(best: Floats, near: NDArray[np.float32]) -> Floats:
    both = np.concatenate([best, near], axis=1)
    return -np.partition(-both, MOST - 1, axis=1)[:, :MOST]
