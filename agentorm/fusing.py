"""Two rankings as one in SQL: each is cut at its depth, and what its rows get is added up."""

from __future__ import annotations

from dataclasses import dataclass
from sys import float_info
from typing import Any, cast

from sqlalchemy import ColumnElement, func, null, select, union_all
from sqlalchemy.sql.expression import FromClause, Subquery

from agentorm.expressions import AnySelect
from agentorm.fusion import Fusion
from agentorm.matching import SCORE, keys_of
from agentorm.rankings import Ranking

DISTANCE, FUSED_SCORE = "distance", "fused_score"
READ, HELD = "read", "held"
_SCORE, _SHARE = "score", "share"


@dataclass(frozen=True, slots=True)
class Legs:
    """The two rankings that are fused, each by key, cut at the depth, and its distance or score.

    Attributes:
        ranking: what the first ranks by.
        nearest: keys and distances; farther ones, and none at all, are left out here.
        limit: the distance beyond which no row counts.
        matched: keys and scores of the text.
    """

    ranking: Ranking
    nearest: AnySelect
    limit: float
    matched: AnySelect


def fused_by(legs: Legs, fusion: Fusion) -> Subquery:
    """The keys of the rows, their distances and scores: one row each."""
    near = legs.nearest.subquery("nearest")
    rows = select(*near.c).where(_measured(near) <= legs.limit)
    return _added_up(rows, near, legs, fusion)


def watched(legs: Legs, fusion: Fusion) -> Subquery:
    """The same where an index may serve, which gives rows unsorted, and some twice.

    `READ` says how many rows it gave, `HELD` how many of them the threshold left.
    """
    found = legs.nearest.subquery("found_nearest")
    distance, keys = _measured(found), keys_of(found)
    counted = func.count().over().label(READ)
    once = select(*keys, func.min(distance).label(DISTANCE), counted)
    read = once.where(distance <= float_info.max).group_by(*keys).subquery("nearest_read")
    held = select(*read.c, func.count().over().label(HELD)).where(read.c[DISTANCE] <= legs.limit)
    near = held.order_by(read.c[DISTANCE], *keys_of(read)).limit(fusion.depth).subquery("nearest")
    return _added_up(select(*near.c), near, legs, fusion, READ, HELD)


def _added_up(
    rows: AnySelect, near: FromClause, legs: Legs, fusion: Fusion, *counts: str
) -> Subquery:
    """Of rows by distance, which are selected from `near`, and of those by text."""
    score = _measured(near)
    if fusion.takes_scores:
        rows = rows.add_columns(_score(score, legs.ranking))
        near = rows.subquery("scored")
        rows, score = select(*near.c), near.c[_SCORE]
    matched = legs.matched.subquery("matched")
    text_score = matched.c[SCORE]
    near_share, share = (
        fusion.share(fusion.weights[0], score, (_measured(near), *keys_of(near))),
        fusion.share(fusion.weights[1], text_score, (text_score.desc(), *keys_of(matched))),
    )
    by_distance = rows.with_only_columns(
        *keys_of(near), _measured(near).label(DISTANCE), _none(SCORE), near_share.label(_SHARE)
    ).add_columns(*(near.c[name] for name in counts))
    by_text = select(*keys_of(matched), _none(DISTANCE), text_score, share.label(_SHARE))
    by_text = by_text.add_columns(*map(_none, counts))
    parts = union_all(by_distance, by_text).subquery("legs")
    keys = keys_of(parts)
    made = select(
        *keys,
        func.max(parts.c[DISTANCE]).label(DISTANCE),
        func.max(parts.c[SCORE]).label(SCORE),
        func.sum(parts.c[_SHARE]).label(FUSED_SCORE),
        *(func.max(func.max(parts.c[name])).over().label(name) for name in counts),
    )
    return made.group_by(*keys).subquery("fused")


def _score(distance: Any, ranking: Ranking) -> ColumnElement[Any]:
    made: Any = ranking.metric.score(distance, len(ranking.vector))
    return cast("ColumnElement[Any]", made.label(_SCORE))


def _measured(rows: FromClause) -> ColumnElement[Any]:
    """The column behind the keys."""
    return rows.c[len(keys_of(rows))]


def _none(name: str) -> ColumnElement[Any]:
    return null().label(name)
