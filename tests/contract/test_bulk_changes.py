"""Changes of every row that passes a condition, in one statement, seen by the session."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, true
from sqlmodel import select

from agentorm import (
    Database,
    InvalidQuery,
    InvalidValue,
    Repository,
    TableMissing,
    UnknownField,
    Vector,
    col,
    repository,
)
from tests.contract.models import Author, Doc, Picture, Tag, vector


@pytest.fixture
def docs(library: Database) -> Repository[Doc]:
    made = repository(Doc, library)
    made.add_all(
        [
            Doc(title="a", topic="x", n=1),
            Doc(title="b", topic="x", n=2),
            Doc(title="c", topic=None, n=3),
        ]
    )
    return made


def column(docs: Repository[Doc], name: str) -> list[Any]:
    return [getattr(doc, name) for doc in docs.order_by(Doc.id).all()]


def test_rows_are_changed_and_counted(docs: Repository[Doc]) -> None:
    assert docs.update_where(Doc.topic == "x", topic="y", n=9) == 2
    assert (column(docs, "topic"), column(docs, "n")) == (["y", "y", None], [9, 9, 3])
    assert docs.update_where(Doc.topic == "x", topic="z") == 0


def test_several_conditions_must_all_be_true(docs: Repository[Doc]) -> None:
    assert docs.update_where(Doc.topic == "x", Doc.n > 1, n=0) == 1
    assert docs.delete_where(Doc.topic == "x", Doc.n > 0) == 1
    assert column(docs, "title") == ["b", "c"]


def test_values_are_expressions(docs: Repository[Doc]) -> None:
    assert docs.update_where(Doc.n >= 2, n=Doc.n * 10 + 1) == 2
    assert column(docs, "n") == [1, 21, 31]
    assert docs.update_where(true(), topic=func.upper(Doc.title)) == 3
    assert column(docs, "topic") == ["A", "B", "C"]
    assert docs.update_where(Doc.id == 1, topic=Doc.title) == 1
    assert column(docs, "topic") == ["a", "B", "C"]


def test_values_are_subqueries(library: Database, docs: Repository[Doc]) -> None:
    repository(Tag, library).add(Tag(id=7, name="x", doc_id=2))
    assert docs.update_where(Doc.id == 1, n=select(func.max(Tag.id)).scalar_subquery()) == 1
    assert column(docs, "n") == [7, 2, 3]


def test_values_are_subqueries_of_the_table_itself(docs: Repository[Doc]) -> None:
    assert docs.update_where(Doc.id == 1, n=select(func.max(Doc.n)).scalar_subquery()) == 1
    assert column(docs, "n") == [3, 2, 3]


def test_values_of_every_kind_are_set(docs: Repository[Doc]) -> None:
    assert (
        docs.update_where(Doc.id == 1, embedding=vector(1, 2, 3), meta={"a": [1]}, topic=None) == 1
    )
    doc = docs.get(1)
    assert doc is not None
    assert (doc.embedding, doc.meta, doc.topic) == (Vector([1, 2, 3]), {"a": [1]}, None)


def test_text_patterns_count_too(docs: Repository[Doc]) -> None:
    assert docs.update_where(col(Doc.title).like("%"), n=5) == 3
    assert docs.update_where(func.length(Doc.topic) == 1, n=6) == 2
    assert docs.delete_where(col(Doc.topic).like("x%")) == 2
    assert docs.delete_where(func.length(Doc.title) > 5) == 0
    assert column(docs, "n") == [5]


def test_the_entities_of_a_session_see_the_change(library: Database, docs: Repository[Doc]) -> None:
    with library.transaction() as session:
        mine = docs.on(session)
        rows = mine.order_by(Doc.id).all()
        rows[0].topic = "pending"
        assert mine.update_where(Doc.n <= 2, n=Doc.n + 5) == 2
        assert [row.n for row in rows] == [6, 7, 3]
        assert mine.update_where(Doc.topic == "pending", n=0) == 1
        assert [row.n for row in rows] == [0, 7, 3]
        assert mine.update_where(col(Doc.title).like("c%"), embedding=vector(0, 0, 1)) == 1
        assert rows[2].embedding == Vector([0, 0, 1])
        assert mine.delete_where(Doc.n == 7) == 1
        assert rows[1] not in session
        assert mine.get(2) is None
    assert column(docs, "n") == [0, 3]


def test_a_change_is_undone_with_its_transaction(library: Database, docs: Repository[Doc]) -> None:
    with library.session() as session:
        mine = docs.on(session)
        row = mine.get(1)
        assert row is not None
        mine.update_where(Doc.id == 1, n=50)
        mine.delete_where(Doc.id == 2)
        session.rollback()
        assert row.n == 1
        assert mine.count() == 3


def test_every_row_is_meant_only_when_said(docs: Repository[Doc], sent: list[str]) -> None:
    sent.clear()
    with pytest.raises(InvalidQuery, match=r"update_where\(\) without a condition; .*true\(\)"):
        docs.update_where(n=1)
    with pytest.raises(InvalidQuery, match=r"delete_where\(\) without a condition; .*true\(\)"):
        docs.delete_where()
    assert sent == []
    assert docs.update_where(true(), n=1) == 3
    assert docs.delete_where(true()) == 3


@pytest.mark.parametrize("condition", ["id = 1", True, False, None, 7], ids=str)
def test_what_is_no_condition_is_refused(
    docs: Repository[Doc], sent: list[str], condition: Any
) -> None:
    sent.clear()
    with pytest.raises(InvalidQuery, match="expected a condition, got"):
        docs.update_where(condition, n=1)
    with pytest.raises(InvalidQuery, match="expected a condition, got"):
        docs.delete_where(condition)
    assert sent == []


def test_a_condition_on_another_table_is_refused(docs: Repository[Doc], sent: list[str]) -> None:
    sent.clear()
    with pytest.raises(InvalidQuery):
        docs.update_where(Author.name == "Ann", n=1)
    with pytest.raises(InvalidQuery):
        docs.delete_where(Doc.author_id == Author.id, Author.name == "Ann")
    assert sent == []


def test_other_tables_are_asked_by_subqueries(library: Database, docs: Repository[Doc]) -> None:
    repository(Tag, library).add(Tag(name="x", doc_id=2))
    tagged = select(Tag.doc_id).where(Tag.name == "x")
    assert docs.update_where(col(Doc.id).in_(tagged), n=100) == 1
    assert column(docs, "n") == [1, 100, 3]


@pytest.mark.parametrize(
    ("values", "kind", "problem"),
    [
        ({"titel": "x"}, UnknownField, r"Doc has no field 'titel'; did you mean 'title'\?"),
        ({"author": None}, UnknownField, "Doc has no field 'author'"),
        ({"n": "many"}, InvalidValue, r"Doc\.n: "),
        ({"n": None}, InvalidValue, r"Doc\.n: "),
        ({"title": None}, InvalidValue, r"Doc\.title: "),
        ({"embedding": [1]}, InvalidValue, r"Doc\.embedding: expected a vector of 3 dimensions"),
        ({"meta": {"a": object()}}, InvalidValue, r"Doc\.meta\[\"a\"\]"),
        ({}, InvalidQuery, r"update_where\(\) needs a value to set"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_before_any_sql(
    docs: Repository[Doc],
    sent: list[str],
    values: dict[str, Any],
    kind: type[Exception],
    problem: str,
) -> None:
    sent.clear()
    with pytest.raises(kind, match=problem):
        docs.update_where(Doc.n > 0, **values)
    assert sent == []


def test_a_missing_table_is_told(db: Database) -> None:
    with pytest.raises(TableMissing, match=r"picture.*create the schema: db\.create_all\(\)"):
        repository(Picture, db).delete_where(Picture.id == 1)
