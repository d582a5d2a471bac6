"""The first row of each group in SQL, by a window over rows with their keys and their group."""

from __future__ import annotations

from sys import float_info
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, String, func, select
from sqlalchemy.sql.expression import Subquery

from agentorm.expressions import AnySelect, Spelt
from agentorm.matching import KEY

GROUP, PLACE = "grouped", "place_in_group"
_SHORT = 255


def grouped_by(field: ColumnElement[Any]) -> ColumnElement[Any]:
    """What tells the groups of rows apart, as a column of theirs."""
    kind: Any = getattr(field.type, "impl_instance", field.type)
    is_text = isinstance(kind, String | LargeBinary)
    is_long = is_text and (kind.length is None or kind.length > _SHORT)
    return (Spelt(field, "grouped") if is_long else field).label(GROUP)


def placed(rows: Subquery, order: ColumnElement[Any]) -> AnySelect:
    """The rows without their group, each with its place in it: 1 is the first by order and key."""
    keys = [column for column in rows.c if column.key.startswith(KEY.format(""))]
    place = func.row_number().over(partition_by=rows.c[GROUP], order_by=[order, *keys])
    return select(*(column for column in rows.c if column.key != GROUP), place.label(PLACE))


def within(made: AnySelect, distance: ColumnElement[Any], farthest: float | None) -> AnySelect:
    """The rows whose distance counts: there is one, and it is not too far."""
    return made.where(distance <= (float_info.max if farthest is None else farthest))
