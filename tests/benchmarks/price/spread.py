"""Medians, quartiles and ratios of samples that were taken side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True)
class Spread:
    """The median, and the quartiles on both sides of it."""

    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Of one value it is that value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*quantiles(values, n=4, method="inclusive"))


def ratios(times: Sequence[float], base: Sequence[float]) -> Spread:
    """How many times as long as the base it took, round by round."""
    return spread([ours / theirs for ours, theirs in zip(times, base, strict=True)])
