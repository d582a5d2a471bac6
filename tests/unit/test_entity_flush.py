"""Entities in a session: what a flush writes, and what comes back; plain SQLite."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from pydantic import NaiveDatetime
from sqlalchemy import create_engine, inspect, literal
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry, validates
from sqlmodel import Relationship, Session, col, select

from agentorm.entity import Entity
from agentorm.errors import InvalidModel, InvalidValue, MissingValue, UnknownField
from agentorm.fields import Field, json_field, vector_field
from agentorm.indexes import HNSW
from agentorm.types import VectorType
from agentorm.vectors import Vector


class Unit(Entity, registry=registry()):
    """What the tables here derive from."""


class Color(Enum):
    RED = "r"
    BLUE = "b"


class Card(Unit, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    meta: dict[str, Any] = json_field()
    tags: list[str] | None = json_field()
    anything: Any = json_field(default=None, nullable=True)
    front: Vector | None = vector_field(2, default=None)
    back: Vector | None = vector_field(3, default=None)
    owner_id: str | None = Field(default=None, foreign_key="owner.name")
    owner: Owner | None = Relationship(back_populates="cards")


class Owner(Unit, table=True):
    name: str = Field(primary_key=True)
    cards: list[Card] = Relationship(back_populates="owner")


class Kinds(Unit, table=True):
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    at: datetime
    local: NaiveDatetime
    price: Decimal
    color: Color
    raw: bytes


class Place(Unit, table=True):
    shelf: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    note: str = ""


class Person(Unit, table=True):
    __mapper_args__: ClassVar[dict[str, Any]] = {
        "polymorphic_on": "kind",
        "polymorphic_identity": "person",
    }
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "person"
    name: str = Field(max_length=10)
    face: Vector | None = vector_field(2, default=None, index=HNSW())
    meta: dict[str, Any] = json_field()


class Employee(Person, table=True):
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "employee"}
    salary: int | None = Field(default=None, ge=0)
    notes: list[str] | None = json_field()


class Boss(Person, table=True):
    __mapper_args__: ClassVar[dict[str, Any]] = {"polymorphic_identity": "boss"}
    id: int | None = Field(default=None, primary_key=True, foreign_key="person.id")
    rank: int
    voice: Vector | None = vector_field(3, default=None, index=HNSW())


class Base(DeclarativeBase):
    """Plain SQLAlchemy, without entities."""


class Plain(Base):
    __tablename__ = "plain"
    id: Mapped[int] = mapped_column(primary_key=True)
    embedding: Mapped[Vector] = mapped_column(VectorType(3))


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Unit.metadata.create_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def saved(session: Session, entity: Entity) -> None:
    session.add(entity)
    session.commit()
    session.expire_all()


def test_values_come_back_as_they_went_in(session: Session) -> None:
    key = uuid4()
    kinds = Kinds(
        id=key,
        at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        local=datetime(2026, 1, 2),  # noqa: DTZ001
        price=Decimal("1.50"),
        color=Color.BLUE,
        raw=b"\0\1",
    )
    before = kinds.model_copy()
    saved(session, kinds)
    assert session.get_one(Kinds, key) == before
    assert session.connection().exec_driver_sql("SELECT color FROM kinds").scalar() == "BLUE"


def test_vectors_may_be_several_and_null(session: Session) -> None:
    card = Card(title="a", back=Vector([1, 2, 3]))
    saved(session, card)
    assert (card.front, card.back) == (None, Vector([1, 2, 3]))
    card.front, card.back = Vector([1, 2]), None
    session.commit()
    assert (card.front, card.back) == (Vector([1, 2]), None)


def test_equal_values_are_not_written_again(session: Session) -> None:
    card = Card(title="a", back=Vector([1, 2, 3]), meta={"a": [1]})
    saved(session, card)
    session.refresh(card)
    card.title, card.back, card.meta = "a", Vector([1, 2, 3]), {"a": [1]}
    assert not session.is_modified(card)


def test_json_changes_are_written_after_every_way_to_get_the_value(session: Session) -> None:
    card = Card(title="a", meta={"a": {"b": []}}, tags=["x"])
    session.add(card)
    session.flush()
    card.meta["a"]["b"].append(1)
    saved(session, card)
    assert card.meta == {"a": {"b": [1]}}
    card.meta["a"]["b"].append(2)
    saved(session, card)
    session.refresh(card)
    card.meta["a"]["b"].append(3)
    session.flush()
    session.expire(card, ["meta"])
    card.meta["a"]["b"].append(4)
    assert card.tags is not None
    card.tags += ["y"]
    saved(session, card)
    assert (card.meta, card.tags) == ({"a": {"b": [1, 2, 3, 4]}}, ["x", "y"])


def test_json_of_any_shape_is_tracked(session: Session) -> None:
    card = Card(title="a", anything="text")
    saved(session, card)
    assert card.anything == "text"
    card.anything = {"a": [1]}
    saved(session, card)
    card.anything["a"].append(2)
    saved(session, card)
    assert card.anything == {"a": [1, 2]}
    card.anything = None
    saved(session, card)
    assert card.anything is None


def test_a_value_that_was_replaced_or_expired_is_forgotten(session: Session) -> None:
    card = Card(title="a", meta={"a": 1})
    saved(session, card)
    old = card.meta
    card.meta = {"b": 2}
    saved(session, card)
    newer = card.meta
    session.expire(card)
    old["a"] = newer["b"] = 3
    assert card.meta == {"b": 2}
    assert not session.is_modified(card)


def test_two_entities_never_share_a_json_value(session: Session) -> None:
    one = Card(title="one", meta={"a": []})
    two = Card(title="two", meta=one.meta, anything=one.meta)
    two.meta["a"].append(1)
    two.anything["b"] = 1
    assert (one.meta, two.meta, two.anything) == ({"a": []}, {"a": [1]}, {"a": [], "b": 1})


def test_merging_a_pickle(session: Session) -> None:
    card = Card(title="a", meta={"a": []})
    saved(session, card)
    session.refresh(card)
    other: Card = pickle.loads(pickle.dumps(card))  # noqa: S301
    assert other == card
    other.meta["a"].append(1)
    merged = session.merge(other)
    assert merged is card
    other.meta["a"].append("not merged")
    merged.meta["a"].append(2)
    saved(session, card)
    assert card.meta == {"a": [1, 2]}


def test_merging_without_loading(session: Session) -> None:
    card = Card(title="a", meta={"a": []})
    saved(session, card)
    session.refresh(card)
    session.expunge_all()
    merged = session.merge(card, load=False)
    merged.meta["a"].append(1)
    assert merged in session.dirty
    assert card.meta == {"a": []}


def test_a_copy_is_a_new_row_and_reads_what_is_not_loaded(session: Session) -> None:
    card = Card(title="a", meta={"a": []})
    saved(session, card)
    other = copy.copy(card)
    assert inspect(other).transient
    assert (other.title, other.meta) == ("a", {"a": []})
    twin = card.model_copy(update={"id": None})
    saved(session, twin)
    assert twin.id != card.id


def test_repr_reads_nothing(session: Session) -> None:
    card = Card(title="a")
    saved(session, card)
    assert repr(card) == "Card()"
    assert card.title == "a"
    assert repr(card).startswith("Card(id=1, title='a', meta={}, ")


def test_a_missing_value_is_an_error_before_any_sql(session: Session) -> None:
    session.add(Card())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(MissingValue, match=r"^Card\.title: a value is required$"):
        session.flush()
    session.rollback()
    session.add(Place())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(MissingValue, match=r"^Place\.shelf, Place\.number: a value is required$"):
        session.flush()
    session.rollback()


def test_a_foreign_key_may_come_from_the_relationship(session: Session) -> None:
    owner = Owner(name="ann", cards=[Card(title="a")])
    saved(session, owner)
    session.refresh(owner, ["cards"])
    (card,) = owner.cards
    assert (card.owner_id, card.owner) == ("ann", owner)


def test_relationships_stay_with_the_row_they_are_of(session: Session) -> None:
    owner = Owner(name="ann", cards=[Card(title="a")])
    saved(session, owner)
    other = Owner.model_validate(owner, update={"name": "bob", "cards": [Card(title="b")]})
    assert [card.title for card in other.cards] == ["b"]
    session.refresh(owner, ["cards"])
    assert Owner.model_validate(owner, update={"name": "cat"}).cards == []
    assert [card.title for card in owner.cards] == ["a"]


def test_a_composite_key(session: Session) -> None:
    saved(session, Place(shelf="a", number=1, note="x"))
    assert session.get_one(Place, ("a", 1)).note == "x"


def test_single_table_and_joined_inheritance(session: Session) -> None:
    session.add(Person(name="a"))
    session.add(Employee(name="b", notes=["x"], face=Vector([1, 2])))
    session.add(Boss(name="c", rank=1, voice=Vector([1, 2, 3]), meta={"a": []}))
    session.commit()
    session.expunge_all()
    person, employee, boss = session.exec(select(Person).order_by(col(Person.name))).all()
    assert repr(person) == "Person(id=1, kind='person', name='a', face=None, meta={})"
    assert isinstance(employee, Employee)
    assert (employee.kind, employee.notes) == ("employee", ["x"])
    assert isinstance(boss, Boss)
    assert (boss.kind, boss.rank, boss.voice) == ("boss", 1, Vector([1, 2, 3]))
    assert employee.notes is not None
    employee.notes.append("y")
    boss.meta["a"].append(1)
    session.commit()
    assert (employee.notes, boss.meta) == (["x", "y"], {"a": [1]})


def test_inherited_fields_are_validated_as_the_parent_declared_them() -> None:
    with pytest.raises(InvalidValue, match=r"^Boss\.name: String should have at most 10"):
        Boss(name="x" * 11, rank=1)
    with pytest.raises(InvalidValue, match=r"^Employee\.salary: "):
        Employee(name="x", salary=-1)
    assert Employee.model_json_schema()["required"] == ["name"]
    assert Boss.model_validate({"name": "b", "rank": 1}).kind == "boss"
    assert Boss(name="b", rank=1).model_copy().kind == "boss"


def test_inheritance_makes_the_tables_and_indexes_it_should() -> None:
    columns = {table.name: set(table.columns.keys()) for table in Unit.metadata.sorted_tables}
    assert columns["person"] == {"id", "kind", "name", "face", "meta", "salary", "notes"}
    assert columns["boss"] == {"id", "rank", "voice"}
    assert "employee" not in columns
    indexes = {index.name for table in Unit.metadata.tables.values() for index in table.indexes}
    assert indexes == {"ix_person_face_hnsw", "ix_boss_voice_hnsw"}


def test_what_derives_from_a_table_is_a_table() -> None:
    with pytest.raises(InvalidModel) as refused:

        class PersonData(Person):  # pyright: ignore[reportUnusedClass]
            pass

    assert str(refused.value) == (
        "PersonData derives from the table Person; "
        "table=True makes it a table too; data derives from a base they share"
    )


def test_a_value_may_be_sql_that_the_flush_computes(session: Session) -> None:
    place = Place(shelf="a", number=1, note=literal("x") + "y")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    saved(session, place)
    assert place.note == "xy"
    place.note = col(Place.note) + "z"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    saved(session, place)
    assert place.note == "xyz"
    with pytest.raises(UnknownField):
        Place(shelf="a", number=1, notes=literal("x"))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


class Heard(Unit, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str

    @validates("title")
    def shorten(self, key: str, value: str) -> str:
        return value[:3]


def test_what_a_listener_makes_of_a_value_stays(session: Session) -> None:
    heard = Heard(title="abcdef")
    assert heard.title == "abc"
    heard.title = "uvwxyz"
    assert heard.title == "uvw"
    saved(session, heard)
    assert heard.title == "uvw"


def test_plain_sqlalchemy_classes_hold_vectors(session: Session) -> None:
    session.add(Plain(id=1, embedding=[1, 2, 3]))
    session.commit()
    assert session.get_one(Plain, 1).embedding == Vector([1, 2, 3])
