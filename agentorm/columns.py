"""Which portable column type a field's annotation means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, NewType, Union, get_args, get_origin
from uuid import UUID

from annotated_types import GroupedMetadata
from pydantic import AwareDatetime, EmailStr, NaiveDatetime
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy import (
    Boolean,
    Date,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine
from sqlmodel.main import FieldInfoMetadata
from typing_extensions import TypeAliasType

from agentorm.errors import InvalidModel
from agentorm.scalars import (
    DECIMAL_DIGITS,
    DECIMAL_PLACES,
    KEY_LENGTH,
    BytesType,
    DateTimeType,
    DecimalType,
    DurationType,
    EnumType,
    FloatType,
    IntegerType,
    NaiveDateTimeType,
    StringType,
    TimeType,
    UuidType,
)
from agentorm.vectors import AnyVector, Vector


class Limits(NamedTuple):
    """What an annotation and its `Field` say of a value's size."""

    max_length: int | None = None
    max_digits: int | None = None
    decimal_places: int | None = None


def declared_type(field: FieldInfo) -> Any:
    """The column type that the field names itself, by `sa_type` or `sa_column`."""
    column: Any = _told(field, "sa_column")
    if column is not PydanticUndefined:
        return column.type
    named = _told(field, "sa_type")
    return None if named is PydanticUndefined else named


def give_type(owner: str, name: str, field: FieldInfo) -> None:
    """Let SQLModel make the column with the portable type of the annotation.

    Raises:
        InvalidModel: the annotation means no column type.
    """
    if declared_type(field) is not None:
        return
    told = {part.name: _told(field, part.name) for part in fields(FieldInfoMetadata)}
    kept = [item for item in field.metadata if not isinstance(item, FieldInfoMetadata)]
    chosen = replace(FieldInfoMetadata(**told), sa_type=column_type(f"{owner}.{name}", field))
    field.metadata = [*kept, chosen]


def _told(field: FieldInfo, name: str) -> Any:
    """What was given to SQLModel's `Field`, which keeps it in two places."""
    for item in field.metadata:
        if isinstance(item, FieldInfoMetadata):
            return getattr(item, name)
    return getattr(field, name, PydanticUndefined)


def column_type(place: str, field: FieldInfo) -> TypeEngine[Any]:
    """The portable column type of a field.

    Raises:
        InvalidModel: there is none.
    """
    found: list[Any] = []
    python = _unwrapped(place, field.annotation, found)
    found += field.metadata
    if python is datetime and NaiveDatetime in found:
        python = NaiveDatetime
    if get_origin(python) is Literal:
        python = _literal_type(get_args(python))
    limits = _limits(found)
    if isinstance(python, type):
        if issubclass(python, Enum):
            return _enum_type(python)
        for base in python.__mro__:
            if base in _TYPES:
                return _TYPES[base](limits)
    hint = "json_field() stores dicts and lists, sa_type names any SQLAlchemy type"
    if isinstance(python, type) and issubclass(python, AnyVector):
        kind = "" if python is Vector else f", kind={python.kind.value!r}"
        hint = f"declare it with vector_field(dimension{kind})"
    raise InvalidModel(f"{place}: {field.annotation!r} has no column type", hint=hint)


def annotated_class(place: str, field: FieldInfo) -> Any:
    """The class, or Literal, within a field's annotation.

    Raises:
        InvalidModel: it is annotated with several.
    """
    return _unwrapped(place, field.annotation, [])


def _unwrapped(place: str, annotation: Any, found: list[Any]) -> Any:
    """The class within Optional, Annotated, NewType and aliases; their metadata goes to `found`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        annotation, *more = get_args(annotation)
        found += more
    elif origin in {Union, UnionType}:
        rest = [part for part in get_args(annotation) if part is not NoneType]
        if len(rest) != 1:
            raise InvalidModel(
                f"{place}: a column holds one type, got {annotation}", hint="use json_field()"
            )
        annotation = rest[0]
    elif isinstance(annotation, NewType):
        annotation = annotation.__supertype__
    elif isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    else:
        return annotation
    return _unwrapped(place, annotation, found)


def _literal_type(values: tuple[Any, ...]) -> type | None:
    kinds: set[type] = {type(value) for value in values}
    return kinds.pop() if len(kinds) == 1 else None


def _limits(found: list[Any]) -> Limits:
    told: dict[str, Any] = {}
    for item in _flat(found):
        for name in Limits._fields:
            value = getattr(item, name, None)
            if value is not None:
                told[name] = value
    return Limits(**told)


def _flat(found: list[Any]) -> Iterator[Any]:
    for item in found:
        yield item
        if isinstance(item, GroupedMetadata):
            yield from item
        elif isinstance(item, FieldInfo):
            yield from item.metadata


def _enum_type(python: type[Enum]) -> EnumType:
    return EnumType(python, max([KEY_LENGTH, *map(len, python.__members__)]))


def _decimal_type(limits: Limits) -> DecimalType:
    """Digits without places do not say where the point is: then only pydantic counts them."""
    digits, places = limits.max_digits or DECIMAL_DIGITS, limits.decimal_places
    if places is None:
        return DecimalType(max(digits, DECIMAL_DIGITS), DECIMAL_PLACES)
    return DecimalType(max(digits, places), places)


_TYPES: Mapping[Any, Callable[[Limits], TypeEngine[Any]]] = {
    str: lambda limits: StringType(limits.max_length),
    EmailStr: lambda limits: StringType(limits.max_length),
    bool: lambda _: Boolean(),
    int: lambda _: IntegerType(),
    float: lambda _: FloatType(),
    Decimal: _decimal_type,
    datetime: lambda _: DateTimeType(),
    AwareDatetime: lambda _: DateTimeType(),
    NaiveDatetime: lambda _: NaiveDateTimeType(),
    date: lambda _: Date(),
    time: lambda _: TimeType(),
    timedelta: lambda _: DurationType(),
    UUID: lambda _: UuidType(),
    bytes: lambda limits: BytesType(limits.max_length),
}


_NO_KEY = ("_prefix", "_length", "_using")


def limit_keys(table: Table) -> None:
    """Give a length to unbounded text and bytes that a key, a constraint or an index holds."""
    keys = (PrimaryKeyConstraint, UniqueConstraint, ForeignKeyConstraint)
    used = {c for key in table.constraints if isinstance(key, keys) for c in key.columns}
    for index in table.indexes:
        told = [name for name, value in index.dialect_kwargs.items() if value is not None]
        if "agentorm" not in index.info and not any(n.endswith(_NO_KEY) for n in told):
            used.update(index.columns)
    for column in used:
        if isinstance(column.type, StringType | BytesType) and column.type.length is None:
            column.type = type(column.type)(KEY_LENGTH)
