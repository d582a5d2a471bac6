"""How the value of each type is written in JSON, and read from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, TypeVar, cast
from uuid import UUID

from agentorm.errors import InvalidValue
from agentorm.filters.limits import told
from agentorm.storable import (
    in_utc,
    storable_duration,
    storable_integer,
    storable_text,
)

T = TypeVar("T")
Read = Callable[[Any], Any]
"""Gives the Python value of a JSON value, or raises InvalidValue."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_OFFSET = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_AMOUNT = r"[0-9]{1,9}"
DATE = f"^{_DAY}$"
TIME = f"^{_CLOCK}$"
AWARE = f"^{_DAY}[T ]{_CLOCK}{_OFFSET}$"
NAIVE = f"^{_DAY}[T ]{_CLOCK}$"
EITHER = f"^{_DAY}[T ]{_CLOCK}{_OFFSET}?$"
UUID_TEXT = "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
DECIMAL_TEXT = r"^-?[0-9]{1,40}(?:\.[0-9]{1,40})?$"
DURATION = (
    rf"^-?P(?=.)(?:{_AMOUNT}D)?"
    rf"(?:T(?=.)(?:{_AMOUNT}H)?(?:{_AMOUNT}M)?(?:{_AMOUNT}(?:\.[0-9]{{1,6}})?S)?)?$"
)
_PARTS = re.compile(
    r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?", re.ASCII
)
_LONGEST_INTEGER, _LONGEST_DECIMAL = 64, 133


def expected(what: str, value: object) -> InvalidValue:
    """The refusal of a value of another type or form."""
    return InvalidValue(f"expected {what}, got {told(value)}")


def text(value: object) -> str:
    """Text that every engine can hold."""
    if type(value) is not str:
        raise expected("text", value)
    return storable_text(value)


def integer(value: object) -> int:
    """An integer of 64 bits; JSON does not tell 5 from 5.0."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise expected("an integer", value)
    if value.bit_length() > _LONGEST_INTEGER:
        raise InvalidValue(f"{told(value)} does not fit into 64 bits")
    return storable_integer(value)


def number(value: object) -> int | float:
    """A finite number; an integer has 64 bits at most."""
    if type(value) is int:
        return integer(value)
    if type(value) is not float:
        raise expected("a number", value)
    if not isfinite(value):
        raise expected("a finite number", value)
    return value


def boolean(value: object) -> bool:
    """True or False."""
    if type(value) is not bool:
        raise expected("true or false", value)
    return value


def decimal(value: object) -> Decimal:
    """An exact decimal, written as text or as a number."""
    if type(value) is str:
        return Decimal(_matching(DECIMAL_TEXT, "a number, or one as text", value))
    if type(value) is int and value.bit_length() <= _LONGEST_DECIMAL:
        return within_digits(Decimal(value))
    return within_digits(Decimal(str(number(value))))


def within_digits(value: Decimal) -> Decimal:
    """The decimal, if it has 40 digits at most before the point, and after it."""
    written = f"{value:f}" if value.is_finite() and abs(value.adjusted()) <= 40 else "NaN"
    if not re.fullmatch(DECIMAL_TEXT, written, re.ASCII):
        raise expected("a finite number with at most 40 digits on each side of the point", value)
    return value


def day(value: object) -> date:
    """A date, written ``2024-02-29``."""
    return _parsed(date.fromisoformat, DATE, "a date as '2024-02-29'", value)


def moment(value: object) -> datetime:
    """A point in time; without an offset it is in UTC."""
    made = _parsed(_datetime, EITHER, "a date and time as '2024-02-29T12:00:00Z'", value)
    return in_utc(made)


def moment_with_offset(value: object) -> datetime:
    """A point in time, whose offset must be written."""
    return in_utc(_parsed(_datetime, AWARE, "a date and time as '2024-02-29T12:00:00Z'", value))


def local_moment(value: object) -> datetime:
    """A date and time without an offset."""
    what = "a date and time without an offset, as '2024-02-29T12:00:00'"
    return _parsed(_datetime, NAIVE, what, value)


def clock(value: object) -> time:
    """A time of day, written ``12:30:00``."""
    return _parsed(time.fromisoformat, TIME, "a time of day as '12:30:00'", value)


def duration(value: object) -> timedelta:
    """A duration, written ``P1DT2H30M``."""
    made = _parsed(_timedelta, DURATION, "a duration as 'P1DT2H30M' or 'PT1.5S'", value)
    return storable_duration(made)


def uuid(value: object) -> UUID:
    """A UUID, as 32 hexadecimal digits in five groups."""
    return _parsed(UUID, UUID_TEXT, "a UUID as '00000000-0000-0000-0000-000000000000'", value)


def choice(members: type[Enum]) -> Read:
    """What reads a member of the enum by its value."""
    known: dict[tuple[type, Any], Enum] = {
        (type(member.value), member.value): member for member in members if in_json(member)
    }

    def read(value: object) -> Enum:
        found = known.get((type(value), value)) if _is_scalar(value) else None
        if found is None:
            values = ", ".join(repr(value) for _, value in known)
            raise expected(f"one of {values}", value)
        return found

    return read


def in_json(member: Enum) -> bool:
    """Whether a member of an enum can be named in JSON: by text, a number or a boolean."""
    return _is_scalar(member.value)


def naive(value: datetime) -> datetime:
    """The datetime, if it has no offset."""
    if value.tzinfo is not None:
        raise expected("a datetime without an offset", value)
    return value


def aware(value: datetime) -> datetime:
    """The same point in time in UTC, if its offset is told."""
    if value.tzinfo is None:
        raise expected("a datetime with an offset", value)
    return in_utc(value)


def plain(value: object) -> object:
    """The text or number that an instance of a subclass is."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return int(value) if isinstance(value, int) else float(value)


def as_object(value: object, *, python: bool = False) -> dict[Any, Any] | None:
    """The value if it is an object of JSON: a dict, in Python an instance of a subclass too."""
    fits = isinstance(value, dict) if python else type(value) is dict
    return cast(dict[Any, Any], value) if fits else None


def as_array(value: object, *, python: bool = False) -> list[Any] | tuple[Any, ...] | None:
    """The value if it is an array of JSON: a list, in Python a tuple or of a subclass too."""
    fits = isinstance(value, list | tuple) if python else type(value) is list
    return cast(list[Any], value) if fits else None


def _is_scalar(value: object) -> bool:
    return type(value) in {str, int, float, bool}


def _datetime(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _timedelta(written: str) -> timedelta:
    found = _PARTS.fullmatch(written)
    assert found is not None
    sign, *amounts, fraction = found.groups(default="0")
    days, hours, minutes, seconds = map(int, amounts)
    made = timedelta(
        days=days,
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        microseconds=int(fraction.ljust(6, "0")),
    )
    return -made if sign == "-" else made


def _matching(pattern: str, what: str, value: object) -> str:
    if type(value) is not str or not re.fullmatch(pattern, value, re.ASCII):
        raise expected(what, value)
    return value


def _parsed(parse: Callable[[str], T], pattern: str, what: str, value: object) -> T:
    written = _matching(pattern, what, value)
    try:
        return parse(written)
    except (ValueError, OverflowError):
        raise expected(what, value) from None
