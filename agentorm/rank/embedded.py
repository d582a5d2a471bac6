"""The index in the process finds the nearest, the engine reads them: for SQLite.

The index knows what was committed up to an entry of the change log. Every row that the reader's
own snapshot sees changed behind that entry is a finalist too, and no candidate. The finalists are
read in the reader's transaction, under all filters, and sorted by their distance there. So no row
is stale, missing or from another transaction; where the index is of no past of the reader, or too
few rows come, the engine ranks all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Table, Text, bindparam, column, func, select

from agentorm.change_logs import row_number
from agentorm.checking import depth_of
from agentorm.dialects import Dialect
from agentorm.direct import Sent
from agentorm.embedded.codes import Vectors
from agentorm.embedded.index import MOST_CHANGES, EmbeddedIndex, changes_since, is_worth_merging
from agentorm.embedded.measures import kept
from agentorm.embedded.places import Numbers
from agentorm.embedded.searching import Asked, Nearest, Version
from agentorm.embedded.source import rows_of
from agentorm.query import Query
from agentorm.rank.announcing import say_once
from agentorm.rank.base import Found, Run
from agentorm.rank.held import column_of, index_of
from agentorm.rank.native import Native, hits, within_thresholds
from agentorm.selecting import restricted, scoped, scopes_of
from agentorm.switch import indexes_serve_always

E = TypeVar("E")
SMALL = 1_000
"""Rows that the engine itself ranks sooner."""
_SCHEMA = Sent("PRAGMA schema_version")
_OVER = 4
_NO_ROWS = np.empty(0, np.int64)


class Embedded(Native):
    name = "embedded"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        assert query.ranking is not None
        run.line.flush()
        index = index_of(query.ranking, run)
        standing = _standing(index, run)
        if standing is None:
            if index.why:
                say_once(f"{index.declared.label}: {index.why}, so that every row is ranked", run)
            return self._natively(query, run)
        is_small = standing.version.contents.live < SMALL and not indexes_serve_always()
        if is_small or query.best_of is not None:
            return self._natively(query, run)
        return self._by_index(query, _Search(query, run, standing)) or self._natively(query, run)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return False

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        return ("an index in this process may serve: near rows can be missed, never invented",)

    def _natively(self, query: Query[E], run: Run) -> Found[E]:
        return replace(super().nearest(query, run), ranker=Native.name)

    def _by_index(self, query: Query[E], search: _Search) -> Found[E] | None:
        if not (query.filters or query.joins or scopes_of(query)):
            return self._read(query, search, search.nearest(depth_of(query)))
        over = search.nearest(_OVER * depth_of(query))
        found = self._read(query, search, over)
        if found is not None:
            return found
        return self._read(query, search, search.nearest(depth_of(query), among=search.passing()))

    def _read(self, query: Query[E], search: _Search, nearest: Nearest) -> Found[E] | None:
        """The page, of these rows and those that changed; None where more may belong to it."""
        finalists = np.concatenate([nearest.numbers, search.standing.changes])
        asked = replace(query, filters=(*query.filters, search.are(finalists)))
        read = self._fetch(asked, search.run, indexed=False)
        if len(read) < (query.size or 0) and not nearest.are_all:
            return None
        rows = within_thresholds(query, read)
        is_sure = nearest.are_all or len(rows) == query.size
        return Found(hits(query, rows), exact=nearest.are_all, complete=is_sure)


@dataclass(frozen=True, slots=True)
class _Standing:
    """A version of an index, and the rows that changed beyond it for who searches."""

    index: EmbeddedIndex
    version: Version
    changes: Numbers


def _standing(index: EmbeddedIndex, run: Run) -> _Standing | None:
    """Where the index stands for who searches, brought up to date if that is worth it."""
    standing = _looked(index, run)
    if standing is None or is_worth_merging(standing.changes):
        index.refresh()
        standing = _looked(index, run)
    return standing


def _looked(index: EmbeddedIndex, run: Run) -> _Standing | None:
    version = index.version
    if version is None:
        return None
    ((schema,),) = run.line.fetch(_SCHEMA, ())
    if schema != version.schema:
        return None
    parameters = {"clock": version.clock, "most": MOST_CHANGES + 2}
    read = run.line.fetch(Sent(index.declared.statements.since), parameters)
    changes = changes_since(version, schema, read)
    return None if changes is None else _Standing(index, version, changes)


@dataclass(frozen=True, slots=True)
class _Search:
    """A query in an index."""

    query: Query[Any]
    run: Run
    standing: _Standing

    def nearest(self, depth: int, among: Numbers | None = None) -> Nearest:
        """The nearest of all rows, or of these."""
        assert self.query.ranking is not None
        given = np.asarray(self.query.ranking.vector, np.float32)
        ((vector,), _) = kept(given[None, :], self.query.ranking.metric)
        spare = len(self.query.ranking.apart)
        asked = Asked(vector, depth + spare, among, self.standing.changes)
        return self.standing.version.nearest(asked, self._vectors)

    def passing(self) -> Numbers:
        """The numbers of all rows that pass the filters."""
        listed = func.group_concat(self._row)
        made = restricted(select(listed).select_from(self.query.model), self.query)
        found = self.run.session.execute(scoped(made, self.query)).scalar()
        return np.fromstring(found, np.int64, sep=",") if found else _NO_ROWS

    def are(self, numbers: Numbers) -> ColumnElement[bool]:
        """Whether a row is one of these."""
        listed = bindparam(None, json.dumps(numbers.tolist()), Text())
        each = func.json_each(listed).table_valued(column("value", BigInteger()))
        return self._row.in_(select(each.c.value))

    @property
    def _row(self) -> ColumnElement[Any]:
        assert self.query.ranking is not None
        table: Any = column_of(self.query.ranking).table
        name = row_number(table)
        assert name is not None
        return table.c[name] if name in table.c else _hidden(table, name)

    def _vectors(self, numbers: Numbers) -> tuple[Numbers, Vectors]:
        declared = self.standing.index.declared
        parameters = {"numbers": json.dumps(numbers.tolist())}
        read = self.run.line.fetch(Sent(declared.statements.read), parameters)
        rows = rows_of(read, declared.dimension)
        return rows.numbers, rows.vectors


def _hidden(table: Table, name: str) -> ColumnElement[Any]:
    """The number that SQLite itself gives to a row."""
    found: ColumnElement[Any] = column(name, BigInteger(), _selectable=table)
    return found
