"""A whole document compared with a list or a dict."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnElement

from agentorm import Database, Repository, col, repository
from tests.contract.models import Json

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql")

DOCUMENTS: list[dict[str, Any]] = [
    {},
    {"lang": "EN"},
    {"lang": "en"},
    {"lang": "EN", "n": 1},
    {"lang": None},
    {"deep": [{"a": [1, 2.5, True, None]}, []]},
    {"quotes": "'\"\\ %s 日本 \U0001f600"},
]
LISTS: list[list[Any]] = [[], ["a"], ["A"], ["a", "b"], ["b", "a"], [1, -2], [{"k": ["v"]}]]


@pytest.fixture
def rows(db: Database) -> Repository[Json]:
    """A row of each document and list, in this order; the keys count from 1."""
    db.create_all(Json)
    made = repository(Json, db)
    made.add_all(
        Json(id=n, tree=tree, items=items, maybe=None if n == 1 else tree)
        for n, (tree, items) in enumerate(zip(DOCUMENTS, LISTS, strict=True), 1)
    )
    return made


def keys(rows: Repository[Json], condition: ColumnElement[bool]) -> list[int | None]:
    return [row.id for row in rows.where(condition).order_by(Json.id).all()]


def test_a_document_equals_its_own_value_alone(rows: Repository[Json]) -> None:
    every = [1, 2, 3, 4, 5, 6, 7]
    for n, (tree, items) in enumerate(zip(DOCUMENTS, LISTS, strict=True), 1):
        others = [key for key in every if key != n]
        assert keys(rows, col(Json.tree) == tree) == [n]
        assert keys(rows, col(Json.items) == items) == [n]
        assert keys(rows, col(Json.tree) != tree) == others
        assert keys(rows, col(Json.items) != items) == others
        assert keys(rows, ~(col(Json.items) == items)) == others


def test_what_no_row_has_equals_none(rows: Repository[Json]) -> None:
    trees: list[dict[str, Any]] = [{"lang": ""}, {"n": 1}, {"deep": []}]
    lists: list[list[Any]] = [["c"], ["a", "b", "c"], [None], [[]]]
    for tree in trees:
        assert keys(rows, col(Json.tree) == tree) == []
        assert keys(rows, col(Json.tree) != tree) == [1, 2, 3, 4, 5, 6, 7]
    for items in lists:
        assert keys(rows, col(Json.items) == items) == []
        assert keys(rows, col(Json.items) != items) == [1, 2, 3, 4, 5, 6, 7]


def test_a_missing_document_equals_and_differs_from_nothing(rows: Repository[Json]) -> None:
    assert keys(rows, col(Json.maybe) == {"lang": "EN"}) == [2]
    assert keys(rows, col(Json.maybe) != {"lang": "EN"}) == [3, 4, 5, 6, 7]
    assert keys(rows, col(Json.maybe) == {}) == []
    assert keys(rows, col(Json.maybe).is_(None)) == [1]


def test_a_missing_document_is_distinct_from_a_value(rows: Repository[Json]) -> None:
    document = col(Json.maybe)
    assert keys(rows, document.is_distinct_from({"lang": "EN"})) == [1, 3, 4, 5, 6, 7]
    assert keys(rows, document.is_not_distinct_from({"lang": "EN"})) == [2]


def test_a_changed_document_is_found_by_its_new_value(rows: Repository[Json]) -> None:
    assert rows.update_where(col(Json.items) == ["a"], items=["new", {"x": 1}]) == 1
    assert keys(rows, col(Json.items) == ["a"]) == []
    assert keys(rows, col(Json.items) == ["new", {"x": 1}]) == [2]
    rows.upsert([Json(id=n, tree={"up": n}) for n in (6, 7, 8)])
    assert keys(rows, col(Json.tree) == {"up": 7}) == [7]
    assert keys(rows, col(Json.tree) == {"up": 8}) == [8]


def test_rows_are_deleted_by_a_whole_document(rows: Repository[Json]) -> None:
    assert rows.delete_where(col(Json.items) != ["a"], col(Json.tree) != {}) == 5
    assert [row.id for row in rows.order_by(Json.id).all()] == [1, 2]
    assert rows.delete_where(col(Json.tree) == {"lang": "EN"}) == 1
    assert [row.id for row in rows.all()] == [1]
