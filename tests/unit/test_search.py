"""How a ranking is to search: what is refused, and that queries keep it."""

from __future__ import annotations

from math import inf, nextafter
from typing import Any

import pytest

from agentorm import (
    BitVector,
    Entity,
    Field,
    InvalidFilter,
    InvalidQuery,
    Metric,
    Search,
    Vector,
    repository,
    vector_field,
)


class TunedDoc(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(3)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"ef": 0}, "ef is an integer from 1 to 1000, got 0"),
        ({"ef": 1001}, "ef is an integer from 1 to 1000, got 1001"),
        ({"ef": 1.0}, "ef is an integer from 1 to 1000, got 1.0"),
        ({"ef": True}, "ef is an integer from 1 to 1000, got True"),
        ({"ef": "40"}, "ef is an integer from 1 to 1000, got '40'"),
        ({"probes": 0}, "probes is an integer from 1 to 32768, got 0"),
        ({"probes": 32769}, "probes is an integer from 1 to 32768, got 32769"),
        ({"ranker": "fast"}, "expected the ranker 'exact' or none, got 'fast'"),
        ({"ranker": 1}, "expected the ranker 'exact' or none, got 1"),
    ],
)
def test_what_no_engine_takes_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        Search(**given)
    assert str(refused.value).startswith(problem)


def test_the_limits_are_taken() -> None:
    assert Search(ef=1, probes=1) == Search(1, 1, None)
    assert Search(ef=1000, probes=32768, ranker="exact").is_exact


def test_a_query_keeps_the_last_one() -> None:
    query = repository(TunedDoc).similar_to([1, 2, 3])
    tuned = query.tune(Search(ef=7)).tune(Search(probes=3))
    assert (query.search, tuned.search) == (Search(), Search(probes=3))
    assert ".tune(Search(ef=None, probes=3, ranker=None))" in repr(tuned)
    assert "tune" not in repr(query)


def test_something_else_is_refused() -> None:
    with pytest.raises(InvalidQuery, match=r"tune takes a Search, got 100; tune\(Search\(ef=200\)"):
        repository(TunedDoc).tune(100)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class TunedBits(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: BitVector = vector_field(16, kind="bit")


BITS = repository(TunedBits)
ONES = BitVector([1] * 16)
DISTANCES: dict[str, Any] = {
    "cosine": ([0, 1.5, 2, 2.0000001], [-0.1, 2.1], r"lies in \[0, 2\]"),
    "l2": ([0, 1e300], [-0.5], "is at least 0"),
    "l1": ([0, 1e300], [-0.5], "is at least 0"),
    "inner_product": ([-1e300, 0, 1e300], [], ""),
    "hamming": ([0, 16], [-1, 17], r"lies in \[0, 16\]"),
    "jaccard": ([0, 1], [-0.5, 1.5], r"lies in \[0, 1\]"),
}
SCORES: dict[str, Any] = {
    "cosine": ([-1, 0, 1], [-1.1, 1.1], r"lies in \[-1, 1\]"),
    "l2": ([1e-9, 1], [0, -0.5, 1.5], r"lies in \(0, 1\]"),
    "l1": ([1e-9, 1], [0, -0.5, 1.5], r"lies in \(0, 1\]"),
    "inner_product": ([-1e300, 0, 1e300], [], ""),
    "hamming": ([0, 1], [-0.1, 1.1], r"lies in \[0, 1\]"),
    "jaccard": ([0, 1], [-0.1, 1.1], r"lies in \[0, 1\]"),
}


def ranked_by(metric: str, start: Any = None) -> Any:
    """A ranking by this metric, of numbers or of bits."""
    if metric in {"hamming", "jaccard"}:
        return (start or BITS).similar_to(ONES, metric=metric)
    return (start or repository(TunedDoc)).similar_to([1, 2, 3], metric=metric)


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize(("verb", "ranges"), [("max_distance", DISTANCES), ("min_score", SCORES)])
def test_a_threshold_is_one_that_the_metric_can_give(
    metric: str, verb: str, ranges: dict[str, Any]
) -> None:
    taken, refused, range_ = ranges[metric]
    for value in taken:
        getattr(ranked_by(metric), verb)(value)
    for value in refused:
        with pytest.raises(InvalidFilter, match=f"{verb}: .* of {metric} {range_}, got") as error:
            getattr(ranked_by(metric), verb)(value)
        assert error.value.path == verb
        start = BITS if metric in {"hamming", "jaccard"} else repository(TunedDoc)
        with pytest.raises(InvalidFilter, match=f"{verb}: "):
            ranked_by(metric, getattr(start, verb)(value))


@pytest.mark.parametrize("metric", Metric)
def test_a_row_has_its_own_score_or_better(metric: Metric) -> None:
    count = 3000 if metric is Metric.HAMMING else 2000
    for distance in (n / (1 if metric is Metric.HAMMING else count) for n in range(count + 1)):
        score = metric.score(distance, 3000)
        farthest = metric.farthest_of(score, 3000)
        assert farthest >= distance
        assert metric.score(farthest, 3000) >= score
        assert metric.score(nextafter(farthest, inf), 3000) < score
