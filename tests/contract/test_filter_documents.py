"""A filter document finds what the expression finds, on every engine."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ColumnElement, and_, not_, or_
from sqlmodel import Session

from agentorm import Database, col, parse_filter, repository
from tests.filtered import Filtered, FilteredShelf, Rank, Shade, leaf

LOW, HIGH = UUID(int=1), UUID(int=2**128 - 1)
FORMS: dict[str, tuple[list[Any], list[Any]]] = {
    "title": (["B", "a%_\\", "\u00e9\U0001f600"], ["B", "a%_\\", "\u00e9\U0001f600"]),
    "n": ([-(2**63), 0, 2**53 + 1], [-(2**63), 0, 2**53 + 1]),
    "flag": ([False, True], [False, True]),
    "real": ([-1.5, 0.1, 1e300], [-1.5, 0.1, 1e300]),
    "price": ([Decimal("-1.5"), Decimal("0.1"), Decimal(7)], ["-1.5", 0.1, 7]),
    "day": ([date(1, 1, 1), date(2024, 2, 29)], ["0001-01-01", "2024-02-29"]),
    "at": (
        [datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 1, 12, 0, 0, 1, UTC)],
        ["2024-01-01T14:00:00+02:00", "2024-01-01T12:00:00.000001Z"],
    ),
    "naive": (
        [datetime(2024, 3, 31, 2, 30), datetime(9999, 12, 31)],  # noqa: DTZ001
        ["2024-03-31T02:30:00", "9999-12-31T00:00:00"],
    ),
    "hour": ([time(0, 0, 0, 1), time(23, 59)], ["00:00:00.000001", "23:59"]),
    "lasting": ([timedelta(days=-1), timedelta(hours=25)], ["-P1D", "PT25H"]),
    "uid": ([LOW, HIGH], [str(LOW), str(HIGH)]),
    "shade": ([Shade.red, Shade.blue], ["r", 2]),
    "rank": ([Rank.low, Rank.high], [1, 2]),
    "kind": (["draft", "final"], ["draft", "final"]),
    "step": ([1, 3], [1, 3]),
}
"""Values of each field in Python, and the same in JSON; the first two sort in this order."""
ORDERED = {"title", "n", "real", "price", "day", "at", "naive", "hour", "lasting", "uid", "step"}
COMPARING: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


@pytest.fixture
def filtered(db: Database) -> Database:
    """Each value of each field in a row of its own, and a row without any."""
    db.create_all(FilteredShelf, Filtered)
    rows = [{name: value} for name, (values, _) in FORMS.items() for value in values]
    repository(Filtered, db).add_all([Filtered(**row) for row in rows] + [Filtered()])
    return db


def found(where: Database | Session, condition: Any) -> set[int | None]:
    return {row.id for row in repository(Filtered, where).where(condition).all()}


def comparisons(field: str) -> list[tuple[dict[str, Any], ColumnElement[bool]]]:
    """Every operator of a field as a document, and as an expression."""
    column: Any = col(getattr(Filtered, field))
    values, written = FORMS[field]
    names = [name for name in COMPARING if field in ORDERED or name in {"eq", "ne"}]
    pairs = [
        (leaf(field, name, given), COMPARING[name](column, value))
        for name in names
        for value, given in zip(values, written, strict=True)
    ]
    pairs += [
        (leaf(field, "in", written[:2]), column.in_(values[:2])),
        (leaf(field, "not_in", written[:1]), column.not_in(values[:1])),
        (leaf(field, "in", []), column.in_([])),
        (leaf(field, "not_in", []), column.not_in([])),
        (leaf(field, "is_null"), column.is_(None)),
        (leaf(field, "is_null", *[False]), column.is_not(None)),
    ]
    if field in ORDERED:
        pairs.append((leaf(field, "between", written[:2]), column.between(*values[:2])))
    return pairs


def test_each_operator_of_each_field_finds_the_same(filtered: Database) -> None:
    with filtered.session() as session:
        for field in FORMS:
            check_operators(session, field)


def check_operators(filtered: Session, field: str) -> None:
    everything = found(filtered, leaf("id", "gt", 0))
    with_value = found(filtered, leaf(field, "is_null", *[False]))
    assert len(with_value) == len(FORMS[field][0])
    for document, expression in comparisons(field):
        rows = found(filtered, document)
        assert rows == found(filtered, expression), document
        negated = found(filtered, {"not": document})
        assert negated == found(filtered, not_(expression)), document
        known = everything if document["op"] == "is_null" or document["value"] == [] else with_value
        assert rows | negated == known, document
        assert not rows & negated


def test_each_value_is_found_by_itself(filtered: Database) -> None:
    with filtered.session() as session:
        rows = repository(Filtered, session)
        for field, (values, written) in FORMS.items():
            for value, given in zip(values, written, strict=True):
                row = rows.where(leaf(field, "eq", given)).one()
                assert getattr(row, field) == value
                assert rows.where(field, "=", value).one() is row


SEARCHES: list[tuple[str, str, list[str]]] = [
    ("like", "a%", ["a%_\\"]),
    ("like", "_", ["B"]),
    ("like", "%\\", ["a%_\\"]),
    ("like", "\\", []),
    ("ilike", "b", ["B"]),
    ("like", "b", []),
    ("contains", "%_", ["a%_\\"]),
    ("contains", "_%", []),
    ("contains", "\U0001f600", ["\u00e9\U0001f600"]),
    ("contains", "", ["B", "a%_\\", "\u00e9\U0001f600"]),
    ("starts_with", "a%", ["a%_\\"]),
    ("starts_with", "%", []),
    ("starts_with", "/", []),
]


def test_text_is_searched(filtered: Database) -> None:
    rows = repository(Filtered, filtered)
    for op, value, titles in SEARCHES:
        query = rows.where(leaf("title", op, value)).order_by(Filtered.id)
        assert [row.title for row in query.all()] == titles, (op, value)
        others = rows.where({"not": leaf("title", op, value)}).all()
        assert len(others) == 3 - len(titles)


def test_groups_follow_the_logic_of_three_values(filtered: Database) -> None:
    one, other = leaf("n", "gt", -5), leaf("n", "is_null")
    n, title = col(Filtered.n), col(Filtered.title)
    for document, expression in [
        ({"and": [one, other]}, and_(n > -5, n.is_(None))),
        ({"or": [one, other]}, or_(n > -5, n.is_(None))),
        ({"not": {"or": [one, leaf("title", "eq", "B")]}}, not_(or_(n > -5, title == "B"))),
        ({"not": {"and": [one, other]}}, not_(and_(n > -5, n.is_(None)))),
        ({"and": [{"or": [one, {"not": one}]}]}, n.is_not(None)),
    ]:
        assert found(filtered, document) == found(filtered, expression), document


def test_a_document_serves_any_statement(filtered: Database) -> None:
    condition = parse_filter(Filtered, leaf("n", "in", [0, 7]))
    assert repository(Filtered, filtered).delete_where(condition) == 1
    assert repository(Filtered, filtered).where("n", "is_null", *[False]).count() == 2


def in_groups(leaves: list[Any], *groups: str) -> Any:
    """The conditions in 31 groups within each other, the deepest last."""
    made: Any = leaves.pop()
    share = len(leaves) // 31 + 1
    for level in range(31):
        some = leaves[level * share : (level + 1) * share]
        made = {groups[level % len(groups)]: [*some, made]}
    return made


def negated(made: Any) -> Any:
    """The condition under 15 negations, each of a group."""
    for level in range(15):
        made = {"not": {"or" if level % 2 else "and": [leaf("n", "is_null"), made]}}
    return made


LARGEST: dict[str, tuple[Callable[[], Any], int]] = {
    "or": (lambda: {"or": [leaf("n", "eq", n) for n in range(999)]}, 1),
    "and": (lambda: {"and": [leaf("n", "ne", n + 1) for n in range(999)]}, 3),
    "not": (lambda: {"or": [{"not": leaf("n", "ne", n)} for n in range(499)]}, 1),
    "lists": (
        lambda: {"or": [leaf("n", "in", [*range(k, k + 1000)]) for k in range(0, 5000, 1000)]},
        1,
    ),
    "groups": (lambda: in_groups([leaf("n", "ge", -n) for n in range(968)], "or", "and"), 2),
    "one group": (lambda: in_groups([leaf("n", "eq", n) for n in range(968)], "or"), 1),
    "pairs": (lambda: in_groups([leaf("n", "ge", -n) for n in range(31)], "or", "and"), 2),
    "negated": (lambda: negated(leaf("n", "eq", 0)), 35),
    "json": (lambda: {"or": [leaf("meta.a.b", "ne", n) for n in range(999)]}, 0),
    "json lists": (lambda: {"or": [leaf("tags", "has_any", [*range(1000)])] * 4}, 0),
    "json steps": (lambda: leaf("meta", "eq", 1) | {"path": [0, *["a"] * 31]}, 0),
    "texts": (lambda: leaf("title", "in", ["\U0001f600" * 65_536] * 15), 0),
    "patterns": (lambda: {"or": [leaf("title", "contains", "\U0001f600" * 8_192)] * 120}, 0),
    "escapes": (lambda: {"or": [leaf("title", "starts_with", "_" * 8_192)] * 120}, 0),
    "ilike": (lambda: {"or": [leaf("title", "ilike", f"%{n}%") for n in range(999)]}, 0),
}


@pytest.mark.untraced
def test_the_largest_filters_are_answered(filtered: Database) -> None:
    for name, (made, count) in LARGEST.items():
        assert repository(Filtered, filtered).where(made()).count() == count, name
