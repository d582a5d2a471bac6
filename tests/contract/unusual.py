"""Models that do what few do: plain SQLAlchemy, with keys, columns and loading of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, ForeignKey, Integer, String, Uuid, func
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    column_property,
    deferred,
    mapped_column,
    reconstructor,
    relationship,
    synonym,
    validates,
)
from sqlalchemy.types import TypeDecorator

from agentorm import Entity, Field, Vector, VectorType, vector_field


class Odd(DeclarativeBase):
    """What most of them derive from."""


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Cents(TypeDecorator[Decimal]):
    """An amount of money, kept as a whole number of cents."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value * 100)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / 100


class OfTwo(Odd):
    """A key of two columns, which is not in the order of the table."""

    __tablename__ = "odd_of_two"
    name: Mapped[str] = mapped_column(String(20))
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    branch: Mapped[str] = mapped_column(String(20), primary_key=True)
    place: Mapped[Vector] = mapped_column(VectorType(2))


class ByUuid(Odd):
    __tablename__ = "odd_by_uuid"
    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    name: Mapped[str] = mapped_column(String(20))


class ByText(Odd):
    __tablename__ = "odd_by_text"
    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str | None] = mapped_column(String(20))


class EntityOfTwo(Entity, table=True):
    """The same keys on an entity."""

    id: UUID = Field(primary_key=True)
    branch: str = Field(primary_key=True)
    name: str
    place: Vector = vector_field(2)


class Renamed(Odd):
    """Attributes with other names than their columns, the key among them."""

    __tablename__ = "odd_renamed"
    number: Mapped[int] = mapped_column("no", primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column("label", String(20))
    place: Mapped[Vector] = mapped_column("at", VectorType(2))


class Computed(Odd):
    __tablename__ = "odd_computed"
    id: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column()
    twice: Mapped[int] = column_property(n * 2)


class Late(Odd):
    """A column that is read when it is asked for."""

    __tablename__ = "odd_late"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    body: Mapped[str] = deferred(mapped_column(String(20)))


class Versioned(Odd):
    __tablename__ = "odd_versioned"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class Rebuilt(Odd):
    """It is told of being loaded."""

    __tablename__ = "odd_rebuilt"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))

    @reconstructor
    def shout(self) -> None:
        self.loud = self.name.upper()


class Dressed(Odd):
    """Much that stands beside columns, and columns of one's own types."""

    __tablename__ = "odd_dressed"
    id: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[str] = mapped_column(String(20))
    last: Mapped[str] = mapped_column(String(20))
    price: Mapped[Decimal | None] = mapped_column(Cents())
    size: Mapped[Size] = mapped_column()
    rank: Mapped[int] = mapped_column(server_default="7")
    surname: Mapped[str] = synonym("last")

    @hybrid_property
    def full(self) -> str:
        return f"{self.first} {self.last}"

    @validates("first")
    def check(self, key: str, value: str) -> str:
        return value.strip()


class Eager(Odd):
    """What the server gives is read at once."""

    __tablename__ = "odd_eager"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    length: Mapped[int] = mapped_column(server_default="3", onupdate=func.length("four"))
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012


class Vehicle(Odd):
    __tablename__ = "odd_vehicle"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    wheels: Mapped[int]
    __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "vehicle"}  # noqa: RUF012


class Lorry(Vehicle):
    """Of the same table."""

    load: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "lorry"}  # noqa: RUF012


class Coach(Vehicle):
    """Of a table of its own, too."""

    __tablename__ = "odd_coach"
    id: Mapped[int] = mapped_column(ForeignKey("odd_vehicle.id"), primary_key=True)
    seats: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "coach"}  # noqa: RUF012


class Shelf(Odd):
    """Its boxes come with it, and with each of them its label."""

    __tablename__ = "odd_shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[Vector] = mapped_column(VectorType(2))
    boxes: Mapped[list[Box]] = relationship(lazy="selectin", order_by="Box.id")


class Box(Odd):
    __tablename__ = "odd_box"
    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int] = mapped_column(ForeignKey("odd_shelf.id"))
    place: Mapped[Vector] = mapped_column(VectorType(2))
    shelf: Mapped[Shelf] = relationship(lazy="joined", viewonly=True)


@dataclass(frozen=True)
class Case:
    """Rows of a model.

    Attributes:
        rows: makes them, sorted by key.
        keys: of each, as `get` takes it.
        seen: what can be said of each.
        look: what says it.
        beside: tables that it needs.
        planned: whether plans load it.
    """

    model: type[Any]
    rows: Callable[[], list[Any]]
    keys: list[Any]
    look: Callable[[Any], Any]
    seen: list[Any]
    beside: list[type[Any]] = field(default_factory=list[type[Any]])
    planned: bool = True


ONE, TWO = UUID(int=1), UUID(int=2**100)
X, Y = Vector([1, 0]), Vector([0, 1])

