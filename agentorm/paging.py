"""A page of a query: the rows behind a cursor, and the cursor behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from agentorm.cursors import Position, opened, sealed, signing_key
from agentorm.errors import InvalidQuery
from agentorm.identity import identity_of
from agentorm.keyset import keyset_of
from agentorm.query import Query
from agentorm.rank import Run, split
from agentorm.results import Hits, Page

E = TypeVar("E")
_MOST_ROWS = 2**31 - 2


def check_page(query: Query[Any], size: Any) -> None:
    """See that the query leaves it to the page which rows those are.

    Raises:
        InvalidQuery: it has a limit or an offset, or the size is none.
    """
    if query.size is not None or query.skip:
        raise InvalidQuery(
            "a page has its own limit and offset", hint="leave them out: page(after, size=50)"
        )
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _MOST_ROWS:
        raise InvalidQuery(f"a page has an integer of 1 or more rows, got {size!r}")


def page_of(
    query: Query[E],
    run: Run,
    after: str | None,
    size: int,
    ranked: Callable[[int, int], Hits[E]],
) -> Page[E]:
    """The page behind this cursor.

    Args:
        query: without limit and offset.
        run: where.
        after: None for the first page.
        size: its most rows.
        ranked: so many rows of the ranking, from so many on.

    Raises:
        InvalidCursor: the cursor is none of this query.
    """
    key = signing_key(run.connection.engine.url)
    start = Position(identity_of(query, run.connection.dialect))
    position = start if after is None else opened(after, start.query, key)
    if query.is_ranked:
        hits, following = _of_ranking(query, position, size, ranked)
        entities = hits.entities
    else:
        entities, following = _of_order(query, run, position, size)
        hits = None
    return Page(entities, hits=hits, next=None if following is None else sealed(following, key))


def _of_ranking(
    query: Query[E], position: Position, size: int, ranked: Callable[[int, int], Hits[E]]
) -> tuple[Hits[E], Position | None]:
    left = _reach(query) - position.offset
    found = ranked(min(size + 1, left), position.offset)
    if len(found) <= size:
        return found, None
    hits = Hits(found[:size], complete=found.complete, exact=found.exact, ranker=found.ranker)
    return hits, Position(position.query, offset=position.offset + size)


def _reach(query: Query[Any]) -> int:
    """How many rows there are pages of."""
    fused = None if query.fusion is None else query.fusion.depth
    return min(depth for depth in (fused, query.reach, _MOST_ROWS) if depth is not None)


def _of_order(
    query: Query[E], run: Run, position: Position, size: int
) -> tuple[list[E], Position | None]:
    made = keyset_of(query, run.dialect).page(query, size + 1, position.values)
    found = run.session.execute(made)
    if query.target is None:
        found = found.unique(lambda row: id(row[0]))
    rows = [*split(query, found)]
    entities = [row[0] for row in rows[:size]]
    if query.target is not None:
        entities = [*map(query.target.maker(), entities)]
    if len(rows) <= size:
        return entities, None
    return entities, Position(position.query, values=tuple(rows[size - 1][1:]))
