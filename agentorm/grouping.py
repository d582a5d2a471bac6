"""The first row of each group in SQL, by a window over rows with their keys and their group."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, String, TypeDecorator, func, select
from sqlalchemy.sql.expression import Subquery
from sqlalchemy.types import TypeEngine

from agentorm.expressions import AnySelect, Spelt
from agentorm.matching import keys_of

GROUP, PLACE = "grouped", "place_in_group"
_SHORT = 255


def grouped_by(field: ColumnElement[Any]) -> ColumnElement[Any]:
    """What tells the groups of rows apart, as a column of theirs."""
    is_long = may_be_longer(field, _SHORT)
    return (Spelt(field, "grouped") if is_long else field).label(GROUP)


def own_type(expression: ColumnElement[Any]) -> TypeEngine[Any]:
    """SQLAlchemy's type behind that of an expression."""
    kind = expression.type
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def may_be_longer(expression: ColumnElement[Any], most: int) -> bool:
    """Whether it is text, or bytes, that can have more than so many of them."""
    own = own_type(expression)
    return isinstance(own, String | LargeBinary) and (own.length is None or own.length > most)


def placed(rows: Subquery, order: ColumnElement[Any]) -> AnySelect:
    """The rows without their group, each with its place in it: 1 is the first by order and key."""
    order_by = [order, *keys_of(rows)]
    place = func.row_number().over(partition_by=rows.c[GROUP], order_by=order_by)
    return select(*(column for column in rows.c if column.key != GROUP), place.label(PLACE))
