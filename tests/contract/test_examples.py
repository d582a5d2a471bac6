"""Rows that are like other rows: search by an entity, and by several vectors."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan, sqrt
from typing import Any

import pytest

from agentorm import (
    HNSW,
    AnyOf,
    Database,
    DimensionMismatch,
    Field,
    InvalidQuery,
    InvalidVector,
    MeanOf,
    SlowPath,
    Vector,
    repository,
    vector_field,
)
from tests.contract.models import Contract
from tests.engines import NAMES

pytestmark = pytest.mark.engines(*NAMES)


class Likeness(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: str
    embedding: Vector | None = vector_field(2, default=None, metric="l2")


class Likenesses(Contract, table=True):
    """With a key of two parts and an index."""

    shelf: str = Field(primary_key=True, max_length=10)
    place: int = Field(primary_key=True)
    embedding: Vector = vector_field(2, metric="l2", index=HNSW())


POINTS = [Vector([x, 0]) for x in (0, 1, 3, 6, 10)]


@pytest.fixture
def filled(db: Database) -> Database:
    db.create_all(Likeness, Likenesses)
    rows = [
        Likeness(id=number, topic="even" if number % 2 == 0 else "odd", embedding=point)
        for number, point in enumerate([*POINTS, None], 1)
    ]
    repository(Likeness, db).add_all(rows)
    repository(Likenesses, db).add_all(
        Likenesses(shelf=shelf, place=place, embedding=Vector([x, 0]))
        for shelf, place, x in (("a", 1, 0), ("a", 2, 2), ("b", 1, 3), ("b", 2, 9))
    )
    return db


def keys(found: Sequence[Any]) -> list[int]:
    return [hit.entity.id for hit in found]


def get(db: Database, key: int) -> Likeness:
    entity = repository(Likeness, db).get(key)
    assert entity is not None
    return entity


def test_an_entity_finds_its_like_and_not_itself(filled: Database) -> None:
    query = repository(Likeness, filled).similar_to(get(filled, 3))
    hits = query.hits()
    assert [(hit.entity.id, hit.distance) for hit in hits] == [(2, 2), (1, 3), (4, 3), (5, 7)]
    assert keys(query.limit(2).hits()) == [2, 1]
    assert keys(query.where(Likeness.topic == "odd").hits()) == [1, 5]
    assert keys(query.max_distance(3).offset(1).limit(5).hits()) == [1, 4]
    assert [row.id for row in query.stream()] == [2, 1, 4, 5]
    assert (query.count(), query.max_distance(3).count()) == (4, 3)
    assert [row.id for row in query.similar_to([0, 0]).all()] == [1, 2, 3, 4, 5]


def test_another_row_with_the_same_vector_stays(filled: Database) -> None:
    rows = repository(Likeness, filled)
    rows.add(Likeness(id=7, topic="twin", embedding=Vector([3, 0])))
    assert [
        (hit.entity.id, hit.distance) for hit in rows.similar_to(get(filled, 3)).limit(2).hits()
    ] == [
        (7, 0),
        (2, 2),
    ]


def test_a_row_that_is_not_stored_leaves_nothing_out(filled: Database) -> None:
    new = Likeness(topic="new", embedding=Vector([1, 0]))
    assert keys(repository(Likeness, filled).similar_to(new).limit(2).hits()) == [2, 1]


def test_a_key_of_two_parts_is_left_out_as_a_whole(filled: Database) -> None:
    rows = repository(Likenesses, filled)
    example = rows.get(("a", 2))
    assert example is not None
    found = rows.similar_to(example).limit(10).all()
    assert [(row.shelf, row.place) for row in found] == [("b", 1), ("a", 1), ("b", 2)]


def test_the_mean_of_several(filled: Database) -> None:
    rows = repository(Likeness, filled)
    hits = rows.similar_to(MeanOf([[2, 0], (6, 0), Vector([7, 0])])).limit(2).hits()
    assert [(hit.entity.id, hit.distance) for hit in hits] == [(4, 1), (3, 2)]
    by_rows = rows.similar_to(MeanOf([get(filled, 1), get(filled, 4)])).hits()
    assert [(hit.entity.id, hit.distance) for hit in by_rows] == [(3, 0), (2, 2), (5, 7)]


def test_the_nearest_to_any(filled: Database) -> None:
    rows = repository(Likeness, filled)
    query = rows.similar_to(AnyOf([[0, 0], [9, 0]]))
    hits = query.hits()
    expected = [(1, 0), (2, 1), (5, 1), (3, 3), (4, 3)]
    assert [(hit.entity.id, hit.distance) for hit in hits] == expected
    assert [hit.score for hit in hits] == [1 / (1 + d) for _, d in expected]
    assert (hits.exact, hits.complete) == (True, True)
    assert keys(query.max_distance(1).limit(2).offset(1).hits()) == [2, 5]
    assert [row.id for row in query.stream()] == [1, 2, 5, 3, 4]
    assert query.max_distance(1).count() == 3
    assert keys(rows.similar_to(AnyOf([get(filled, 1), get(filled, 5)])).hits()) == [2, 3, 4]
    assert keys(rows.similar_to(AnyOf([[6, 0]])).limit(1).hits()) == [4]


def test_rows_without_a_distance_to_any_are_in_no_ranking(filled: Database) -> None:
    rows = repository(Likeness, filled)
    hits = rows.similar_to(AnyOf([[1, 0], [0, 1]]), metric="cosine").hits()
    assert [(hit.entity.id, hit.distance) for hit in hits] == [(2, 0), (3, 0), (4, 0), (5, 0)]
    hits = rows.similar_to(AnyOf([[1, 1], [1, 2]]), metric="cosine").limit(1).hits()
    assert hits[0].distance == pytest.approx(1 - sqrt(0.5), rel=1e-5)


@pytest.mark.engines("postgresql", "mariadb")
def test_no_index_serves_several_vectors_and_that_is_said(filled: Database) -> None:
    query = repository(Likenesses, filled).similar_to(AnyOf([[0, 0], [9, 0]])).limit(2)
    with pytest.warns(SlowPath, match="does not rank by the nearest of several vectors"):
        found = query.hits()
    assert [(hit.entity.shelf, hit.entity.place) for hit in found] == [("a", 1), ("b", 2)]
    assert found.exact
    assert "does not rank by the nearest of several" in str(query.explain().notes)


def test_what_is_no_example(filled: Database) -> None:
    rows = repository(Likeness, filled)
    empty = get(filled, 6)
    with pytest.raises(InvalidVector, match=r"Likeness.embedding: the entity has no vector"):
        rows.similar_to(empty)
    with pytest.raises(InvalidVector, match=r"expected 1 to 100 vectors, got 0"):
        rows.similar_to(AnyOf([]))
    with pytest.raises(InvalidVector, match=r"expected 1 to 100 vectors, got 101"):
        rows.similar_to(MeanOf([[0, 0]] * 101))
    with pytest.raises(InvalidVector, match=r"expected vectors or entities, got None"):
        AnyOf(None)  # type: ignore[arg-type]
    with pytest.raises(DimensionMismatch):
        rows.similar_to(AnyOf([[0, 0], [1, 2, 3]]))
    with pytest.raises(InvalidVector):
        rows.similar_to(MeanOf([[0, 0], [nan, 1]]))
    with pytest.raises(InvalidVector, match="a zero vector has no direction"):
        rows.similar_to(MeanOf([[1, 0], [-1, 0]]), metric="cosine")
    with pytest.raises(InvalidVector, match="a zero vector has no direction"):
        rows.similar_to(AnyOf([[1, 0], [0, 0]]), metric="cosine")
    with pytest.raises(InvalidVector):
        rows.similar_to(Likenesses(shelf="a", place=1, embedding=Vector([1, 0])))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with filled.session() as session:
        bound = repository(Likeness, session)
        loaded = bound.get(1)
        assert loaded is not None
        session.expire(loaded)
        with pytest.raises(InvalidQuery, match=r"the vector of Likeness.embedding is not loaded"):
            bound.similar_to(loaded)
