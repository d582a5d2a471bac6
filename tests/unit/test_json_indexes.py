"""How indexes of JSON documents are declared, and what is refused."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table

from agentorm import GIN, Entity, Field, InvalidModel, JSONType, PathIndex, json_field
from agentorm.fields import JSONField
from agentorm.json_indexes import json_index, named_json_index


class UJIBase(Entity):
    meta: dict[str, Any] = json_field(index=PathIndex("role"))


class UJIOne(UJIBase, table=True):
    id: int | None = Field(default=None, primary_key=True)


class UJIOther(UJIBase, table=True):
    id: int | None = Field(default=None, primary_key=True)


def test_one_index_and_several() -> None:
    several: Any = json_field(index=[GIN(), PathIndex("a")])
    one: Any = json_field(index=GIN())
    none: Any = json_field()
    assert several.sa_column_kwargs["info"]["agentorm"] == JSONField((GIN(), PathIndex("a")))
    assert one.sa_column_kwargs["info"]["agentorm"].indexes == (GIN(),)
    assert "info" not in repr(none.sa_column_kwargs)


def test_each_class_of_a_shared_field_has_its_own_index() -> None:
    tables: tuple[Any, ...] = (UJIOne, UJIOther)
    names = [[index.name for index in model.__table__.indexes] for model in tables]
    assert names == [["ix_ujione_meta_role_string"], ["ix_ujiother_meta_role_string"]]


def test_declarations_are_values() -> None:
    assert PathIndex("a", 0, type=int) == PathIndex("a", 0, type=int)
    assert PathIndex("a", 0) != PathIndex("a", "0")
    assert len({PathIndex("a"), PathIndex("a"), GIN(), GIN()}) == 2
    with pytest.raises(AttributeError):
        PathIndex("a").steps = ()  # type: ignore[misc]


@pytest.mark.parametrize(
    ("index", "written"),
    [
        (PathIndex("a"), "PathIndex('a')"),
        (PathIndex("a", 0, type=int), "PathIndex('a', 0, type=int)"),
        (PathIndex("it's", type=date), 'PathIndex("it\'s", type=datetime.date)'),
        (GIN(), "GIN()"),
    ],
)
def test_a_declaration_reads_as_it_is_written(index: GIN | PathIndex, written: str) -> None:
    assert repr(index) == written


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "a path index needs one step or more"),
        ((-1,), "a path index has the step -1"),
        ((True,), "a path index has the step True"),
        ((1.5,), r"a path index has the step 1\.5"),
        ((None,), "a path index has the step None"),
        (("a", ("b",)), r"a path index has the step \('b',\)"),
        (("a\0b",), "NUL"),
        (("\ud800",), "not Unicode"),
    ],
)
def test_steps_that_lead_nowhere(steps: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InvalidModel, match=said):
        PathIndex(*steps)


@pytest.mark.parametrize("type_", [datetime, dict, list, bytes, None, "str"])
def test_types_that_no_index_has(type_: Any) -> None:
    with pytest.raises(InvalidModel, match="its type is one of str, int, float, bool, date"):
        PathIndex("a", type=type_)


def test_two_that_are_the_same() -> None:
    with pytest.raises(InvalidModel, match=r"type=int\) and PathIndex\('n', type=float\)"):
        json_field(index=[PathIndex("n", type=int), PathIndex("n", type=float)])
    with pytest.raises(InvalidModel, match=r"GIN\(\) and GIN\(\) are the same index"):
        json_field(index=[GIN(), GIN()])


@pytest.mark.parametrize("index", ["role", [PathIndex], [None], ["role"]])
def test_what_is_no_index(index: Any) -> None:
    with pytest.raises(InvalidModel, match="is no index of JSON"):
        json_field(index=index)


def test_an_index_of_a_plain_table() -> None:
    table = Table("uji_plain", MetaData(), Column("meta", JSONType()))
    json_index(table.c.meta, PathIndex("a"))
    named_json_index("by_another_name", table.c.meta, PathIndex("a"))
    assert {index.name for index in table.indexes} == {
        "ix_uji_plain_meta_a_string",
        "by_another_name",
    }
    with pytest.raises(InvalidModel, match="has two indexes ix_uji_plain_meta_a_string"):
        json_index(table.c.meta, PathIndex("a"))
