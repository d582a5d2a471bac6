"""An index that is declared by its recall: what each engine makes of it in a search."""

from __future__ import annotations

import numpy as np
import pytest

from agentorm import (
    Approximate,
    Database,
    Entity,
    Field,
    Search,
    Vector,
    repository,
    vector_field,
)
from agentorm.switch import indexes_switched

pytestmark = pytest.mark.filterwarnings("ignore:mysql does not compute:agentorm.SlowPath")
LOOKED_AT = {"postgresql": "hnsw.ef_search", "mariadb": "mhnsw_ef_search = LEAST"}


class ApproximateDoc(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(3, index=Approximate(recall=0.99))


class ApproximateUsual(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(3, index=Approximate(recall=0.9))


def searched(
    db: Database, model: type[ApproximateDoc | ApproximateUsual], tuned: Search | None = None
) -> tuple[str, int, str]:
    """Who ranks, how many come, and what was sent."""
    with db.session() as session, db.trace() as trace, indexes_switched("always"):
        query = repository(model, session).similar_to([1.0, 2.0, 3.0]).limit(5)
        hits = (query if tuned is None else query.tune(tuned)).hits()
    return hits.ranker, len(hits), str(trace)


@pytest.fixture
def filled(db: Database) -> Database:
    db.create_all(ApproximateDoc, ApproximateUsual)
    vectors = np.random.default_rng(9).normal(size=(300, 3))
    with db.transaction() as session:
        for model in (ApproximateDoc, ApproximateUsual):
            repository(model, session).add_all([model(embedding=Vector(v)) for v in vectors])
    return db


def test_who_finds(filled: Database, engine_name: str) -> None:
    rankers = {"sqlite": "embedded", "mysql": "scan"}
    for model in (ApproximateDoc, ApproximateUsual):
        ranker, found, _ = searched(filled, model)
        assert (ranker, found) == (rankers.get(engine_name, "native"), 5)


@pytest.mark.engines("postgresql", "mariadb")
def test_a_high_recall_looks_at_more(filled: Database, engine_name: str) -> None:
    said = LOOKED_AT[engine_name]
    assert said in searched(filled, ApproximateDoc)[2]
    assert said not in searched(filled, ApproximateUsual)[2]
    assert said in searched(filled, ApproximateUsual, Search(ef=50))[2]
    assert said not in searched(filled, ApproximateDoc, Search(ranker="exact"))[2]


@pytest.mark.engines("sqlite")
def test_sqlite_measures_what_it_takes(filled: Database) -> None:
    with indexes_switched("always"):
        filled.indexes().rebuild(ApproximateDoc)
        filled.indexes().rebuild(ApproximateUsual)
        good, usual = filled.indexes(ApproximateDoc, ApproximateUsual)
    assert (good.recall, usual.recall) == (0.99, 0.9)
    assert (good.measured or 0) >= 0.99
    assert (usual.measured or 0) >= 0.9
