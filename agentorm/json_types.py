"""The column type of JSON documents, and the operators of the paths into them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, Boolean, ColumnElement, Date, TypeDecorator, not_
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

from agentorm import (
    dialects,
    json_sql,  # noqa: F401  # pyright: ignore[reportUnusedImport]  # compiles
)
from agentorm import json_conditions as conditions
from agentorm.errors import InvalidQuery
from agentorm.expressions import is_expression
from agentorm.json_paths import JSONCondition, JSONPath, JSONRead
from agentorm.scalars import PATTERNS, FloatType, IntegerType, Portable


class JSONType(Portable[Any]):
    """A JSON document; None is NULL.

    ``Doc.meta["a"]["b"][0]`` is a path into it. A comparison asks for the type of the other
    side: what is missing, null or of another type is unknown to it.

    Example:
        ``Doc.meta["pages"] >= 5`` is, on PostgreSQL, ``CASE WHEN jsonb_typeof(doc.meta -> 'pages')
        = 'number' THEN CAST(doc.meta -> 'pages' AS NUMERIC) END >= 5``, key and number bound.
    """

    impl = JSON
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[Any], JSON.Comparator[Any]):
        """The operators of a document and of a path into one."""

        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            is_path = isinstance(self.expr, JSONPath)
            if not is_path and (not other or other[0] is None or is_expression(other[0])):
                return super().operate(op, *other, **kwargs)
            return _operated(self._path, op, *other, **kwargs)

        def __getitem__(self, index: Any) -> ColumnElement[Any]:
            """The value under a key or at a place; a tuple of them leads deeper at once.

            Raises:
                InvalidQuery: something else, or a negative place.
            """
            return self._path.stepped(*(index if isinstance(index, tuple) else (index,)))

        @property
        def _path(self) -> JSONPath:
            return self.expr if isinstance(self.expr, JSONPath) else JSONPath(self.expr)

        def exists(self) -> ColumnElement[bool]:
            """Whether there is a value at the path, null or any other; never unknown."""
            return JSONCondition("exists", self._path)

        def has_any(self, values: Any) -> ColumnElement[bool]:
            """Whether an array has one of these scalars as an element; unknown for all else.

            Raises:
                InvalidQuery: no list, or something in it that is no text, number or bool.
            """
            return conditions.has(self._path, values, every=False)

        def has_all(self, values: Any) -> ColumnElement[bool]:
            """Whether an array has all of these scalars as elements; unknown for all else.

            Raises:
                InvalidQuery: no list, or something in it that is no text, number or bool.
            """
            return conditions.has(self._path, values, every=True)

        def as_string(self) -> ColumnElement[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
            """The text at the path, by code point; NULL for all else."""
            return conditions.text(self._path)

        def as_integer(self) -> ColumnElement[int]:  # pyright: ignore[reportIncompatibleMethodOverride]
            """The number at the path if it is whole and of 64 bits; NULL for all else."""
            return JSONRead(self._path, "integer", IntegerType())

        def as_float(self) -> ColumnElement[float]:  # pyright: ignore[reportIncompatibleMethodOverride]
            """The number at the path, as a float; NULL for all else."""
            return JSONRead(self._path, "real", FloatType())

        def as_boolean(self) -> ColumnElement[bool]:  # pyright: ignore[reportIncompatibleMethodOverride]
            """The boolean at the path; NULL for all else."""
            return JSONRead(self._path, "boolean", Boolean())

        def as_date(self) -> ColumnElement[Any]:
            """The date that text of the form YYYY-MM-DD names; NULL for all else."""
            return JSONRead(self._path, "date", Date())

        def as_numeric(self, precision: Any, scale: Any, asdecimal: Any = None) -> Any:
            """Refused: JSON has no decimals."""
            raise InvalidQuery("JSON has no decimals", hint="use as_float() or as_integer()")

        def as_json(self) -> Any:
            """The value at the path, as it is without this."""
            return self.expr

    comparator_factory = Comparator  # pyright: ignore[reportAssignmentType]

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).json_type()

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self.impl_instance.coerce_compared_value(op, value)


def _operated(path: JSONPath, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
    if op in conditions.COMPARISONS:
        return conditions.compared(path, op, other[0])
    if op is operators.contains_op and not isinstance(other[0], str):
        return conditions.contained(path, other[0])
    if op in PATTERNS:
        if not isinstance(other[0], str):
            raise InvalidQuery(f"a pattern is text, got {other[0]!r}")
        found: ColumnElement[Any] = op(conditions.text(path), *other, **kwargs)
        return found
    if op not in _MADE:
        raise InvalidQuery(
            f"a JSON value has no {getattr(op, '__name__', op)}",
            hint="as_string(), as_integer(), as_float(), as_boolean() and as_date() are SQL values",
        )
    make, negated = _MADE[op]
    made = make(path, *other)
    return not_(made) if negated else made


def _is(path: JSONPath, value: Any) -> ColumnElement[bool]:
    if value is not None:
        raise InvalidQuery(f"is_ takes None, got {value!r}", hint="compare with ==")
    return conditions.compared(path, operator.eq, None)


_MADE: dict[OperatorType, tuple[Callable[..., ColumnElement[bool]], bool]] = {
    operators.is_: (_is, False),
    operators.is_not: (_is, True),
    operators.in_op: (conditions.among, False),
    operators.not_in_op: (conditions.not_among, False),
    operators.between_op: (conditions.between, False),
    operators.not_between_op: (conditions.between, True),
    operators.is_distinct_from: (conditions.distinct, False),
    operators.is_not_distinct_from: (conditions.distinct, True),
}
