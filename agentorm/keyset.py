"""The rows behind a row: pages by what rows are sorted by, not by how many came before.

A row that comes or goes moves no other into or out of what is still to be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    Float,
    Label,
    and_,
    bindparam,
    cast,
    false,
    func,
    or_,
    type_coerce,
)
from sqlalchemy.sql import coercions, operators, roles
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import NullType

from agentorm.dialects import Dialect
from agentorm.errors import InvalidQuery
from agentorm.expressions import AnySelect, Sorted
from agentorm.grouping import may_be_longer, own_type
from agentorm.models import key_columns
from agentorm.query import Query
from agentorm.statement import statement

_AS_THE_DRIVER_HAS_IT = NullType()
_VALUE = "page_{}"
_GIVE_TEXT = frozenset(
    {"lower", "upper", "trim", "ltrim", "rtrim", "replace", "reverse", "substr", "substring"}
)
"""Functions of text, whose type SQLAlchemy does not know."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One expression that rows are sorted by, and where NULL stands.

    Values come and go as the driver has them: nothing that a type makes of them is lost.
    """

    expression: ColumnElement[Any]
    descending: bool
    nulls_first: bool
    nullable: bool

    def selected(self, name: str) -> Label[Any]:
        """The value of a row; drivers round those of single precision, which the cast prevents."""
        kind = own_type(self.expression)
        if isinstance(kind, Float) and not isinstance(kind, Double):
            return type_coerce(cast(self.expression, Double), _AS_THE_DRIVER_HAS_IT).label(name)
        return self._raw.label(name)

    def beyond(self, value: Any) -> ColumnElement[bool]:
        """Whether a row comes behind those of this value."""
        if value is None:
            return self._raw.is_not(None) if self.nulls_first else false()
        compare = operators.lt if self.descending else operators.gt
        passed: ColumnElement[bool] = compare(self._raw, _bound(value))
        if self.nullable and not self.nulls_first:
            return or_(passed, self._raw.is_(None))
        return passed

    def same(self, value: Any) -> ColumnElement[bool]:
        """Whether a row has this value."""
        return self._raw.is_(None) if value is None else self._raw == _bound(value)

    def begun(self, value: Any) -> tuple[ColumnElement[bool], ...]:
        """The same as `beyond` or `same`, for an index to begin at; none where that is no range."""
        if value is None or (self.nullable and not self.nulls_first):
            return ()
        compare = operators.le if self.descending else operators.ge
        return (compare(self._raw, _bound(value)),)

    @property
    def _raw(self) -> ColumnElement[Any]:
        return type_coerce(self.expression, _AS_THE_DRIVER_HAS_IT)


def _bound(value: Any) -> ColumnElement[Any]:
    return bindparam(None, value, type_=_AS_THE_DRIVER_HAS_IT, unique=True)


@dataclass(frozen=True, slots=True)
class Keyset:
    """The order of a query without a ranking, down to the primary key."""

    keys: tuple[SortKey, ...]
    ordering: tuple[ColumnElement[Any], ...]

    def page(self, query: Query[Any], size: int, after: Sequence[Any] | None) -> AnySelect:
        """So many rows behind the one with these values, each with its own behind the entity."""
        made = statement(replace(query, size=size, ordering=self.ordering))
        named = enumerate(self.keys)
        made = made.add_columns(*(key.selected(_VALUE.format(i)) for i, key in named))
        return made if after is None else made.where(self._behind(after))

    def _behind(self, values: Sequence[Any]) -> ColumnElement[bool]:
        *before, (last, value) = zip(self.keys, values, strict=True)
        behind = last.beyond(value)
        for key, value in reversed(before):
            behind = or_(key.beyond(value), and_(key.same(value), behind))
        return and_(*self.keys[0].begun(values[0]), behind) if before else behind


def keyset_of(query: Query[Any], dialect: Dialect) -> Keyset:
    """The order that a query is paged by.

    Raises:
        InvalidQuery: it is sorted by something that no condition can ask for.
    """
    asked = [_cut(_sort_key(key), dialect) for key in query.ordering]
    last = [_sort_key(_clause(key)) for key in key_columns(query.model)]
    keys: list[SortKey] = []
    for key in [*asked, *last]:
        if not any(key.expression.compare(known.expression) for known in keys):
            keys.append(key)
    ordering = zip(query.ordering, asked, strict=True)
    return Keyset(tuple(keys), tuple(_sorted(given, key) for given, key in ordering))


def _clause(key: Any) -> ColumnElement[Any]:
    clause: ColumnElement[Any] = coercions.expect(roles.OrderByRole, key)
    return clause


def _sort_key(given: ColumnElement[Any]) -> SortKey:
    key: Any = given
    if given.__visit_name__ == "label_reference":
        key = key.element
    direction = getattr(key, "modifier", None)
    directed = direction in {operators.asc_op, operators.desc_op}
    expression: Any = key.element if directed else key
    if getattr(expression, "__visit_name__", "") == "label":
        expression = expression.element
    if not _has_value(expression):
        raise InvalidQuery(
            f"pages cannot be sorted by {given}", hint="order_by() a field or an SQL expression"
        )
    descending = direction is operators.desc_op
    nulls = getattr(key, "nulls", None)
    nulls_first = not descending if nulls is None else nulls is operators.nulls_first_op
    return SortKey(expression, descending, nulls_first, nullable=_may_be_null(expression))


def _has_value(expression: Any) -> bool:
    """Whether a condition can ask for it, as it cannot for a window function."""
    parts = iterate(expression) if _is_expression(expression) else [None]
    return all(part is not None and part.__visit_name__ != "over" for part in parts)


def _is_expression(given: object) -> bool:
    return isinstance(given, ColumnElement)


def _may_be_null(expression: Any) -> bool:
    return bool(getattr(expression, "nullable", True))


def _cut(key: SortKey, dialect: Dialect) -> SortKey:
    """The key itself, or as much of its text as the engine sorts by."""
    most = dialect.sorted_characters
    if most is None or not _may_be_longer(key.expression, most):
        return key
    cut = func.left(key.expression, most, type_=key.expression.type)
    return SortKey(cut, key.descending, key.nulls_first, key.nullable)


def _may_be_longer(expression: ColumnElement[Any], most: int) -> bool:
    if isinstance(own_type(expression), NullType):
        return getattr(expression, "name", None) in _GIVE_TEXT
    return may_be_longer(expression, most)


def _sorted(given: ColumnElement[Any], key: SortKey) -> ColumnElement[Any]:
    if _sort_key(given).expression is key.expression:
        return given
    return Sorted(key.expression, descending=key.descending, nulls=getattr(given, "nulls", None))
