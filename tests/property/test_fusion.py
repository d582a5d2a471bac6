"""Fusion against an oracle: what both rankings give apart, put together in plain Python.

The rows are committed, since InnoDB finds no text of its own transaction; components are small
integers, so that distances tie or differ on every engine alike.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import registry
from sqlmodel import Session

from agentorm import (
    RRF,
    Database,
    Entity,
    Field,
    Hit,
    SyncQuery,
    Vector,
    Weighted,
    repository,
    text_field,
    vector_field,
)
from agentorm.places import running
from agentorm.rank.apart import FusedApart
from tests.property.running import fewer_examples, on_every_engine

pytestmark = on_every_engine
Key: TypeAlias = tuple[Any, ...]
Leg: TypeAlias = list[tuple[Key, float, float]]
WORDS = ("river", "stone", "meadow", "harbour", "lantern", "orchard")
ROWS = 60


class Told(Entity, registry=registry()):
    """What both derive from."""


class Tale(Told, table=True):
    """One searched field, a key of integers."""

    id: int | None = Field(default=None, primary_key=True)
    shelf: int
    body: str = text_field(search="english")
    embedding: Vector | None = vector_field(2, metric="l2", default=None)


class Fable(Told, table=True):
    """Two searched fields, a key of two columns, a metric that MariaDB does not compute."""

    book: str = Field(primary_key=True)
    page: int = Field(primary_key=True)
    shelf: int
    title: str = text_field()
    body: str = text_field(search="english")
    embedding: Vector | None = vector_field(3, metric="l1", default=None)


KEYS: dict[type[Told], tuple[str, ...]] = {Tale: ("id",), Fable: ("book", "page")}


@dataclass(frozen=True)
class Asked:
    """One query of a model."""

    vector: tuple[int, ...]
    words: str
    fusion: RRF | Weighted
    shelf: int | None
    nearness: float | None
    size: int | None
    skip: int


def text_of(chosen: random.Random) -> str:
    return " ".join(chosen.choices(WORDS, k=chosen.randint(1, 4)))


def vector_of(chosen: random.Random, dimension: int) -> Vector | None:
    if chosen.random() < 0.2:
        return None
    return Vector([chosen.randint(-2, 2) for _ in range(dimension)])


def tales(chosen: random.Random) -> list[Tale]:
    return [
        Tale(shelf=n % 3, body=text_of(chosen), embedding=vector_of(chosen, 2)) for n in range(ROWS)
    ]


def fables(chosen: random.Random) -> list[Fable]:
    return [
        Fable(
            book=chosen.choice("aBc"),
            page=n,
            shelf=n % 3,
            title=text_of(chosen),
            body=text_of(chosen),
            embedding=vector_of(chosen, 3),
        )
        for n in range(ROWS)
    ]


@pytest.fixture
def told(db: Database) -> Database:
    db.create_all(Tale, Fable)
    chosen = random.Random(1)  # noqa: S311  # rows, no secrets
    repository(Tale, db).add_all(tales(chosen))
    repository(Fable, db).add_all(fables(chosen))
    return db


WEIGHTS = st.sampled_from([(1, 1), (2, 0.5), (0, 1), (1, 0), (0.3, 0.7)])
FUSIONS = st.one_of(
    st.builds(
        RRF,
        k=st.sampled_from([1, 60, 0.5]),
        weights=WEIGHTS,
        depth=st.integers(1, ROWS + 5),
    ),
    st.builds(Weighted, weights=WEIGHTS, depth=st.integers(1, ROWS + 5)),
)


@st.composite
def questions(draw: st.DrawFn, dimension: int) -> Asked:
    fusion = draw(FUSIONS)
    size = draw(st.none() | st.integers(1, fusion.depth))
    most = ROWS if size is None else fusion.depth - size
    return Asked(
        vector=tuple(draw(st.lists(st.integers(-2, 2), min_size=dimension, max_size=dimension))),
        words=" ".join(draw(st.lists(st.sampled_from((*WORDS, "desert")), min_size=1, max_size=3))),
        fusion=fusion,
        shelf=draw(st.none() | st.integers(0, 3)),
        nearness=draw(st.none() | st.sampled_from([0.0, 1.0, 2.0, 3.5])),
        size=size,
        skip=draw(st.integers(0, most)),
    )


def key_of(row: Any) -> Key:
    return tuple(getattr(row, name) for name in KEYS[type(row)])


def on_shelf(model: type[Told], asked: Asked, session: Session) -> SyncQuery[Told]:
    query = repository(model, session).offset(0)
    return query if asked.shelf is None else query.where("shelf", "=", asked.shelf)


def ranked(model: type[Told], asked: Asked, session: Session) -> tuple[Leg, Leg]:
    """Each ranking by itself, whole: key, distance and score, or twice the text's score."""
    rows = on_shelf(model, asked, session)
    near, matched = rows.similar_to(asked.vector), rows.matching(asked.words)
    if asked.nearness is not None:
        near = near.max_distance(asked.nearness)
    nearest = [(key_of(hit.entity), hit.distance, hit.score) for hit in near.hits()]
    best = [(key_of(hit.entity), hit.score, hit.score) for hit in matched.hits()]
    if asked.nearness is not None:
        within = {key for key, _, _ in nearest}
        best = [row for row in best if row[0] in within]
    return nearest, best


