"""The tables of the contract tests; a registry of their own keeps them apart from other tests."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import NaiveDatetime
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import registry

from agentorm import Entity, Field, Relationship, Vector, json_field, vector_field

STREAMS_ALONE = ("mariadb", "mysql", "mariadb-10.11")
"""The engines that run nothing else on a connection that streams."""


def vector(*components: float) -> Vector:
    """A vector as a type checker wants it; entities take lists too."""
    return Vector(components)


class Contract(Entity, registry=registry()):
    """What all of them derive from."""


class Author(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    docs: list["Doc"] = Relationship(back_populates="author", cascade_delete=True)


class Doc(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(unique=True)
    topic: str | None = None
    n: int = 0
    meta: dict[str, Any] = json_field()
    author_id: int | None = Field(default=None, foreign_key="author.id")
    embedding: Vector | None = vector_field(3, default=None)
    author: Author | None = Relationship(back_populates="docs")
    tags: list["Tag"] = Relationship(back_populates="doc", cascade_delete=True)


class Tag(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    doc_id: int = Field(foreign_key="doc.id")
    doc: Doc = Relationship(back_populates="tags")


class Pair(Contract, table=True):
    """A key of two columns, and another unique key of two."""

    __table_args__ = (UniqueConstraint("kind", "slot"),)
    shelf: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    kind: str | None = None
    slot: int | None = None
    note: str = ""
    embedding: Vector | None = vector_field(2, default=None, metric="l2")


class Picture(Contract, table=True):
    """Two vectors, of different dimensions and metrics."""

    id: int | None = Field(default=None, primary_key=True)
    caption: Vector = vector_field(2, metric="inner_product")
    pixels: Vector = vector_field(4, metric="l2")


class Mood(Enum):
    angry = 2
    calm = 1
    wild = "3"


class Scalar(Contract, table=True):
    """One field of each scalar type, none of them required."""

    id: int | None = Field(default=None, primary_key=True)
    whole: int | None = None
    flag: bool | None = None
    real: float | None = None
    text: str | None = None
    key: str | None = Field(default=None, index=True)
    raw: bytes | None = None
    uid: UUID | None = None
    price: Decimal | None = None
    moment: datetime | None = None
    clock: NaiveDatetime | None = None
    day: date | None = None
    hour: time | None = None
    lasting: timedelta | None = None
    mood: Mood | None = None


class Required(Contract, table=True):
    """The same fields, each of them required."""

    id: int | None = Field(default=None, primary_key=True)
    whole: int
    flag: bool
    real: float
    text: str
    key: str = Field(index=True)
    raw: bytes
    uid: UUID
    price: Decimal
    moment: datetime
    clock: NaiveDatetime
    day: date
    hour: time
    lasting: timedelta
    mood: Mood


class Json(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    tree: dict[str, Any] = json_field()
    items: list[Any] = json_field()
    maybe: dict[str, Any] | None = json_field()
