"""What every ranker is given and gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from typing import Any, Generic, TypeVar

from sqlalchemy import BindParameter, Connection, Result
from sqlalchemy.orm import Session
from sqlalchemy.sql import visitors

from agentorm.dialects import Dialect
from agentorm.dialects.tasks import breathe
from agentorm.direct import Line
from agentorm.expressions import AnySelect
from agentorm.models import key_columns, mapper_of
from agentorm.query import Query
from agentorm.rankings import Ranking
from agentorm.read_models import WHOLE_ROW
from agentorm.refusals import raise_refused
from agentorm.results import Hit, Hits

E = TypeVar("E")
V = TypeVar("V")
CHUNK = 500
"""Rows held at a time while streaming: 0.75 MB of vectors at 384 dimensions."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a query runs: a session in its transaction, and the engine's probed dialect.

    Attributes:
        line: the way to the driver in that transaction.
        passing: whether that transaction ends with the query.
    """

    session: Session
    connection: Connection
    dialect: Dialect
    line: Line
    passing: bool = False

    def pause(self) -> None:
        """Let other tasks go on, where there is an event loop."""
        breathe(self.connection)


@dataclass(frozen=True, slots=True)
class Found(Generic[E]):
    """The hits of a ranking, best first.

    Attributes:
        rows: of entities; of a query with a target, of tuples of what is read instead.
        exact: no index approximated them.
        complete: none is missing that was there when the ranking began.
        ranker: who found them, where another than the one that was asked.
    """

    rows: list[Hit[E]]
    exact: bool
    complete: bool = True
    ranker: str | None = None


def hits_of(query: Query[E], found: Found[E], ranker: str) -> Hits[E]:
    """The answer of a ranking, with what its rows are read into."""
    rows = found.rows
    if query.target is not None:
        made = query.target.of_hit(query.gives)
        rows = [replace(hit, entity=made(hit)) for hit in rows]
    by = found.ranker or ranker
    return Hits(rows, complete=found.complete, exact=found.exact, ranker=by)


def hit_of(ranking: Ranking, entity: E, distance: float) -> Hit[E]:
    """The hit of a ranking by distance alone."""
    return Hit(entity, distance, ranking.metric.score(distance, len(ranking.vector)))


def sortable_key(query: Query[Any], entity: Any) -> tuple[Any, ...]:
    """The primary key in a form that sorts as the engine sorts it."""
    if query.target is not None:
        return sortable(query.target.values(entity, _key_names(query)))
    return sortable(mapper_of(query.model).primary_key_from_instance(entity))


def _key_names(query: Query[Any]) -> tuple[str, ...]:
    return tuple(str(column.key) for column in key_columns(query.model))


def reading(query: Query[E], *names: str) -> Query[E]:
    """The query, whose rows have these columns too if they are no entities."""
    if query.target is None:
        return query
    return replace(query, target=query.target.reading(*names))


def with_keys(query: Query[E]) -> Query[E]:
    """The query, whose rows have their primary key in any case."""
    return reading(query, *_key_names(query))


def split(query: Query[Any], rows: Iterable[Any]) -> Iterable[Any]:
    """Rows whose first value is the entity, or a tuple of what is read instead."""
    if query.target is None:
        return rows
    width = len(query.target.names)
    return ((row[:width], *row[width:]) for row in rows)


def taken(query: Query[Any], rows: Result[Any]) -> Iterable[Any]:
    """The same of a result that is not streamed: each entity once, whatever it is loaded with."""
    target = query.target
    if target is None:
        return rows.unique() if query.loaders else rows
    if WHOLE_ROW in target.names:
        place = target.names.index(WHOLE_ROW)
        rows = rows.unique(lambda row: id(row[place]))
    return split(query, rows)


def sortable(key: Iterable[Any]) -> tuple[Any, ...]:
    """The parts of a primary key in a form that sorts as the engine sorts them."""
    return tuple(part.name if isinstance(part, Enum) else part for part in key)


def in_chunks(values: Iterable[V], size: int = CHUNK) -> Iterator[list[V]]:
    """The values, so many at a time."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


class Ranker(ABC):
    """Where the nearest come from."""

    name: str

    @property
    def base(self) -> Ranker:
        """Who finds the rows, where this one only looks at them again."""
        return self

    def asked(self, query: Query[E]) -> Query[E]:
        """What that one is asked."""
        return query

    def here(self, query: Query[Any], run: Run) -> Ranker:
        """Who answers the query as things stand: this one, or one that knows more of it."""
        return self

    @abstractmethod
    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        """The rows of a ranking, all in memory."""

    @abstractmethod
    def stream(self, query: Query[E], run: Run) -> Iterator[Hit[E]]:
        """The rows of a ranking, exactly, a chunk in memory at a time."""

    @abstractmethod
    def count(self, query: Query[Any], run: Run) -> int:
        """How many rows have a distance within the thresholds."""

    @abstractmethod
    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        """What would be sent, in order."""

    def searching(self, query: Query[Any], run: Run) -> AbstractContextManager[None]:
        """Within, the engine has the settings of the first statement."""
        return nullcontext()

    @abstractmethod
    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        """Whether no approximate index can serve the query."""

    @abstractmethod
    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        """What is worth knowing of how this query is answered here."""


def check_values(query: Query[Any], run: Run) -> None:
    """See that the types of what a query is filtered by take its values.

    SQLAlchemy opens the cursor of a stream before that, and leaves it open where one does not.

    Raises:
        InvalidValue: one does not.
    """
    dialect = run.connection.dialect
    parts: Any = (part for each in query.filters for part in visitors.iterate(each))
    for part in parts:
        if isinstance(part, BindParameter) and not part.required:
            _check_value(part, dialect)


def _check_value(bind: Any, dialect: Any) -> None:
    process = bind.type.dialect_impl(dialect).bind_processor(dialect)
    values = bind.effective_value if bind.expanding else (bind.effective_value,)
    if process is not None:
        try:
            for value in values:
                process(value)
        except Exception as error:  # noqa: BLE001
            raise_refused(error)