def expected(asked: Asked, nearest: Leg, best: Leg) -> dict[Key, float]:
    """The fused scores of the whole answer, best first."""
    total: dict[Key, float] = {}
    for leg, weight in zip((nearest, best), asked.fusion.weights, strict=True):
        scores = [score for _, _, score in leg]
        for place, (key, _, score) in enumerate(leg, 1):
            if isinstance(asked.fusion, RRF):
                share = weight / (asked.fusion.k + place)
            elif max(scores) == min(scores):
                share = weight
            else:
                share = weight * (score - min(scores)) / (max(scores) - min(scores))
            total[key] = total.get(key, 0.0) + share
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def fused(model: type[Told], asked: Asked, session: Session) -> SyncQuery[Told]:
    query = on_shelf(model, asked, session).similar_to(asked.vector).matching(asked.words)
    query = query.fuse(asked.fusion).offset(asked.skip)
    query = query if asked.nearness is None else query.max_distance(asked.nearness)
    return query if asked.size is None else query.limit(asked.size)


def check(hits: Sequence[Hit[Told]], asked: Asked, nearest: Leg, best: Leg) -> None:
    """The hits are the oracle's page, but that `Weighted` rounds where scores all but tie."""
    if asked.size is not None:
        nearest, best = nearest[: asked.fusion.depth], best[: asked.fusion.depth]
    whole = expected(asked, nearest, best)
    last = None if asked.size is None else asked.skip + asked.size
    page = [*whole.items()][asked.skip : last]
    found = [key_of(hit.entity) for hit in hits]
    assert len(set(found)) == len(found) == len(page)
    assert [hit.score for hit in hits] == pytest.approx([score for _, score in page], abs=1e-6)
    assert [whole[key] for key in found] == pytest.approx([score for _, score in page], abs=1e-6)
    order = [(-hit.score, key) for hit, key in zip(hits, found, strict=True)]
    assert order == sorted(order)
    if isinstance(asked.fusion, RRF):
        assert found == [key for key, _ in page]
    distances = {key: distance for key, distance, _ in nearest}
    texts = {key: score for key, score, _ in best}
    for hit, key in zip(hits, found, strict=True):
        assert hit.fused_score == hit.score
        assert isnan(hit.distance) == (key not in distances)
        assert isnan(hit.distance) or hit.distance == pytest.approx(distances[key], abs=1e-5)
        assert (hit.text_score is None) == (key not in texts)
        assert hit.text_score is None or hit.text_score == pytest.approx(texts[key], rel=1e-6)


def check_all(model: type[Told], asked: Asked, db: Database) -> None:
    with db.session() as session:
        nearest, best = ranked(model, asked, session)
        query = fused(model, asked, session)
        hits = query.hits()
        assert (hits.exact, hits.complete, hits.ranker) == (True, True, "fusion")
        check(hits, asked, nearest, best)
        assert query.all() == [*query.stream()] == hits.entities
        both = {key for key, _, _ in (*nearest, *best)}
        assert (query.count(), query.exists()) == (len(both), bool(both))
        with running(session, model) as run:
            apart = FusedApart()
            found = apart.nearest(query, run)
            check(found.rows, asked, nearest, best)
            streamed = [hit.entity for hit in apart.stream(query, run)]
            assert streamed == [hit.entity for hit in found.rows]
            assert apart.count(query, run) == len(both)


@fewer_examples
@given(questions(2))
def test_a_fusion_is_what_both_rankings_make(told: Database, asked: Asked) -> None:
    check_all(Tale, asked, told)


@fewer_examples
@given(questions(3))
def test_a_fusion_by_two_fields_is_what_both_rankings_make(told: Database, asked: Asked) -> None:
    check_all(Fable, asked, told)