CASES = {
    "composite key": Case(
        OfTwo,
        lambda: [
            OfTwo(number=1, branch="b", name="one", place=X),
            OfTwo(number=2, branch="a", name="two", place=Y),
        ],
        [(1, "b"), (2, "a")],
        lambda o: (o.name, o.number, o.branch, o.place),
        [("one", 1, "b", X), ("two", 2, "a", Y)],
    ),
    "uuid": Case(
        ByUuid,
        lambda: [ByUuid(id=ONE, name="one"), ByUuid(id=TWO, name="two")],
        [ONE, TWO],
        lambda o: (o.id, o.name),
        [(ONE, "one"), (TWO, "two")],
    ),
    "text key": Case(
        ByText,
        lambda: [ByText(code="%a", name=None), ByText(code="b'", name="two")],
        ["%a", "b'"],
        lambda o: (o.code, o.name),
        [("%a", None), ("b'", "two")],
    ),
    "entity": Case(
        EntityOfTwo,
        lambda: [
            EntityOfTwo(id=ONE, branch="b", name="one", place=X),
            EntityOfTwo(id=TWO, branch="a", name="two", place=Y),
        ],
        [(ONE, "b"), (TWO, "a")],
        lambda o: (o.id, o.branch, o.name, o.place),
        [(ONE, "b", "one", X), (TWO, "a", "two", Y)],
    ),
    "other names": Case(
        Renamed,
        lambda: [Renamed(number=1, title="one", place=X), Renamed(number=2, title="two", place=Y)],
        [1, 2],
        lambda o: (o.number, o.title, o.place),
        [(1, "one", X), (2, "two", Y)],
    ),
    "computed": Case(
        Computed,
        lambda: [Computed(id=1, n=4), Computed(id=2, n=5)],
        [1, 2],
        lambda o: (o.n, o.twice),
        [(4, 8), (5, 10)],
        planned=False,
    ),
    "deferred": Case(
        Late,
        lambda: [Late(id=1, name="one", body="a"), Late(id=2, name="two", body="b")],
        [1, 2],
        lambda o: (o.name, "body" in vars(o)),
        [("one", False), ("two", False)],
        planned=False,
    ),
    "version": Case(
        Versioned,
        lambda: [Versioned(id=1, name="one"), Versioned(id=2, name="two")],
        [1, 2],
        lambda o: (o.name, o.version),
        [("one", 1), ("two", 1)],
        planned=False,
    ),
    "reconstructor": Case(
        Rebuilt,
        lambda: [Rebuilt(id=1, name="one"), Rebuilt(id=2, name="two")],
        [1, 2],
        lambda o: (o.name, o.loud),
        [("one", "ONE"), ("two", "TWO")],
        planned=False,
    ),
    "beside columns": Case(
        Dressed,
        lambda: [
            Dressed(id=1, first=" Ann ", last="Lee", price=Decimal("1.5"), size=Size.SMALL),
            Dressed(id=2, first="Bo", last="Yu", size=Size.LARGE, rank=1),
        ],
        [1, 2],
        lambda o: (o.full, o.surname, o.price, o.size, o.rank),
        [
            ("Ann Lee", "Lee", Decimal("1.5"), Size.SMALL, 7),
            ("Bo Yu", "Yu", None, Size.LARGE, 1),
        ],
    ),
    "eager defaults": Case(
        Eager,
        lambda: [Eager(id=1, name="one"), Eager(id=2, name="two", length=9)],
        [1, 2],
        lambda o: (o.name, o.length),
        [("one", 3), ("two", 9)],
    ),
    "inheritance": Case(
        Vehicle,
        lambda: [
            Vehicle(id=1, wheels=3),
            Lorry(id=2, wheels=8, load=5),
            Coach(id=3, wheels=6, seats=9),
        ],
        [1, 2, 3],
        lambda o: (type(o), o.id, o.wheels, o.kind),
        [(Vehicle, 1, 3, "vehicle"), (Lorry, 2, 8, "lorry"), (Coach, 3, 6, "coach")],
        beside=[Coach],
        planned=False,
    ),
    "derived, in its table": Case(
        Lorry,
        lambda: [Lorry(id=2, wheels=8, load=5), Lorry(id=4, wheels=4, load=None)],
        [2, 4],
        lambda o: (o.id, o.load),
        [(2, 5), (4, None)],
        planned=False,
    ),
    "derived, in two tables": Case(
        Coach,
        lambda: [Coach(id=3, wheels=6, seats=9)],
        [3],
        lambda o: (o.id, o.wheels, o.seats),
        [(3, 6, 9)],
        beside=[Vehicle],
        planned=False,
    ),
    "many, loaded with it": Case(
        Shelf,
        lambda: [
            Shelf(id=1, place=X, boxes=[Box(id=5, place=X), Box(id=6, place=Y)]),
            Shelf(id=2, place=Y),
        ],
        [1, 2],
        lambda o: [box.id for box in o.__dict__["boxes"]],
        [[5, 6], []],
        beside=[Box],
        planned=False,
    ),
    "one, loaded with it": Case(
        Box,
        lambda: [Shelf(id=1, place=X, boxes=[Box(id=5, place=X), Box(id=6, place=Y)])],
        [5, 6],
        lambda o: (o.id, o.__dict__["shelf"].id),
        [(5, 1), (6, 1)],
        beside=[Shelf],
        planned=False,
    ),
}
"""All of them."""
