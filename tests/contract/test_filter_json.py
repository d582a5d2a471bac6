"""What a filter document finds in JSON fields, on every engine."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agentorm import Database, InvalidFilter, parse_filter, repository
from tests.filtered import Filtered, FilteredShelf, leaf

DOCUMENTS: dict[str, dict[str, Any] | None] = {
    "null column": None,
    "missing": {},
    "null": {"a": None},
    "true": {"a": True},
    "five": {"a": 5},
    "exact": {"a": 2**53 + 1},
    "text": {"a": "5"},
    "day": {"a": "2024-02-29"},
    "array": {"a": ["x", 5, None]},
    "object": {"a": {"b": {"c": [10, 20]}}},
    "odd": {"a.b": 1, 'q"': 1, "$": 1, "\u00e9": 1, "": 1},
}


@pytest.fixture
def documents(db: Database) -> Database:
    db.create_all(FilteredShelf, Filtered)
    rows = [Filtered(title=title, meta=meta) for title, meta in DOCUMENTS.items()]
    repository(Filtered, db).add_all(rows)
    return db


def at(op: str, *value: Any, path: list[Any] | None = None) -> dict[str, Any]:
    return leaf("meta", op, *value) | {"path": ["a"] if path is None else path}


NUMBERS, THERE = {"five", "exact"}, {"true", "five", "exact", "text", "day", "array", "object"}
EVERYTHING = set(DOCUMENTS)
CASES: list[tuple[dict[str, Any], set[str], set[str]]] = [
    (at("eq", 5), {"five"}, {"exact"}),
    (leaf("meta.a", "eq", 5.0), {"five"}, {"exact"}),
    (at("eq", 2**53), set(), NUMBERS),
    (at("eq", 2**53 + 1), {"exact"}, {"five"}),
    (at("ne", 5), {"exact"}, {"five"}),
    (at("gt", 4.5), NUMBERS, set()),
    (at("between", [5, 6]), {"five"}, {"exact"}),
    (at("in", [5, 6.5]), {"five"}, {"exact"}),
    (at("not_in", [5, 6]), {"exact"}, {"five"}),
    (at("in", []), set(), EVERYTHING),
    (at("not_in", []), EVERYTHING, set()),
    (at("eq", "5"), {"text"}, {"day"}),
    (at("lt", "3"), {"day"}, {"text"}),
    (at("like", "2024-%"), {"day"}, {"text"}),
    (at("starts_with", "2024%"), set(), {"text", "day"}),
    (at("contains", "4-0"), {"day"}, {"text"}),
    (at("eq", *[True]), {"true"}, set()),
    (at("eq", 1), set(), NUMBERS),
    (at("eq", ["x", 5, None]), {"array"}, set()),
    (at("contains", ["x", None]), {"array"}, set()),
    (at("contains", {"b": {"c": [20]}}), {"object"}, set()),
    (at("has_any", [5, "y"]), {"array"}, set()),
    (at("has_all", [5, "y"]), set(), {"array"}),
    (at("is_null"), EVERYTHING - THERE, THERE),
    (at("is_null", *[False]), THERE, EVERYTHING - THERE),
    (at("exists"), THERE | {"null"}, EVERYTHING - THERE - {"null"}),
    (at("exists", *[False]), EVERYTHING - THERE - {"null"}, THERE | {"null"}),
    (at("eq", 20, path=["a", "b", "c", 1]), {"object"}, set()),
    (leaf("meta.a.b.c", "contains", [10]), {"object"}, set()),
    (at("eq", 1, path=["a.b"]), {"odd"}, set()),
    (at("eq", 1, path=['q"']), {"odd"}, set()),
    (at("eq", 1, path=["$"]), {"odd"}, set()),
    (at("eq", 1, path=["\u00e9"]), {"odd"}, set()),
    (leaf("meta.", "eq", 1), {"odd"}, set()),
    (at("eq", {}, path=[]), {"missing"}, EVERYTHING - {"null column", "missing"}),
    (at("contains", {"a": 5}, path=[]), {"five"}, EVERYTHING - {"null column", "five"}),
]
"""A filter, the rows for which it is true, and those for which it is false; else unknown."""


def titles(db: Database, *condition: Any) -> set[str | None]:
    return {row.title for row in repository(Filtered, db).where(*condition).all()}


def test_documents_follow_the_table_of_truth(documents: Database) -> None:
    for document, true, false in CASES:
        assert titles(documents, document) == true, document
        assert titles(documents, {"not": document}) == false, document


def test_the_short_form_takes_a_date(documents: Database) -> None:
    assert titles(documents, "meta.a", ">=", date(2024, 2, 29)) == {"day"}
    assert titles(documents, "meta.a", "in", {"5", "6"}) == {"text"}
    assert titles(documents, "meta.a", "==", ("x", 5, None)) == {"array"}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (at("lt", *[True]), "$.value", "expected a number or text, got True"),
    (at("lt", [1]), "$.value", "expected a number or text, got [1]"),
    (at("eq", None), "$.value", "null compares with nothing"),
    (at("in", [1, "x"]), "$.value", "expected values of one type, got a number and text"),
    (at("in", [1, None]), "$.value[1]", "expected a number, text or a boolean, got null"),
    (at("in", [[1]]), "$.value[0]", "expected a number, text or a boolean, got [1]"),
    (at("between", [1, "x"]), "$.value", "expected values of one type, got a number and text"),
    (at("between", [1, *[True]]), "$.value[1]", "expected a number or text, got True"),
    (at("like", 5), "$.value", "expected text, got 5"),
    (at("contains", 5), "$.value", "expected text, a list or an object, got 5"),
    (at("contains", {"x": [[1]]}), '$.value["x"][0]', "a list that is contained holds text"),
    (at("has_any", "x"), "$.value", "expected a list of values, got 'x'"),
    (at("has_any", [{}]), "$.value[0]", "expected a number, text or a boolean, got {}"),
    (at("eq", float("nan")), "$.value", "expected a finite number, got nan"),
    (at("eq", {"x": [2**63]}), '$.value["x"][0]', "9223372036854775808 does not fit into 64"),
    (at("eq", {"x": "\0"}), '$.value["x"]', "text holds NUL at 0"),
    (at("eq", {"\ud800": 1}), "$.value", "text is not Unicode at 0"),
    (at("eq", {1: 1}), "$.value", "a key of an object is text, got 1"),
    (at("eq", date(2024, 1, 1)), "$.value", "expected a JSON value, got datetime.date(2024"),
    (at("eq", 1, path=[-1]), "$.path[0]", "expected a key as text, or a place from 0 to 21474"),
    (at("eq", 1, path=["x", *[True]]), "$.path[1]", "expected a key as text, or a place from"),
    (at("eq", 1, path=[2**31]), "$.path[0]", "expected a key as text, or a place from 0 to"),
    (at("eq", 1, path=["\0"]), "$.path[0]", "text holds NUL at 0"),
    (at("eq", 1, path=["x"] * 33), "$.path", "expected a list of 32 steps or fewer"),
    (leaf("meta." + "x." * 32, "eq", 1), "$.field", "expected a list of 32 steps or fewer"),
    (leaf("meta", "eq", 1) | {"path": "a"}, "$.path", "expected a list of 32 steps or fewer"),
]


@pytest.mark.engines("sqlite")
def test_what_no_document_holds_is_refused(documents: Database) -> None:
    for document, path, problem in REFUSED:
        with pytest.raises(InvalidFilter) as caught:
            parse_filter(Filtered, document)
        assert (caught.value.path, caught.value.problem[: len(problem)]) == (path, problem)


def nested(depth: int) -> Any:
    made: Any = 1
    for _ in range(depth):
        made = {"a": made}
    return made


def test_the_values_of_json_are_limited() -> None:
    deep = nested(40)
    holds_itself: list[Any] = []
    holds_itself.append(holds_itself)
    for value, problem in [
        (deep, "values are nested at most 32 deep"),
        (holds_itself, "values are nested at most 32 deep"),
        ([1] * 1001, "expected at most 1,000 values, got 1,001"),
        ([[1] * 1000] * 6, "a filter has at most 5,000 values in all"),
        ("x" * 65_537, "expected text of at most 65,536 characters, got 65,537"),
    ]:
        with pytest.raises(InvalidFilter) as caught:
            parse_filter(Filtered, at("eq", value))
        assert caught.value.problem == problem
    with pytest.raises(InvalidFilter, match="is contained is nested at most 8 deep"):
        parse_filter(Filtered, at("contains", nested(9)))
    with pytest.raises(InvalidFilter, match="at most 2,000 steps, times their values"):
        parse_filter(Filtered, {"or": [at("eq", 1, path=["x"] * 30)] * 67})
