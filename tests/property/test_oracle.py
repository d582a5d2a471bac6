"""The oracle itself, against the truth table written out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from tests.property import pools
from tests.property.conditions import (
    As,
    Between,
    Compare,
    Condition,
    Exists,
    Has,
    Holds,
    IsNull,
    Like,
    Not,
    OneOf,
    Part,
    Path,
)
from tests.property.oracle import Truth, truth, value_of
from tests.property.oracle_vectors import DISTANCES, score

META: dict[str, Any] = {
    "n": 5,
    "f": 5.5,
    "big": 2**53 + 1,
    "s": "b",
    "day": "2024-02-29",
    "almost": "2024-02-29\n",
    "yes": True,
    "null": None,
    "list": [1, "a", None, True],
    "deep": {"a": [{"b": 1}], "x": None},
    "a.b": 1,
    "": 2,
}
ROW = {"meta": META, "none": None}
DAY = date(2024, 2, 29)


def at(*steps: str | int) -> Path:
    return Path("meta", steps)


TABLE: list[tuple[Condition, Truth]] = [
    (Compare(at("n"), "==", 5.0), True),
    (Compare(at("n"), "<", 5), False),
    (Compare(at("n"), "==", "5"), None),
    (Compare(at("n"), "==", value=True), None),
    (Compare(at("yes"), "==", 1), None),
    (Compare(at("yes"), "!=", value=False), True),
    (Compare(at("big"), "==", 2**53), False),
    (Compare(at("big"), ">", 2.0**53), True),
    (Compare(at("f"), "<=", 5.5), True),
    (Compare(at("s"), ">=", "a"), True),
    (Compare(at("s"), "==", "B"), False),
    (Compare(at("s"), "<", 7), None),
    (Compare(at("day"), "==", DAY), True),
    (Compare(at("day"), "<", date(2024, 3, 1)), True),
    (Compare(at("almost"), "==", DAY), None),
    (Compare(at("s"), "!=", DAY), None),
    (Compare(at("missing"), "!=", 5), None),
    (Compare(at("null"), "!=", 5), None),
    (Compare(at("list", 0), "==", 1), True),
    (Compare(at("list", 9), "==", 1), None),
    (Compare(at("n", 0), "==", 5), None),
    (Compare(at("list", "0"), "==", 1), None),
    (Compare(at("deep", "a", 0, "b"), "==", 1), True),
    (Compare(at("a.b"), "==", 1), True),
    (Compare(at(""), "==", 2), True),
    (Compare(at("deep"), "==", {"x": None, "a": [{"b": 1.0}]}), True),
    (Compare(at("deep"), "!=", {"x": None}), True),
    (Compare(at("list"), "==", {"x": None}), None),
    (Compare(at("list"), "==", ["a", 1, None, True]), False),
    (Between(at("n"), 5, 6.5), True),
    (Between(at("n"), "a", "b"), None),
    (OneOf(at("n"), (1, 5.0)), True),
    (OneOf(at("n"), (1, 5.0), negated=True), False),
    (OneOf(at("s"), (1,), negated=True), None),
    (OneOf(at("missing"), ()), False),
    (OneOf(at("missing"), (), negated=True), True),
    (IsNull(at("null")), True),
    (IsNull(at("missing")), True),
    (IsNull(at("n"), negated=True), True),
    (Exists(at("null")), True),
    (Exists(at("missing")), False),
    (Exists(Path("none", ())), False),
    (Exists(Path("none", ("a",))), False),
    (Like(at("s"), "_"), True),
    (Like(at("s"), "B", "ilike"), True),
    (Like(at("n"), "%"), None),
    (Part(at("day"), "startswith", "2024", escaped=True), True),
    (Part(at("day"), "contains", "%", escaped=True), False),
    (Holds(at(), {"n": 5, "deep": {"a": []}}), True),
    (Holds(at(), {"yes": 1}), False),
    (Holds(at(), {"null": None}), True),
    (Holds(at(), {"missing": None}), False),
    (Holds(at(), {}), True),
    (Holds(at("list"), {}), None),
    (Holds(at("list"), [True, "a"]), True),
    (Holds(at("list"), [None]), True),
    (Holds(at("list"), [False]), False),
    (Holds(at("n"), [5]), None),
    (Has(at("list"), "has_any", ("z", 1.0)), True),
    (Has(at("list"), "has_any", ()), False),
    (Has(at("list"), "has_all", ()), True),
    (Has(at("list"), "has_all", ("a", "z")), False),
    (Has(at("s"), "has_any", ("b",)), None),
    (Not(Compare(at("missing"), "==", 5)), None),
    (Not(Exists(at("missing"))), True),
]


@pytest.mark.parametrize(("condition", "expected"), TABLE, ids=[str(c) for c, _ in TABLE])
def test_the_truth_table(condition: Condition, expected: Truth) -> None:
    assert truth(condition, ROW) is expected


@pytest.mark.parametrize(
    ("steps", "kind", "expected"),
    [
        (("n",), "integer", 5),
        (("f",), "integer", None),
        (("n",), "float", 5.0),
        (("s",), "float", None),
        (("s",), "string", "b"),
        (("n",), "string", None),
        (("yes",), "boolean", True),
        (("n",), "boolean", None),
        (("day",), "date", DAY),
        (("almost",), "date", None),
        (("missing",), "integer", None),
    ],
)
def test_what_is_read_as_a_value_of_sql(steps: tuple[str, ...], kind: str, expected: Any) -> None:
    assert value_of(ROW, As(Path("meta", steps), kind)) == expected


@pytest.mark.parametrize(
    ("metric", "one", "other", "distance"),
    [
        ("cosine", (1.0, 0.0), (0.0, 2.0), 1.0),
        ("l2", (3.0, 0.0), (0.0, 4.0), 5.0),
        ("inner_product", (1.0, 2.0), (3.0, 4.0), -11.0),
        ("l1", (1, -128), (0, 127), 256.0),
        ("hamming", (1, 0, 1), (1, 1, 0), 2.0),
        ("jaccard", (1, 0, 1, 1), (1, 1, 0, 1), 0.5),
        ("jaccard", (0, 0), (0, 0), 1.0),
    ],
)
def test_the_distances(
    metric: str, one: tuple[float, ...], other: tuple[float, ...], distance: float
) -> None:
    assert DISTANCES[metric](one, other) == distance


@pytest.mark.parametrize(
    ("metric", "distance", "expected"),
    [
        ("l2", 3.0, 0.25),
        ("inner_product", -7.5, 7.5),
        ("hamming", 2.0, 0.75),
        ("jaccard", 1.0, 0.0),
    ],
)
def test_the_scores(metric: str, distance: float, expected: float) -> None:
    assert score(distance, metric, 8) == expected


def test_the_numbers_compare_alike_as_decimals_and_as_what_they_are() -> None:
    """An engine may keep the shortest decimal of a float, or its bits."""
    for one, other in product(pools.NUMBERS, repeat=2):
        decimals = Decimal(repr(one)).compare(Decimal(repr(other)))
        exact = Fraction(one) - Fraction(other)
        assert decimals == (exact > 0) - (exact < 0), (one, other)
