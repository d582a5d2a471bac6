"""Distance and text as one ranking where numpy ranks by distance: both apart, fused here.

The keys of the best by distance are found as the scan finds them, those of the best by text in SQL
under the same filters; then the rows of the page are loaded, in the same transaction and under the
filters once more. Where a threshold holds, the vectors of what the text finds are measured too.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from math import isnan, nan
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.legs import matched_leg, matches_and_vectors, nearest_leg
from agentorm.models import mapper_of
from agentorm.query import Query
from agentorm.rank import texts
from agentorm.rank.base import (
    Found,
    Ranker,
    Run,
    check_values,
    in_chunks,
    sortable,
    sortable_key,
    with_keys,
)
from agentorm.rank.loaded import values_by_key
from agentorm.rank.matches import raw_refused
from agentorm.rank.scan import Key, Scan, loaded, measured, nearest_keys, rows_at_a_time, slow_path
from agentorm.results import Hit
from agentorm.selecting import farthest_distance, keys_and_vectors, rows_of_keys

E = TypeVar("E")
_ATTEMPTS = 3
_SCAN = Scan()


@dataclass(slots=True)
class _Place:
    """What one row gets, and from where."""

    key: Key
    score: float = 0.0
    distance: float = nan
    text_score: float | None = None

    @property
    def order(self) -> tuple[float, Key]:
        return -self.score, sortable(self.key)


class FusedApart(Ranker):
    name = "fusion"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        hits: list[Hit[E]] = []
        complete = False
        for _ in range(_ATTEMPTS):
            places = _fused(query, run)
            hits = [hit for part in in_chunks(places) for hit in _load(query, run, part)]
            complete = len(hits) == len(places)
            if complete:
                break
        return Found(hits, exact=True, complete=complete)

    def stream(self, query: Query[E], run: Run) -> Iterator[Hit[E]]:
        for part in in_chunks(_fused(query, run)):
            yield from _load(query, run, part)

    def count(self, query: Query[Any], run: Run) -> int:
        if query.best_of is not None:
            return len(_fused(replace(query, size=None, skip=0), run))
        near = _SCAN.count(nearest_leg(query), run)
        if farthest_distance(query) is not None:
            return near
        parts = _measured_matches(query, run)
        return near + sum(int(np.isnan(found).sum()) for _, found in parts)

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        example: list[Key] = [(None,) * len(mapper_of(query.model).primary_key)]
        asked, is_held = texts.asked(query, dialect), farthest_distance(query) is not None
        matched = matches_and_vectors(asked) if is_held else matched_leg(asked)
        rows = rows_of_keys(with_keys(query), example)
        return matched, keys_and_vectors(nearest_leg(query)), rows

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return True

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        assert query.ranking is not None
        return (slow_path(query.ranking, dialect), *texts.notes(query, dialect))


def _fused(query: Query[Any], run: Run) -> list[_Place]:
    """The rows in order of (fused score, key), from the offset up to the limit."""
    fusion, ranking = query.fusion, query.ranking
    assert fusion is not None
    assert ranking is not None
    near = nearest_keys(nearest_leg(query), run)
    matched = _matched(query, run)
    places: dict[Key, _Place] = {}
    scores = [ranking.metric.score(distance, len(ranking.vector)) for distance, _ in near]
    shares = fusion.shares(fusion.weights[0], scores)
    for (distance, key), share in zip(near, shares, strict=True):
        places[key] = _Place(key, share, distance=distance)
    shares = fusion.shares(fusion.weights[1], [score for _, score in matched])
    for (key, score), share in zip(matched, shares, strict=True):
        place = places.setdefault(key, _Place(key))
        place.score += share
        place.text_score = score
    last = None if query.size is None else query.skip + query.size
    ordered = sorted(places.values(), key=lambda place: place.order)
    return _firsts(query, ordered, run)[query.skip : last]


def _firsts(query: Query[Any], places: list[_Place], run: Run) -> list[_Place]:
    """The first of each group, where the query groups; of rows that are gone, none."""
    if query.best_of is None:
        return places
    field = getattr(query.model, query.best_of)
    groups = values_by_key((place.key for place in places), query.model, field, run)
    firsts: dict[Any, _Place] = {}
    for place in places:
        if place.key in groups:
            firsts.setdefault(groups[place.key], place)
    return [*firsts.values()]


def _matched(query: Query[Any], run: Run) -> list[tuple[Key, float]]:
    """Keys and scores of the best by text, within the threshold."""
    if farthest_distance(query) is None:
        made = matched_leg(texts.asked(query, run.dialect))
        with raw_refused(query, run):
            rows = run.session.execute(made)
        return [(tuple(row[:-1]), row[-1]) for row in rows]
    assert query.fusion is not None
    with closing(_matches_within(query, run)) as near:
        return list(islice(near, None if query.size is None else query.fusion.depth))


def _matches_within(query: Query[Any], run: Run) -> Generator[tuple[Key, float]]:
    farthest = farthest_distance(query)
    assert farthest is not None
    with closing(_measured_matches(query, run)) as parts:
        for rows, found in parts:
            for i in np.flatnonzero(found <= farthest).tolist():
                yield tuple(rows[i][:-2]), rows[i][-2]


def _measured_matches(
    query: Query[Any], run: Run
) -> Generator[tuple[Sequence[Any], NDArray[np.float64]]]:
    """Chunks of rows that the text finds, best first, with their distances: NaN without one."""
    assert query.ranking is not None
    check_values(query, run)
    options = {"yield_per": rows_at_a_time(query.ranking)}
    made = matches_and_vectors(texts.asked(query, run.dialect))
    with raw_refused(query, run), run.session.execute(made, execution_options=options) as rows:
        for part in rows.partitions():
            run.pause()
            yield part, _distances(query, [row[-1] for row in part])
            run.pause()


def _distances(query: Query[Any], vectors: Sequence[bytes | None]) -> NDArray[np.float64]:
    assert query.ranking is not None
    found = np.full(len(vectors), nan)
    there = [i for i, vector in enumerate(vectors) if vector is not None]
    if there:
        held = [vector for vector in vectors if vector is not None]
        found[there] = measured(held, query.ranking)
    return found


def _load(query: Query[E], run: Run, places: Sequence[_Place]) -> list[Hit[E]]:
    """The hits of these places whose rows still count, in their order."""
    keys = [place.key for place in places]
    asked = with_keys(query)
    rows = loaded(asked, run, keys)
    farthest = farthest_distance(query)
    counting: dict[Key, tuple[E, float]] = {}
    for row, distance in zip(rows, _distances(query, [row[1] for row in rows]), strict=True):
        if farthest is None or distance <= farthest:
            counting[sortable_key(asked, row[0])] = row[0], float(distance)
    held = [(place, *counting[key]) for place in places if (key := sortable(place.key)) in counting]
    return [_hit(place, entity, distance) for place, entity, distance in held]


def _hit(place: _Place, entity: E, distance: float) -> Hit[E]:
    measured_now = nan if isnan(place.distance) else distance
    return Hit(entity, measured_now, place.score, place.text_score, place.score)
