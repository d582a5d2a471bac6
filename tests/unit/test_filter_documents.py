"""Filter documents: what they mean as SQL, and how they are refused."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from agentorm import InvalidFilter, InvalidQuery, parse_filter, repository
from tests.filtered import Filtered, FilteredPlain, FilteredRow, Rank, Shade, leaf

HUGE, HUGE_TOLD = 10**6000, "an integer of 19,932 bits"
UID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def sql(document: object, model: type[Any] = Filtered) -> str:
    made = parse_filter(model, document)
    return str(made.compile(compile_kwargs={"render_postcompile": True})).replace("\n", "")


def refused(document: object, model: type[Any] = Filtered) -> InvalidFilter:
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(model, document)
    return caught.value


def bound(document: object, model: type[Any] = Filtered) -> list[Any]:
    return list(parse_filter(model, document).compile().params.values())


def test_groups_and_comparisons_are_the_expressions_one_would_write() -> None:
    document = {
        "and": [
            leaf("title", "eq", "x"),
            {"or": [leaf("n", "lt", 5), {"not": leaf("n", "in", [7, 8])}]},
        ]
    }
    assert sql(document) == (
        "filtered.title = :title_1 AND (filtered.n < :n_1 OR (filtered.n NOT IN (:n_2_1, :n_2_2)))"
    )


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("eq", "a", "filtered.title = :title_1"),
        ("ne", "a", "filtered.title != :title_1"),
        ("lt", "a", "filtered.title < :title_1"),
        ("le", "a", "filtered.title <= :title_1"),
        ("gt", "a", "filtered.title > :title_1"),
        ("ge", "a", "filtered.title >= :title_1"),
        ("in", ["a", "b"], "filtered.title IN (:title_1_1, :title_1_2)"),
        ("not_in", ["a"], "(filtered.title NOT IN (:title_1_1))"),
        ("between", ["a", "b"], "filtered.title BETWEEN :title_1 AND :title_2"),
        ("like", "a%", "filtered.title LIKE :title_1"),
        ("ilike", "a%", "lower(filtered.title) LIKE lower(:title_1)"),
        ("contains", "a%", "filtered.title LIKE '%' || :title_1 || '%' ESCAPE '/'"),
        ("starts_with", "a_", "filtered.title LIKE :title_1 || '%' ESCAPE '/'"),
        ("is_null", True, "filtered.title IS NULL"),
        ("is_null", False, "filtered.title IS NOT NULL"),
    ],
)
def test_each_operator_of_a_plain_field(op: str, value: Any, expected: str) -> None:
    assert sql(leaf("title", op, value)) == expected


def test_is_null_needs_no_value() -> None:
    assert sql(leaf("n", "is_null")) == "filtered.n IS NULL"


def test_parts_are_taken_literally() -> None:
    assert bound(leaf("title", "contains", "50%_/x")) == ["50/%/_//x"]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("n", 5, 5),
        ("n", 5.0, 5),
        ("n", 2**63 - 1, 2**63 - 1),
        ("n", -(2**63), -(2**63)),
        ("real", 2, 2),
        ("real", 1e308, 1e308),
        ("price", "12.50", Decimal("12.50")),
        ("price", 0.1, Decimal("0.1")),
        ("price", 7, Decimal(7)),
        ("day", "2024-02-29", date(2024, 2, 29)),
        ("at", "2024-01-01T12:00:00Z", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        ("at", "2024-01-01 12:00:00.5+02:00", datetime(2024, 1, 1, 10, 0, 0, 500_000, UTC)),
        ("at", "2024-01-01T12:00", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        ("aware", "2024-01-01T12:00:00-01:00", datetime(2024, 1, 1, 13, tzinfo=UTC)),
        ("naive", "2024-01-01T12:00:00", datetime(2024, 1, 1, 12)),  # noqa: DTZ001
        ("hour", "12:30", time(12, 30)),
        ("hour", "23:59:59.999999", time.max),
        ("lasting", "P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("lasting", "-PT0.000001S", timedelta(microseconds=-1)),
        ("uid", UID, UUID(UID)),
        ("uid", UID.upper(), UUID(UID)),
        ("shade", "r", Shade.red),
        ("shade", 2, Shade.blue),
        ("rank", 2, Rank.high),
        ("kind", "final", "final"),
        ("step", 3, 3),
        ("isbn", "978", "978"),
    ],
)
def test_values_are_read_by_the_type_of_the_field(field: str, value: Any, expected: Any) -> None:
    document = leaf(field, "eq", value)
    assert bound(document) == [expected]
    assert bound(json.loads(json.dumps(document))) == [expected]
    assert bound(leaf(field, "in", [value])) == [[expected]]


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("n", "5", "Filtered.n: expected an integer, got '5'"),
        ("n", 5.5, "Filtered.n: expected an integer, got 5.5"),
        ("n", True, "Filtered.n: expected an integer, got True"),
        ("n", 2**63, "Filtered.n: 9223372036854775808 does not fit into 64 bits"),
        pytest.param("n", HUGE, f"Filtered.n: {HUGE_TOLD} does not fit into 64 bits", id="huge"),
        ("n", [1], "Filtered.n: expected an integer, got [1]"),
        ("flag", 1, "Filtered.flag: expected true or false, got 1"),
        ("flag", "true", "Filtered.flag: expected true or false, got 'true'"),
        ("real", "1", "Filtered.real: expected a number, got '1'"),
        ("real", float("nan"), "Filtered.real: expected a finite number, got nan"),
        ("real", float("-inf"), "Filtered.real: expected a finite number, got -inf"),
        ("price", "1e5", "Filtered.price: expected a number, or one as text, got '1e5'"),
        ("price", "NaN", "Filtered.price: expected a number, or one as text, got 'NaN'"),
        ("price", "\u0661", "Filtered.price: expected a number, or one as text, got '\u0661'"),
        ("day", "2024-02-30", "Filtered.day: expected a date as '2024-02-29', got '2024-02-30'"),
        ("day", "20240229", "Filtered.day: expected a date as '2024-02-29', got '20240229'"),
        ("hour", "24:00", "Filtered.hour: expected a time of day as '12:30:00', got '24:00'"),
        ("shade", "red", "Filtered.shade: expected one of 'r', 2, got 'red'"),
        ("shade", [0, 0], "Filtered.shade: expected one of 'r', 2, got [0, 0]"),
        ("rank", "high", "Filtered.rank: expected one of 1, 2, got 'high'"),
        ("rank", True, "Filtered.rank: expected one of 1, 2, got True"),
        ("kind", "x", "Filtered.kind: expected one of 'draft', 'final', got 'x'"),
        ("step", 4, "Filtered.step: expected one of 1, 2, 3, got 4"),
        ("title", 5, "Filtered.title: expected text, got 5"),
        ("title", "a\0", "Filtered.title: text holds NUL at 1, which engines refuse"),
        ("title", "\ud800", "Filtered.title: text is not Unicode at 0: surrogates not allowed"),
        ("title", {"$ne": 1}, "Filtered.title: expected text, got {'$ne': 1}"),
    ],
)
def test_a_value_of_another_type_is_refused(field: str, value: Any, problem: str) -> None:
    error = refused(leaf(field, "eq", value))
    assert (error.path, str(error)) == ("$.value", f"$.value: {problem}")
    assert refused({"and": [leaf(field, "in", [value])]}).path == "$.and[0].value[0]"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", "2024-01-01"),
        ("at", "now"),
        ("at", "1704067200"),
        ("at", "0001-01-01T00:00:00+01:00"),
        ("aware", "2024-01-01T12:00:00"),
        ("naive", "2024-01-01T12:00:00Z"),
        ("lasting", "P"),
        ("lasting", "PT"),
        ("lasting", "1 day"),
        ("lasting", "P999999999D"),
        ("uid", UID.replace("-", "")),
        ("uid", "{" + UID + "}"),
        ("hour", "12:30:00Z"),
        ("price", "1" * 41),
        ("price", 1e300),
        ("day", date(2024, 1, 1)),
        ("price", Decimal(1)),
        ("uid", UUID(UID)),
        ("shade", Shade.red),
        ("title", b"x"),
    ],
)
def test_a_value_in_another_form_is_refused(field: str, value: Any) -> None:
    assert refused(leaf(field, "eq", value)).path == "$.value"


@pytest.mark.parametrize(
    ("model", "field", "value", "expected"),
    [
        (FilteredPlain, "title", "x", "x"),
        (FilteredPlain, "n", 2**40, 2**40),
        (FilteredPlain, "flag", False, None),
        (FilteredPlain, "real", 1, 1),
        (FilteredPlain, "price", "1.5", Decimal("1.5")),
        (FilteredPlain, "at", "2024-01-01T12:00:00Z", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        (FilteredPlain, "uid", UID, UUID(UID)),
        (FilteredPlain, "shade", 2, Rank.high),
        (FilteredPlain, "kind", "draft", "draft"),
        (FilteredRow, "title", "x", "x"),
        (FilteredRow, "small", 2**40, 2**40),
        (FilteredRow, "price", 1.5, 1.5),
        (FilteredRow, "at", "2024-01-01T12:00:00Z", datetime(2024, 1, 1, 12, tzinfo=UTC)),
        (FilteredRow, "uid", UID, UID),
        (FilteredRow, "color", "red", "red"),
        (FilteredRow, "kind", "draft", "draft"),
    ],
)
def test_classes_that_are_no_entities_are_read_by_their_columns(
    model: type[Any], field: str, value: Any, expected: Any
) -> None:
    assert bound(leaf(field, "eq", value), model) == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (FilteredPlain, "kind", "x"),
        (FilteredPlain, "at", "2024-01-01T12:00:00"),
        (FilteredPlain, "shade", "low"),
        (FilteredRow, "at", "2024-01-01T12:00:00"),
        (FilteredRow, "color", "green"),
        (FilteredRow, "kind", "x"),
    ],
)
def test_their_values_are_checked_too(model: type[Any], field: str, value: Any) -> None:
    assert refused(leaf(field, "eq", value), model).path == "$.value"


@pytest.mark.parametrize("field", ["plain", "raw"])
def test_columns_without_a_form_are_refused(field: str) -> None:
    assert refused(leaf(field, "is_null"), FilteredRow).path == "$.field"


class Text(str):
    __slots__ = ()


BERLIN = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("field", "symbol", "value", "expected"),
    [
        ("n", "=", 5, "n = 5"),
        ("n", "==", Rank.high, "n = 2"),
        ("n", "!=", 5, "n != 5"),
        ("n", "<>", 5, "n != 5"),
        ("n", "<", 5, "n < 5"),
        ("n", "<=", 5, "n <= 5"),
        ("n", ">", 5, "n > 5"),
        ("n", ">=", 5, "n >= 5"),
        ("n", "in", {5}, "n IN (5)"),
        ("n", "between", (1, 2), "n BETWEEN 1 AND 2"),
        ("title", "starts_with", Text("x"), "title LIKE 'x' || '%' ESCAPE '/'"),
        ("price", "<", Decimal("1.5"), "price < 1.5"),
        ("day", "=", date(2024, 1, 2), "day = '2024-01-02'"),
        ("day", "=", "2024-01-02", "day = '2024-01-02'"),
        ("shade", "=", Shade.red, "shade = 'red'"),
        ("shade", "=", "r", "shade = 'red'"),
    ],
)
def test_the_short_form(field: str, symbol: str, value: Any, expected: str) -> None:
    (made,) = repository(Filtered).where(field, symbol, value).filters
    text = str(made.compile(compile_kwargs={"literal_binds": True}))
    assert text.strip("()") == expected.replace(field, f"filtered.{field}", 1).strip("()")


@pytest.mark.parametrize(
    ("field", "op", "value", "message"),
    [
        ("at", "=", date(2024, 1, 1), "$.value: Filtered.at: expected a date and time as"),
        ("day", "=", datetime(2024, 1, 1, tzinfo=UTC), "$.value: Filtered.day: expected a date"),
        ("aware", "=", datetime(2024, 1, 1), "$.value: Filtered.aware: expected a datetime with"),  # noqa: DTZ001
        ("naive", "=", datetime(2024, 1, 1, tzinfo=BERLIN), "$.value: Filtered.naive: expected a"),
        ("price", "=", Decimal("NaN"), "$.value: Filtered.price: expected a finite number"),
        ("price", "=", Decimal("1e999999"), "$.value: Filtered.price: expected a finite number"),
        ("shade", "=", Rank.low, "$.value: Filtered.shade: expected one of 'r', 2"),
        ("hour", "=", time(1, tzinfo=UTC), "$.value: Filtered.hour: 01:00:00+00:00 has a time"),
        ("n", "~", 1, "$.op: unknown operator '~'"),
        ("n", ["="], 1, "$.op: unknown operator ['=']"),
        ("n", "=", None, "$.value: null compares with nothing"),
        ("nn", "=", 1, "$.field: Filtered has no field 'nn'"),
    ],
)
def test_the_short_form_is_refused_alike(field: str, op: Any, value: Any, message: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        repository(Filtered).where(field, op, value)
    assert str(caught.value).startswith(message)


def test_where_takes_documents_beside_conditions() -> None:
    query = repository(Filtered).where(leaf("n", "eq", 1), Filtered.title == "x")
    query = query.where("flag", "is_null")
    assert repr(query) == (
        "SyncQuery(Filtered).where(filtered.n = :n_1).where(filtered.title = :title_1)"
        ".where(filtered.flag IS NULL)"
    )


@pytest.mark.parametrize("given", [("n = 1",), (5,), ("n", "=", 1, 2), (None,)])
def test_what_is_no_condition_is_still_refused(given: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidQuery, match="expected a condition"):
        repository(Filtered).where(*given)


@pytest.mark.parametrize("mapping", [dict, OrderedDict, MappingProxyType])
def test_a_query_takes_any_mapping_for_a_document(mapping: Callable[[Any], Any]) -> None:
    document = {"field": "n", "op": "eq", "value": 1}
    (made,) = repository(Filtered).where(mapping(document)).filters
    assert str(made) == "filtered.n = :n_1"
