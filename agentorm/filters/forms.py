"""Which types of columns a filter compares, and how their values are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Float,
    Integer,
    Interval,
    Numeric,
    String,
    Time,
    Uuid,
)
from sqlalchemy import Enum as SQLAlchemyEnum
from sqlalchemy.types import TypeEngine
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from agentorm.filters import values
from agentorm.filters.limits import CHARACTERS
from agentorm.filters.operators import EQUALITY, IS_NULL, ORDER, TEXT
from agentorm.scalars import (
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
from agentorm.storable import in_utc, storable_duration, storable_time

ORDERED = (*EQUALITY, *ORDER, *IS_NULL)
Schema = Mapping[str, Any]


def itself(value: Any) -> Any:
    """The value as it is."""
    return value


@dataclass(frozen=True, slots=True)
class Form:
    """How the values of a type are written.

    Args:
        schema: the JSON Schema of one value.
        read: gives the Python value of a JSON value.
        operators: the names of those that fit.
        python: the class of Python values that the short form takes as they are.
        check: gives such a value as the column takes it.
        choices: the JSON values that equality is limited to; None for any.
        portable: the type through which a column of SQLAlchemy's own is compared.
    """

    schema: Schema
    read: values.Read
    operators: tuple[str, ...] = ORDERED
    python: type | None = None
    check: Callable[[Any], Any] = itself
    choices: tuple[Any, ...] | None = None
    portable: TypeEngine[Any] | None = None

    def take(self, value: Any) -> Any:
        """The Python value of a JSON value or of a Python value.

        Raises:
            InvalidValue: it is none of this type.
        """
        plain = isinstance(value, datetime) and self.python is date
        if self.python is not None and isinstance(value, self.python) and not plain:
            return self.check(value)
        return self.read(values.plain(value))

    def among(self, choices: tuple[Any, ...]) -> Form:
        """The same form, for values that are these at most."""
        return replace(self, choices=choices)

    def chosen(self, value: Any) -> Any:
        """The value, if it is among the choices.

        Raises:
            InvalidValue: it is not.
        """
        if self.choices is not None and value not in self.choices:
            raise values.expected(f"one of {', '.join(map(repr, self.choices))}", value)
        return value


_TEXT = {"type": "string", "maxLength": CHARACTERS}
_INTEGER = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}


def _written(pattern: str, about: str, **more: str) -> Schema:
    return {"type": "string", "pattern": pattern, "description": about, **more}


TEXT_FORM = Form(_TEXT, values.text, (*EQUALITY, *ORDER, *TEXT, *IS_NULL))
INTEGER_FORM = Form(_INTEGER, values.integer)
NUMBER_FORM = Form({"type": "number"}, values.number)
BOOLEAN_FORM = Form({"type": "boolean"}, values.boolean, (*EQUALITY, *IS_NULL))
DECIMAL_FORM = Form(
    {"anyOf": [{"type": "number"}, _written(values.DECIMAL_TEXT, "a decimal, as 12.50")]},
    values.decimal,
    python=Decimal,
    check=values.within_digits,
)
DATE_FORM = Form(_written(values.DATE, "a date, as 2024-02-29"), values.day, python=date)
MOMENT_FORM = Form(
    _written(values.EITHER, "a date and time, as 2024-02-29T12:00:00Z; in UTC without an offset"),
    values.moment,
    python=datetime,
    check=in_utc,
)
AWARE_FORM = Form(
    _written(values.AWARE, "a date and time with its offset, as 2024-02-29T12:00:00Z"),
    values.moment_with_offset,
    python=datetime,
    check=values.aware,
)
NAIVE_FORM = Form(
    _written(values.NAIVE, "a date and time without an offset, as 2024-02-29T12:00:00"),
    values.local_moment,
    python=datetime,
    check=values.naive,
)
TIME_FORM = Form(
    _written(values.TIME, "a time of day, as 12:30:00"),
    values.clock,
    python=time,
    check=storable_time,
)
DURATION_FORM = Form(
    _written(values.DURATION, "a duration, as P1DT2H30M"),
    values.duration,
    python=timedelta,
    check=storable_duration,
)
UUID_FORM = Form(
    _written(values.UUID_TEXT, "a UUID of 32 hexadecimal digits in five groups"),
    values.uuid,
    python=UUID,
)

_FORMS: Mapping[type, Form] = {
    StringType: TEXT_FORM,
    IntegerType: INTEGER_FORM,
    FloatType: NUMBER_FORM,
    DecimalType: DECIMAL_FORM,
    DateTimeType: MOMENT_FORM,
    NaiveDateTimeType: NAIVE_FORM,
    TimeType: TIME_FORM,
    DurationType: DURATION_FORM,
    UuidType: UUID_FORM,
}
_SQLALCHEMYS: tuple[tuple[type, Form], ...] = (
    (UTCDateTime, AWARE_FORM),
    (AutoString, replace(TEXT_FORM, portable=StringType())),
    (String, replace(TEXT_FORM, portable=StringType())),
    (Integer, replace(INTEGER_FORM, portable=IntegerType())),
    (Float, replace(NUMBER_FORM, portable=FloatType())),
    (Numeric, DECIMAL_FORM),
    (Boolean, BOOLEAN_FORM),
    (Date, DATE_FORM),
    (Time, TIME_FORM),
    (Interval, DURATION_FORM),
)


def form_of(column_type: TypeEngine[Any]) -> Form | None:
    """The form of the values of a type of column; None where a filter has none."""
    if isinstance(column_type, EnumType):
        return _enum_form(column_type.members)
    for known, form in _FORMS.items():
        if isinstance(column_type, known):
            return form
    if isinstance(column_type, SQLAlchemyEnum):
        return _sqlalchemy_enum_form(column_type)
    if isinstance(column_type, DateTime):
        return AWARE_FORM if column_type.timezone else NAIVE_FORM
    if isinstance(column_type, Uuid):
        return _uuid_form(column_type)
    if isinstance(column_type, Numeric) and not column_type.asdecimal:
        return replace(NUMBER_FORM, portable=FloatType())
    return next((form for known, form in _SQLALCHEMYS if isinstance(column_type, known)), None)


def _enum_form(members: type[Enum]) -> Form:
    written = [member.value for member in members if values.in_json(member)]
    return Form({"enum": written}, values.choice(members), (*EQUALITY, *IS_NULL), python=members)


def _sqlalchemy_enum_form(column_type: SQLAlchemyEnum) -> Form:
    if column_type.enum_class is not None:
        return _enum_form(column_type.enum_class)
    return Form(
        {"enum": [*column_type.enums]},
        values.text,
        (*EQUALITY, *IS_NULL),
        choices=tuple(column_type.enums),
    )


def _uuid_form(column_type: Uuid[Any]) -> Form:
    if column_type.as_uuid:
        return UUID_FORM

    def as_text(value: object) -> str:
        return str(values.uuid(value))

    return replace(UUID_FORM, read=as_text, check=str)
