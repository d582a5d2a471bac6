"""Groups, scores of a caller and variety against an oracle in plain Python.

It begins with what the ranking itself gives, as far as that goes, and does the rest with numbers
that have no rounding. Components are small integers, so that distances tie on every engine alike.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import registry

from agentorm import (
    RRF,
    Database,
    Entity,
    Field,
    Hit,
    SyncQuery,
    Vector,
    repository,
    text_field,
    vector_field,
)
from tests.property.running import fewer_examples, on_every_engine

pytestmark = on_every_engine
WORDS = ("river", "stone", "meadow", "harbour")
ROWS, DEPTH = 40, 100
ROUNDED = Fraction(1, 10**9)


class Strewn(Entity, registry=registry()):
    """What it derives from."""


class Leaf(Strewn, table=True):
    """A key of two columns, groups of integers and of text, NULL among them."""

    tree: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    branch: int | None = None
    colour: str | None = None
    weight: int
    body: str = text_field(search="simple")
    embedding: Vector | None = vector_field(2, metric="l1", default=None)


def leaves(chosen: random.Random) -> list[Leaf]:
    return [
        Leaf(
            tree=chosen.choice("aBc"),
            place=n,
            branch=chosen.choice([None, 0, 1, 2, 3]),
            colour=chosen.choice([None, "", "red", "Red", "rèd"]),
            weight=chosen.randint(-3, 3),
            body=" ".join(chosen.choices(WORDS, k=chosen.randint(1, 4))),
            embedding=chosen.choice(
                [None, *[Vector([chosen.randint(-3, 3), chosen.randint(-3, 3)])] * 4]
            ),
        )
        for n in range(ROWS)
    ]


@pytest.fixture
def strewn(db: Database) -> Database:
    db.create_all(Leaf)
    repository(Leaf, db).add_all(leaves(random.Random(2)))  # noqa: S311  # rows, no secrets
    return db


@dataclass(frozen=True)
class Look:
    """What is asked."""

    base: str
    vector: tuple[int, int]
    heavier: int | None
    nearness: float | None
    group: str | None
    scored: int | None
    lambda_: Fraction | None
    spread: int
    size: int | None
    skip: int

    @property
    def reach(self) -> int:
        """How far pages go."""
        looks = [self.scored] if self.scored is not None else []
        return min([*looks, *([self.spread] if self.lambda_ is not None else []), DEPTH])


@st.composite
def looks(draw: st.DrawFn) -> Look:
    base = draw(st.sampled_from(["vector", "text", "fused", "sorted"]))
    ranked, near = base != "sorted", base in {"vector", "fused"}
    made = Look(
        base=base,
        vector=(draw(st.integers(-3, 3)), draw(st.integers(-3, 3))),
        heavier=draw(st.none() | st.integers(-3, 2)),
        nearness=draw(st.none() | st.sampled_from([0.0, 2.0, 4.0])) if near else None,
        group=draw(st.sampled_from([None, "branch", "colour", "tree"])),
        scored=draw(st.none() | st.integers(1, ROWS)) if ranked else None,
        lambda_=draw(st.none() | st.sampled_from([*map(Fraction, ("0", "1/2", "1"))]))
        if near
        else None,
        spread=draw(st.integers(1, ROWS)),
        size=None,
        skip=0,
    )
    size = draw(st.none() | st.integers(1, made.reach))
    most = ROWS if size is None else made.reach - size
    return replace(made, size=size, skip=draw(st.integers(0, most)))


def weights(rows: list[Leaf]) -> list[int]:
    return [row.weight for row in rows]


def plain(db: Database, look: Look) -> SyncQuery[Leaf]:
    """The ranking alone, under its filters and thresholds."""
    query = repository(Leaf, db).order_by(Leaf.weight)
    if look.base != "sorted":
        query = repository(Leaf, db).where(Leaf.place >= 0)
    if look.base in {"vector", "fused"}:
        query = query.similar_to(look.vector)
    if look.base in {"text", "fused"}:
        query = query.matching("river harbour")
    query = query.fuse(RRF(depth=DEPTH)) if look.base == "fused" else query
    query = query if look.heavier is None else query.where(Leaf.weight > look.heavier)
    return query if look.nearness is None else query.max_distance(look.nearness)


def asked(query: SyncQuery[Leaf], look: Look) -> SyncQuery[Leaf]:
    query = query if look.lambda_ is None else query.diverse(float(look.lambda_), look.spread)
    query = query if look.scored is None else query.rerank(weights, look.scored)
    query = query if look.group is None else query.best_per(look.group)
    query = query.offset(look.skip)
    return query if look.size is None else query.limit(look.size)


def whole(query: SyncQuery[Leaf]) -> SyncQuery[Leaf]:
    """The query without its page."""
    return replace(query, size=None, skip=0)


def name(row: Leaf) -> tuple[str, int]:
    return row.tree, row.place


def firsts(rows: list[Leaf], group: str) -> list[Leaf]:
    seen: list[Any] = []
    kept: list[Leaf] = []
    for row in rows:
        value = getattr(row, group)
        if value not in seen:
            seen.append(value)
            kept.append(row)
    return kept


def alike(one: Leaf, other: Leaf) -> Fraction:
    if one.embedding is None or other.embedding is None:
        return Fraction(0)
    apart = sum(abs(int(a) - int(b)) for a, b in zip(one.embedding, other.embedding, strict=True))
    return 1 / Fraction(1 + apart)


def marginal(
    rows: list[Leaf], scores: list[Fraction], taken: list[int], lambda_: Fraction
) -> list[Fraction]:
    """What each row is worth behind those that are taken."""
    return [
        lambda_ * scores[i]
        - (1 - lambda_) * max((alike(row, rows[j]) for j in taken), default=Fraction(0))
        for i, row in enumerate(rows)
    ]


def spread(
    rows: list[Leaf], scores: list[Fraction], lambda_: Fraction, got: list[Leaf]
) -> list[Leaf]:
    """The rows in order; of those that are worth the same but for rounding, the one that came."""
    left = list(range(len(rows)))
    taken: list[int] = []
    while left:
        worth = marginal(rows, scores, taken, lambda_)
        best = max(worth[i] for i in left)
        ties = [i for i in left if best - worth[i] < ROUNDED]
        came = [i for i in ties if len(taken) < len(got) and rows[i] is got[len(taken)]]
        exactly = [i for i in ties if worth[i] == best]
        taken.append((came if lambda_ not in {0, 1} and came else exactly)[0])
        left.remove(taken[-1])
    return [rows[i] for i in taken]


def truth(
    look: Look, rows: list[Leaf], hits: dict[tuple[str, int], Hit[Leaf]], came: list[Leaf]
) -> list[Leaf]:
    """What the steps make of the whole ranking."""
    rows = rows if look.group is None else firsts(rows, look.group)
    if look.scored is not None:
        rows = sorted(rows[: look.scored], key=lambda row: -row.weight)
    if look.lambda_ is not None:
        rows = rows[: look.spread]
        rows = spread(rows, relevance(look, rows, hits), look.lambda_, came)
    return rows[look.skip : None if look.size is None else look.skip + look.size]


def relevance(
    look: Look, rows: list[Leaf], hits: dict[tuple[str, int], Hit[Leaf]]
) -> list[Fraction]:
    if look.scored is None and look.base == "vector":
        return [1 / Fraction(1 + int(hits[name(row)].distance)) for row in rows]
    if look.scored is not None:
        scores = [Fraction(row.weight) for row in rows]
    else:
        scores = [Fraction(hits[name(row)].score) for row in rows]
    low, high = min(scores, default=Fraction(0)), max(scores, default=Fraction(0))
    return [(score - low) / (high - low) if low < high else Fraction(1) for score in scores]


@fewer_examples
@given(look=looks())
def test_every_step_is_what_plain_python_makes_of_it(strewn: Database, look: Look) -> None:
    base = plain(strewn, look)
    query = asked(base, look)
    if look.base == "sorted":
        rows: list[Leaf] = base.all()
        hits: dict[tuple[str, int], Hit[Leaf]] = {}
    else:
        found = base.hits()
        rows, hits = found.entities, {name(hit.entity): hit for hit in found}
    got = query.all()
    came = [row for one in whole(query).all() for row in rows if name(row) == name(one)]
    expected = [name(row) for row in truth(look, rows, hits, came)]
    assert [name(row) for row in got] == expected
    assert [name(row) for row in query.stream()] == expected
    groups = len(rows) if look.group is None else len(firsts(rows, look.group))
    assert query.count() == groups
    assert query.exists() is (groups > 0)
    if look.base != "sorted":
        check_hits(look, query, hits)


def check_hits(look: Look, query: SyncQuery[Leaf], hits: dict[tuple[str, int], Hit[Leaf]]) -> None:
    """What the ranking said of each row is still there."""
    found = query.hits()
    assert (found.exact, found.complete) == (True, True)
    for hit in found:
        before = hits[name(hit.entity)]
        assert repr(hit.distance) == repr(before.distance)
        assert (hit.text_score, hit.fused_score) == (before.text_score, before.fused_score)
        assert hit.score == (before.score if look.scored is None else hit.entity.weight)
