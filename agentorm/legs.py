"""The two rankings of which a fusion makes one, as selects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from agentorm.checking import check
from agentorm.expressions import AnySelect, NearestFirst
from agentorm.fusing import Legs
from agentorm.matching import SCORE, found_by, same_row
from agentorm.models import key_columns
from agentorm.selecting import (
    beside,
    distance_of,
    farthest_distance,
    farthest_of_all,
    keyed,
    label_of,
    packed,
    scoped,
    scopes_of,
    servable,
)

if TYPE_CHECKING:
    from agentorm.query import Query

Q = TypeVar("Q")


def legs_of(query: Query[Any], *, indexed: bool, candidates: int | None = None) -> Legs:
    """Both rankings, of which an index may be asked for so many candidates."""
    leg = nearest_leg(query)
    assert leg.ranking is not None
    distance = distance_of(leg.ranking, indexed=indexed and servable(leg))
    label = distance.label(label_of(query.model))
    nearest = keyed(leg).add_columns(label)
    if leg.size is not None:
        nearest = nearest.order_by(NearestFirst(label, key_columns(query.model)))
        nearest = nearest.limit(candidates or leg.size)
    return Legs(leg.ranking, nearest, farthest_of_all(query), matched_leg(query))


def nearest_leg(query: Query[Q]) -> Query[Q]:
    """The ranking by distance of which a fusion takes the best; any other query as it is."""
    if query.fusion is None:
        return query
    check(query)
    size = None if query.size is None else query.fusion.depth
    alone = replace(query, text=None, fusion=None, size=size, skip=0)
    plain = replace(alone, best_of=None, reranking=None, diversity=None)
    near = () if query.ranking is None else query.ranking.near
    filters = (*query.filters, *near)
    return replace(plain, filters=filters, loaders=scopes_of(query), target=None)


def matched_leg(query: Query[Any]) -> AnySelect:
    """The keys and scores of the rows that match, the best that a fusion takes."""
    assert query.ranking is not None
    assert query.fusion is not None
    made, farthest = _matching(query), farthest_distance(query)
    if farthest is not None:
        made = made.where(distance_of(query.ranking, indexed=False) <= farthest)
    return made if query.size is None else made.limit(query.fusion.depth)


def matches_and_vectors(query: Query[Any]) -> AnySelect:
    """The keys and scores of all rows that match, best first, with their packed vectors."""
    assert query.ranking is not None
    return _matching(query).add_columns(packed(query.ranking))


def _matching(query: Query[Any]) -> AnySelect:
    assert query.text is not None
    found = beside(query, found_by(query.text))
    made = keyed(query).add_columns(found.c[SCORE]).join(found, same_row(query.model, found))
    return scoped(made, query).order_by(found.c[SCORE].desc(), *key_columns(query.model))
