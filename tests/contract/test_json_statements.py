"""Paths into JSON in every statement that takes a condition or an expression."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    create_engine,
    func,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from agentorm import Database, InvalidQuery, JSONType, Repository, col, repository
from tests.contract.json_rows import JsonPathRow, names
from tests.contract.models import Author, Doc

DOC: Any = col(JsonPathRow.doc)
KIND = DOC["kind"]


@pytest.fixture
def rows(db: Database) -> Repository[JsonPathRow]:
    """A row for each type of the value under "kind", some with a column to compare it with."""
    db.create_all(JsonPathRow)
    made = repository(JsonPathRow, db)
    values: dict[str, Any] = {"text": "x", "one": 1, "half": 0.5, "true": True, "null": None}
    values |= {"list": ["x", 1], "dict": {"x": 1}, "day": "2024-01-01", "1": "1", "big": 2**62}
    made.add_all(
        JsonPathRow(name=name, doc={"kind": value, "n": n}, wanted="x", n=1)
        for n, (name, value) in enumerate(values.items())
    )
    made.add_all([JsonPathRow(name="none", doc={}), JsonPathRow(name="NULL")])
    return made


def test_conditions_are_combined(rows: Repository[JsonPathRow]) -> None:
    assert names(rows, and_(KIND == "x", DOC["n"] >= 0)) == {"text"}
    assert names(rows, or_(KIND == 1, KIND == True)) == {"one", "true"}  # noqa: E712
    assert names(rows, ~or_(KIND == 1, KIND == 0.5)) == {"big"}
    assert names(rows, ~and_(KIND == "x", DOC["n"] >= 0)) == {"day", "1"}
    assert names(rows, ~(KIND.contains({"x": 1}))) == set()
    assert names(rows, and_(~KIND.exists(), ~DOC["n"].exists())) == {"none", "NULL"}


def test_a_column_is_compared_with_what_is_at_a_path(rows: Repository[JsonPathRow]) -> None:
    assert names(rows, col(JsonPathRow.wanted) == KIND.as_string()) == {"text"}
    assert names(rows, KIND.as_string() == col(JsonPathRow.wanted)) == {"text"}
    assert names(rows, col(JsonPathRow.n) == KIND.as_integer()) == {"one"}
    assert names(rows, KIND.as_float() < col(JsonPathRow.n)) == {"half"}
    assert names(rows, DOC["n"].as_integer() + col(JsonPathRow.n) == 1) == {"text"}


def test_rows_are_changed_and_deleted_by_a_path(rows: Repository[JsonPathRow]) -> None:
    assert rows.update_where(KIND == 1, wanted="number") == 1
    assert rows.update_where(KIND > 0.5, wanted="greater") == 2
    assert rows.update_where(KIND.as_date().is_not(None), wanted="day") == 1
    assert rows.update_where(KIND.as_integer() == 1, wanted="integer") == 1
    assert rows.update_where(KIND == True, wanted="bool") == 1  # noqa: E712
    assert rows.update_where(KIND.has_any(["x"]), wanted="array") == 1
    assert rows.update_where(KIND == {"x": 1.0}, wanted="object") == 1
    assert rows.update_where(KIND.contains({"x": 1}), n=7) == 1
    found = {row.name: row.wanted for row in rows.all() if row.wanted != "x"}
    assert found == {
        "one": "integer",
        "big": "greater",
        "day": "day",
        "true": "bool",
        "list": "array",
        "dict": "object",
        "none": None,
        "NULL": None,
    }
    assert rows.delete_where(KIND.as_float().is_not(None), KIND != 0.5) == 2
    assert rows.delete_where(KIND.is_(None)) == 3
    assert names(rows, DOC.exists()) == {"text", "half", "true", "list", "dict", "day", "1"}


def test_a_path_into_an_alias_and_a_subquery(rows: Repository[JsonPathRow], db: Database) -> None:
    other = aliased(JsonPathRow)
    same: Any = col(other.doc)
    pairs = (
        select(col(JsonPathRow.name), col(other.name))
        .join(other, same["x"].as_string().is_(None))
        .where(KIND == "x", same["kind"] == 0.5)
    )
    inner = select(col(JsonPathRow.name), DOC.label("inside")).where(KIND.exists()).subquery()
    inside: Any = inner.c.inside
    sizes = select(func.count()).select_from(inner).where(inside["kind"] == "x")
    exists = select(col(JsonPathRow.name)).where(
        select(col(other.name)).where(same["n"].as_integer() == DOC["n"].as_integer() + 1).exists()
    )
    with db.session() as session:
        connection = session.connection()
        assert [tuple(row) for row in connection.execute(pairs)] == [("text", "half")]
        assert connection.execute(sizes).scalar_one() == 1
        assert len(connection.execute(exists).all()) == 9


def test_a_path_in_the_list_of_what_is_selected(
    rows: Repository[JsonPathRow], db: Database
) -> None:
    kinds = select(KIND.as_string().label("kind"), func.count().label("n")).group_by("kind")
    with db.session() as session:
        connection = session.connection()
        grouped = {row.kind: row.n for row in connection.execute(kinds)}
        read = select(KIND, KIND.as_boolean(), KIND.exists()).where(col(JsonPathRow.name) == "true")
        value, boolean, there = connection.execute(read).one()
    assert grouped == {None: 9, "x": 1, "1": 1, "2024-01-01": 1}
    assert (value, boolean, bool(there)) == (True, True, True)


def test_a_table_of_plain_sqlalchemy_has_the_same_paths(db: Database) -> None:
    table = Table(
        "json_path_plain",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("doc", JSONType()),
        Column("other", String(20)),
    )
    doc: Any = table.c.doc
    with db.session() as session:
        connection = session.connection()
        table.create(connection)
        connection.execute(
            table.insert(), [{"id": 1, "doc": {"é": "é", "a": [1]}}, {"id": 2, "doc": {"a": []}}]
        )
        made = select(table.c.id).where(doc["a"].has_all([1.0]), doc["é"] == "é")
        assert connection.execute(made).scalars().all() == [1]
        found = select(table.c.id).where(~doc["a"].has_any([1]))
        assert connection.execute(found).scalars().all() == [2]


def test_a_join_brings_in_the_paths_of_its_table(db: Database) -> None:
    db.create_all(Author, Doc)
    ada = repository(Author, db).add(Author(name="Ada"))
    repository(Doc, db).add_all(
        [
            Doc(title="a", author_id=ada.id, meta={"tags": ["x"]}),
            Doc(title="b", meta={"tags": ["x", "y"]}),
        ]
    )
    tags: Any = col(Doc.meta)["tags"]
    authors = repository(Author, db).join(Author.docs)
    assert [author.name for author in authors.where(tags.has_any(["x"])).all()] == ["Ada"]
    assert authors.where(tags.has_any(["y"])).all() == []
    with pytest.raises(InvalidQuery, match="doc is named and not joined"):
        repository(Author, db).where(tags.has_any(["x"])).all()


def test_a_value_at_a_path_is_no_sort_key(rows: Repository[JsonPathRow]) -> None:
    with pytest.raises(InvalidQuery, match="or sorted by"):
        rows.order_by(KIND)
    with pytest.raises(InvalidQuery, match="a JSON value has no desc_op"):
        rows.order_by(KIND.desc())


def test_a_value_at_a_path_is_no_condition() -> None:
    for joint in (and_, or_):
        with pytest.raises(InvalidQuery, match="is no condition; as"):
            joint(KIND, DOC["n"].exists())
    with pytest.raises(InvalidQuery, match="take a subquery"):
        KIND.in_(select(col(JsonPathRow.wanted)))


def test_a_value_at_a_path_is_not_iterated_over() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        list(KIND)


@pytest.mark.untraced
def test_a_large_list_and_a_large_pattern(rows: Repository[JsonPathRow]) -> None:
    numbers = [*range(1, 1001)]
    assert names(rows, KIND.in_(numbers)) == {"one"}
    assert names(rows, KIND.in_([f"{n}" for n in numbers])) == {"1"}
    assert names(rows, KIND.has_any([f"{n}" for n in numbers] + ["x"])) == {"list"}
    assert names(rows, KIND.has_all([*numbers])) == set()
    assert names(rows, DOC.contains({f"k{n}": n for n in numbers})) == set()
    assert names(rows, {f"k{n}": n for n in numbers} == DOC) == set()


def test_a_long_path(db: Database) -> None:
    db.create_all(JsonPathRow)
    rows = repository(JsonPathRow, db)
    steps: list[str | int] = ["a", 0, 'q"', 0, "é"] * 5
    value: Any = "here"
    for step in reversed(steps):
        value = {step: value} if isinstance(step, str) else [value]
    rows.add(JsonPathRow(name="deep", doc=value))
    path: Any = DOC[tuple(steps)]
    assert names(rows, path == "here") == {"deep"}
    assert names(rows, path[0].exists()) == set()
    assert names(rows, path.exists()) == {"deep"}


def test_conditions_on_whole_documents_are_combined(db: Database) -> None:
    db.create_all(JsonPathRow)
    rows = repository(JsonPathRow, db)
    documents: dict[str, Any] = {"object": {"b": 1, "c": 2}, "other": {"b": 2}, "array": ["x", 1]}
    documents |= {"text": "x", "number": 5}
    rows.add_all(JsonPathRow(name=name, doc=document) for name, document in documents.items())
    rows.add(JsonPathRow(name="NULL"))
    holds, has, either = DOC.contains({"b": 1}), DOC.has_all(["x"]), DOC.has_any(["x", "y"])
    assert names(rows, or_(holds, has)) == {"object", "array"}
    assert names(rows, and_(holds, or_(has, DOC.contains({"c": 2})))) == {"object"}
    assert names(rows, ~or_(holds, has)) == set()
    assert names(rows, ~and_(holds, has)) == {"other"}
    assert names(rows, and_(~holds, DOC.exists())) == {"other"}
    assert names(rows, or_(~either, either)) == {"array"}
    assert names(rows, ~(~either)) == {"array"}
    assert names(rows, and_(either, holds).is_(None)) == {
        "object",
        "array",
        "text",
        "number",
        "NULL",
    }


@pytest.mark.sync("makes an engine of its own")
def test_an_engine_of_plain_sqlalchemy_stores_keys_that_paths_find(db: Database) -> None:
    db.create_all(JsonPathRow)
    engine = create_engine(db.engine.url)
    rows = repository(JsonPathRow, Database(engine))
    rows.add(JsonPathRow(name="yes", doc={"é": {"\U0001f600": ["ä"]}}))
    rows.add(JsonPathRow(name="no", doc={"e": {"\U0001f600": ["ä"]}}))
    assert names(rows, DOC["é"]["\U0001f600"].has_any(["ä"])) == {"yes"}
    assert names(rows, DOC == {"é": {"\U0001f600": ["ä"]}}) == {"yes"}
    engine.dispose()


@pytest.mark.engines("postgresql")
@pytest.mark.sync("looks at the plan")
def test_an_inverted_index_serves_what_documents_hold(db: Database) -> None:
    db.create_all(JsonPathRow)
    conditions = [DOC.contains({"b": {"c": 1}}), DOC.has_any(["x", "y"]), DOC.has_all(["x", "y"])]
    conditions += [and_(conditions[0], col(JsonPathRow.n) == 1), or_(conditions[0], conditions[1])]
    with db.transaction() as session:
        connection = session.connection()
        connection.exec_driver_sql(
            "CREATE INDEX ix_json_held ON jsonpathrow USING gin (doc jsonb_path_ops)"
        )
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for condition in conditions:
            plan = repository(JsonPathRow, session).where(condition).explain().plan
            assert "ix_json_held" in plan
