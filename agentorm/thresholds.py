"""What thresholds a ranking takes: those that a distance, or a score, of its metric can have."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any

from agentorm.errors import InvalidFilter
from agentorm.vectors import Metric

_ROUNDING = 1e-6
_DISTANCES = {
    Metric.COSINE: (0.0, 2.0),
    Metric.L2: (0.0, inf),
    Metric.L1: (0.0, inf),
    Metric.JACCARD: (0.0, 1.0),
}


def finite(name: str, value: Any) -> float:
    """The value as a float.

    Raises:
        InvalidFilter: it is no finite number; `path` is the name.
    """
    if isinstance(value, bool | str):
        raise InvalidFilter(f"expected a number, got {value!r}", path=name)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidFilter(f"expected a number, got {value!r}", path=name) from None
    if not isfinite(number):
        raise InvalidFilter(f"expected a finite number, got {value!r}", path=name)
    return number


def check_distance(distance: float, metric: Metric, dimension: int) -> None:
    """See that two vectors of this metric can be so far apart, but for rounding.

    Raises:
        InvalidFilter: they cannot; `path` is ``max_distance``.
    """
    low, high = _distances(metric, dimension)
    if not low - _ROUNDING <= distance <= high + _ROUNDING:
        _refuse("max_distance", f"the distance of {metric}", distance, low, high)


def check_score(score: float, metric: Metric, dimension: int) -> None:
    """See that two vectors can have this score by this metric, but for rounding.

    Raises:
        InvalidFilter: they cannot; `path` is ``min_score``.
    """
    if metric in {Metric.L2, Metric.L1}:
        if not 0.0 < score <= 1.0:
            problem = f"the score of {metric} lies in (0, 1], got {score!r}"
            raise InvalidFilter(problem, path="min_score")
        return
    low, high = (metric.score(d, dimension) for d in reversed(_distances(metric, dimension)))
    if not low - _ROUNDING <= score <= high:
        _refuse("min_score", f"the score of {metric}", score, low, high)


def _distances(metric: Metric, dimension: int) -> tuple[float, float]:
    if metric is Metric.HAMMING:
        return 0.0, float(dimension)
    return _DISTANCES.get(metric, (-inf, inf))


def _refuse(path: str, name: str, value: float, low: float, high: float) -> None:
    lies = f"lies in [{low:g}, {high:g}]" if isfinite(high) else f"is at least {low:g}"
    raise InvalidFilter(f"{name} {lies}, got {value!r}", path=path)
