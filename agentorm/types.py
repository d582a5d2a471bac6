"""Column types that mean the same on every engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Double,
    Interval,
    LargeBinary,
    Numeric,
    String,
    TypeDecorator,
)
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

from agentorm import dialects
from agentorm.errors import InvalidModel, InvalidValue
from agentorm.storable import (
    in_utc,
    storable_decimal,
    storable_float,
    storable_integer,
    storable_text,
)
from agentorm.vectors import Kind, Metric, Vector, as_vector

KEY_LENGTH = 255
DECIMAL_DIGITS, DECIMAL_PLACES = 18, 6


class VectorType(TypeDecorator[Vector]):
    """A vector column: pgvector's type where the server has it, packed bytes elsewhere.

    Works in any SQLAlchemy table. Takes whatever `Vector` takes and gives back a `Vector`,
    bit for bit as stored.

    Args:
        dimension: how many components every value has; None leaves it open.
        kind: what one component is.

    Raises:
        InvalidModel: a dimension below 1, or an unknown kind.
        InvalidVector: at the write, for a value that is no vector or has another dimension.

    Example:
        ``mapped_column(VectorType(384))`` is ``embedding VECTOR(384)`` on PostgreSQL and
        ``embedding BLOB`` on SQLite.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, dimension: int | None = None, kind: str | Kind = Kind.FLOAT32) -> None:
        super().__init__()
        self.dimension = None if dimension is None else _dimension(dimension)
        self.kind = _kind(kind)

    @property
    def python_type(self) -> type[Vector]:
        return Vector

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).vector_type(self.dimension, self.kind)

    def bind_processor(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, dialect: SQLAlchemyDialect
    ) -> Callable[[Any], Any]:
        encode, dimension = dialects.of(dialect).encode, self.dimension

        def bind(value: Any) -> Any:
            return None if value is None else encode(as_vector(value, dimension=dimension))

        return bind

    def result_processor(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, dialect: SQLAlchemyDialect, coltype: object
    ) -> Callable[[Any], Vector | None]:
        decode, dimension = dialects.of(dialect).decode, self.dimension

        def result(stored: Any) -> Vector | None:
            return None if stored is None else decode(stored, dimension)

        return result

    class Comparator(TypeDecorator.Comparator[Vector]):
        """The distances by the names that users of pgvector know."""

        def cosine_distance(self, other: Any) -> ColumnElement[float]:
            """See `agentorm.distance`."""
            return self._distance(other, Metric.COSINE)

        def l2_distance(self, other: Any) -> ColumnElement[float]:
            """See `agentorm.distance`."""
            return self._distance(other, Metric.L2)

        def l1_distance(self, other: Any) -> ColumnElement[float]:
            """See `agentorm.distance`."""
            return self._distance(other, Metric.L1)

        def max_inner_product(self, other: Any) -> ColumnElement[float]:
            """The negated inner product; see `agentorm.distance`."""
            return self._distance(other, Metric.INNER_PRODUCT)

        def _distance(self, other: Any, metric: Metric) -> ColumnElement[float]:
            from agentorm.expressions import distance

            return distance(self.expr, other, metric)

    comparator_factory = Comparator  # pyright: ignore[reportAssignmentType]

    def compare_values(self, x: Any, y: Any) -> bool:
        return bool(_comparable(x) == _comparable(y))

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self


def _dimension(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidModel(f"a vector has 1 dimension or more, got {value!r}")
    return value


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError:
        hint = f"use {', '.join(Kind)}"
        raise InvalidModel(f"unknown kind of vector {name!r}", hint=hint) from None


def _comparable(value: Any) -> Any:
    return value if value is None or isinstance(value, Vector) else Vector(value)


class StringType(TypeDecorator[str]):
    """Text compared and sorted by code point; unbounded without a length.

    Raises:
        InvalidValue: at the write, for text that is too long or that some engine cannot hold.
    """

    impl = String
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[str], String.Comparator[str]):
        """Takes a backslash in a pattern for itself, on the engines that would not too."""

        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            if op in _PATTERNS and not (kwargs.get("escape") or kwargs.get("autoescape")):
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

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        if isinstance(value, str):
            return StringType()
        return self.impl_instance.coerce_compared_value(op, value)


def _harmless_escape(pattern: Any) -> str | None:
    if not isinstance(pattern, str):
        return _PRIVATE
    if "\\" not in pattern:
        return None
    return next(character for character in _ESCAPES if character not in pattern)


_PATTERNS = frozenset(
    getattr(operators, f"{negated}{folded}{kind}_op")
    for kind in ("like", "startswith", "endswith", "contains")
    for negated in ("", "not_")
    for folded in ("", "i")
)
_PRIVATE = "\ue000"
_ESCAPES = [chr(code) for code in range(0x21, 0x2FFF) if chr(code) not in "%_'\\\""]


class EnumType(TypeDecorator[Enum]):
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


class IntegerType(TypeDecorator[int]):
    """Integers of 64 bits, checked before any SQL."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).integer_type()

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> int | None:
        return None if value is None else storable_integer(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        if isinstance(value, int):
            return self
        return self.impl_instance.coerce_compared_value(op, value)


class FloatType(TypeDecorator[float]):
    """Floats of 64 bits; NaN and infinities, which engines treat differently, are refused."""

    impl = Double
    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).float_type()

    def process_bind_param(self, value: Any, dialect: SQLAlchemyDialect) -> float | None:
        return None if value is None else storable_float(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        if isinstance(value, float | int):
            return self
        return self.impl_instance.coerce_compared_value(op, value)


class DecimalType(TypeDecorator[Decimal]):
    """Exact decimals, compared and sorted as numbers; never rounded, but refused.

    Args:
        precision: digits in all.
        scale: digits after the point.

    Raises:
        InvalidValue: at the write, for a value of more digits.
    """

    impl = Numeric
    cache_ok = True

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
        if isinstance(value, Decimal | int | float):
            return DecimalType(self.precision, self.scale, compared=True)
        return self.impl_instance.coerce_compared_value(op, value)


class DateTimeType(TypeDecorator[datetime]):
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
        return Interval() if isinstance(value, timedelta) else self


class JSONType(TypeDecorator[Any]):
    """A JSON document; None is NULL."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).json_type()

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self.impl_instance.coerce_compared_value(op, value)
