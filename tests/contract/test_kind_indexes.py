"""pgvector's indexes over float16, bits and sparse vectors: built, used, and right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agentorm import (
    HNSW,
    BitVector,
    Database,
    Field,
    HalfVector,
    InvalidVector,
    IVFFlat,
    SparseVector,
    UnsupportedFeature,
    repository,
    vector_field,
)
from agentorm.vectors import Metric, Vector, distances
from tests.contract.models import Contract

pytestmark = pytest.mark.engines("postgresql")
COUNT, SIZE = 500, 24


class HalfGraph(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: HalfVector = vector_field(SIZE, kind="float16", metric="l2", index=HNSW())


class HalfLists(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: HalfVector = vector_field(SIZE, kind="float16", metric="inner_product", index=IVFFlat(5))


class BitGraph(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: BitVector = vector_field(SIZE, kind="bit", index=HNSW())


class BitOverlap(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: BitVector = vector_field(SIZE, kind="bit", metric="jaccard", index=HNSW())


class BitLists(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: BitVector = vector_field(SIZE, kind="bit", index=IVFFlat(5))


class SparseGraph(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: SparseVector = vector_field(SIZE, kind="sparse", index=HNSW())


class HalfWide(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: HalfVector = vector_field(4000, kind="float16", index=HNSW())


class SparseWide(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: SparseVector = vector_field(2000, kind="sparse", index=HNSW())


class HalfTooWide(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: HalfVector = vector_field(4001, kind="float16", index=HNSW())


class BitTooWide(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: BitVector = vector_field(64001, kind="bit", index=HNSW())


NAMES: dict[type[Any], str] = {
    HalfGraph: "ix_halfgraph_v_hnsw",
    HalfLists: "ix_halflists_v_ivfflat",
    BitGraph: "ix_bitgraph_v_hnsw",
    BitOverlap: "ix_bitoverlap_v_hnsw",
    BitLists: "ix_bitlists_v_ivfflat",
    SparseGraph: "ix_sparsegraph_v_hnsw",
}


def made_up(model: type[Any]) -> list[Any]:
    """Vectors of the model's field, many and all different."""
    random = np.random.default_rng(7)
    if model in {BitGraph, BitOverlap, BitLists}:
        return [BitVector(row) for row in random.random((COUNT, SIZE)) < 0.5]
    dense = random.normal(size=(COUNT, SIZE))
    if model is not SparseGraph:
        return [HalfVector(row) for row in dense]
    return [SparseVector(np.where(np.abs(row) > 1, row, 0).tolist()) for row in dense]


def true_distance(model: type[Any], vector: Any, query: Any) -> float:
    """By numpy."""
    metric: Metric = model.__table__.c.v.info["agentorm"].metric
    if model is SparseGraph:
        vector, query = vector.to_dense(), query.to_dense()
    row = np.frombuffer(vector.tobytes(), query.packing)[None]
    return float(distances(row, query, metric)[0])


@pytest.mark.parametrize("model", NAMES, ids=lambda model: model.__name__)
def test_the_index_serves_and_its_distances_are_true(db: Database, model: type[Any]) -> None:
    vectors = made_up(model)
    db.create_all(model)
    repository(model, db).add_all([model(v=vector) for vector in vectors])
    with db.engine.begin() as connection:
        connection.exec_driver_sql(f"REINDEX TABLE {model.__tablename__}")
        connection.exec_driver_sql(f"ANALYZE {model.__tablename__}")
    with db.transaction() as session:
        session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
        session.connection().exec_driver_sql("SET LOCAL hnsw.ef_search = 1000")
        query = repository(model, session).similar_to(vectors[0]).limit(10)
        hits = query.hits()
        assert NAMES[model] in query.explain().plan
    found = [(hit.distance, hit.entity.id) for hit in hits]
    assert found == sorted(found)
    assert len(found) == 10
    assert vectors[0] in [hit.entity.v for hit in hits] or model is HalfLists
    for hit in hits:
        expected = true_distance(model, hit.entity.v, vectors[0])
        assert hit.distance == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert (hits.exact, hits.complete, hits.ranker) == (False, True, "native")


def test_the_widest_index_over_float16(db: Database) -> None:
    db.create_all(HalfWide)
    rows = repository(HalfWide, db)
    rows.add_all([HalfWide(v=HalfVector([n, 1] * 2000)) for n in range(3)])
    assert [row.id for row in rows.similar_to([2, 1] * 2000).limit(2).all()] == [3, 2]


@pytest.mark.parametrize("model", [HalfTooWide, BitTooWide], ids=lambda model: model.__name__)
def test_an_index_over_more_dimensions_is_refused(db: Database, model: type[Any]) -> None:
    with pytest.raises(UnsupportedFeature, match=r"it takes up to (4000|64000)"):
        db.create_all(model)


def test_a_sparse_vector_too_full_for_the_index_is_refused(db: Database) -> None:
    db.create_all(SparseWide)
    rows = repository(SparseWide, db)
    rows.add(SparseWide(v=SparseVector([1] * 1000 + [0] * 1000)))
    with pytest.raises(InvalidVector, match="1001 components are not 0, and the index takes up to"):
        SparseWide(v=SparseVector([1] * 1001 + [0] * 999))
    (hit,) = rows.similar_to(Vector([1] * 2000)).limit(1).hits()
    assert hit.distance == pytest.approx(1 - 0.5**0.5, rel=1e-5)
