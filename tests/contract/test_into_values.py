"""Values of what is read into classes: as entities hold them, and nobody's but the reader's."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, field_validator
from sqlalchemy import ForeignKey, String, inspect
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    column_property,
    deferred,
    mapped_column,
    relationship,
    with_loader_criteria,
)
from sqlmodel import Session

from agentorm import (
    Database,
    Field,
    InvalidValue,
    Vector,
    VectorType,
    col,
    repository,
    vector_field,
)
from tests.contract.models import Contract, Doc, Json, Scalar, vector
from tests.contract.scalars import ASCENDING
from tests.engines import NAMES

pytestmark = pytest.mark.engines(*NAMES)


class ReadBase(DeclarativeBase):
    """What classes of a user's own derive from."""


class ReadShelf(ReadBase):
    __tablename__ = "read_shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    books: Mapped[list[ReadBook]] = relationship(lazy="joined")


class ReadBook(ReadBase):
    __tablename__ = "read_book"
    number: Mapped[int] = mapped_column("no", primary_key=True)
    title: Mapped[str] = mapped_column(String(20))
    shelf_id: Mapped[int | None] = mapped_column(ForeignKey("read_shelf.id"))
    notes: Mapped[str | None] = deferred(mapped_column(String(20)))
    distance: Mapped[int] = mapped_column(default=7)
    embedding: Mapped[Vector | None] = mapped_column(VectorType(2), default=None)


ReadBook.loud = column_property(ReadBook.title + "!")


class ReadAnimal(Contract, table=True):
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "animal"
    name: str
    embedding: Vector | None = vector_field(2, default=None)


class ReadDog(ReadAnimal, table=True):
    __mapper_args__ = {"polymorphic_identity": "dog"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True, foreign_key="readanimal.id")
    tricks: int = 0


class ReadPuppy(ReadAnimal, table=True):
    """In the table of its parent."""

    __mapper_args__ = {"polymorphic_identity": "puppy"}  # noqa: RUF012
    weeks: int | None = None


@dataclass
class BookCard:
    number: int
    loud: str
    notes: str | None
    distance: int


@dataclass
class DogCard:
    name: str
    tricks: int
    kind: str


class AnimalCard(NamedTuple):
    name: str
    kind: str


class Titled(NamedTuple):
    title: str


def test_every_scalar_is_what_an_entity_holds(db: Database) -> None:
    db.create_all(Scalar)
    rows = repository(Scalar, db)
    size = max(map(len, ASCENDING.values()))
    rows.add_all(
        Scalar(id=n, **{name: values[n % len(values)] for name, values in ASCENDING.items()})
        for n in range(1, size + 1)
    )
    kind: Any = make_dataclass("ScalarCard", ["id", *ASCENDING])
    cards: list[Any] = rows.order_by(Scalar.id).into(kind).all()
    assert len(cards) == size
    for card in cards:
        for name, values in ASCENDING.items():
            value = getattr(card, name)
            expected = values[card.id % len(values)]
            assert (value, type(value)) == (expected, type(expected))
    assert cards[0].moment == ASCENDING["moment"][1]


def test_json_is_plain(db: Database) -> None:
    @dataclass
    class Trees:
        tree: dict[str, Any]
        items: list[Any]
        maybe: dict[str, Any] | None

    db.create_all(Json)
    docs = repository(Json, db)
    docs.add(Json(tree={"a": {"b": [1, None]}}, items=[{"c": 2.5}], maybe=None))
    card = docs.into(Trees).one()
    assert card == Trees({"a": {"b": [1, None]}}, [{"c": 2.5}], None)
    values: list[Any] = [card.tree, card.tree["a"], card.items, card.items[0]]
    assert [type(value) for value in values] == [dict, dict, list, dict]


def test_what_is_pending_is_flushed_first(library: Database) -> None:
    with library.session() as session:
        docs = repository(Doc, session)
        doc = docs.add(Doc(title="old", embedding=vector(1, 0, 0)))
        doc.title = "new"
        session.add(Doc(title="second", embedding=vector(0, 1, 0)))
        near = docs.similar_to([1, 0, 0]).into(Titled)
        assert near.all() == [Titled("new"), Titled("second")]
        doc.title = "newer"
        assert docs.order_by(Doc.title).into(Titled).all() == [Titled("newer"), Titled("second")]


