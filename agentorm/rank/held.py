"""The indexes in the process, each of one column in the database of an engine."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection

from agentorm.beside import beside
from agentorm.change_logs import declared_index, embeds, why_not_followed
from agentorm.dialects import Dialect
from agentorm.embedded.index import EmbeddedIndex
from agentorm.query import Query
from agentorm.rank.base import Run
from agentorm.rankings import Ranking
from agentorm.selecting import servable
from agentorm.switch import indexes_are_on

_HELD = "_agentorm_indexes"
_USUAL_RECALL = 0.99


def serves(query: Query[Any], dialect: Dialect) -> bool:
    """Whether an index in the process may find the nearest of this query."""
    if not (embeds(dialect) and indexes_are_on() and servable(query)):
        return False
    assert query.ranking is not None
    return why_not_followed(column_of(query.ranking), query.ranking.metric) is None


def column_of(ranking: Ranking) -> Column[Any]:
    """The column that is ranked."""
    column: Column[Any] = ranking.field.attribute.property.columns[0]
    return column


def index_of(ranking: Ranking, run: Run) -> EmbeddedIndex:
    """The index of the column, made when it is first asked for; it is read later."""
    held = held_by(run.connection)
    column = column_of(ranking)
    key = column.table.name, str(column.name)
    found = held.get(key)
    if found is None:
        recall: float = getattr(ranking.field.index, "recall", _USUAL_RECALL)
        declared = declared_index(column, ranking.field.metric, recall, ranking.field.label)
        made = EmbeddedIndex(declared, run.dialect.beside(run.connection.engine))
        found = held.setdefault(key, made)
    return found


def held_by(connection: Connection) -> dict[tuple[str, str], EmbeddedIndex]:
    """The indexes of a connection's database, by table and column."""
    return beside(connection.dialect, _HELD, dict[tuple[str, str], EmbeddedIndex])
