"""Column types of scalars: the same values, comparisons and order on every engine."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Double,
    Interval,
    LargeBinary,
    Numeric,
    String,
    Time,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

from agentorm import dialects
from agentorm.errors import InvalidValue, UnsupportedFeature
from agentorm.storable import (
    in_utc,
    storable_bytes,
    storable_decimal,
    storable_duration,
    storable_float,
    storable_integer,
    storable_text,
    storable_time,
)

T = TypeVar("T")
KEY_LENGTH = 255
DECIMAL_DIGITS, DECIMAL_PLACES = 18, 6


class Portable(TypeDecorator[T]):
    """What all types of the library share."""

    name: ClassVar[None] = None  # Alembic's batch mode asks every TypeDecorator for one
    compares: ClassVar[tuple[type, ...]] = ()
    """The values beside which the column is compared by its own type; None in a list is one."""

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        if value is None or isinstance(value, self.compares):
            return self.as_compared()
        return self.impl_instance.coerce_compared_value(op, value)

    def as_compared(self) -> TypeEngine[Any]:
        """The type of such a value."""
        return self


class StringType(Portable[str]):
    """Text compared and sorted by code point; unbounded without a length.

    Raises:
        InvalidValue: at the write, for text that is too long or that some engine cannot hold.
    """

    impl = String
    cache_ok = True
    compares = (str,)

    class Comparator(TypeDecorator.Comparator[str], String.Comparator[str]):
        """Takes a backslash in a pattern for itself, on the engines that would not too."""

        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            if op in PATTERNS and not (kwargs.get("escape") or kwargs.get("autoescape")):
                kwargs["escape"] = _harmless_escape(other[0])
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator  # pyright: ignore[reportAssignmentType]

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).string_type(self.length)

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> str | None:
        return None if value is None else storable_text(value, self.length)

    def as_compared(self) -> TypeEngine[Any]:
        return StringType()


def _harmless_escape(pattern: Any) -> str | None:
    if not isinstance(pattern, str):
        return _PRIVATE
    if "\\" not in pattern:
        return None
    return next(character for character in _ESCAPES if character not in pattern)


PATTERNS = frozenset(
    getattr(operators, f"{negated}{folded}{kind}_op")
    for kind in ("like", "startswith", "endswith", "contains")
    for negated in ("", "not_")
    for folded in ("", "i")
)
_PRIVATE = "\ue000"
_ESCAPES = [chr(code) for code in range(0x21, 0x2FFF) if chr(code) not in "%_'\\\""]


class EnumType(Portable[Enum]):
    """Members of an enum by their names, as text that every engine sorts alike.

    Args:
        members: the enum.
        length: the most characters of a name, those of future members included.

    Raises:
        InvalidValue: at the write for anything but a member, at the read for an unknown name.
    """

    impl = String
    cache_ok = True

    def __init__(self, members: type[Enum], length: int = KEY_LENGTH) -> None:
        super().__init__(length)
        self.members, self.length = members, length

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).string_type(self.length)

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> str | None:
        if value is None:
            return None
        if not isinstance(value, self.members):
            raise InvalidValue(f"expected a {self.members.__name__}, got {value!r}")
        return value.name

    def process_result_value(self, value: Any, dialect: SQLAlchemyDialect) -> Enum | None:
        if value is None:
            return None
        try:
            return self.members[value]
        except KeyError:
            raise InvalidValue(f"{self.members.__name__} has no member {value!r}") from None

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self


class IntegerType(Portable[int]):
    """Integers of 64 bits, checked before any SQL."""

    impl = BigInteger
    cache_ok = True
    compares = (int,)

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).integer_type()

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> int | None:
        return None if value is None else storable_integer(value)


class FloatType(Portable[float]):
    """Floats of 64 bits; NaN and infinities, which engines treat differently, are refused."""

    impl = Double
    cache_ok = True
    compares = (float, int)

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).float_type()

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> float | None:
        return None if value is None else storable_float(value)


class DecimalType(Portable[Decimal]):
    """Exact decimals, compared and sorted as numbers; never rounded, but refused.

    Args:
        precision: digits in all.
        scale: digits after the point.

    Raises:
        InvalidValue: at the write, for a value of more digits.
    """

    impl = Numeric
    cache_ok = True
    compares = (Decimal, int, float)

    class Comparator(TypeDecorator.Comparator[Decimal], Numeric.Comparator[Decimal]):
        """Keeps the result of arithmetic a decimal of this type."""

        def _adapt_expression(
            self, op: OperatorType, other_comparator: Any
        ) -> tuple[OperatorType, TypeEngine[Any]]:
            return op, self.type

    comparator_factory = Comparator  # pyright: ignore[reportAssignmentType]

    def __init__(
        self,
        precision: int = DECIMAL_DIGITS,
        scale: int = DECIMAL_PLACES,
        *,
        compared: bool = False,
    ) -> None:
        super().__init__(precision, scale)
        self.precision, self.scale, self.compared = precision, scale, compared

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).decimal_type(self.precision, self.scale)

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> Decimal | None:
        if value is None:
            return None
        number = Decimal(str(value))
        return number if self.compared else storable_decimal(number, self.precision, self.scale)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        if op in {operators.mul, operators.truediv, operators.floordiv, operators.mod}:
            return Numeric()
        return super().coerce_compared_value(op, value)

    def as_compared(self) -> TypeEngine[Any]:
        return DecimalType(self.precision, self.scale, compared=True)


class DateTimeType(Portable[datetime]):
    """Points in time in UTC with microseconds; a naive one is taken as UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).datetime_type()

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> datetime | None:
        return None if value is None else in_utc(value)

    def process_result_value(self, value: Any, dialect: SQLAlchemyDialect) -> datetime | None:
        return None if value is None else in_utc(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return _Added() if isinstance(value, timedelta) else self


class NaiveDateTimeType(Portable[datetime]):
    """What a calendar and a clock show somewhere, with microseconds and without a zone."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).naive_datetime_type()

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return _Added() if isinstance(value, timedelta) else self


class TimeType(Portable[time]):
    """Times of day with microseconds, without a zone."""

    impl = Time
    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).time_type()

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> time | None:
        return None if value is None else storable_time(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self


_ADDING = (operators.add, operators.sub)


class DurationType(Portable[timedelta]):
    """Durations with microseconds."""

    impl = Interval
    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).duration_type()

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> timedelta | None:
        return None if value is None else storable_duration(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return _Added() if op in _ADDING else self


class _Added(DurationType):
    """A duration that is added to a point in time, by engines that can."""

    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        known = dialects.of(dialect)
        if not known.adds_durations:
            raise UnsupportedFeature(
                "arithmetic of datetimes and timedeltas",
                dialect=known.name,
                hint="work the point in time out in Python, and compare with that",
            )
        return super().load_dialect_impl(dialect)


class UuidType(Portable[UUID]):
    """UUIDs, sorted by their digits."""

    impl = Uuid
    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).uuid_type()

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self


class BytesType(Portable[bytes]):
    """Bytes, compared and sorted as such; unbounded without a length.

    Raises:
        InvalidValue: at the write, for more bytes than that.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).bytes_type(self.length)

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> bytes | None:
        return None if value is None else storable_bytes(value, self.length)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return BytesType()