def test_nothing_that_is_read_is_in_the_session(library: Database) -> None:
    repository(Doc, library).add(Doc(title="a", embedding=vector(1, 0, 0)))
    with Session(library.engine) as session:
        docs = repository(Doc, session)
        assert docs.into(Titled).all() == [Titled("a")]
        assert docs.similar_to([1, 0, 0]).into(Titled).all() == [Titled("a")]
        assert [*session] == []


def test_what_a_mapping_adds_to_columns(db: Database) -> None:
    db.create_all(ReadShelf, ReadBook)
    with db.session() as session:
        session.add(ReadShelf(id=1, name="x"))
        session.flush()
        session.add(ReadBook(number=4, title="a", notes="n", shelf_id=1, embedding=vector(1, 0)))
        session.flush()
        session.expunge_all()
        card = BookCard(4, "a!", "n", 7)
        books = repository(ReadBook, session)
        assert books.into(BookCard).all() == [card]
        near = books.similar_to([1, 0]).into(BookCard)
        assert [(hit.entity, hit.distance) for hit in near.hits()] == [(card, 0.0)]
        assert near.rerank(lambda cards: [card.distance for card in cards]).all() == [card]
        entities = books.similar_to([1, 0]).rerank(lambda rows: [row.distance for row in rows])
        assert entities.into(BookCard).all() == [card]
        held = with_loader_criteria(ReadBook, col(ReadBook.title) == "b")
        assert books.options(held).into(BookCard).all() == []
        assert books.into(BookCard).options(held).count() == 0


def test_tables_derived_from_tables(db: Database) -> None:
    db.create_all(ReadDog, ReadPuppy)
    repository(ReadAnimal, db).add(ReadAnimal(name="cat", embedding=vector(0, 1)))
    repository(ReadPuppy, db).add(ReadPuppy(name="spot", weeks=7, embedding=vector(1, 1)))
    repository(ReadDog, db).add(ReadDog(name="rex", tricks=3, embedding=vector(1, 0)))
    dogs = repository(ReadDog, db)
    assert dogs.into(DogCard).all() == [DogCard("rex", 3, "dog")]
    assert dogs.similar_to([1, 0]).into(DogCard).all() == [DogCard("rex", 3, "dog")]
    assert [*dogs.similar_to([1, 0]).into(DogCard).stream()] == [DogCard("rex", 3, "dog")]
    animals = repository(ReadAnimal, db).order_by(ReadAnimal.name).into(AnimalCard)
    cards = [AnimalCard("cat", "animal"), AnimalCard("rex", "dog"), AnimalCard("spot", "puppy")]
    assert animals.all() == cards
    puppies = repository(ReadPuppy, db)
    assert puppies.into(AnimalCard).all() == cards[2:]
    assert puppies.similar_to([1, 0]).into(AnimalCard).all() == cards[2:]


class Shouted(BaseModel):
    title: str

    @field_validator("title")
    @classmethod
    def shout(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("is bad")
        return value.upper()


class Meta(BaseModel):
    pages: int


class Described(BaseModel):
    id: int
    meta: Meta


def test_a_pydantic_model_that_asks_for_more_is_validated(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add_all([Doc(title="a", meta={"pages": 3}), Doc(title="bad", meta={"pages": "x"})])
    good = docs.where(Doc.title == "a")
    assert good.into(Shouted).all() == [Shouted.model_construct(title="A")]
    assert good.into(Described).one().meta == Meta(pages=3)
    with pytest.raises(InvalidValue, match=r"Shouted\.title: Value error, is bad, got 'bad'"):
        docs.into(Shouted).all()
    with pytest.raises(InvalidValue, match=r"Described\.meta\.pages: .*integer.*, got 'x'"):
        docs.order_by(Doc.id).into(Described).all()


def test_a_moment_is_in_utc(db: Database) -> None:
    @dataclass
    class Moment:
        moment: datetime

    db.create_all(Scalar)
    given = ASCENDING["moment"][2]
    repository(Scalar, db).add(Scalar(moment=given))
    read = repository(Scalar, db).into(Moment).one().moment
    assert (read, str(read.tzinfo)) == (given, "UTC")
    assert inspect(read, raiseerr=False) is None
