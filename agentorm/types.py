"""The column type of vectors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    TypeDecorator,
    type_coerce,
)
from sqlalchemy.dialects.mysql import base as mysql
from sqlalchemy.dialects.postgresql import base as postgresql
from sqlalchemy.dialects.sqlite import base as sqlite
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

from agentorm import dialects
from agentorm.dialects import Dialect
from agentorm.errors import InvalidModel
from agentorm.scalars import Portable
from agentorm.vectors import AnyVector, Kind, Metric, VectorLike, as_vector, vector_class


class VectorType(Portable[AnyVector]):
    """A vector column: pgvector's type where the server has it, packed bytes elsewhere.

    Works in any SQLAlchemy table. Takes whatever the class of its kind takes, and gives back
    values of this class, bit for bit as stored.

    Args:
        dimension: how many components every value has; None leaves it open, but not of bits.
        kind: what one component is.

    Raises:
        InvalidModel: a dimension below 1, an unknown kind, bits of an open dimension.
        InvalidVector: at the write, for a value that is no vector of this kind or dimension.
        UnsupportedFeature: compiled for an engine that holds no vectors of this kind.

    Example:
        ``mapped_column(VectorType(384))`` is ``embedding VECTOR(384)`` on PostgreSQL and
        ``embedding F32_BLOB(384)`` on SQLite. A column that is there is reflected as this type.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, dimension: int | None = None, kind: str | Kind = Kind.FLOAT32) -> None:
        super().__init__()
        self.dimension = None if dimension is None else _dimension(dimension)
        self.kind = _kind(kind)
        if self.dimension is None and self.kind is Kind.BIT:
            raise InvalidModel("a vector of bits has a dimension", hint="VectorType(64, 'bit')")

    def __repr__(self) -> str:
        given = [] if self.dimension is None else [str(self.dimension)]
        given += [] if self.kind is Kind.FLOAT32 else [f"kind={self.kind.value!r}"]
        return f"VectorType({', '.join(given)})"

    @property
    def python_type(self) -> type[AnyVector]:
        return vector_class(self.kind)

    def vector(self, value: VectorLike, field: str | None = None) -> AnyVector:
        """The value as a vector of this column.

        Raises:
            InvalidVector: it is no vector of this kind.
            DimensionMismatch: it is one of another length.
        """
        return as_vector(value, dimension=self.dimension, kind=self.kind, field=field)

    def narrowed(self, dialect: Dialect) -> VectorType | None:
        """The type that an index of that engine is over instead, where these are too long."""
        narrower = dialect.narrowed(self.kind, self.dimension)
        return None if narrower is None else VectorType(self.dimension, narrower)

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).vector_type(self.dimension, self.kind)

    def bind_processor(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, dialect: SQLAlchemyDialect
    ) -> Callable[[Any], Any]:
        encode, vector = dialects.of(dialect).encode, self.vector

        def bind(value: Any) -> Any:
            return None if value is None else encode(vector(value))

        return bind

    def result_processor(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, dialect: SQLAlchemyDialect, coltype: object
    ) -> Callable[[Any], Any] | None:
        decode = dialects.of(dialect).decoder(self.dimension, self.kind)

        def result(stored: Any) -> AnyVector | None:
            return None if stored is None else decode(stored)

        return result

    def literal_processor(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, dialect: SQLAlchemyDialect
    ) -> Callable[[Any], str]:
        literal, vector = dialects.of(dialect).literal, self.vector

        def written(value: Any) -> str:
            return "NULL" if value is None else literal(vector(value))

        return written

    def column_expression(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, column: ColumnElement[Any]
    ) -> ColumnElement[Any]:
        """What is selected for the column, where the engine's type is not read as it is."""
        read = super().column_expression(column)
        return column if read is None else type_coerce(read, self)

    class Comparator(TypeDecorator.Comparator[AnyVector]):
        """The distances by the names that users of pgvector know; equality is that of the bits.

        SQLAlchemy tells columns apart by comparing them, so those are left to it.
        """

        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            from agentorm.expressions import Spelt, is_expression

            by_value = op in _EQUALITY and other[0] is not None and not is_expression(other[0])
            if isinstance(self.expr, Spelt) or not by_value:
                return super().operate(op, *other, **kwargs)
            compared: ColumnElement[Any] = op(Spelt(self.expr, "vector_bits"), *other, **kwargs)
            return compared

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

        def hamming_distance(self, other: Any) -> ColumnElement[float]:
            """See `agentorm.distance`; of bits."""
            return self._distance(other, Metric.HAMMING)

        def jaccard_distance(self, other: Any) -> ColumnElement[float]:
            """See `agentorm.distance`; of bits."""
            return self._distance(other, Metric.JACCARD)

        def _distance(self, other: Any, metric: Metric) -> ColumnElement[float]:
            from agentorm.expressions import distance

            return distance(self.expr, other, metric)

    comparator_factory = Comparator  # pyright: ignore[reportAssignmentType]

    def compare_values(self, x: Any, y: Any) -> bool:
        return bool(self._comparable(x) == self._comparable(y))

    def _comparable(self, value: Any) -> Any:
        return value if value is None or isinstance(value, AnyVector) else self.vector(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self


def _of_kind(kind: Kind) -> Any:
    """What makes the type of that kind out of what reflection read in its parentheses."""
    return partial(VectorType, kind=kind)


def _of_bits(dimension: int | None = None) -> TypeEngine[Any]:
    return LargeBinary() if dimension is None else VectorType(dimension, Kind.BIT)


_REFLECTED: tuple[tuple[dict[str, Any], str, Any], ...] = (
    (cast(Any, sqlite.ischema_names), "F32_BLOB", VectorType),
    (cast(Any, sqlite.ischema_names), "F16_BLOB", _of_kind(Kind.FLOAT16)),
    (cast(Any, sqlite.ischema_names), "I8_BLOB", _of_kind(Kind.INT8)),
    (cast(Any, sqlite.ischema_names), "BIT_BLOB", _of_bits),
    (cast(Any, postgresql.ischema_names), "vector", VectorType),
    (cast(Any, postgresql.ischema_names), "halfvec", _of_kind(Kind.FLOAT16)),
    (cast(Any, postgresql.ischema_names), "sparsevec", _of_kind(Kind.SPARSE)),
    (cast(Any, mysql.ischema_names), "vector", VectorType),
)
for _types, _name, _type in _REFLECTED:
    _types.setdefault(_name, _type)  # another package may have registered its own


class PackedVectorType(VectorType):
    """The same column, read as packed components for numpy: no value of ours is made."""

    cache_ok = True

    def result_processor(
        self, dialect: SQLAlchemyDialect, coltype: object
    ) -> Callable[[Any], Any] | None:
        known, kind = dialects.of(dialect), self.kind
        if known.stores_packed:
            return None

        def packed(stored: Any) -> bytes | None:
            return None if stored is None else known.decode(stored, None, kind).tobytes()

        return packed


_AMONG = (operators.in_op, operators.not_in_op)
_COMPARING = (
    operators.eq,
    operators.ne,
    operators.is_distinct_from,
    operators.is_not_distinct_from,
)
_EQUALITY = (*_COMPARING, *_AMONG)


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
