"""A query in an index of this process: where the index stands for it, and what it finds."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, func, select

from agentorm.dialects.tasks import settled
from agentorm.direct import Sent
from agentorm.embedded.codes import Vectors
from agentorm.embedded.index import (
    MOST_CHANGES,
    EmbeddedIndex,
    Standing,
    changes_since,
    is_worth_merging,
)
from agentorm.embedded.measures import kept, too_long
from agentorm.embedded.places import Numbers
from agentorm.embedded.searching import Asked, Nearest
from agentorm.embedded.source import rows_of
from agentorm.listed import AmongListed, listed
from agentorm.models import mapper_of
from agentorm.query import Query
from agentorm.rank.announcing import say_once
from agentorm.rank.base import Run
from agentorm.rank.held import Held, index_of, make_room
from agentorm.rank.unchanged import known_by, lists_of, state_of
from agentorm.rankings import Ranking
from agentorm.selecting import restricted, scoped, scopes_of
from agentorm.shapes import Shape, shape_of
from agentorm.switch import indexes_serve_always

SMALL = 1_000
"""Rows that the engine itself ranks sooner."""
_SCHEMA = Sent("PRAGMA schema_version")
_NO_ROOM = (
    "its vectors take more than index_memory leaves, so that those of candidates are read each time"
)
_NO_ROWS = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Passed:
    """Why an index does not serve, and what is announced of it, if anything."""

    reason: str
    announced: str = ""


def standing_of(held: Held, run: Run) -> Standing | None:
    """Where the index stands for who searches, brought up to date if that is worth it."""
    index = held.index
    standing = _looked(index, run)
    if standing is None or is_worth_merging(standing.changes):
        make_room(held, run.connection)
        if run.connection.dialect.is_async:
            settled(to_thread(index.refresh))
        else:
            index.refresh()
        standing = _looked(index, run)
    return standing


def _looked(index: EmbeddedIndex, run: Run) -> Standing | None:
    version = index.version
    if version is None:
        return None
    ((schema,),) = run.line.fetch(_SCHEMA, ())
    if schema != version.schema:
        return None
    parameters = {"clock": version.clock, "most": MOST_CHANGES + 2}
    read = run.line.fetch(Sent(index.declared.statements.since), parameters)
    changes = changes_since(version, read)
    return None if changes is None else Standing(version, changes)


def searching_in(query: Query[Any], run: Run) -> Search | None:
    """The query in its index; None where the engine ranks, or sooner than an index would."""
    found = placed_in(query, run)
    if isinstance(found, Passed):
        if found.announced:
            say_once(found.announced, run)
        return None
    if not found.standing.version.contents.keeps:
        say_once(f"{found.held.index.declared.label}: {_NO_ROOM}", run)
    return found


def placed_in(query: Query[Any], run: Run) -> Search | Passed:
    """The query in its index, or why the engine ranks."""
    ranking = query.ranking
    assert ranking is not None
    run.line.flush()
    if _is_elsewhere(run):
        return Passed("each statement has its own snapshot, or the tables have other names")
    held = index_of(ranking, run)
    standing = standing_of(held, run)
    if standing is None:
        why, label = held.index.why, held.index.declared.label
        announced = f"{label}: {why}, so that every row is ranked" if why else ""
        return Passed(why or "the index in this process is of no past of this one", announced)
    if is_small(standing):
        return Passed(f"its {standing.version.contents.live} rows are ranked sooner without")
    if _is_too_long(ranking):
        return Passed("the vector is too long to be measured in float32")
    return Search(query, run, held, standing)


def _is_elsewhere(run: Run) -> bool:
    """Whether each statement has a snapshot of its own, or tables have other names."""
    options = run.connection.get_execution_options()
    return options.get("isolation_level") == "AUTOCOMMIT" or "schema_translate_map" in options


def _is_too_long(ranking: Ranking) -> bool:
    vector = np.asarray(ranking.vector, np.float32)
    return bool(too_long(vector[None, :])[0])


def is_small(standing: Standing) -> bool:
    """Whether the engine ranks so few rows sooner."""
    return standing.version.contents.live < SMALL and not indexes_serve_always()


def is_filtered(query: Query[Any]) -> bool:
    """Whether rows of the table may be none of the query's."""
    inherits = mapper_of(query.model).inherits is not None
    return inherits or bool(query.filters or query.joins or scopes_of(query))


@dataclass(frozen=True)
class Search:
    """A query in an index."""

    query: Query[Any]
    run: Run
    held: Held
    standing: Standing

    @cached_property
    def shape(self) -> Shape | str:
        """What the query is known by apart from its values, or why it is not."""
        return shape_of(self.query)

    def nearest(self, depth: int, among: Numbers | None = None) -> Nearest:
        """The nearest of all rows, or of these."""
        assert self.query.ranking is not None
        given = np.asarray(self.query.ranking.vector, np.float32)
        ((vector,), _) = kept(given[None, :], self.query.ranking.metric)
        spare = len(self.query.ranking.apart)
        asked = Asked(vector, depth + spare, among, self.standing.changes)
        return self.standing.version.nearest(asked, self._vectors)

    def passing(self) -> Numbers:
        """The numbers of all rows that pass the filters, listed anew where anything changed."""
        key = known_by(self.query, self.shape)
        state = None if key is None else state_of(self.run.line, self.standing.version.schema)
        if state is None:
            return self.list_passing()
        lists = lists_of(self.run.connection)
        before = lists.get(key)
        if before is not None and before[0] == state:
            return before[1]
        return lists.keep(key, (state, self.list_passing()))[1]

    def list_passing(self) -> Numbers:
        """The same, asked of the engine."""
        made = restricted(select(func.group_concat(self.held.number)), self.query)
        made = made.select_from(self.query.model)
        found = self.run.session.execute(scoped(made, self.query)).scalar()
        return np.fromstring(found, np.int64, sep=",") if found else _NO_ROWS

    def finalists(self, nearest: Nearest) -> ColumnElement[bool]:
        """Whether a row is one of these, or has changed since."""
        numbers = np.concatenate([nearest.numbers, self.standing.changes])
        return AmongListed(self.held.number, numbers)

    def read_on(self) -> None:
        """Have the index hold some more vectors, where it came from a file."""
        self.held.index.read_on(self.standing, self.fetch)

    def fetch(self, sql: str, parameters: Any) -> Sequence[Sequence[Any]]:
        """Read rows in the transaction."""
        return self.run.line.fetch(Sent(sql), parameters)

    def _vectors(self, numbers: Numbers) -> tuple[Numbers, Vectors]:
        declared = self.held.index.declared
        read = self.fetch(declared.statements.read, {"numbers": listed(numbers)})
        rows = rows_of(read, declared.dimension)
        return rows.numbers, rows.vectors
