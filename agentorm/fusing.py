"""Two rankings as one in SQL: each is cut at its depth, and what its rows get is added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from sys import float_info
from typing import Any

from sqlalchemy import ColumnElement, func, null, select, union_all
from sqlalchemy.sql.expression import FromClause, Subquery

from agentorm.expressions import AnySelect
from agentorm.fusion import Fusion
from agentorm.matching import KEY, SCORE
from agentorm.rankings import Ranking

DISTANCE, FUSED_SCORE = "distance", "fused_score"
READ, HELD = "read", "held"


@dataclass(frozen=True, slots=True)
class Legs:
    """The two rankings that are fused, each by key, cut at the depth, and its distance or score.

    Attributes:
        ranking: what the first ranks by.
        nearest: keys and distances; farther ones, and none at all, are left out here.
        farthest: the distance beyond which no row counts, None without any.
        matched: keys and scores of the text.
    """

    ranking: Ranking
    nearest: AnySelect
    farthest: float | None
    matched: AnySelect


def fused_by(legs: Legs, fusion: Fusion) -> Subquery:
    """The keys of the rows, their distances and scores: one row each."""
    near = legs.nearest.subquery("nearest")
    distance = _measured(near)
    farthest = float_info.max if legs.farthest is None else legs.farthest
    rows = select(*_keys(near), distance.label(DISTANCE)).where(distance <= farthest)
    return _added_up(rows, near, legs, fusion, ())


def watched(legs: Legs, fusion: Fusion) -> Subquery:
    """The same where an index may serve, which gives rows unsorted, and some twice.

    `READ` says how many rows it gave, `HELD` how many of them the threshold left.
    """
    found = legs.nearest.subquery("found_nearest")
    distance, keys = _measured(found), _keys(found)
    counted = func.count().over().label(READ)
    once = select(*keys, func.min(distance).label(DISTANCE), counted)
    read = once.where(distance <= float_info.max).group_by(*keys).subquery("nearest_read")
    farthest = float_info.max if legs.farthest is None else legs.farthest
    held = select(*read.c, func.count().over().label(HELD))
    held = held.where(read.c[DISTANCE] <= farthest)
    near = held.order_by(read.c[DISTANCE], *_keys(read)).limit(fusion.depth).subquery("nearest")
    rows = select(*_keys(near), near.c[DISTANCE])
    return _added_up(rows, near, legs, fusion, (READ, HELD))


def _added_up(
    rows: AnySelect, near: FromClause, legs: Legs, fusion: Fusion, counts: Sequence[str]
) -> Subquery:
    by_distance, by_text = fusion.weights
    distance, ranking = _measured(near), legs.ranking
    near_score: Any = ranking.metric.score(distance, len(ranking.vector))  # type: ignore[arg-type]
    matched = legs.matched.subquery("matched")
    score = matched.c[SCORE]
    near_share = fusion.share(by_distance, near_score, (distance, *_keys(near)))
    share = fusion.share(by_text, score, (score.desc(), *_keys(matched)))
    nothing = [null().label(name) for name in counts]
    parts = union_all(
        rows.add_columns(
            _none(SCORE), near_share.label("share"), *(near.c[name] for name in counts)
        ),
        select(*_keys(matched), _none(DISTANCE), score, share.label("share"), *nothing),
    ).subquery("legs")
    keys = _keys(parts)
    made = select(
        *keys,
        func.max(parts.c[DISTANCE]).label(DISTANCE),
        func.max(parts.c[SCORE]).label(SCORE),
        func.sum(parts.c["share"]).label(FUSED_SCORE),
        *(func.max(func.max(parts.c[name])).over().label(name) for name in counts),
    )
    return made.group_by(*keys).subquery("fused")


def _keys(rows: FromClause) -> list[ColumnElement[Any]]:
    return [column for column in rows.c if column.key.startswith(KEY.format(""))]


def _measured(rows: FromClause) -> ColumnElement[Any]:
    """The column behind the keys."""
    return rows.c[len(_keys(rows))]


def _none(name: str) -> ColumnElement[Any]:
    return null().label(name)
