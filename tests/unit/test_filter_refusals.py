"""Filter documents that mean nothing: refused at once, with the path and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from agentorm import InvalidFilter, InvalidQuery, UnknownField, parse_filter
from tests.filtered import Filtered, leaf

YES = True
ORDERED = "eq, ne, in, not_in, lt, le, gt, ge, between, is_null"
NO_VALUE = "use the operator is_null to find what has no value"


def refused(document: object) -> InvalidFilter:
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(Filtered, document)
    return caught.value


def sql(document: object) -> str:
    return str(parse_filter(Filtered, document))


def bound(document: object) -> list[Any]:
    return list(parse_filter(Filtered, document).compile().params.values())


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            leaf("titel", "eq", "x"),
            "$.field: Filtered has no field 'titel' to filter by; did you mean 'title'?",
        ),
        (
            leaf("shelf", "eq", 1),
            "$.field: Filtered has no field 'shelf' to filter by; did you mean 'shelf_id'?",
        ),
        (leaf("title.x", "eq", "x"), "$.field: Filtered.title is no JSON field, it has no path"),
        (
            leaf("title", "eq", "x") | {"path": ["x"]},
            "$.path: Filtered.title is no JSON field, it has no path",
        ),
        (
            leaf("meta.a", "eq", "x") | {"path": ["x"]},
            "$.path: the path is given in the field's name too; give all of it in 'path'",
        ),
        (
            leaf("n", "like", "5%"),
            f"$.op: 'like' does not fit Filtered.n; use one of {ORDERED}",
        ),
        (
            leaf("flag", "lt", YES),
            "$.op: 'lt' does not fit Filtered.flag; use one of eq, ne, in, not_in, is_null",
        ),
        (
            leaf("shade", "gt", 2),
            "$.op: 'gt' does not fit Filtered.shade; use one of eq, ne, in, not_in, is_null",
        ),
        (
            leaf("flag", "has_any", [True]),
            "$.op: 'has_any' does not fit Filtered.flag; use one of eq, ne, in, not_in, is_null",
        ),
        (leaf("n", ">=", 1), "$.op: unknown operator '>='; write 'ge'"),
        (
            leaf("flag", "equals", YES),
            "$.op: unknown operator 'equals'; Filtered.flag has eq, ne, in, not_in, is_null",
        ),
        (leaf("n", "eq"), "$: 'eq' needs a 'value': one value"),
        (
            leaf("n", "eq", None),
            f"$.value: null compares with nothing; {NO_VALUE}",
        ),
        (leaf("n", "in", 5), "$.value: expected a list of values, got 5"),
        (
            leaf("n", "between", [1]),
            "$.value: expected a list of two values, the lowest and the highest, got 1",
        ),
        (leaf("n", "is_null", None), "$.value: expected true or false, got null"),
        (leaf("n", "is_null", 1), "$.value: expected true or false, got 1"),
        ({"and": []}, "$.and: expected a list of 1 or more, got []"),
        ({"or": {}}, "$.or: expected a list of 1 or more, got {}"),
        ({"and": [leaf("n", "eq", 1), {"not": leaf("n", "eq", "1")}]}, None),
    ],
)
def test_what_means_nothing_is_refused_with_its_path(document: Any, message: str | None) -> None:
    error = refused(document)
    assert str(error) == (message or "$.and[1].not.value: Filtered.n: expected an integer, got '1'")
    assert str(error).startswith(f"{error.path}: {error.problem}")


FORMS = "{'and': [...]}, {'or': [...]}, {'not': ...} or {'field': ..., 'op': ..., 'value': ...}"


class Falsely(dict[str, Any]):
    pass


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (None, f"expected {FORMS}, got null"),
        ([], f"expected {FORMS}, got []"),
        ("title = 'x'", f"expected {FORMS}, got \"title = 'x'\""),
        ({}, f"expected {FORMS}, got the keys none"),
        (Falsely(leaf("n", "eq", 1)), f"expected {FORMS}, got "),
        ({"and": [leaf("n", "eq", 1)], "or": []}, f"expected {FORMS}, got the keys 'and', 'or'"),
        (leaf("n", "eq", 1) | {"x": 1}, f"expected {FORMS}, got the keys 'field', 'op', 'value'"),
        ({1: 2}, f"expected {FORMS}, got the keys 1"),
        ({Text("not"): leaf("n", "eq", 1)}, f"expected {FORMS}, got the keys 'not'"),
        ({"op": "eq", "value": 1}, "'field' is missing"),
        ({"field": "n", "value": 1}, "'op' is missing"),
    ],
)
def test_a_document_of_another_shape_is_refused(document: object, problem: str) -> None:
    error = refused(document)
    assert error.path == "$"
    assert error.problem.startswith(problem)


def test_of_a_million_keys_the_first_are_told() -> None:
    error = refused({str(key): key for key in range(1_000_000)})
    assert error.path == "$"
    assert error.problem.startswith(f"expected {FORMS}, got the keys '0', '1'")


def deep(levels: int) -> Any:
    made: Any = leaf("n", "eq", 1)
    for _ in range(levels - 1):
        made = {"not": made}
    return made


def test_conditions_nest_32_deep() -> None:
    assert sql(deep(32)) == "filtered.n != :n_1"
    assert refused(deep(33)).problem == "conditions are nested at most 32 deep"
    assert refused(deep(100_000)).path == "$" + ".not" * 32


def test_a_document_that_holds_itself_is_too_deep() -> None:
    document: dict[str, Any] = {}
    document["and"] = [document]
    assert refused(document).problem == "conditions are nested at most 32 deep"


def test_a_filter_has_1000_conditions() -> None:
    ones = [leaf("n", "eq", 1)] * 999
    assert sql({"or": ones}).count("filtered.n = :n_") == 999
    error = refused({"or": [*ones, leaf("n", "eq", 1)]})
    assert (error.path, error.problem) == ("$.or", "a filter has at most 1,000 conditions")
    assert refused({"or": [leaf("n", "eq", 1)] * 10_000_000}).path == "$.or"
    assert refused({"and": [{"or": ones[:900]}, {"or": ones}]}).path == "$.and[1].or"


def test_a_list_has_1000_values() -> None:
    assert bound(leaf("n", "in", [1] * 1000)) == [[1] * 1000]
    error = refused(leaf("n", "in", [1] * 1001))
    assert (error.path, error.problem) == ("$.value", "expected at most 1,000 values, got 1,001")
    many = {"or": [leaf("n", "in", [1] * 1000)] * 6}
    assert str(refused(many)) == "$.or[5].value: a filter has at most 5,000 values in all"


def test_a_text_has_65536_characters() -> None:
    assert bound(leaf("title", "eq", "x" * 65_536)) == ["x" * 65_536]
    error = refused(leaf("title", "eq", "x" * 65_537))
    assert error.problem == "expected text of at most 65,536 characters, got 65,537"
    assert refused(leaf("x" * 65_537, "eq", 1)).path == "$.field"
    many = {"or": [leaf("title", "eq", "x" * 60_000)] * 17}
    assert refused(many).problem == "a filter has at most 1,000,000 characters of text in all"


@pytest.mark.parametrize("field", ["raw", "embedding"])
def test_vectors_and_bytes_are_no_fields_to_filter_by(field: str) -> None:
    assert "which no filter compares" in refused(leaf(field, "is_null")).problem


def test_the_fields_can_be_limited() -> None:
    only = ["title", Filtered.n]
    parse_filter(Filtered, leaf("n", "eq", 1), fields=only)
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(Filtered, leaf("prise", "eq", 1), fields=only)
    assert str(caught.value) == (
        "$.field: Filtered has no field 'prise' to filter by; it has title, n"
    )
    with pytest.raises(InvalidFilter):
        parse_filter(Filtered, leaf("flag", "eq", YES), fields=only)
    with pytest.raises(UnknownField):
        parse_filter(Filtered, leaf("n", "eq", 1), fields=["nn"])
    with pytest.raises(InvalidQuery, match=r"no filter compares Filtered\.raw"):
        parse_filter(Filtered, leaf("n", "eq", 1), fields=["raw"])
    with pytest.raises(InvalidQuery, match="expected names of fields"):
        parse_filter(Filtered, leaf("n", "eq", 1), fields="title")


def test_a_class_that_is_not_mapped_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="expected a mapped class"):
        parse_filter(int, {})
