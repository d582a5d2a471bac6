"""The pure steps from a query to SQLAlchemy's selects: no session, no dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.sql.expression import Subquery

from agentorm.checking import check
from agentorm.expressions import AnySelect, NearestFirst
from agentorm.fusing import DISTANCE, FUSED_SCORE, HELD, READ, fused_by, watched
from agentorm.grouping import PLACE, grouped_by, placed
from agentorm.legs import legs_of
from agentorm.matching import SCORE, TextSearch, found_by, same_row
from agentorm.models import key_columns
from agentorm.selecting import (
    among,
    beside,
    distance_of,
    farthest_distance,
    farthest_of_all,
    field_of_groups,
    keyed,
    label_of,
    paged,
    restricted,
    scoped,
    selected,
    servable,
)

if TYPE_CHECKING:
    from agentorm.query import Query


def statement(query: Query[Any], *, indexed: bool = True, keys_first: bool = False) -> AnySelect:
    """The whole query as one select: of the rows, and of ``distance`` where it ranks.

    Args:
        query: any query.
        indexed: False writes the distance so that no approximate index serves it.
        keys_first: whether an exact ranking finds the keys of the nearest rows before it reads
            the rows, where it can.

    Raises:
        InvalidQuery: a threshold without `similar_to`, or a condition on a table not joined.
    """
    check(query)
    if query.fusion is not None:
        return _fused(query, indexed=indexed)
    if query.best_of is not None:
        return _best_of_each(query)
    if query.text is not None:
        return _best_matches(query, query.text)
    served = indexed and servable(query)
    if keys_first and not served and _may_go_by_keys(query):
        return _nearest_by_key(query)
    made = selected(query)
    if query.ranking is not None:
        distance = distance_of(query.ranking, indexed=served).label(label_of(query.model))
        made = made.add_columns(distance)
        farthest = farthest_distance(query)
        if farthest is not None:
            made = made.where(distance.element <= farthest)
        made = made.order_by(NearestFirst(distance, key_columns(query.model)))
    else:
        made = made.order_by(*query.ordering, *key_columns(query.model))
    return paged(restricted(made, query).options(*query.loaders), query)


def _may_go_by_keys(query: Query[Any]) -> bool:
    """Thresholds are asked of whole rows, and options that load from joins need them beside."""
    if query.size is None or query.farthest is not None or query.lowest_score is not None:
        return False
    return query.ranking is not None and not (query.joins and query.loaders)


def _nearest_by_key(query: Query[Any]) -> AnySelect:
    """The same rows: only keys go through the sort, and the rows of the nearest are read then."""
    assert query.ranking is not None
    keys = key_columns(query.model)
    distance = distance_of(query.ranking, indexed=False).label(label_of(query.model))
    order = NearestFirst(distance, keys)
    near = scoped(restricted(select(*keys), query), query).order_by(order)
    made = selected(query).add_columns(distance).where(among(keys, paged(near, query)))
    return made.order_by(order).options(*query.loaders)


def _best_matches(query: Query[Any], text: TextSearch) -> AnySelect:
    """The rows that match, with ``text_score``, best first."""
    found = beside(query, found_by(text))
    made = restricted(selected(query), query)
    made = made.add_columns(found.c[SCORE]).join(found, same_row(query.model, found))
    made = made.order_by(found.c[SCORE].desc(), *key_columns(query.model))
    return paged(made.options(*query.loaders), query)


def _fused(query: Query[Any], *, indexed: bool) -> AnySelect:
    """The best of both rankings, with ``distance``, ``text_score`` and ``fused_score``."""
    assert query.fusion is not None
    return _joined_to(query, fused_by(legs_of(query, indexed=indexed), query.fusion))


def watched_statement(query: Query[Any], candidates: int) -> AnySelect:
    """The same where an index is asked for so many rows, and behind it what came of that."""
    assert query.fusion is not None
    check(query)
    fused = watched(legs_of(query, indexed=True, candidates=candidates), query.fusion)
    return _joined_to(query, fused, READ, HELD)


def _joined_to(query: Query[Any], fused: Subquery, *more: str) -> AnySelect:
    fused = beside(query, fused)
    if query.best_of is not None:
        of_row = same_row(query.model, fused)
        rows = select(*fused.c, grouped_by(field_of_groups(query))).join_from(
            query.model, fused, of_row
        )
        grouped = rows.subquery("grouped_rows")
        best = placed(grouped, grouped.c[FUSED_SCORE].desc()).subquery("fused_best")
        fused = beside(query, best)
    names = (DISTANCE, SCORE, FUSED_SCORE, *more)
    made = _joined(query, fused).add_columns(*(fused.c[name] for name in names))
    made = made.order_by(fused.c[FUSED_SCORE].desc(), *key_columns(query.model))
    return paged(made.options(*query.loaders), query)


def _joined(query: Query[Any], rows: Subquery) -> AnySelect:
    made = selected(query).join(rows, same_row(query.model, rows))
    if query.best_of is None:
        return made
    for join in query.joins if query.ordering else ():  # pages compare what rows are sorted by
        made = made.join(join.target, join.onclause) if join.single else made
    return made.where(rows.c[PLACE] == 1)


def _best_of_each(query: Query[Any]) -> AnySelect:
    """The first row of each value of a field, with what it is ranked by, in the same order.

    A sorted query is ranked by the place that its order gives a row.
    """
    rows = keyed(query).add_columns(grouped_by(field_of_groups(query)))
    name = "position"
    if query.text is not None:
        found, name = beside(query, found_by(query.text)), SCORE
        rows = rows.join(found, same_row(query.model, found)).add_columns(found.c[SCORE])
    elif query.ranking is not None:
        name = label_of(query.model)
        rows = rows.add_columns(distance_of(query.ranking, indexed=False).label(name))
    else:
        order = [*query.ordering, *key_columns(query.model)]
        rows = rows.add_columns(func.row_number().over(order_by=order).label(name))
    ranked = rows.subquery("ranked")
    made = placed(ranked, ranked.c[name].desc() if query.text is not None else ranked.c[name])
    if query.ranking is not None:
        made = made.where(ranked.c[name] <= farthest_of_all(query))
    best = beside(query, made.subquery("best"))
    made = _joined(query, best)
    made = made.add_columns(best.c[name]) if query.is_ranked else made
    first = best.c[name].desc() if query.text is not None else best.c[name]
    return paged(made.order_by(first, *key_columns(query.model)).options(*query.loaders), query)
