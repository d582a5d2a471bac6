"""Tables with a field of each kind that filters know, and of each that they do not."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

from pydantic import AwareDatetime, NaiveDatetime
from sqlalchemy import JSON, DateTime, LargeBinary, Numeric, SmallInteger, Text, Uuid
from sqlalchemy import Enum as SQLAlchemyEnum
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry
from sqlmodel import Field as PlainField
from sqlmodel import SQLModel

from agentorm import Entity, Field, JSONType, Relationship, Vector, json_field, vector_field


class Shade(Enum):
    red = "r"
    blue = 2
    nowhere = (0, 0)


class Rank(IntEnum):
    low = 1
    high = 2


Isbn = NewType("Isbn", str)


class FilteredBase(Entity, registry=registry()):
    """What the two derive from; a registry of their own keeps them apart from other tests."""


class FilteredShelf(FilteredBase, table=True):
    id: int | None = Field(default=None, primary_key=True)
    papers: list["Filtered"] = Relationship(back_populates="shelf")


class Filtered(FilteredBase, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str | None = Field(default=None, max_length=20)
    n: int | None = None
    flag: bool | None = None
    real: float | None = None
    price: Decimal | None = None
    day: date | None = None
    at: datetime | None = None
    aware: AwareDatetime | None = None
    naive: NaiveDatetime | None = None
    hour: time | None = None
    lasting: timedelta | None = None
    uid: UUID | None = None
    shade: Shade | None = None
    rank: Rank | None = None
    kind: Literal["draft", "final"] | None = None
    step: Literal[1, 2, 3] | None = None
    isbn: Annotated[Isbn | None, "a note"] = None
    meta: dict[str, Any] | None = json_field(default=None)
    tags: list[Any] | None = json_field(default=None)
    raw: bytes = b""
    embedding: Vector | None = vector_field(2, default=None)
    shelf_id: int | None = Field(default=None, foreign_key="filteredshelf.id")
    shelf: FilteredShelf | None = Relationship(back_populates="papers")


class FilteredPlain(SQLModel, table=True):
    """As SQLModel declares it, without anything of this library."""

    id: int | None = PlainField(default=None, primary_key=True)
    title: str | None = None
    n: int | None = None
    flag: bool | None = None
    real: float | None = None
    price: Decimal | None = PlainField(default=None, max_digits=10, decimal_places=2)
    day: date | None = None
    at: datetime | None = None
    hour: time | None = None
    uid: UUID | None = None
    shade: Rank | None = None
    kind: Literal["draft", "final"] | None = PlainField(default=None, sa_type=Text)


class FilteredDeclared(DeclarativeBase):
    """What the next derives from."""


class FilteredRow(FilteredDeclared):
    """As SQLAlchemy declares it."""

    __tablename__ = "filtered_row"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str | None] = mapped_column(Text)
    small: Mapped[int | None] = mapped_column(SmallInteger)
    price: Mapped[float | None] = mapped_column(Numeric(10, 2, asdecimal=False))
    at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    uid: Mapped[str | None] = mapped_column(Uuid(as_uuid=False))
    color: Mapped[str | None] = mapped_column(SQLAlchemyEnum("red", "blue", name="color"))
    kind: Mapped[Literal["draft", "final"] | None] = mapped_column()
    meta: Mapped[Any] = mapped_column(JSONType)
    plain: Mapped[Any] = mapped_column(JSON)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)


def leaf(field: str, op: str, *value: Any) -> dict[str, Any]:
    """A comparison as a document, with a value or without."""
    return {"field": field, "op": op, **({"value": value[0]} if value else {})}
