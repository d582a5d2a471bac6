"""What type checkers see of an entity; mypy and pyright run over this file."""

from __future__ import annotations

from typing import Any, assert_type

from sqlmodel import Relationship

from agentorm.entity import Entity
from agentorm.fields import Field, json_field, vector_field
from agentorm.indexes import HNSW
from agentorm.tracked import TrackedDict, TrackedList
from agentorm.vectors import Vector


class TypedOwner(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    notes: list[TypedNote] = Relationship(back_populates="owner")


class TypedNote(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    stars: int = 0
    meta: dict[str, Any] = json_field()
    tags: list[str] | None = json_field()
    embedding: Vector = vector_field(3, index=HNSW())
    summary: Vector | None = vector_field(3, default=None)
    owner_id: int | None = Field(default=None, foreign_key="typedowner.id")
    owner: TypedOwner | None = Relationship(back_populates="notes")


def a_note() -> TypedNote:
    return TypedNote(title="a", embedding=Vector([1, 2, 3]))


def test_fields_have_the_annotated_types() -> None:
    note = a_note()
    assert_type(note.id, int | None)
    assert_type(note.title, str)
    assert_type(note.meta, dict[str, Any])
    assert_type(note.tags, list[str] | None)
    assert_type(note.embedding, Vector)
    assert_type(note.summary, Vector | None)
    assert_type(note.owner, TypedOwner | None)


def test_copies_and_validation_keep_the_class() -> None:
    note = a_note()
    assert_type(note.model_copy(update={"stars": 2}), TypedNote)
    assert_type(TypedNote.model_validate({"title": "a", "embedding": [1, 2, 3]}), TypedNote)
    assert_type(
        TypedNote.model_construct(title="a", embedding=Vector([1, 2, 3])),
        TypedNote,
    )


def test_tracked_containers_are_generic() -> None:
    assert_type(TrackedDict[int]({"a": 1})["a"], int)
    assert_type(TrackedList[str](["a"])[0], str)
