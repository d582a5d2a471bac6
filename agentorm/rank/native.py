"""The engine ranks: one statement, ``ORDER BY distance LIMIT k``; where an index serves, more.

An index is asked once, then once more for further candidates, and then every row is ranked,
until k rows are there or no more are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from math import isnan
from typing import Any, Generic, TypeVar

from agentorm.checking import depth_of
from agentorm.counting import counted, filtered, passing
from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.plan import planned_rows
from agentorm.query import Query
from agentorm.rank.base import (
    Found,
    Ranker,
    Run,
    hit_of,
    sortable_key,
    split,
    taken,
    with_keys,
)
from agentorm.rank.groups import first_of_each
from agentorm.rank.indexing import (
    candidates_of,
    effort_of,
    is_filtered,
    is_served,
    method_of,
    more,
    sorts_alone,
    why,
)
from agentorm.rank.streaming import streamed
from agentorm.results import Hit
from agentorm.selecting import farthest_distance
from agentorm.statement import statement

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class _Looked(Generic[E]):
    """What an index came up with.

    Attributes:
        rows: those of the page, within the thresholds.
        read: how many rows it gave.
        is_full: whether the page is.
        is_short: whether it gave fewer than it was asked for.
        is_past: whether it went beyond the thresholds.
    """

    rows: list[tuple[E, float]]
    read: int
    is_full: bool
    is_short: bool
    is_past: bool


class Native(Ranker):
    name = "native"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        if not is_served(query, run.dialect) or few_pass(query, run):
            return self._exactly(query, run)
        if query.best_of is not None:
            return first_of_each(query, run, self) or self._exactly(query, run)
        looked = self._look(query, run)
        if looked.is_full:
            return Found(hits(query, looked.rows), exact=False)
        if looked.is_short:
            left = run.session.execute(passing(query, depth_of(query))).scalar_one()
            if left < depth_of(query):
                every = left <= looked.read and _reads_all_pages(query, run.dialect)
                if not every:
                    return self._exactly(query, run)
                return Found(hits(query, looked.rows), exact=True)
        looked = self._look(query, run, widened=True)
        if looked.is_full or looked.is_past:
            return Found(hits(query, looked.rows), exact=False, complete=looked.is_full)
        return self._exactly(query, run)

    def serves(self, query: Query[Any], dialect: Dialect) -> bool:
        """Whether the index may serve the query as it is written."""
        return is_served(query, dialect)

    def stream(self, query: Query[E], run: Run) -> Iterator[Hit[E]]:
        made = statement(query, indexed=False)
        with streamed(query, made, run) as rows:
            assert query.ranking is not None
            for entity, distance in _ranked(split(query, rows)):
                yield hit_of(query.ranking, entity, distance)

    def count(self, query: Query[Any], run: Run) -> int:
        return int(run.session.execute(counted(query)).scalar_one())

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        served = is_served(query, dialect)
        asked = with_keys(more(query)) if served else query
        sent = _sent(asked, dialect, indexed=served)
        return (statement(sent, indexed=served, keys_first=dialect.sorts_whole_rows),)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return not is_served(query, dialect)

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        return why(query, dialect)

    def searching(self, query: Query[Any], run: Run) -> AbstractContextManager[None]:
        return searching(query, run) if is_served(query, run.dialect) else nullcontext()

    def _exactly(self, query: Query[E], run: Run) -> Found[E]:
        found = self._fetch(query, run, indexed=False)
        return Found(hits(query, within_thresholds(query, found)), exact=True)

    def _look(self, query: Query[E], run: Run, *, widened: bool = False) -> _Looked[E]:
        with searching(query, run, widened=widened):
            asked = with_keys(query)
            found = _sorted(asked, self._fetch(asked, run, indexed=True))
        within = _within(found, farthest_distance(query))
        alone = sorts_alone(query, run.dialect)
        rows = within[query.skip : depth_of(query)] if alone else within
        return _Looked(
            rows,
            read=len(found),
            is_full=len(rows) == query.size,
            is_short=len(found) < (depth_of(query) if alone else query.size or 0),
            is_past=len(within) < len(found),
        )

    def _fetch(self, query: Query[E], run: Run, *, indexed: bool) -> list[tuple[E, float]]:
        sent = _sent(query, run.dialect, indexed=indexed)
        planned = planned_rows(sent, run.line, indexed=indexed)
        if planned is not None:
            return list(_ranked(planned))
        made = statement(sent, indexed=indexed, keys_first=run.dialect.sorts_whole_rows)
        return list(_ranked(taken(sent, run.session.execute(made))))


def hits(query: Query[E], rows: list[tuple[E, float]]) -> list[Hit[E]]:
    """The rows with their distances as hits."""
    assert query.ranking is not None
    return [hit_of(query.ranking, entity, distance) for entity, distance in rows]


def searching(
    query: Query[Any], run: Run, *, widened: bool = False
) -> AbstractContextManager[None]:
    """Within, the index that serves looks as far as the query needs, or further."""
    effort = effort_of(query, run.dialect, passing=run.passing, widened=widened)
    return run.dialect.searching(run.connection, method_of(query, run.dialect), effort)


def as_sent(query: Query[E], run: Run) -> Query[E]:
    """The query that is sent first."""
    return _sent(query, run.dialect, indexed=is_served(query, run.dialect))


def one_look(query: Query[E], run: Run) -> tuple[Query[E], bool] | None:
    """The query that one statement answers, and whether by an index; None where it takes more."""
    if not is_served(query, run.dialect):
        return _sent(query, run.dialect, indexed=False), False
    effort = effort_of(query, run.dialect, passing=run.passing)
    counts = run.dialect.few_passing is not None and is_filtered(query)
    plain = not (counts or query.best_of or sorts_alone(query, run.dialect))
    if plain and run.dialect.searches_as_set(method_of(query, run.dialect), effort):
        return _sent(query, run.dialect, indexed=True), True
    return None


def within(query: Query[Any], rows: Iterable[Any]) -> list[tuple[Any, float]]:
    """The rows that have a distance within the thresholds."""
    return _within(list(_ranked(rows)), farthest_distance(query))


def within_thresholds(query: Query[Any], rows: list[tuple[E, float]]) -> list[tuple[E, float]]:
    """Those of the rows that the thresholds leave."""
    return _within(rows, farthest_distance(query))


def few_pass(query: Query[Any], run: Run) -> bool:
    """Whether so few rows pass the filters that to rank them costs less than to search for them."""
    few = run.dialect.few_passing
    if few is None or not is_filtered(query):
        return False
    return bool(run.session.execute(filtered(query, few)).scalar_one() < few)


def _reads_all_pages(query: Query[Any], dialect: Dialect) -> bool:
    return not query.skip or sorts_alone(query, dialect)


def _sent(query: Query[E], dialect: Dialect, *, indexed: bool) -> Query[E]:
    """With a limit, a threshold only cuts off the end, so the index need not know of it."""
    if query.size is None:
        return query
    sent = replace(query, farthest=None, lowest_score=None)
    if indexed and sorts_alone(query, dialect):
        return replace(sent, size=candidates_of(query, dialect), skip=0)
    return sent


def _within(found: list[tuple[E, float]], farthest: float | None) -> list[tuple[E, float]]:
    return found if farthest is None else [row for row in found if row[1] <= farthest]


def _sorted(query: Query[E], found: list[tuple[E, float]]) -> list[tuple[E, float]]:
    """By distance and key, and each row once: MariaDB's index can give one twice."""
    by_key = {sortable_key(query, row[0]): row for row in found}
    return [by_key[key] for key in sorted(by_key, key=lambda key: (by_key[key][1], key))]


def _ranked(rows: Iterable[Any]) -> Iterator[tuple[Any, float]]:
    """The rows up to the first without a distance, which sort behind all others."""
    for entity, distance in rows:
        if distance is None or isnan(distance):
            return
        yield entity, distance
