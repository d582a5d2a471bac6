"""The models whose SQL is asserted; a registry of their own keeps them apart from other tests."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import NaiveDatetime
from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import registry

from agentorm import (
    HNSW,
    Entity,
    Field,
    IVFFlat,
    Relationship,
    Vector,
    json_field,
    vector_field,
)


class Library(Entity, registry=registry()):
    """What all of them derive from."""


class Author(Library, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    books: list["Book"] = Relationship(back_populates="author")


class Book(Library, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    year: int | None = None
    author_id: int | None = Field(default=None, foreign_key="author.id")
    embedding: Vector | None = vector_field(3, default=None)
    author: Author | None = Relationship(back_populates="books")
    chapters: list["Chapter"] = Relationship(back_populates="book")


class Chapter(Library, table=True):
    id: int | None = Field(default=None, primary_key=True)
    heading: str
    book_id: int = Field(foreign_key="book.id")
    book: Book = Relationship(back_populates="chapters")


class Loan(Library, table=True):
    branch: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    embedding: Vector = vector_field(2, metric="l2")
    stamps: list["Stamp"] = Relationship(back_populates="loan")


class Stamp(Library, table=True):
    __table_args__ = (ForeignKeyConstraint(["branch", "number"], ["loan.branch", "loan.number"]),)
    id: int | None = Field(default=None, primary_key=True)
    day: date
    branch: str
    number: int
    loan: Loan = Relationship(back_populates="stamps")


class Page(Library, table=True):
    """Two vectors and a field that is called as rankings call theirs."""

    id: int | None = Field(default=None, primary_key=True)
    distance: float
    text: Vector = vector_field(2, metric="inner_product", index=HNSW(m=8, ef_construction=32))
    image: Vector = vector_field(4, metric="l2", index=IVFFlat(lists=10))


class Picture(Library, table=True):
    """A vector that the index of each engine may serve, and collections beside it."""

    id: int | None = Field(default=None, primary_key=True)
    owner_id: int | None = Field(default=None, foreign_key="author.id")
    pixels: Vector = vector_field(3, index=HNSW(m=8, ef_construction=32))
    owner: Author | None = Relationship()
    copies: list["Copy"] = Relationship(back_populates="picture")


class Copy(Library, table=True):
    """Called as rankings call theirs."""

    id: int | None = Field(default=None, primary_key=True)
    distance: float
    picture_id: int = Field(foreign_key="picture.id")
    picture: Picture = Relationship(back_populates="copies")


class Note(Library, table=True):
    id: int | None = Field(default=None, primary_key=True)
    meta: dict[str, Any] = json_field()
    tags: list[str] | None = json_field()


class Odd(Library, table=True):
    """Names that a careless formatter would stumble over."""

    id: int | None = Field(default=None, primary_key=True)
    growth: int = Field(sa_column_kwargs={"name": "growth %(x)s {column}"})
    embedding: Vector = vector_field(2)


class Mood(Enum):
    calm = 1
    angry = 2


class Everything(Library, table=True):
    """One field of each scalar type."""

    __table_args__ = (UniqueConstraint("code", "day"),)
    id: UUID = Field(primary_key=True)
    code: str
    label: str = Field(max_length=40)
    prose: str
    topic: str = Field(index=True)
    whole: int
    half: float
    price: Decimal
    exact: Decimal = Field(max_digits=10, decimal_places=2)
    flag: bool
    moment: datetime
    local: NaiveDatetime
    day: date
    hour: time
    lasting: timedelta
    raw: bytes
    perhaps: int | None = None


class Labelled(Library, table=True):
    """Keys of text and of bytes, with a length of their own and without."""

    word: str = Field(primary_key=True)
    digest: bytes = Field(primary_key=True)
    language: str = Field(unique=True, max_length=8)
    seal: bytes = Field(index=True, max_length=64)


class Feeling(Library, table=True):
    mood: Mood = Field(primary_key=True)
