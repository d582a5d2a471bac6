"""What every engine can hold: the checks that a value passes before any SQL."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any, cast

from agentorm.errors import InvalidValue

_TOLD_BY_SIZE = 400
_INT64 = range(-(2**63), 2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST = datetime.min.replace(tzinfo=UTC) - _EPOCH
_LONGEST = datetime.max.replace(tzinfo=UTC) - _EPOCH


def storable_text(value: Any, length: int | None = None) -> str:
    """The text, if every engine can hold it.

    Raises:
        InvalidValue: no string, longer than the length, with a NUL or half a surrogate pair.
    """
    if not isinstance(value, str):
        raise InvalidValue(f"expected text, got {type(value).__name__}")
    if length is not None and len(value) > length:
        hint = "declare max_length, or leave the field without index and key"
        raise InvalidValue(f"{len(value)} characters, at most {length} fit", hint=hint)
    if "\0" in value:
        raise InvalidValue(f"text holds NUL at {value.index(chr(0))}, which engines refuse")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(f"text is not Unicode at {error.start}: {error.reason}") from error
    return value


def storable_bytes(value: Any, length: int | None = None) -> bytes:
    """The bytes, if they are not too many.

    Raises:
        InvalidValue: they are, or it is something else.
    """
    if not isinstance(value, bytes | bytearray | memoryview):
        raise InvalidValue(f"expected bytes, got {type(value).__name__}")
    packed = bytes(cast(bytes, value))
    if length is not None and len(packed) > length:
        hint = "declare max_length, or leave the field without index and key"
        raise InvalidValue(f"{len(packed)} bytes, at most {length} fit", hint=hint)
    return packed


def storable_integer(value: Any) -> int:
    """The integer, if 64 bits hold it.

    Raises:
        InvalidValue: they do not, or it is no integer.
    """
    if not isinstance(value, int):
        raise InvalidValue(f"expected an integer, got {type(value).__name__}")
    if value not in _INT64:
        bits = value.bit_length()
        told = value if bits < _TOLD_BY_SIZE else f"an integer of {bits} bits"
        raise InvalidValue(f"{told} does not fit into 64 bits")
    return value


def storable_float(value: Any) -> float:
    """The float, if it is finite.

    Raises:
        InvalidValue: it is not, or it is no number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidValue(f"expected a number, got {type(value).__name__}") from None
    if not isfinite(number):
        raise InvalidValue(f"{number} is not finite")
    return number


def storable_decimal(value: Decimal, precision: int, scale: int) -> Decimal:
    """The decimal, if so many digits hold it exactly.

    Raises:
        InvalidValue: they do not, or it is not finite.
    """
    if not value.is_finite():
        raise InvalidValue(f"{value} is not finite")
    units = Fraction(value) * 10**scale
    if units.denominator != 1 or abs(units) >= 10**precision:
        raise InvalidValue(
            f"{value} does not fit into {precision} digits, {scale} of them after the point",
            hint="declare max_digits and decimal_places",
        )
    return value


def in_utc(value: Any) -> datetime:
    """The same point in time, in UTC.

    Raises:
        InvalidValue: it is no datetime, or its year in UTC is not 1 to 9999.
    """
    if not isinstance(value, datetime):
        raise InvalidValue(f"expected a datetime, got {type(value).__name__}")
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidValue(f"{value} is out of range in UTC") from None


def storable_time(value: Any) -> time:
    """The time of day, if it has no zone: there is no telling the day it belongs to.

    Raises:
        InvalidValue: it has one, or it is no time.
    """
    if not isinstance(value, time):
        raise InvalidValue(f"expected a time, got {type(value).__name__}")
    if value.tzinfo is not None:
        raise InvalidValue(f"{value} has a time zone", hint="store a datetime, or the naive time")
    return value


def storable_duration(value: Any) -> timedelta:
    """The duration, if it lies within the years that engines count from 1970.

    Raises:
        InvalidValue: it does not, or it is no timedelta.
    """
    if not isinstance(value, timedelta):
        raise InvalidValue(f"expected a timedelta, got {type(value).__name__}")
    if not _SHORTEST <= value <= _LONGEST:
        raise InvalidValue(f"{value} is not between {_SHORTEST} and {_LONGEST}")
    return value
