"""Conditions follow SQL's three-valued logic; order, limit and offset are the same everywhere."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import and_, false, func, not_, or_, true, tuple_
from sqlmodel import select

from agentorm import Database, InvalidQuery, col, repository
from tests.contract.models import Doc

A, B = "science", "art"


@pytest.fixture
def docs(library: Database) -> Database:
    """Documents a to e; c has no topic."""
    rows = [("a", A, 3), ("b", B, 1), ("c", None, 2), ("d", A, 1), ("e", "Art", 5)]
    repository(Doc, library).add_all(Doc(title=title, topic=topic, n=n) for title, topic, n in rows)
    return library


def found(db: Database, *conditions: Any) -> str:
    query = repository(Doc, db).where(*conditions).order_by(Doc.title)
    return "".join(doc.title for doc in query.all())


def test_equality(docs: Database) -> None:
    assert found(docs, Doc.topic == A) == "ad"
    assert found(docs, Doc.topic == "nothing") == ""


def test_null_is_neither_equal_nor_unequal(docs: Database) -> None:
    assert found(docs, Doc.topic != A) == "be"
    assert found(docs, not_(col(Doc.topic) == A)) == "be"
    assert found(docs, col(Doc.topic).not_in([A, B])) == "e"
    assert found(docs, or_(col(Doc.topic) == A, col(Doc.topic) != A)) == "abde"
    assert found(docs, col(Doc.topic).is_(None)) == "c"
    assert found(docs, col(Doc.topic).is_not(None)) == "abde"
    assert found(docs, Doc.topic == None) == "c"  # noqa: E711  # SQLAlchemy's way to say IS NULL


def test_distinct_from_counts_null_as_a_value(docs: Database) -> None:
    assert found(docs, col(Doc.topic).is_distinct_from(A)) == "bce"
    assert found(docs, col(Doc.topic).is_not_distinct_from(None)) == "c"


def test_null_in_a_list_excludes_what_is_not_in_it(docs: Database) -> None:
    assert found(docs, col(Doc.topic).in_([A, None])) == "ad"
    assert found(docs, col(Doc.topic).not_in([A, None])) == ""


def test_an_empty_list_holds_nothing(docs: Database) -> None:
    assert found(docs, col(Doc.n).in_([])) == ""
    assert found(docs, col(Doc.n).not_in([])) == "abcde"


def test_a_long_list_is_one_condition(docs: Database) -> None:
    assert found(docs, col(Doc.n).in_(range(2, 20_000))) == "ace"


def test_conditions_are_joined_by_and(docs: Database) -> None:
    assert found(docs, Doc.topic == A, Doc.n > 1) == "a"
    rows = repository(Doc, docs).where(Doc.topic == A).where(Doc.n > 1).all()
    assert [doc.title for doc in rows] == ["a"]


def test_and_or_not_are_nested(docs: Database) -> None:
    assert found(docs, or_(col(Doc.topic) == B, and_(col(Doc.topic) == A, col(Doc.n) < 2))) == "bd"
    assert found(docs, or_(col(Doc.n) == 1, col(Doc.n) == 2), Doc.topic == A) == "d"
    assert found(docs, not_(or_(col(Doc.n) == 1, col(Doc.n) == 2))) == "ae"


def test_true_and_false_are_conditions(docs: Database) -> None:
    assert found(docs, true()) == "abcde"
    assert found(docs, false()) == ""
    assert found(docs) == "abcde"


def test_tuples_are_compared(docs: Database) -> None:
    assert found(docs, tuple_(Doc.topic, Doc.n).in_([(A, 1), (B, 1), (B, 3)])) == "bd"


def test_functions_and_arithmetic_are_conditions(docs: Database) -> None:
    assert found(docs, func.length(Doc.topic) == 3) == "be"
    assert found(docs, func.lower(Doc.topic) == "art") == "be"
    assert found(docs, Doc.n * 2 + 1 == 7) == "a"


def test_a_subquery_is_a_condition(docs: Database) -> None:
    most = select(func.max(Doc.n)).scalar_subquery()
    assert found(docs, Doc.n == most) == "e"
    titles = select(Doc.title).where(Doc.topic == A)
    assert found(docs, col(Doc.title).in_(titles)) == "ad"


@pytest.mark.parametrize(
    "value", ["' OR 1=1 --", "science'; DROP TABLE doc; --", "%", "_", "%(x)s", ":x", "?", "\\"]
)
def test_a_value_is_never_sql(docs: Database, value: str) -> None:
    assert found(docs, Doc.topic == value) == ""
    assert found(docs, col(Doc.topic).contains(value, autoescape=True)) == ""
    assert repository(Doc, docs).count() == 5


def test_rows_come_by_key_unless_sorted(docs: Database) -> None:
    assert [doc.title for doc in repository(Doc, docs).all()] == [*"abcde"]


def test_order_breaks_ties_by_key(docs: Database) -> None:
    query = repository(Doc, docs).order_by(Doc.n)
    assert [doc.title for doc in query.all()] == [*"bdcae"]
    assert [doc.title for doc in query.order_by(col(Doc.title).desc()).all()] == [*"dbcae"]


def test_null_sorts_smallest(docs: Database) -> None:
    rows = repository(Doc, docs)
    assert [doc.title for doc in rows.order_by(Doc.topic).all()] == [*"cebad"]
    assert [doc.title for doc in rows.order_by(col(Doc.topic).desc()).all()] == [*"adbec"]
    assert [doc.title for doc in rows.order_by(col(Doc.topic).asc()).all()] == [*"cebad"]


def test_a_key_may_say_where_null_goes(docs: Database) -> None:
    rows, topic = repository(Doc, docs), col(Doc.topic)
    assert [doc.title for doc in rows.order_by(topic.nulls_last()).all()] == [*"ebadc"]
    assert [doc.title for doc in rows.order_by(topic.desc().nulls_first()).all()] == [*"cadbe"]


def test_sorting_by_an_expression(docs: Database) -> None:
    rows = repository(Doc, docs)
    by_length = rows.order_by(func.length(Doc.topic).desc(), col(Doc.n).desc())
    assert [doc.title for doc in by_length.all()] == [*"adebc"]
    assert [doc.title for doc in rows.order_by(-col(Doc.n)).all()] == [*"eacbd"]


def test_limit_and_offset_page_through_the_rows(docs: Database) -> None:
    rows = repository(Doc, docs).order_by(Doc.n)
    assert [doc.title for doc in rows.limit(2).all()] == ["b", "d"]
    assert [doc.title for doc in rows.limit(2).offset(2).all()] == ["c", "a"]
    assert [doc.title for doc in rows.offset(3).all()] == ["a", "e"]
    assert rows.offset(5).all() == []
    assert [doc.title for doc in rows.limit(9).limit(1).offset(3).offset(1).all()] == ["d"]


def test_a_verb_leaves_its_query_as_it_was(docs: Database) -> None:
    base = repository(Doc, docs).where(Doc.topic == A)
    base.where(Doc.n > 1).limit(1).order_by(Doc.n).offset(3)
    assert [doc.title for doc in base.all()] == ["a", "d"]


def test_a_field_that_is_no_condition_is_refused(docs: Database, sent: list[str]) -> None:
    sent.clear()
    with pytest.raises(InvalidQuery, match="condition"):
        repository(Doc, docs).where(col(Doc.title)).all()  # type: ignore[call-overload]
    assert sent == []
