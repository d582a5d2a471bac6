"""Maximal marginal relevance: rows that are near, and unlike those before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from agentorm.vectors import PACKED, AnyVector, Metric, SparseVector, Vector, distances

Floats = NDArray[np.float64]


class Likeness:
    """How alike rows are to each other: the metric's score, and 0 where there is no distance.

    That is the score of vectors that have nothing in common, by every metric.
    """

    def __init__(self, vectors: Sequence[AnyVector | None], metric: Metric) -> None:
        self.size = len(vectors)
        self.metric = metric
        known = {place: vector for place, vector in enumerate(vectors) if vector is not None}
        self.places = [*known]
        self.vectors = dict(zip(known, _dense([*known.values()]), strict=True))
        packed = [np.frombuffer(v.tobytes(), v.packing) for v in self.vectors.values()]
        self.rows: NDArray[Any] = np.array(packed)

    def to(self, place: int) -> Floats:
        """How alike each row is to this one."""
        found = np.zeros(self.size)
        vector = self.vectors.get(place)
        if vector is not None:
            apart: Any = distances(self.rows, vector, self.metric)
            scores = cast(Floats, self.metric.score(apart, len(vector)))
            found[self.places] = np.where(np.isnan(scores), 0.0, scores)
        return found


def spread(relevance: Floats, likeness: Likeness, lambda_: float, most: int) -> list[int]:
    """The places of the rows that are taken, in order."""
    left = np.ones(len(relevance), np.bool_)
    closest = np.zeros(len(relevance))
    taken: list[int] = []
    while len(taken) < min(most, len(relevance)):
        marginal = lambda_ * relevance - (1.0 - lambda_) * closest
        best = int(np.argmax(np.where(left, marginal, -np.inf)))
        found = likeness.to(best)
        closest = np.maximum(closest, found) if taken else found
        left[best] = False
        taken.append(best)
    return taken


def within_one(scores: Floats) -> Floats:
    """The scores from 0 to 1, the lowest to the highest; all 1 where they are equal."""
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    return (scores - low) / (high - low) if low < high else np.ones_like(scores)


def _dense(vectors: Sequence[AnyVector]) -> list[AnyVector]:
    """Sparse vectors as dense ones of the places that any of them has; all others as they are."""
    sparse = [vector for vector in vectors if isinstance(vector, SparseVector)]
    if not sparse:
        return [*vectors]
    places = np.unique(np.concatenate([vector.indices for vector in sparse]))
    rows = np.zeros((len(sparse), max(1, len(places))), PACKED)
    for row, vector in zip(rows, sparse, strict=True):
        row[np.searchsorted(places, vector.indices)] = vector.values
    return [Vector(row) for row in rows]
