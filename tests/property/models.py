"""The entities whose rows are made up, in a registry apart from those of other tests."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import registry

from agentorm import HNSW, Entity, Field, IVFFlat, Relationship, Vector, vector_field


class World(Entity, registry=registry()):
    """What all of them derive from."""


class Mood(Enum):
    """Its names sort otherwise than its values and its members."""

    glad = 2
    angry = 3
    calm = 1


class Place(World, table=True):
    """A key of text, one dimension, no NULL among the vectors."""

    name: str = Field(primary_key=True)
    label: str | None = Field(default=None, index=True)
    size: int
    open: bool | None = None
    embedding: Vector = vector_field(1, metric="l2")
    notes: list["Note"] = Relationship(back_populates="place")


class Note(World, table=True):
    """A key of integers, one field of most types, three dimensions."""

    id: int | None = Field(default=None, primary_key=True)
    title: str
    subtitle: str | None = None
    year: int | None = None
    month: int
    rating: float | None = None
    price: Decimal | None = None
    done: bool
    flag: bool | None = None
    moment: datetime | None = None
    place_name: str | None = Field(default=None, foreign_key="place.name")
    embedding: Vector | None = vector_field(3, default=None)
    place: Place | None = Relationship(back_populates="notes")


class Event(World, table=True):
    """A key that the caller makes, and two vectors."""

    id: UUID = Field(primary_key=True)
    cause: UUID | None = None
    day: date | None = None
    mood: Mood | None = None
    text: Vector | None = vector_field(8, metric="l1", default=None)
    image: Vector | None = vector_field(2, metric="inner_product", default=None)


class Cell(World, table=True):
    """A key of two columns, many dimensions."""

    area: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    depth: float
    embedding: Vector | None = vector_field(64, default=None)
    marks: list["Mark"] = Relationship(back_populates="cell")


class Leaf(World, table=True):
    """Two indexes over NULL too, which engines may answer from and so approximately."""

    id: int | None = Field(default=None, primary_key=True)
    tree: int
    front: Vector | None = vector_field(
        4, metric="l2", default=None, index=HNSW(m=4, ef_construction=16)
    )
    back: Vector | None = vector_field(2, default=None, index=IVFFlat(lists=3))


class Bud(World, table=True):
    """One index without NULL, as MariaDB wants it."""

    id: int | None = Field(default=None, primary_key=True)
    tree: int
    front: Vector = vector_field(4, metric="l2", index=HNSW(m=4, ef_construction=16))


class Twig(World, table=True):
    """An index that is far from exact when it is built over the rows."""

    id: int | None = Field(default=None, primary_key=True)
    place: Vector = vector_field(1, metric="l2", index=IVFFlat(lists=2))


class Mark(World, table=True):
    """Belongs to a row with a key of two columns; has no vector."""

    __table_args__ = (ForeignKeyConstraint(["area", "number"], ["cell.area", "cell.number"]),)
    id: int | None = Field(default=None, primary_key=True)
    area: str | None = None
    number: int | None = None
    height: int | None = None
    cell: Cell | None = Relationship(back_populates="marks")


MODELS: tuple[type[World], ...] = (Place, Note, Event, Cell, Bud, Twig, Mark)
"""The models that every engine has; MariaDB builds no two indexes on one table, none over NULL."""
KEYS: dict[type[World], tuple[str, ...]] = {
    Place: ("name",),
    Note: ("id",),
    Event: ("id",),
    Cell: ("area", "number"),
    Leaf: ("id",),
    Bud: ("id",),
    Twig: ("id",),
    Mark: ("id",),
}
VECTORS: dict[type[World], dict[str, tuple[int, str]]] = {
    Place: {"embedding": (1, "l2")},
    Note: {"embedding": (3, "cosine")},
    Event: {"text": (8, "l1"), "image": (2, "inner_product")},
    Cell: {"embedding": (64, "cosine")},
    Leaf: {"front": (4, "l2"), "back": (2, "cosine")},
    Bud: {"front": (4, "l2")},
    Twig: {"place": (1, "l2")},
}
"""Of each vector field the dimension and the metric it declares."""
