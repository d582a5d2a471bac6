"""The rows that passed some filters before, for as long as nothing in the database has changed.

SQLite tells a connection of the commits of all others by ``data_version``, of its own changes by
their number, and of the schema by its version. Where these are as they were, in a transaction that
has changed nothing, conditions on the table's own columns hold for the rows that they held for.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import BindParameter, Column, Connection
from sqlalchemy.sql import visitors

from agentorm.dialects import CHANGES
from agentorm.direct import Line, Sent
from agentorm.embedded.places import Numbers
from agentorm.query import Query
from agentorm.recent import Recent
from agentorm.selecting import conditions_of, scopes_of
from agentorm.shapes import Shape, value_of

State: TypeAlias = tuple[int, int, int]
"""Of a connection: the commits of others, its own changes, the schema."""
_LISTS, _MOST = "agentorm_passing", 16
_DATA = Sent("PRAGMA data_version")
_PLAIN = frozenset(
    {
        "binary",
        "bindparam",
        "clauselist",
        "column",
        "expression_clauselist",
        "false",
        "grouping",
        "null",
        "true",
        "unary",
    }
)


def state_of(line: Line, schema: int) -> State | None:
    """What tells whether anything changed; None where that is not known."""
    connection = line.connection
    begun: int | None = connection.info.get(CHANGES)
    if begun is None or begun != _driver(connection).total_changes:
        return None
    ((data,),) = line.fetch(_DATA, ())
    return data, begun, schema


def known_by(query: Query[Any], shape: Shape | str) -> tuple[Any, ...] | None:
    """What the rows that pass are known by; None where more than the table's values decides."""
    if isinstance(shape, str) or query.joins or scopes_of(query):
        return None
    table: Any = query.model.__table__
    parts = [part for each in conditions_of(query) for part in visitors.iterate(each)]
    if not all(_is_plain(part, table) for part in parts):
        return None
    values: tuple[Any, ...] = tuple(map(value_of, shape.binds))
    try:
        hash(values)
    except TypeError:
        return None
    return shape.key, values


def _is_plain(part: Any, table: Any) -> bool:
    if isinstance(part, BindParameter):
        return part.callable is None
    if isinstance(part, Column):
        return part.table is table
    return part.__visit_name__ in _PLAIN


def lists_of(connection: Connection) -> Recent[tuple[State, Numbers]]:
    """What passed of late on a connection of the driver."""
    lists: Any = connection.info.get(_LISTS)
    if lists is None:
        lists = connection.info[_LISTS] = Recent[tuple[State, Numbers]](_MOST)
    found: Recent[tuple[State, Numbers]] = lists
    return found


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
