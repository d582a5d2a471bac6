"""How far vectors are apart, in plain Python, and how far an engine may be from that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum, hypot
from typing import Any

from tests.property.oracle import Row

TOLERANCE = 1e-5
FLOATS = ("cosine", "l2", "inner_product", "l1")
BITS = ("hamming", "jaccard")
LENGTHLESS = ("cosine",)
"""The metrics that know no distance of a zero vector."""


@dataclass(frozen=True)
class Ranked:
    """A row with a distance, and how low and high an engine may put it."""

    row: Row
    distance: float
    low: float
    high: float


def ranked(rows: Sequence[Row], field: str, query: Sequence[float], metric: str) -> list[Ranked]:
    """The rows that have a distance to the query."""
    made: list[Ranked] = []
    for row in rows:
        vector = row[field]
        if vector is None or (metric in LENGTHLESS and not any(vector)):
            continue
        found = DISTANCES[metric](vector, query)
        slack = 0.0
        if not is_exact(vector, query, metric):
            slack = TOLERANCE * (abs(found) + size(vector, query, metric))
        made.append(Ranked(row, found, found - slack, found + slack))
    return made


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return 1.0 - product(a, b) / (hypot(*a) * hypot(*b))


def product(a: Sequence[float], b: Sequence[float]) -> float:
    return fsum(x * y for x, y in zip(a, b, strict=True))


def l1(a: Sequence[float], b: Sequence[float]) -> float:
    return fsum(abs(x - y) for x, y in zip(a, b, strict=True))


def hamming(a: Sequence[float], b: Sequence[float]) -> float:
    return float(sum(x != y for x, y in zip(a, b, strict=True)))


def jaccard(a: Sequence[float], b: Sequence[float]) -> float:
    """Two vectors without any bit set have nothing in common."""
    either = sum(bool(x or y) for x, y in zip(a, b, strict=True))
    both = sum(bool(x and y) for x, y in zip(a, b, strict=True))
    return 1.0 - both / either if either else 1.0


DISTANCES: dict[str, Callable[[Sequence[Any], Sequence[Any]], float]] = {
    "cosine": cosine,
    "l2": lambda a, b: hypot(*(x - y for x, y in zip(a, b, strict=True))),
    "inner_product": lambda a, b: -product(a, b),
    "l1": l1,
    "hamming": hamming,
    "jaccard": jaccard,
}


def size(a: Sequence[float], b: Sequence[float], metric: str) -> float:
    """What a distance near zero is the difference of: its rounding errors are relative to that."""
    if metric == "inner_product":
        return hypot(*a) * hypot(*b)
    return 1.0 if metric in ("cosine", "jaccard") else 0.0


def is_exact(a: Sequence[float], b: Sequence[float], metric: str) -> bool:
    """Whether an engine has no reason to round: it counts, or adds what float32 holds."""
    if metric == "hamming":
        return True
    if metric != "l1" or len(a) > 64:
        return False
    return all(abs(x) <= 128 and x % 0.25 == 0 for x in (*a, *b))


def score(distance: float, metric: str, bits: int = 1) -> float:
    """Higher is better."""
    if metric == "inner_product":
        return -distance
    if metric == "hamming":
        return 1.0 - distance / bits
    return 1.0 - distance if metric in ("cosine", "jaccard") else 1.0 / (1.0 + distance)
