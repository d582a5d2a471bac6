"""How alike vectors of every kind are, and the order that spreads them."""

from __future__ import annotations

import numpy as np
import pytest

from agentorm import BitVector, HalfVector, Int8Vector, Metric, SparseVector, Vector
from agentorm.rank.diversity import Likeness, spread, within_one
from agentorm.vectors import AnyVector

ALIKE: dict[str, tuple[list[AnyVector | None], str, list[float]]] = {
    "cosine": ([Vector([1, 0]), Vector([0, 2]), Vector([-3, 0])], "cosine", [1.0, 0.0, -1.0]),
    "l2": ([Vector([0, 0]), Vector([3, 4]), None], "l2", [1.0, 1 / 6, 0.0]),
    "l1": ([HalfVector([0, 0]), HalfVector([3, 4])], "l1", [1.0, 1 / 8]),
    "inner": ([Int8Vector([2, 1]), Int8Vector([3, 3])], "inner_product", [5.0, 9.0]),
    "bits": ([BitVector("1100"), BitVector("1010")], "hamming", [1.0, 0.5]),
    "jaccard": ([BitVector("1100"), BitVector("1010")], "jaccard", [1.0, 1 / 3]),
    "zero": ([Vector([1, 0]), Vector([0, 0])], "cosine", [1.0, 0.0]),
    "sparse": (
        [SparseVector({10**6: 1.0}, 2**31 - 1), SparseVector({7: 2.0}, 2**31 - 1), None],
        "l1",
        [1.0, 1 / 4, 0.0],
    ),
    "empty": ([SparseVector({}, 9), SparseVector({}, 9)], "l2", [1.0, 1.0]),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_rows_are_as_alike_as_their_vectors_score(kind: str) -> None:
    vectors, metric, expected = ALIKE[kind]
    assert Likeness(vectors, Metric(metric)).to(0).tolist() == pytest.approx(expected)


def test_a_row_without_a_vector_is_like_none() -> None:
    assert Likeness([None, Vector([1])], Metric.L2).to(0).tolist() == [0.0, 0.0]
    assert Likeness([None, None], Metric.COSINE).to(1).tolist() == [0.0, 0.0]
    assert Likeness([], Metric.COSINE).size == 0


def test_the_most_relevant_of_the_unlike_comes_next() -> None:
    vectors = [Vector([0, 0]), Vector([0, 0]), Vector([9, 0]), Vector([9, 0])]
    alike = Likeness(vectors, Metric.L2)
    relevance = np.array([0.9, 0.8, 0.2, 0.1])
    assert spread(relevance, alike, 0.5, 4) == [0, 2, 1, 3]
    assert spread(relevance, alike, 1.0, 4) == [0, 1, 2, 3]
    assert spread(relevance, alike, 0.0, 4) == [0, 2, 1, 3]
    assert spread(relevance, alike, 0.5, 2) == [0, 2]
    assert spread(np.array([]), Likeness([], Metric.L2), 0.5, 3) == []


def test_scores_are_brought_to_one() -> None:
    assert within_one(np.array([3.0, -1.0, 1.0])).tolist() == [1.0, 0.0, 0.5]
    assert within_one(np.array([2.0, 2.0])).tolist() == [1.0, 1.0]
    assert within_one(np.array([])).tolist() == []
