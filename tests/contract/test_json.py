"""JSON documents: kept as they are, seen when they change at any depth, and used in filters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agentorm import Database, InvalidValue, col, repository
from tests.contract.models import Json

NESTED: dict[str, Any] = {
    "text": "é😀\\\"'\n%s:x",
    "": {"": [[], {}, [[None]]]},
    "numbers": [0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 0.1, -1.5, 1e-7],
    "flags": [True, False, None],
    "deep": {"a": [{"b": {"c": [1, {"d": "e"}]}}]},
}
CHANGES: dict[str, Callable[[Any], object]] = {
    "set": lambda tree: tree.__setitem__("new", 1),
    "set deep": lambda tree: tree["a"][0].__setitem__("b", [2]),
    "update": lambda tree: tree["a"][0].update(b=3, c=4),
    "delete": lambda tree: tree["a"][0].pop("b"),
    "append": lambda tree: tree["a"].append({"x": 1}),
    "extend": lambda tree: tree["a"][0]["b"].extend([7, 8]),
    "insert": lambda tree: tree["a"].insert(0, None),
    "sort": lambda tree: tree["a"][0]["b"].sort(reverse=True),
    "slice": lambda tree: tree["a"][0]["b"].__setitem__(slice(0, 2), ["y"]),
    "setdefault": lambda tree: tree.setdefault("list", []).append("z"),
    "clear": lambda tree: tree["a"][0].clear(),
}


@pytest.fixture
def trees(db: Database) -> Database:
    db.create_all(Json)
    return db


def read(db: Database, key: int | None) -> Json:
    row = repository(Json, db).get(key)
    assert row is not None
    return row


def test_a_nested_document_comes_back(trees: Database) -> None:
    key = repository(Json, trees).add(Json(tree=NESTED, items=[NESTED], maybe=NESTED)).id
    row = read(trees, key)
    assert (row.tree, row.items, row.maybe) == (NESTED, [NESTED], NESTED)
    assert json.loads(row.model_dump_json()) == {
        "id": key,
        "tree": NESTED,
        "items": [NESTED],
        "maybe": NESTED,
    }


def test_the_deepest_document_comes_back(trees: Database) -> None:
    deepest: list[Any] = []
    for _ in range(30):
        deepest = [deepest]
    key = repository(Json, trees).add(Json(items=deepest)).id
    assert read(trees, key).items == deepest
    with pytest.raises(InvalidValue, match="nested at most 31 deep"):
        Json(items=[deepest])


def test_empty_documents_are_not_null(trees: Database) -> None:
    rows = repository(Json, trees)
    rows.add_all([Json(), Json(maybe={})])
    assert [(row.tree, row.items, row.maybe) for row in rows.all()] == [
        ({}, [], None),
        ({}, [], {}),
    ]
    assert rows.where(col(Json.maybe).is_(None)).count() == 1
    assert rows.where(col(Json.maybe).is_not(None)).count() == 1


@pytest.mark.parametrize("number", [1.0, 0.0, 1e15, -2.0, 1.5e-300, 1e22, -1e300])
def test_a_float_in_a_document_stays_a_float(trees: Database, number: float) -> None:
    row = read(trees, repository(Json, trees).add(Json(tree={"x": number})).id)
    assert row.tree == {"x": number}
    assert type(row.tree["x"]) is float


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_at_any_depth_is_written(trees: Database, change: Callable[[Any], object]) -> None:
    before: dict[str, Any] = {"a": [{"b": [5, 1, 6]}], "z": 0}
    key = repository(Json, trees).add(Json(tree=before)).id
    with trees.transaction() as session:
        row = repository(Json, session).get(key)
        assert row is not None
        change(row.tree)
        changed = json.loads(json.dumps(row.tree))
    assert changed != before
    assert read(trees, key).tree == changed


def test_a_changed_list_is_written(trees: Database) -> None:
    row = repository(Json, trees).add(Json(items=[3, [1]]))
    row.items[1].append({"k": []})
    row.items[1][1]["k"].append("deep")
    repository(Json, trees).update(row)
    assert read(trees, row.id).items == [3, [1, {"k": ["deep"]}]]


def test_an_unchanged_document_is_not_written(trees: Database, sent: list[str]) -> None:
    key = repository(Json, trees).add(Json(tree={"a": [1]})).id
    with trees.transaction() as session:
        row = repository(Json, session).get(key)
        assert row is not None
        assert row.tree["a"] == [1]
        row.tree = {"a": [1]}
        sent.clear()
    assert not any(statement.startswith("UPDATE") for statement in sent)


def test_a_change_is_undone_by_a_rollback(trees: Database) -> None:
    key = repository(Json, trees).add(Json(tree={"a": [1]})).id
    with trees.session() as session:
        row = repository(Json, session).get(key)
        assert row is not None
        row.tree["a"].append(2)
        session.flush()
        session.rollback()
        assert row.tree == {"a": [1]}


def test_documents_of_one_bulk_change_are_independent(trees: Database) -> None:
    with trees.transaction() as session:
        rows = repository(Json, session)
        first, second = rows.add_all([Json(), Json()])
        assert rows.update_where(col(Json.id) > 0, tree={"shared": []}) == 2
        first.tree["shared"].append("mine")
        assert second.tree == {"shared": []}
    assert read(trees, first.id).tree == {"shared": ["mine"]}
    assert read(trees, second.id).tree == {"shared": []}


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": {1: "x"}}, r"Json\.tree\[\"a\"\]"),
        ({"a": [float("nan")]}, r"Json\.tree\[\"a\"\]\[0\]"),
        ({"a": 2**63}, r"Json\.tree\[\"a\"\]"),
        ({"a": "x\0"}, r"Json\.tree\[\"a\"\]"),
        ({"a": object()}, r"Json\.tree\[\"a\"\]"),
    ],
    ids=["key", "nan", "integer", "nul", "object"],
)
def test_what_is_no_json_is_refused_by_its_place(value: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidValue, match=place):
        Json(tree=value)


def test_a_refused_change_leaves_the_document_as_it_was() -> None:
    row = Json(tree={"a": [1]})
    with pytest.raises(InvalidValue, match=r"Json\.tree\[\"a\"\]\[1\]"):
        row.tree["a"].append(object())
    assert row.tree == {"a": [1]}


@pytest.fixture
def kinds(trees: Database) -> Database:
    """One row for each kind of value that the key "k" can have, and one without the key."""
    values: list[dict[str, Any]] = [
        {"k": "x"},
        {"k": "1"},
        {"k": 1},
        {"k": 2.5},
        {"k": True},
        {"k": None},
        {"other": 1},
    ]
    repository(Json, trees).add_all(Json(id=n, tree=tree) for n, tree in enumerate(values, start=1))
    return trees


def found(db: Database, condition: Any) -> list[int | None]:
    return [row.id for row in repository(Json, db).where(condition).all()]


def test_text_in_a_document_is_compared(kinds: Database) -> None:
    value = col(Json.tree)["k"].as_string()
    assert found(kinds, value == "x") == [1]
    assert found(kinds, value.in_(["x", "y"])) == [1]


TEXTS = ["", " ", "Abc", "ABC", "abc", "abc ", "abcd", "\u00e4bc", "\uffee", "\U0001f600"]


@pytest.fixture
def texts(trees: Database) -> Database:
    """Of each text one row, and one row without."""
    rows = [Json(id=n, tree={"k": text}) for n, text in enumerate(TEXTS)]
    repository(Json, trees).add_all([*rows, Json(id=99)])
    return trees


def texts_of(db: Database, condition: Any) -> list[str]:
    rows = repository(Json, db).where(condition).all()
    return [TEXTS[row.id or 0] for row in rows]


def test_text_in_a_document_differs_by_case_accent_and_blank(texts: Database) -> None:
    value = col(Json.tree)["k"].as_string()
    for text in TEXTS:
        assert texts_of(texts, value == text) == [text]
        assert texts_of(texts, value != text) == [other for other in TEXTS if other != text]
        assert texts_of(texts, value.in_([text, "nothing"])) == [text]
        assert texts_of(texts, value.is_not_distinct_from(text)) == [text]
    assert texts_of(texts, value.in_(["Abc", "abc "])) == ["Abc", "abc "]
    assert texts_of(texts, value.like("abc%")) == ["abc", "abc ", "abcd"]


def test_text_in_a_document_is_sorted_by_code_point(texts: Database) -> None:
    value = col(Json.tree)["k"].as_string()
    ascending = ["", " ", "ABC", "Abc", "abc", "abc ", "abcd", "\u00e4bc", "\uffee", "\U0001f600"]
    assert texts_of(texts, value < "abc") == ["", " ", "Abc", "ABC"]
    assert texts_of(texts, value.between("abc", "abc ")) == ["abc", "abc "]
    rows = repository(Json, texts).order_by(value)
    assert [row.tree.get("k") for row in rows.all()] == [None, *ascending]
    rows = repository(Json, texts).order_by(value.desc())
    assert [row.tree.get("k") for row in rows.all()] == [*reversed(ascending), None]


def test_a_missing_key_is_null(kinds: Database) -> None:
    value = col(Json.tree)["k"].as_string()
    assert found(kinds, value.is_(None)) == [3, 4, 5, 6, 7]
    assert 7 not in found(kinds, value != "x")
    assert 7 not in found(kinds, ~(value == "x"))


def test_a_path_leads_into_a_document(trees: Database) -> None:
    repository(Json, trees).add_all([Json(tree={"a": {"b": [{"c": "here"}]}}), Json(tree={"a": 1})])
    deep = col(Json.tree)["a", "b", 0, "c"].as_string()
    assert found(trees, deep == "here") == [1]
    assert found(trees, deep.is_(None)) == [2]


@pytest.mark.parametrize("key", ["it's", "a.b", "$", "a b", "%s", "[0]", "é", "日本"])
def test_any_text_is_a_key(trees: Database, key: str) -> None:
    repository(Json, trees).add_all([Json(tree={key: "yes"}), Json(tree={"x": "no"})])
    assert found(trees, col(Json.tree)[key].as_string() == "yes") == [1]
