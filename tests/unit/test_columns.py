from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal, NewType, Optional
from uuid import UUID

import pytest
from pydantic import AwareDatetime, NaiveDatetime, StringConstraints
from sqlalchemy import Column, Index, SmallInteger, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeEngine
from typing_extensions import TypeAliasType

from agentorm.entity import Entity
from agentorm.errors import InvalidModel, InvalidValue
from agentorm.fields import Field
from agentorm.mapping import EntityMeta
from agentorm.scalars import DateTimeType, DecimalType, StringType
from agentorm.vectors import Vector


class Unit(Entity, registry=registry()):
    """What the tables here derive from."""


class Size(Enum):
    S = 1
    L = 2


class Tone(StrEnum):
    LOUD = "loud"


UserId = NewType("UserId", int)
Name = TypeAliasType("Name", Annotated[str, Field(max_length=9)])


class ColumnsAll(Unit, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str = ""
    short: str = Field(default="", max_length=7, min_length=0, regex="^a*$")
    constrained: Annotated[str, StringConstraints(max_length=8)] = ""
    alias: Name = ""
    maybe: Optional[str] = None  # noqa: UP045  # both ways are in use
    annotated: Annotated[str | None, Field(max_length=6)] = None
    choice: Literal["a", "b"] = "a"
    number: int = 0
    user: UserId = UserId(0)
    ratio: float = 0.0
    flag: bool = False
    price: Decimal = Decimal(0)
    exact: Decimal = Field(default=Decimal(0), max_digits=4, decimal_places=0)
    at: datetime | None = None
    aware: AwareDatetime | None = None
    naive: NaiveDatetime | None = None
    day: date | None = None
    hour: time | None = None
    span: timedelta | None = None
    uid: UUID | None = None
    raw: bytes = b""
    size: Size = Size.S
    tone: Tone = Tone.LOUD
    small: int = Field(default=0, sa_type=SmallInteger)
    own: str = Field(default="", sa_column=Column("other", Text, nullable=False))


def table_of(model: Any) -> Table:
    table: Table = model.__table__
    return table


def test_the_portable_type_of_each_annotation() -> None:
    found = {column.name: repr(column.type) for column in table_of(ColumnsAll).columns}
    assert found == {
        "id": "IntegerType()",
        "text": "StringType()",
        "short": "StringType(length=7)",
        "constrained": "StringType(length=8)",
        "alias": "StringType(length=9)",
        "maybe": "StringType()",
        "annotated": "StringType(length=6)",
        "choice": "StringType()",
        "number": "IntegerType()",
        "user": "IntegerType()",
        "ratio": "FloatType()",
        "flag": "Boolean()",
        "price": "DecimalType(precision=18, scale=6)",
        "exact": "DecimalType(precision=4, scale=0)",
        "at": "DateTimeType()",
        "aware": "DateTimeType()",
        "naive": "NaiveDateTimeType()",
        "day": "Date()",
        "hour": "TimeType()",
        "span": "DurationType()",
        "uid": "UuidType()",
        "raw": "BytesType()",
        "size": "EnumType(length=255)",
        "tone": "EnumType(length=255)",
        "small": "SmallInteger()",
        "other": "Text()",
    }


def test_what_may_be_null() -> None:
    nullable = {column.name for column in table_of(ColumnsAll).columns if column.nullable}
    assert nullable == {"maybe", "annotated", "at", "aware", "naive", "day", "hour", "span", "uid"}


class ColumnsKeyed(Unit, table=True):
    __table_args__ = (UniqueConstraint("paired", "with_it"), Index("ix_columns_by_index", "sorted"))
    id: str = Field(primary_key=True)
    parent: str | None = Field(default=None, foreign_key="columnskeyed.id")
    topic: str = Field(index=True)
    slug: str = Field(unique=True)
    code: str = Field(unique=True, max_length=1000)
    paired: str
    with_it: int
    sorted: str
    free: str
    own: str = Field(index=True, sa_type=String(3))


def test_text_in_a_key_or_an_index_has_a_length() -> None:
    types = {column.name: column.type for column in table_of(ColumnsKeyed).columns}
    found = {
        name: kind.length for name, kind in types.items() if isinstance(kind, String | StringType)
    }
    assert found == {
        "id": 255,
        "parent": 255,
        "topic": 255,
        "slug": 255,
        "code": 1000,
        "paired": 255,
        "sorted": 255,
        "free": None,
        "own": 3,
    }


def test_two_tables_of_one_mixin_do_not_share_what_is_decided_for_one() -> None:
    class Coded(Unit):
        code: str
        at: datetime

    class ColumnsUnique(Coded, table=True):
        __table_args__ = (UniqueConstraint("code"),)
        id: int | None = Field(default=None, primary_key=True)

    class ColumnsFree(Coded, table=True):
        id: int | None = Field(default=None, primary_key=True)

    codes: list[TypeEngine[Any]] = [
        table_of(table).columns["code"].type for table in (ColumnsUnique, ColumnsFree)
    ]
    assert [repr(code) for code in codes] == ["StringType(length=255)", "StringType()"]
    assert isinstance(table_of(ColumnsFree).columns["at"].type, DateTimeType)


def test_decimals_have_room_for_their_places() -> None:
    class ColumnsDecimal(Unit, table=True):
        id: int | None = Field(default=None, primary_key=True)
        few: Decimal = Field(max_digits=4)
        fine: Decimal = Field(decimal_places=30)

    columns = table_of(ColumnsDecimal).columns
    types = [columns[name].type for name in ("few", "fine")]
    found = [(t.precision, t.scale) for t in types if isinstance(t, DecimalType)]
    assert found == [(18, 6), (30, 30)]


ELSEWHERE = "json_field() stores dicts and lists, sa_type names any SQLAlchemy type"


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (list[str], f"list[str] has no column type; {ELSEWHERE}"),
        (dict[str, int] | None, f"dict[str, int] | None has no column type; {ELSEWHERE}"),
        (int | str, "a column holds one type, got int | str; use json_field()"),
        (Any, f"typing.Any has no column type; {ELSEWHERE}"),
        (Literal["a", 1], f"typing.Literal['a', 1] has no column type; {ELSEWHERE}"),
    ],
    ids=["list", "dict", "union", "any", "mixed literal"],
)
def test_an_annotation_without_a_column_type(annotation: Any, problem: str) -> None:
    namespace = {"__annotations__": {"value": annotation}, "__module__": __name__}
    with pytest.raises(InvalidModel) as refused:
        EntityMeta("ColumnsBad", (Unit,), namespace, table=True)
    assert str(refused.value) == f"ColumnsBad.value: {problem}"


def test_a_vector_is_declared_by_vector_field() -> None:
    with pytest.raises(InvalidModel, match=r"declare it with vector_field\(dimension\)$"):

        class ColumnsVector(Unit, table=True):  # pyright: ignore[reportUnusedClass]
            id: int | None = Field(default=None, primary_key=True)
            embedding: Vector


def test_moments_that_some_engine_cannot_hold_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"^ColumnsAll\.span: 999999999 days"):
        ColumnsAll(span=timedelta.max)
    with pytest.raises(InvalidValue, match=r"^ColumnsAll\.hour: 12:00:00\+00:00 has a time zone"):
        ColumnsAll(hour=time(12, tzinfo=UTC))
