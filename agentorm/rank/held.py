"""The indexes in the process, each of one column in the database of an engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine

from agentorm.beside import beside
from agentorm.change_logs import declared_index, embeds, row_expression, why_not_followed
from agentorm.dialects import Dialect
from agentorm.embedded.index import EmbeddedIndex, shared_index
from agentorm.errors import InvalidValue
from agentorm.models import RankedField
from agentorm.query import Query
from agentorm.rank.base import Run
from agentorm.rank.passing import Experience
from agentorm.rankings import Ranking
from agentorm.selecting import servable
from agentorm.switch import indexes_are_on

_HELD, _FOLLOWED = "_agentorm_indexes", "_agentorm_followed"
_MEMORY = "_agentorm_index_memory"
_USUAL_RECALL = 0.99


@dataclass(frozen=True, slots=True)
class Held:
    """An index, and what queries need beside it.

    Attributes:
        number: what numbers the rows.
        experience: how filters went.
    """

    index: EmbeddedIndex
    number: ColumnElement[int]
    experience: Experience = field(default_factory=Experience)


def serves(query: Query[Any], dialect: Dialect) -> bool:
    """Whether an index in the process may find the nearest of this query."""
    if not (embeds(dialect) and indexes_are_on() and servable(query)):
        return False
    assert query.ranking is not None
    return why_not(query.ranking) is None


def unserved(query: Query[Any], dialect: Dialect) -> str | None:
    """Why an index in the process, which the field declares, does not serve; None where it may."""
    ranking = query.ranking
    if ranking is None or ranking.field.index is None or serves(query, dialect):
        return None
    if not indexes_are_on():
        return "indexes in the process are switched off: every row is ranked, exactly"
    if query.search.is_exact:
        return "exactly, as asked for: the index in this process does not serve"
    reason = why_not(ranking)
    if reason is not None:
        return f"no index in this process follows {ranking.field.label}, {reason}: exactly"
    if ranking.others:
        return "the index in this process does not rank by the nearest of several vectors: exactly"
    if ranking.metric is not ranking.field.metric:
        return f"the index in this process ranks by {ranking.field.metric}, not {ranking.metric}"
    return "without a limit the index in this process does not serve: every row is ranked, exactly"


def why_not(ranking: Ranking) -> str | None:
    """Why no index can follow the column that is ranked; None where one can."""
    column = column_of(ranking)
    known = beside(column, _FOLLOWED, dict[Any, str | None])
    if ranking.metric not in known:
        known[ranking.metric] = why_not_followed(column, ranking.metric)
    return known[ranking.metric]


def column_of(ranking: Ranking) -> Column[Any]:
    """The column that is ranked."""
    return field_column(ranking.field)


def field_column(field: RankedField) -> Column[Any]:
    """The column of a field."""
    column: Column[Any] = field.attribute.property.columns[0]
    return column


def index_of(ranking: Ranking, run: Run) -> Held:
    """The index of the column that is ranked; it is read later."""
    return field_index(ranking.field, run.connection, run.dialect)


def field_index(ranked: RankedField, connection: Connection, known: Dialect) -> Held:
    """The index of a field, made when it is first asked for."""
    held = held_by(connection)
    column = field_column(ranked)
    return held.get(column) or held.setdefault(column, _made(ranked, column, connection, known))


def _made(ranked: RankedField, column: Column[Any], connection: Connection, known: Dialect) -> Held:
    recall: float = getattr(ranked.index, "recall", _USUAL_RECALL)
    declared = declared_index(column, ranked.metric, recall, ranked.label)
    index = shared_index(declared, known.beside(connection.engine))
    return Held(index, row_expression(column.table))


def limit_memory(engine: Engine, size: int | None) -> None:
    """Let the indexes of a database take so many bytes in all, vectors included.

    Raises:
        InvalidValue: no whole number of bytes.
    """
    if size is not None and (type(size) is not int or size < 0):
        raise InvalidValue(f"index_memory is a number of bytes, got {size!r}")
    engine.dialect.__dict__[_MEMORY] = size


def make_room(held: Held, connection: Connection) -> None:
    """Tell an index what the others have left of the memory."""
    limit: int | None = connection.dialect.__dict__.get(_MEMORY)
    if limit is None:
        return
    others = (other.index for other in held_by(connection).values() if other is not held)
    taken = sum(one.version.contents.memory for one in others if one.version is not None)
    held.index.room = max(0, limit - taken)


def held_by(connection: Connection) -> dict[Column[Any], Held]:
    """The indexes of a connection's database, each model's by its own column."""
    return beside(connection.dialect, _HELD, dict[Column[Any], Held])
