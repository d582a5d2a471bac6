"""Kinds of vectors, and the metrics that compare each."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite

from agentorm.errors import InvalidMetric, InvalidQuery


class Kind(StrEnum):
    """What one component of a vector is.

    | kind      | values         | compared by                             |
    | --------- | -------------- | --------------------------------------- |
    | `float32` | `Vector`       | `cosine`, `l2`, `inner_product`, `l1`   |
    | `float16` | `HalfVector`   | the same                                |
    | `int8`    | `Int8Vector`   | the same                                |
    | `bit`     | `BitVector`    | `hamming`, `jaccard`                    |
    | `sparse`  | `SparseVector` | `cosine`, `l2`, `inner_product`, `l1`   |
    """

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    BIT = "bit"
    SPARSE = "sparse"


class Metric(StrEnum):
    """How far apart two vectors are; on every metric a smaller distance is nearer.

    | metric          | distance d of a and b         | score, higher is better |
    | --------------- | ----------------------------- | ----------------------- |
    | `cosine`        | `1 - a·b / (norm(a) norm(b))` | `1 - d`                 |
    | `l2`            | `sqrt(sum((a - b)²))`         | `1 / (1 + d)`           |
    | `inner_product` | `-(a·b)`                      | `-d`                    |
    | `l1`            | `sum(abs(a - b))`             | `1 / (1 + d)`           |
    | `hamming`       | bits that differ              | `1 - d / bits`          |
    | `jaccard`       | `1 - both / either`, of bits  | `1 - d`                 |

    The last two compare vectors of bits, and the first four all others. Of two vectors without
    any bit set, `jaccard` is 1.
    """

    COSINE = "cosine"
    L2 = "l2"
    INNER_PRODUCT = "inner_product"
    L1 = "l1"
    HAMMING = "hamming"
    JACCARD = "jaccard"

    @classmethod
    def named(cls, name: str | Metric, kind: Kind = Kind.FLOAT32) -> Metric:
        """The metric of that name.

        Raises:
            InvalidMetric: there is no such metric, or it does not fit this kind of vector.
        """
        fitting = ", ".join(m.value for m in cls if m.fits(kind))
        try:
            metric = cls(name)
        except ValueError:
            raise InvalidMetric(f"unknown metric {name!r}", hint=f"choose from {fitting}") from None
        if not metric.fits(kind):
            raise InvalidMetric(
                f"{metric} does not compare {kind} vectors", hint=f"choose from {fitting}"
            )
        return metric

    @classmethod
    def usual(cls, kind: Kind) -> Metric:
        """The metric of a field that names none: `hamming` of bits, `cosine` of all else."""
        return cls.HAMMING if kind is Kind.BIT else cls.COSINE

    def fits(self, kind: Kind) -> bool:
        """Whether vectors of this kind can be compared by this metric."""
        return self in _COMPARED_BY[kind]

    def score(self, distance: float, dimension: int) -> float:
        """The score of a distance, higher is better, by the formula of the class's table."""
        if self is Metric.INNER_PRODUCT:
            return -distance
        if self in {Metric.L2, Metric.L1}:
            return 1.0 / (1.0 + distance)
        if self is Metric.HAMMING:
            return 1.0 - distance / dimension
        return 1.0 - distance

    def distance_of(self, score: float, dimension: int) -> float:
        """The distance that has this score: the inverse of `score`.

        Raises:
            InvalidQuery: no distance has this score.
        """
        if not isfinite(score):
            raise InvalidQuery(f"a score is a finite number, got {score!r}")
        if self is Metric.INNER_PRODUCT:
            return -score
        if self in {Metric.L2, Metric.L1}:
            if not 0.0 < score <= 1.0:
                raise InvalidQuery(f"the score of {self} lies in (0, 1], got {score!r}")
            return 1.0 / score - 1.0
        if score > 1.0:
            raise InvalidQuery(f"the score of {self} is at most 1, got {score!r}")
        return (1.0 - score) * (dimension if self is Metric.HAMMING else 1)

    def farthest_of(self, score: float, dimension: int) -> float:
        """The greatest distance whose score, as it is rounded, is this one or better.

        Raises:
            InvalidQuery: no distance has this score.
        """
        near = self.distance_of(score, dimension)
        slack = _ROUNDED * (1.0 + abs(near))
        within, beyond = near - slack, near + slack
        while within < (middle := within + (beyond - within) / 2) < beyond:
            if self.score(middle, dimension) >= score:
                within = middle
            else:
                beyond = middle
        return within


_ROUNDED = 1e-12  # far more than what rounding twice can move a distance
_OF_NUMBERS = frozenset({Metric.COSINE, Metric.L2, Metric.INNER_PRODUCT, Metric.L1})
_COMPARED_BY = {
    kind: frozenset({Metric.HAMMING, Metric.JACCARD}) if kind is Kind.BIT else _OF_NUMBERS
    for kind in Kind
}
