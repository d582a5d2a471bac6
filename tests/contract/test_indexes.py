"""HNSW and IVFFlat on PostgreSQL: k rows come, sorted, and the index really serves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, create_engine, select, text

from agentorm import (
    HNSW,
    Database,
    Feature,
    Field,
    IVFFlat,
    Search,
    UnsupportedFeature,
    Vector,
    repository,
    vector_field,
)
from tests.contract.models import Contract, vector

SIZE, COUNT = 16, 4000
FILL = """
INSERT INTO {table} (id, topic, embedding)
SELECT i, i % 200, (SELECT array_agg(sin(i * j * 0.7) ORDER BY j) FROM generate_series(1, 16) j)
FROM generate_series(1, 4000) i
"""
QUERY = [0.1 * n for n in range(-5, 11)]
on_postgresql = pytest.mark.engines("postgresql")


class ByGraph(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector = vector_field(SIZE, metric="l2", index=HNSW(m=6, ef_construction=24))


class ByLists(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector = vector_field(SIZE, metric="l2", index=IVFFlat(lists=40))


class Two(Contract, table=True):
    """Two indexes on one table, and one on a vector that may be missing."""

    id: int | None = Field(default=None, primary_key=True)
    left: Vector = vector_field(4, index=HNSW())
    right: Vector | None = vector_field(4, default=None, metric="inner_product", index=IVFFlat(7))


class TooWide(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(4001, index=HNSW())


def fill(db: Database, model: type[Any]) -> None:
    """4,000 rows in 200 topics; lists need rows to find their centres in."""
    table = model.__tablename__
    db.create_all(model)
    with db.engine.begin() as connection:
        connection.execute(text(FILL.format(table=table)))
        connection.execute(text(f"REINDEX TABLE {table}"))
        connection.execute(text(f"ANALYZE {table}"))


@pytest.fixture(params=[ByGraph, ByLists])
def model(request: pytest.FixtureRequest) -> type[ByGraph | ByLists]:
    chosen: type[ByGraph | ByLists] = request.param
    return chosen


@pytest.fixture
def filled(db: Database, model: type[Any]) -> Database:
    fill(db, model)
    return db


def true_keys(db: Database, model: type[Any], topics: int) -> list[int]:
    """The keys of the first topics, nearest first, by numpy."""
    with db.engine.connect() as connection:
        rows = connection.execute(select(model.id, model.embedding).where(model.topic < topics))
        found = [(np.linalg.norm(np.asarray(row[1]) - np.array(QUERY)), row[0]) for row in rows]
    return [key for _, key in sorted(found)]


def indexes(engine: Engine) -> dict[str, str]:
    query = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    with engine.connect() as connection:
        return {row.indexname: row.indexdef for row in connection.execute(query)}


@on_postgresql
def test_the_parameters_arrive_in_the_database(db: Database) -> None:
    db.create_all(ByGraph, ByLists, Two)
    made = indexes(db.engine)
    assert made["ix_bygraph_embedding_hnsw"] == (
        "CREATE INDEX ix_bygraph_embedding_hnsw ON public.bygraph USING hnsw "
        "(embedding vector_l2_ops) WITH (m='6', ef_construction='24')"
    )
    assert made["ix_bylists_embedding_ivfflat"] == (
        "CREATE INDEX ix_bylists_embedding_ivfflat ON public.bylists USING ivfflat "
        "(embedding) WITH (lists='40')"
    )
    assert made["ix_two_left_hnsw"].endswith(
        "USING hnsw (\"left\" vector_cosine_ops) WITH (m='16', ef_construction='64')"
    )
    assert made["ix_two_right_ivfflat"].endswith(
        "USING ivfflat (\"right\" vector_ip_ops) WITH (lists='7')"
    )


@on_postgresql
def test_k_rows_come_under_a_narrow_filter(filled: Database, model: type[Any]) -> None:
    hits = repository(model, filled).similar_to(QUERY).where(model.topic == 7).limit(10).hits()
    assert len(hits) == 10
    assert {hit.entity.topic for hit in hits} == {7}
    assert (hits.exact, hits.complete, hits.ranker) == (False, True, "native")
    assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)


@on_postgresql
def test_rows_are_sorted_under_every_filter(filled: Database, model: type[Any]) -> None:
    query = repository(model, filled).similar_to(QUERY)
    for topics in (20, 100, 200):
        for size in (15, 40, 100):
            hits = query.where(model.topic < topics).limit(size).hits()
            keys = [(hit.distance, hit.entity.id) for hit in hits]
            assert keys == sorted(keys)
            assert len(keys) == size


@on_postgresql
def test_more_rows_than_pass_the_filter_are_found_exactly(
    filled: Database, model: type[Any]
) -> None:
    hits = repository(model, filled).similar_to(QUERY).where(model.topic < 1).limit(50).hits()
    assert len(hits) == 20
    assert hits.exact is True
    assert [hit.entity.id for hit in hits] == true_keys(filled, model, 1)


@on_postgresql
def test_a_deep_page_is_full(filled: Database, model: type[Any]) -> None:
    query = repository(model, filled).similar_to(QUERY)
    assert len(query.limit(100).offset(300).all()) == 100
    assert len(query.limit(1500).all()) == 1500
    assert len(query.limit(50).offset(3990).all()) == 10


@on_postgresql
def test_without_a_limit_the_ranking_is_exact(filled: Database, model: type[Any]) -> None:
    query = repository(model, filled).similar_to(QUERY).where(model.topic < 2)
    keys = true_keys(filled, model, 2)
    assert query.hits().exact is True
    assert [row.id for row in query.all()] == keys
    assert [row.id for row in query.stream()] == keys
    assert [row.id for row in query.limit(12).stream()] == keys[:12]


@on_postgresql
def test_another_metric_than_the_index_knows_is_exact(filled: Database, model: type[Any]) -> None:
    query = repository(model, filled).similar_to(QUERY, metric="cosine").limit(5)
    assert query.hits().exact is True
    assert "Index Scan using ix_by" not in query.explain().plan
    assert "ranks by l2, not cosine" in query.explain().notes[0]


@on_postgresql
def test_a_threshold_holds_with_the_index(filled: Database, model: type[Any]) -> None:
    query = repository(model, filled).similar_to(QUERY)
    near = query.max_distance(1.4).limit(50)
    assert {hit.distance <= 1.4 for hit in near.hits()} == {True}
    assert "Index Scan using ix_by" in near.explain().plan


@on_postgresql
def test_what_a_threshold_leaves_of_an_index_may_not_be_all(
    filled: Database, model: type[Any]
) -> None:
    query = repository(model, filled).similar_to(QUERY)
    exact = query.max_distance(1.4).hits()
    assert 3 < len(exact) < 40
    assert query.max_distance(1.4).count() == len(exact)
    near = query.max_distance(1.4).limit(50).hits()
    found = [hit.entity.id for hit in near]
    assert found == [hit.entity.id for hit in exact if hit.entity.id in found]
    assert len(found) == len(set(found)) > len(exact) / 2
    assert (near.exact, near.complete) == (False, False)
    sure = query.tune(Search(ranker="exact")).max_distance(1.4).limit(50).hits()
    assert (sure.exact, sure.complete) == (True, True)


@on_postgresql
def test_the_index_really_serves(filled: Database, model: type[Any]) -> None:
    explained = repository(model, filled).similar_to(QUERY).limit(5).explain()
    kind = "hnsw" if model is ByGraph else "ivfflat"
    assert f"Index Scan using ix_{model.__name__.lower()}_embedding_{kind}" in explained.plan
    assert (explained.ranker, explained.exact) == ("native", False)
    assert "may serve: near rows can be missed, never invented" in explained.notes[0]


@on_postgresql
def test_the_settings_of_a_search_end_with_its_transaction(db: Database) -> None:
    fill(db, ByGraph)
    repository(ByGraph, db).similar_to(QUERY).where(ByGraph.topic == 7).limit(10).all()
    with db.engine.connect() as connection:
        assert connection.scalar(text("SHOW hnsw.iterative_scan")) == "off"
        assert connection.scalar(text("SHOW hnsw.ef_search")) == "40"


@pytest.mark.engines("sqlite", "postgresql-without-pgvector")
def test_an_engine_without_the_index_is_exact(db: Database, usually_indexed: None) -> None:
    db.create_all(ByGraph)
    rows = repository(ByGraph, db)
    rows.add_all(ByGraph(topic=n % 2, embedding=vector(*[n] * SIZE)) for n in range(20))
    hits = rows.similar_to([0.0] * SIZE).where(ByGraph.topic == 1).limit(3).hits()
    assert [hit.entity.embedding[0] for hit in hits] == [1.0, 3.0, 5.0]
    assert (hits.exact, hits.complete) == (True, True)
    assert Feature.HNSW not in db.capabilities().features


@on_postgresql
def test_too_many_dimensions_are_refused_when_the_index_is_made(db: Database) -> None:
    expected = "postgresql does not support HNSW index over 4001 dimensions; it takes up to 4000"
    with pytest.raises(UnsupportedFeature, match=expected):
        db.create_all(TooWide)
    assert indexes(db.engine) == {}


@on_postgresql
def test_an_index_made_by_hand_is_left_alone(db: Database, url: str) -> None:
    db.create_all(Two)
    engine = create_engine(db.engine.url)
    with engine.begin() as connection:
        connection.execute(text('CREATE INDEX by_hand ON two USING hnsw ("right" vector_ip_ops)'))
    db.create_all(Two)
    assert "by_hand" in indexes(engine)
    engine.dispose()
