"""Values: what an entity takes, refuses, copies and shows; no database."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError, field_validator
from sqlalchemy import inspect
from sqlalchemy.orm import registry
from sqlmodel import Relationship

from agentorm.entity import Entity, check_complete, validated
from agentorm.errors import InvalidModel, InvalidValue, InvalidVector, MissingValue, UnknownField
from agentorm.fields import Field, json_field, vector_field
from agentorm.tracked import TrackedDict
from agentorm.vectors import Vector


class Unit(Entity, registry=registry()):
    """What the tables here derive from."""


class Note(Unit, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=20, min_length=2)
    topic: str | None = Field(default=None, index=True)
    stars: int = Field(default=0, ge=0)
    price: Decimal = Field(default=Decimal(0), max_digits=6, decimal_places=2)
    weight: float = 1.0
    at: datetime = Field(default_factory=lambda: datetime(2026, 1, 2))  # noqa: DTZ001
    meta: dict[str, Any] = json_field()
    embedding: Vector = vector_field(3)

    @field_validator("topic")
    @classmethod
    def lowered(cls, value: str | None) -> str | None:
        return value and value.lower()


def a_note(**changed: Any) -> Note:
    values: dict[str, Any] = {"title": "one", "embedding": Vector([1, 2, 3]), **changed}
    return Note(**values)


def test_values_are_converted_when_they_are_given() -> None:
    east = timezone(timedelta(hours=2))
    note = a_note(topic="SCIENCE", stars="3", at=datetime(2026, 1, 1, 1, tzinfo=east), price=1.5)
    assert (note.topic, note.stars, note.price) == ("science", 3, Decimal("1.5"))
    assert note.at == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert note.at.tzinfo is UTC
    note.topic = "ART"
    note.at = datetime(2026, 5, 5)  # noqa: DTZ001
    assert (note.topic, note.at) == ("art", datetime(2026, 5, 5, tzinfo=UTC))


def test_defaults_take_the_stored_form_too() -> None:
    note = a_note()
    assert note.at == datetime(2026, 1, 2, tzinfo=UTC)
    assert isinstance(note.meta, TrackedDict)
    assert note.model_fields_set == {"title", "embedding"}


REFUSED: dict[str, tuple[str, Any, str]] = {
    "type": ("title", 3, "Note.title: Input should be a valid string, got 3"),
    "none": ("title", None, "Note.title: Input should be a valid string, got None"),
    "constraint": (
        "title",
        "x",
        "Note.title: String should have at least 2 characters, got 'x'",
    ),
    "nul": ("topic", "a\0", "Note.topic: text holds NUL at 1, which engines refuse"),
    "surrogate": ("topic", "\ud800", "Note.topic: text is not Unicode at 0: surrogates "),
    "length of an index": (
        "topic",
        "x" * 256,
        "Note.topic: 256 characters, at most 255 fit; declare max_length, or leave the field",
    ),
    "64 bits": ("stars", 2**63, "Note.stars: 9223372036854775808 does not fit into 64 bits"),
    "far beyond": (
        "stars",
        10**6000,
        "Note.stars: an integer of 19932 bits does not fit into 64 bits",
    ),
    "finite": ("weight", float("inf"), "Note.weight: inf is not finite"),
    "decimal places": (
        "price",
        Decimal("1.234"),
        "Note.price: Decimal input should have no more than 2 decimal places, got Decimal('1.234')",
    ),
    "year": (
        "at",
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        "Note.at: 9999-12-31 23:59:59.999999-01:00 is out of range in UTC",
    ),
    "json": ("meta", {"a": [float("nan")]}, 'Note.meta["a"][0]: NaN is not finite'),
    "vector": ("embedding", "abc", "Note.embedding: expected numbers, got str; "),
    "dimension": ("embedding", [1], "Note.embedding: expected a vector of 3 dimensions, got 1"),
}


@pytest.mark.parametrize(("name", "value", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refused_assignment_leaves_the_old_value(name: str, value: Any, message: str) -> None:
    note = a_note()
    before = note.model_copy(deep=True)
    with pytest.raises(InvalidValue) as refused:
        setattr(note, name, value)
    assert str(refused.value).startswith(message)
    assert str(refused.value.field).startswith(f"Note.{name}")
    assert note == before
    with pytest.raises(InvalidValue) as refused:
        a_note(**{name: value})
    assert str(refused.value).startswith(message)


def test_the_first_refusal_is_raised_and_carries_the_others_as_notes() -> None:
    with pytest.raises(InvalidValue, match=r"^Note\.title: ") as refused:
        a_note(title=3, stars=-1)
    notes = refused.value.__notes__
    assert notes == ["Note.stars: Input should be greater than or equal to 0, got -1"]


def test_an_error_keeps_its_class() -> None:
    with pytest.raises(InvalidVector):
        a_note(embedding=[[1, 2, 3]])


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownField, match="Note has no field 'titel'; did you mean 'title'"):
        a_note(titel="x")
    with pytest.raises(UnknownField, match="Note has no field 'zzz'; it has at, embedding, id"):
        setattr(a_note(), "zzz", 1)  # noqa: B010  # type checkers know it too


def test_a_required_field_may_be_missing_until_the_write() -> None:
    note = Note(stars=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert note.title is None
    with pytest.raises(MissingValue) as missing:
        check_complete(note)
    assert str(missing.value) == "Note.title, Note.embedding: a value is required"
    note.title, note.embedding = "ab", Vector([1, 2, 3])
    check_complete(note)


def test_a_default_of_none_is_not_validated() -> None:
    class Loose(Unit, table=True):
        id: int = Field(default=None, primary_key=True)
        name: str = Field(default=None)

    loose = Loose(id=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert loose.model_dump() == {"id": None, "name": None}
    loose.sqlmodel_update({"name": "x"})
    loose.sqlmodel_update({"name": None})
    with pytest.raises(InvalidValue):
        loose.sqlmodel_update({"id": "x"})
    with pytest.raises(MissingValue, match=r"^Loose\.name: "):
        check_complete(loose)


def test_entities_are_equal_by_value() -> None:
    assert a_note() == a_note()
    assert a_note() != a_note(title="two")
    assert a_note() != "one"
    with pytest.raises(TypeError, match="unhashable"):
        hash(a_note())


def test_repr_is_short() -> None:
    note = Note(
        title="one",
        topic="t" * 200,
        meta={"long": list(range(100)), "b": {}},
        embedding=Vector([0.5, 0.5, 0.5]),
    )
    assert repr(note) == (
        "Note(id=None, title='one', topic='ttttttttttttttttttttttttttttttttttttt"
        "...tttttttttttttttttttttttttttttttttttttt', stars=0, price=Decimal('0'), weight=1.0, "
        "at=datetime.datetime(2026, 1, 2, 0, 0, tzinfo=datetime.timezone.utc), "
        "meta={'long': [0, 1, 2, 3, 4, 5, ...], 'b': {}}, embedding=Vector([0.5, 0.5, 0.5]))"
    )


def test_dumps() -> None:
    note = a_note(meta={"a": [1]})
    dumped = note.model_dump(include={"title", "meta", "embedding"})
    assert dumped == {"title": "one", "meta": {"a": [1]}, "embedding": Vector([1, 2, 3])}
    assert type(dumped["meta"]) is dict
    assert note.model_dump_json(include={"title", "meta", "embedding"}) == (
        '{"title":"one","meta":{"a":[1]},"embedding":[1.0,2.0,3.0]}'
    )


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301


DUPLICATES: dict[str, Callable[[Note], Note]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda note: note.model_copy(),
    "deep model_copy": lambda note: note.model_copy(deep=True),
    "pickle": pickled,
    "model_validate": Note.model_validate,
}


@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES)
def test_a_copy_shares_nothing(duplicate: Callable[[Note], Note]) -> None:
    note = a_note(meta={"a": [1]})
    other = duplicate(note)
    assert other == note
    assert inspect(other) is not inspect(note)
    assert inspect(other).transient
    other.meta["a"].append(2)
    other.title = "other"
    assert (note.title, note.meta) == ("one", {"a": [1]})


def test_a_copy_keeps_what_was_set_and_validates_updates() -> None:
    note = a_note()
    assert note.model_copy(update={"topic": "NEW"}).topic == "new"
    assert copy.copy(note).model_fields_set == {"title", "embedding"}
    with pytest.raises(InvalidValue):
        note.model_copy(update={"title": 3})
    with pytest.raises(UnknownField):
        note.model_copy(update={"titel": "x"})


def test_sqlmodel_update_validates() -> None:
    note = a_note()
    note.sqlmodel_update({"topic": "NEW", "ignored": 1}, update={"stars": 5})
    assert (note.topic, note.stars) == ("new", 5)
    with pytest.raises(InvalidValue):
        note.sqlmodel_update({"stars": "x"})


def test_model_validate_is_complete_and_raises_pydantics_error() -> None:
    note = Note.model_validate({"title": "one", "topic": "UP", "embedding": [1, 2, 3]})
    assert (note.topic, note.meta) == ("up", {})
    assert inspect(note).transient
    note.meta["a"] = 1
    with pytest.raises(ValidationError) as refused:
        Note.model_validate({"title": "a\0", "zzz": 1})
    found = [(error["loc"], error["type"]) for error in refused.value.errors()]
    assert found == [
        (("title",), "value_error"),
        (("embedding",), "missing"),
        (("zzz",), "extra_forbidden"),
    ]


def test_model_validate_updates() -> None:
    class NoteCreate(BaseModel):
        title: str
        embedding: list[float]
        hidden: str = "x"

    given = NoteCreate(title="one", embedding=[1, 2, 3])
    note = Note.model_validate(given, update={"stars": 4})
    assert (note.title, note.stars, note.embedding) == ("one", 4, Vector([1, 2, 3]))
    update = {"title": "yy", "embedding": [1, 2, 3]}
    assert Note.model_validate({"title": "x"}, update=update).title == "yy"
    with pytest.raises(UnknownField):
        Note.model_validate(given, update={"titel": "x"})


def test_pydantic_makes_real_entities_wherever_they_are_nested() -> None:
    class Outer(BaseModel):
        note: Note
        notes: list[Note] = []

    outer = Outer.model_validate_json('{"note": {"title": "one", "embedding": [1, 2, 3]}}')
    assert inspect(outer.note).transient
    outer.note.title = "two"
    assert Outer(note=outer.note).note is outer.note
    adapter = TypeAdapter(list[Note])
    assert adapter.validate_python([{"title": "one", "embedding": [1, 2, 3]}]) == [a_note()]
    with pytest.raises(ValidationError, match=r"note\.embedding"):
        Outer.model_validate({"note": {"title": "one", "embedding": [1]}})


def test_model_construct_checks_nothing() -> None:
    note = Note.model_construct(title="x", topic="UP", meta={"a": []})
    assert (note.title, note.topic, note.stars) == ("x", "UP", 0)
    assert note.model_fields_set == {"title", "topic", "meta"}
    note.meta["a"].append(1)
    assert inspect(note).transient


def test_validated_gives_the_value_a_field_would_hold() -> None:
    assert validated(Note, "topic", "UP") == "up"
    with pytest.raises(InvalidValue, match=r"^Note\.stars: "):
        validated(Note, "stars", -1)
    with pytest.raises(UnknownField):
        validated(Note, "titel", "x")
    with pytest.raises(InvalidModel, match="Unit is no table; declare it with table=True"):
        validated(Unit, "titel", "x")


class Team(Unit, table=True):
    id: int | None = Field(default=None, primary_key=True)
    members: list[Member] = Relationship(back_populates="team")


class Member(Unit, table=True):
    id: int | None = Field(default=None, primary_key=True)
    team_id: int | None = Field(default=None, foreign_key="team.id")
    boss_id: int | None = Field(default=None, foreign_key="member.id")
    team: Team | None = Relationship(back_populates="members")
    boss: Member | None = Relationship(
        back_populates="workers", sa_relationship_kwargs={"remote_side": "Member.id"}
    )
    workers: list[Member] = Relationship(back_populates="boss")


def test_relationships_work_in_both_directions_and_to_the_class_itself() -> None:
    boss, worker = Member(id=1), Member(id=2)
    team = Team(members=[boss])
    worker.boss, worker.team = boss, team
    assert (boss.team, boss.workers, team.members) == (team, [worker], [boss, worker])
    assert repr(worker) == "Member(id=2, team_id=None, boss_id=None)"
    assert worker == Member(id=2)
    assert Member.model_validate({"id": 3, "team": team}).team is team


def test_a_copy_has_no_relationships() -> None:
    team = Team(members=[Member(id=1)])
    assert copy.deepcopy(team).members == []
    assert len(team.members) == 1


def test_data_is_validated_by_pydantic() -> None:
    class NoteData(Entity):
        title: str

    with pytest.raises(ValidationError):
        NoteData(title="a", zzz=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    data = NoteData(title="a")
    assert copy.copy(data) == data
    assert data.model_copy(update={"title": "b"}) == NoteData.model_construct(title="b")
    data.title = "c"
    assert repr(NoteData.model_validate(data)) == "NoteData(title='c')"
