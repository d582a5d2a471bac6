"""How many rows a query finds, as selects."""

from __future__ import annotations

from sys import float_info
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Integer, func, literal_column, or_, select

from agentorm.checking import check
from agentorm.expressions import AnySelect
from agentorm.matching import SCORE, found_by, same_row
from agentorm.selecting import (
    beside,
    distance_of,
    farthest_distance,
    farthest_of_all,
    group_of,
    restricted,
    scoped,
)

if TYPE_CHECKING:
    from agentorm.query import Query


def passing(query: Query[Any], most: int) -> AnySelect:
    """How many rows, up to so many, the filters leave that have a distance at all."""
    assert query.ranking is not None
    return _up_to(most, query, distance_of(query.ranking) <= float_info.max)


def filtered(query: Query[Any], most: int) -> AnySelect:
    """How many rows, up to so many, the filters leave."""
    return _up_to(most, query)


def _up_to(most: int, query: Query[Any], *conditions: ColumnElement[bool]) -> AnySelect:
    check(query)
    made = restricted(select(literal_column("1", Integer())).select_from(query.model), query)
    rows = made.where(*conditions).limit(most).subquery()
    return scoped(select(func.count()).select_from(rows), query)


def counted(query: Query[Any]) -> AnySelect:
    """How many rows the filters and thresholds leave; order, limit and offset are ignored."""
    check(query)
    if query.best_of is None:
        return scoped(_that_pass(query, func.count()), query)
    groups = _that_pass(query, group_of(query)).distinct().subquery("groups")
    return scoped(select(func.count()).select_from(groups), query)


def _that_pass(query: Query[Any], *columns: Any) -> AnySelect:
    made = restricted(select(*columns).select_from(query.model), query)
    if query.text is not None and query.fusion is None:
        found = beside(query, found_by(query.text))
        return made.join(found, same_row(query.model, found))
    if query.ranking is None:
        return made
    near = distance_of(query.ranking) <= farthest_of_all(query)
    if query.text is None or farthest_distance(query) is not None:
        return made.where(near)
    found = beside(query, found_by(query.text))
    made = made.outerjoin(found, same_row(query.model, found))
    return made.where(or_(near, found.c[SCORE].is_not(None)))


def first_of(query: Query[Any]) -> AnySelect:
    """A select that has a row when the query has one; order is ignored."""
    return counted(query).with_only_columns(literal_column("1", Integer())).limit(1)
