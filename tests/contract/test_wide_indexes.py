"""Vectors of more dimensions than pgvector indexes: through half vectors, with true distances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from agentorm import (
    HNSW,
    Database,
    DatabaseError,
    Field,
    IVFFlat,
    Search,
    UnsupportedFeature,
    Vector,
    repository,
    vector_field,
)
from agentorm.vectors import Metric, distances
from tests.contract.models import Contract
from tests.filling import insert_rows

COUNT, SIZE, TOPICS = 300, 2100, 10
on_postgresql = pytest.mark.engines("postgresql")


class WideCosine(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    v: Vector = vector_field(SIZE, index=HNSW(m=8, ef_construction=40))


class WideLength(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    v: Vector = vector_field(SIZE, metric="l2", index=HNSW())


class WideProduct(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    v: Vector = vector_field(SIZE, metric="inner_product", index=HNSW())


class WideSum(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    v: Vector = vector_field(SIZE, metric="l1", index=HNSW())


class WideLists(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    v: Vector = vector_field(SIZE, metric="l2", index=IVFFlat(3))


class WideOptional(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: Vector | None = vector_field(SIZE, default=None, metric="l2", index=HNSW())


class WideTooWide(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: Vector = vector_field(4001, index=HNSW())


ALL = [WideCosine, WideLength, WideProduct, WideSum, WideLists]
QUERY = np.eye(1, SIZE, dtype=np.float32)[0]


def spread() -> np.ndarray[Any, Any]:
    """Row n is further from the query than row n - 1, by each metric, by far more than rounding."""
    rows = np.zeros((COUNT, SIZE), np.float32)
    turn = np.linspace(0, np.pi / 2, COUNT)
    rows[:, 0], rows[:, 1] = np.cos(turn), np.sin(turn)
    rows[:, 2:] = np.random.default_rng(3).normal(size=SIZE - 2) * 1e-3
    return rows * 1.1


@pytest.fixture(params=ALL, ids=lambda model: str(model.__name__))
def model(request: pytest.FixtureRequest, db: Database) -> type[Any]:
    chosen: type[Any] = request.param
    fill(db, chosen)
    return chosen


def fill(db: Database, model: type[Any]) -> None:
    db.create_all(model)
    order = np.random.default_rng(5).permutation(COUNT)
    rows = spread()
    given = [{"id": int(n) + 1, "topic": int(n) % TOPICS, "v": Vector(rows[n])} for n in order]
    insert_rows(db, model, given)
    if db.engine.dialect.name == "postgresql":
        with db.engine.begin() as connection:  # lists find their centres in rows
            connection.execute(text(f"REINDEX TABLE {model.__tablename__}"))
            connection.execute(text(f"ANALYZE {model.__tablename__}"))


@pytest.fixture
def by_index(db: Database, model: type[Any]) -> Iterator[Any]:
    """The repository in a transaction whose plans take the index, read through whole."""
    with db.transaction() as session:
        if db.engine.dialect.name == "postgresql":
            session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
            session.connection().exec_driver_sql("SET LOCAL ivfflat.probes = 3")
            session.connection().exec_driver_sql("SET LOCAL hnsw.ef_search = 500")
        yield repository(model, session)


def pairs(hits: Any) -> list[tuple[int, float]]:
    return [(hit.entity.id, hit.distance) for hit in hits]


def true_distance(model: type[Any], vector: Any) -> float:
    metric: Metric = model.__table__.c.v.info["agentorm"].metric
    return float(distances(np.asarray(vector)[None], Vector(QUERY), metric)[0])


def test_the_nearest_come_with_their_true_distances(model: type[Any], by_index: Any) -> None:
    hits = by_index.similar_to(QUERY).limit(10).hits()
    assert [hit.entity.id for hit in hits] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    for hit in hits:
        expected = true_distance(model, hit.entity.v)
        assert hit.distance == pytest.approx(expected, rel=1e-5, abs=1e-5)


@on_postgresql
def test_a_page_further_back_follows_on(by_index: Any) -> None:
    query = by_index.similar_to(QUERY).limit(7)
    pages = [row.id for start in range(0, 28, 7) for row in query.offset(start).all()]
    assert pages == list(range(1, 29))
    assert not query.offset(21).hits().exact
    assert [row.id for row in query.offset(COUNT - 3).all()] == [COUNT - 2, COUNT - 1, COUNT]


@on_postgresql
def test_thresholds_cut_by_the_true_distance(by_index: Any) -> None:
    query = by_index.similar_to(QUERY).limit(50)
    some = pairs(query.hits())
    limited = query.max_distance(some[4][1]).hits()
    assert pairs(limited) == some[:5]
    assert len(query.max_distance(some[-1][1]).limit(100).hits()) == 50


@on_postgresql
def test_filters_leave_as_many_as_asked_for(model: type[Any], by_index: Any) -> None:
    hits = by_index.similar_to(QUERY).where(model.topic == 3).limit(10).hits()
    assert [hit.entity.id for hit in hits] == list(range(4, 104, 10))
    assert hits.complete


@on_postgresql
def test_the_index_serves_and_says_so(model: type[Any], by_index: Any) -> None:
    query = by_index.similar_to(QUERY).limit(10)
    hits, explained = query.hits(), query.explain()
    assert (hits.exact, hits.complete, hits.ranker) == (False, True, "native")
    method = "ivfflat" if model is WideLists else "hnsw"
    assert explained.index == f"ix_{model.__name__.lower()}_v_{method}"
    assert any("over the vectors cast to float16" in note for note in explained.notes)
    exact = query.tune(Search(ranker="exact"))
    assert exact.explain().index is None
    assert exact.hits().exact
    assert pairs(exact.hits()) == pairs(hits)


@on_postgresql
@pytest.mark.parametrize("model", [WideCosine], indirect=True)
def test_a_tuned_search_looks_as_far_as_it_is_told(by_index: Any) -> None:
    query = by_index.similar_to(QUERY).limit(10)
    assert len(query.tune(Search(ef=200)).all()) == 10
    assert query.tune(Search(ef=200)).explain().index == "ix_widecosine_v_hnsw"


@on_postgresql
@pytest.mark.parametrize("model", [WideLength], indirect=True)
def test_rows_that_rounding_makes_equal_come_in_their_true_order(
    db: Database, model: type[Any]
) -> None:
    near = np.zeros((4, SIZE), np.float32)
    near[:, 0] = 1 + np.array([4e-5, 1e-5, 3e-5, 2e-5])
    rows = repository(WideLength, db)
    rows.add_all([WideLength(id=1000 + n, topic=0, v=near[n]) for n in range(4)])
    with db.transaction() as session:
        session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
        found = repository(WideLength, session).similar_to(QUERY).limit(2).all()
    assert [row.id for row in found] == [1001, 1003]


@on_postgresql
def test_rows_without_a_vector_are_not_ranked(db: Database) -> None:
    db.create_all(WideOptional)
    rows = repository(WideOptional, db)
    rows.add_all([WideOptional(id=n, v=None if n % 2 else spread()[n]) for n in range(1, 9)])
    with db.transaction() as session:
        session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
        hits = repository(WideOptional, session).similar_to(QUERY).limit(6).hits()
    assert [hit.entity.id for hit in hits] == [2, 4, 6, 8]
    assert hits.complete


@on_postgresql
def test_a_vector_beyond_float16_is_ranked_exactly_and_not_stored(db: Database) -> None:
    db.create_all(WideLength)
    rows = repository(WideLength, db)
    rows.add(WideLength(topic=0, v=QUERY))
    with pytest.warns(UserWarning, match="beyond the range of the HNSW index"):
        hits = rows.similar_to(QUERY * 70_000).limit(1).hits()
    assert hits.exact
    with pytest.raises(DatabaseError, match="out of range for type halfvec"):
        rows.add(WideLength(topic=0, v=QUERY * 70_000))


@on_postgresql
def test_beyond_4000_dimensions_the_ways_out_are_named(db: Database) -> None:
    with pytest.raises(UnsupportedFeature) as refused:
        db.create_all(WideTooWide)
    assert str(refused.value) == (
        "postgresql does not support HNSW index over 4001 dimensions; it takes up to 4000, above"
        " 2000 cast to float16: leave the index out to rank exactly, or rank a field of bits"
        " (up to 64000) or a shorter float16 field first and these vectors behind it, or take a"
        " model of fewer dimensions"
    )
