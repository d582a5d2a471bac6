"""Fields of text that is searched, without any database."""

from __future__ import annotations

from typing import Any, Literal, assert_type

import pytest
from sqlalchemy.orm import registry

from agentorm import Entity, Field, InvalidModel, InvalidValue, StringType, text_field
from agentorm.text_indexes import TextField, searched_columns


class Shelf(Entity, registry=registry()):
    """What all of them derive from."""


class TextBody(Shelf):
    """What two tables share."""

    body: str = text_field(search="english")


class TextNote(TextBody, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = text_field(search="simple", min_length=1, max_length=20, unique=True)
    about: str | None = text_field(search="german", default=None)
    made: str = text_field(default_factory=lambda: "made")
    kind: Literal["a", "b"] = text_field(default="a", index=True)
    told: str = text_field(default="", nullable=True, title="Told", description="What is told")


class TextPage(TextBody, table=True):
    id: int | None = Field(default=None, primary_key=True)


def table_of(model: Any) -> Any:
    return model.__table__


def test_columns() -> None:
    columns = table_of(TextNote).columns
    found = {c.name: (c.type.length, c.nullable) for c in columns if c.name != "id"}
    assert found == {
        "body": (None, False),
        "title": (20, False),
        "about": (None, True),
        "made": (None, False),
        "kind": (255, False),
        "told": (None, True),
    }
    assert {type(c.type) for c in columns if c.name != "id"} == {StringType}
    assert columns["title"].unique


def test_the_declaration_is_kept_on_the_column() -> None:
    columns = table_of(TextNote).columns
    assert columns["body"].info["agentorm"] == TextField("english")
    assert columns["made"].info["agentorm"] == TextField(None)
    assert searched_columns(table_of(TextNote)) == {
        "body": "english",
        "title": "simple",
        "about": "german",
    }
    assert searched_columns(table_of(TextPage)) == {"body": "english"}


def test_values() -> None:
    note = TextNote(title="a", body="b")
    assert_type(note.about, str | None)
    assert (note.about, note.made, note.kind, note.told) == (None, "made", "a", "")
    with pytest.raises(InvalidValue, match="title"):
        TextNote(title="", body="b")
    with pytest.raises(InvalidValue, match="title"):
        note.title = "x" * 21


def test_json_schema() -> None:
    schema = TextNote.model_json_schema()["properties"]
    assert schema["told"] == {
        "default": "",
        "description": "What is told",
        "title": "Told",
        "type": "string",
    }
    assert schema["title"]["maxLength"] == 20


def test_another_annotation() -> None:
    wanted = r"textcount\.count is declared as text, and its type is IntegerType\(\)"
    with pytest.raises(InvalidModel, match=wanted):

        class TextCount(Shelf, table=True):  # pyright: ignore[reportUnusedClass]
            id: int | None = Field(default=None, primary_key=True)
            count: int = text_field()


def test_a_field_that_is_called_as_the_hidden_column() -> None:
    wanted = r"textclash\.body is searched in a hidden column body_search, which the table has"
    with pytest.raises(InvalidModel, match=wanted):

        class TextClash(Shelf, table=True):  # pyright: ignore[reportUnusedClass]
            id: int | None = Field(default=None, primary_key=True)
            body: str = text_field(search="english")
            body_search: str | None = None
