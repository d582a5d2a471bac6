"""MariaDB's vector index: k rows come, sorted, and settings of the session stay what they were."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import event, insert, text

from agentorm import (
    HNSW,
    ConnectionFailed,
    Database,
    Feature,
    Field,
    IVFFlat,
    Metric,
    Search,
    SlowPath,
    Vector,
    repository,
    vector_field,
)
from tests.contract.models import Contract, vector

pytestmark = pytest.mark.engines("mariadb")

SIZE, COUNT = 8, 600
QUERY = [0.5, -0.25, 1, 0, 0.125, -1, 0.75, 2]


class Near(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector = vector_field(SIZE, metric="l2", index=HNSW(m=6, ef_construction=24))


class Angle(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector = vector_field(SIZE, index=HNSW())


class Listed(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector = vector_field(SIZE, metric="l2", index=IVFFlat(lists=10))


class Product(Contract, table=True):
    """An index that MariaDB cannot build, over a vector that may be missing."""

    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector | None = vector_field(SIZE, metric="inner_product", index=HNSW())
    other: Vector | None = vector_field(SIZE, metric="l1", default=None, index=HNSW())


def matrix() -> NDArray[np.float32]:
    """Reproducible rows; each comes twice, so that distances tie."""
    rows = np.random.default_rng(7).standard_normal((COUNT // 2, SIZE), dtype=np.float32)
    return np.repeat(rows, 2, axis=0)


def fill(db: Database, model: type[Any], rows: NDArray[np.float32] | None = None) -> None:
    db.create_all(model)
    given = matrix() if rows is None else rows
    values = [{"id": n, "topic": n % 50, "embedding": Vector(v)} for n, v in enumerate(given, 1)]
    with db.engine.begin() as connection:
        connection.execute(insert(model), values)


def truth(rows: NDArray[np.float32], metric: Metric) -> list[tuple[float, int]]:
    """(distance, key), nearest first."""
    v, q = rows.astype(np.float64), np.array(QUERY)
    found = {
        Metric.L2: np.linalg.norm(v - q, axis=1),
        Metric.L1: np.abs(v - q).sum(axis=1),
        Metric.INNER_PRODUCT: -(v @ q),
        Metric.COSINE: 1 - v @ q / np.linalg.norm(v, axis=1) / np.linalg.norm(q),
    }[metric]
    return sorted((float(d), n) for n, d in enumerate(found, 1))


def ef_search(db: Database) -> int:
    with db.engine.connect() as connection:
        return int(connection.execute(text("SELECT @@mhnsw_ef_search")).scalar_one())


@pytest.fixture
def near(db: Database) -> Database:
    fill(db, Near)
    return db


def test_the_index_is_built_as_declared_and_serves(db: Database) -> None:
    for model, suffix in ((Near, "`M`=6"), (Angle, "`M`=16"), (Listed, "DISTANCE")):
        fill(db, model)
        with db.engine.connect() as connection:
            table = model.__name__.lower()
            made = connection.execute(text(f"SHOW CREATE TABLE {table}")).one()[1]
        assert "VECTOR KEY" in made
        assert suffix in made
        explained = repository(model, db).similar_to(QUERY).limit(5).explain()
        assert f"ix_{table}_embedding_" in explained.plan
        assert (explained.ranker, explained.exact) == ("native", False)


def test_rows_are_sorted_by_distance_then_key(near: Database) -> None:
    for size in (1, 2, 5, 10, 49, 50):
        hits = repository(Near, near).similar_to(QUERY).limit(size).hits()
        keys = [(hit.distance, hit.entity.id) for hit in hits]
        assert keys == sorted(keys)
        assert len(keys) == size
        assert (hits.exact, hits.complete, hits.ranker) == (False, True, "native")
    nearest = {n for _, n in truth(matrix(), Metric.L2)[:50]}
    assert len(nearest & {hit.entity.id for hit in hits}) >= 45


def test_k_rows_come_under_filters(near: Database) -> None:
    for topics, size in ((1, 12), (3, 20), (25, 40), (50, 100)):
        query = repository(Near, near).similar_to(QUERY).where(Near.topic < topics)
        hits = query.limit(size).hits()
        keys = [(hit.distance, hit.entity.id) for hit in hits]
        assert keys == sorted(keys)
        assert len(keys) == size
        assert all(hit.entity.topic < topics for hit in hits)


def test_fewer_than_k_come_exactly(near: Database) -> None:
    query = repository(Near, near).similar_to(QUERY).where(Near.topic == 7)
    hits = query.limit(30).hits()
    assert (len(hits), hits.exact) == (12, True)
    expected = [n for _, n in truth(matrix(), Metric.L2) if n % 50 == 7]
    assert [hit.entity.id for hit in hits] == expected
    assert [row.id for row in query.offset(5).limit(30).all()] == expected[5:]
    assert repository(Near, near).similar_to(QUERY).limit(5).offset(COUNT).all() == []


def test_pages_are_full_and_sorted(near: Database) -> None:
    query = repository(Near, near).similar_to(QUERY).limit(25)
    for skip in (0, 25, 100, 400, 575):
        hits = query.offset(skip).hits()
        keys = [(hit.distance, hit.entity.id) for hit in hits]
        assert keys == sorted(keys)
        assert len(keys) == 25


def test_without_a_limit_the_ranking_is_exact(near: Database) -> None:
    query = repository(Near, near).similar_to(QUERY)
    expected = truth(matrix(), Metric.L2)
    hits = query.hits()
    assert hits.exact is True
    assert [hit.entity.id for hit in hits] == [n for _, n in expected]
    assert [hit.distance for hit in hits] == pytest.approx([d for d, _ in expected], rel=1e-5)
    assert [row.id for row in query.stream()] == [n for _, n in expected]
    assert [row.id for row in query.limit(7).stream()] == [n for _, n in expected[:7]]
    assert "without a limit the HNSW index does not serve" in query.explain().notes[0]


def test_a_large_limit_looks_at_more_and_restores_the_session(
    near: Database, sent: list[str]
) -> None:
    usual = ef_search(near)
    assert usual == 100
    with near.transaction() as session:
        session.connection().execute(text("SET mhnsw_ef_search = 123"))
        rows = repository(Near, session).similar_to(QUERY).limit(300).all()
        assert len(rows) == 300
        now = session.connection().execute(text("SELECT @@mhnsw_ef_search")).scalar_one()
        assert now == 123
        session.connection().execute(text("SET mhnsw_ef_search = 100"))
    sent.clear()
    repository(Near, near).similar_to(QUERY).limit(50).all()
    assert not any("ef_search" in statement for statement in sent)
    repository(Near, near).similar_to(QUERY).limit(26).offset(25).all()
    assert sum("ef_search" in statement for statement in sent) == 2
    assert ef_search(near) == usual


def test_a_search_that_fails_says_why(near: Database, url: str) -> None:
    def kill(conn: Any, cursor: Any, sent: str, *rest: Any) -> None:
        if "VEC_DISTANCE" in sent:
            number = conn.connection.dbapi_connection.thread_id()
            with near.engine.connect() as other:
                other.execute(text(f"KILL {number}"))

    with Database(url) as db:
        event.listen(db.engine, "before_cursor_execute", kill)
        with pytest.raises(ConnectionFailed):
            repository(Near, db).similar_to(QUERY).limit(200).all()


@pytest.mark.parametrize("model", [Angle, Near])
def test_zero_vectors_are_in_no_cosine_ranking(db: Database, model: type[Any]) -> None:
    rows = matrix()[:40]
    rows[::2] = 0
    fill(db, model, rows)
    query = repository(model, db).similar_to(QUERY, metric="cosine")
    for size in (5, 20, 25, 100, None):
        hits = (query if size is None else query.limit(size)).hits()
        assert len(hits) == min(20, size or 20)
        assert all(hit.entity.id % 2 == 0 for hit in hits)
    assert query.count() == 20
    assert query.max_distance(2).count() == 20
    assert len(query.max_distance(2).limit(40).all()) == 20
    assert len(query.limit(10).offset(15).all()) == 5
    assert len(list(query.stream())) == 20
    assert repository(model, db).similar_to(QUERY, metric="l2").limit(40).offset(39).one()


def test_thresholds_and_counts(near: Database) -> None:
    expected = truth(matrix(), Metric.L2)
    cut = expected[9][0] + 1e-4
    query = repository(Near, near).similar_to(QUERY).max_distance(cut)
    within = [n for d, n in expected if d <= cut]
    assert query.count() == len(within)
    assert [row.id for row in query.all()] == within
    some = [row.id for row in query.limit(COUNT).all()]
    assert some == [n for n in within if n in some]
    assert len(some) > len(within) / 2
    limited = query.limit(5).hits()
    assert all(hit.distance <= cut for hit in limited)
    assert query.where(Near.topic == 99).exists() is False


def test_another_metric_than_the_index_knows_is_exact(near: Database) -> None:
    query = repository(Near, near).similar_to(QUERY, metric="cosine").limit(9)
    hits = query.hits()
    assert hits.exact is True
    expected = truth(matrix(), Metric.COSINE)[:9]
    assert [hit.entity.id for hit in hits] == [n for _, n in expected]
    assert "ix_near_embedding" not in query.explain().plan
    assert query.explain().notes == ("the HNSW index ranks by l2, not cosine",)


def test_another_kind_of_index_is_built_and_told(db: Database) -> None:
    fill(db, Listed)
    (note,) = repository(Listed, db).similar_to(QUERY).limit(5).explain().notes
    assert note == (
        "the HNSW index, instead of the IVFFlat index, may serve: near rows can be missed, "
        "never invented"
    )
    assert Feature.IVFFLAT not in db.capabilities().features


@pytest.mark.parametrize("metric", [Metric.INNER_PRODUCT, Metric.L1])
def test_what_mariadb_does_not_compute_is_scanned(db: Database, metric: Metric) -> None:
    fill(db, Product)
    repository(Product, db).add(Product(id=COUNT + 1, topic=1, embedding=None))
    query = repository(Product, db).similar_to(QUERY, on=Product.embedding, metric=metric)
    expected = truth(matrix(), metric)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(2):
            hits = query.limit(100).hits()
            assert [hit.entity.id for hit in hits] == [n for _, n in expected[:100]]
            assert [hit.distance for hit in hits] == pytest.approx([d for d, _ in expected[:100]])
            assert (hits.exact, hits.ranker) == (True, "scan")
        assert [row.id for row in query.stream()] == [n for _, n in expected]
        assert query.count() == COUNT
    assert [one.category for one in seen] == [SlowPath]
    assert str(seen[0].message).startswith(f"mariadb does not compute {metric} here (MariaDB ")
    assert query.limit(1).explain().ranker == "scan"


def test_changes_are_seen_by_the_index_at_once(near: Database) -> None:
    with near.transaction() as session:
        rows = repository(Near, session)
        best = rows.similar_to(QUERY).limit(1).one()
        rows.update_where(Near.id == best.id, embedding=vector(*[-9] * SIZE))
        rows.add(Near(id=9999, topic=1, embedding=vector(*QUERY)))
        rows.upsert([Near(id=best.id, topic=2, embedding=vector(*[9] * SIZE))])
        rows.delete_where(Near.id == 3)
        hits = rows.similar_to(QUERY).tune(Search(ef=1000)).limit(10).hits()
        assert (hits[0].entity.id, hits[0].distance) == (9999, 0)
        assert not {best.id, 3} & {hit.entity.id for hit in hits}
    query = repository(Near, near).similar_to(QUERY).tune(Search(ef=1000))
    assert query.limit(1).one().id == 9999
