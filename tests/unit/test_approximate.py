"""The portable declaration of an index: what it takes, and what each engine makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from agentorm import (
    HNSW,
    Approximate,
    Entity,
    Field,
    InvalidModel,
    IVFFlat,
    Metric,
    Vector,
    vector_field,
)
from agentorm.dialects import Feature
from agentorm.dialects.effort import Effort
from agentorm.dialects.pgvector_search import asked
from agentorm.indexes import usual_name


class ApproximatedPaper(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(3, index=Approximate(recall=0.95))


@pytest.mark.parametrize("recall", [0.5, 0.9, 0.999])
def test_a_share(recall: float) -> None:
    assert Approximate(recall=recall).recall == recall
    assert Approximate(recall) == Approximate(recall=recall)


@pytest.mark.parametrize("recall", [0.49, 1, 1.0, 99, float("nan"), True, "0.9", None])
def test_no_share(recall: Any) -> None:
    with pytest.raises(InvalidModel, match=r"recall is a number from 0\.5 to below 1, got"):
        Approximate(recall=recall)


def test_what_declarations_are_built_by() -> None:
    assert HNSW(m=8, ef_construction=32).parameters == {"m": 8, "ef_construction": 32}
    assert IVFFlat(lists=7).parameters == {"lists": 7}
    usual, more = Approximate(recall=0.9), Approximate(recall=0.999)
    assert usual.parameters == {"m": 16, "ef_construction": 64}
    assert Approximate().parameters == HNSW().parameters == usual.parameters
    assert more.parameters == {"m": 24, "ef_construction": 128}
    assert (usual.ef, Approximate(recall=0.98).ef, Approximate().ef, more.ef) == (40, 100, 200, 400)


def test_more_recall_never_takes_less() -> None:
    recalls = [0.5, 0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999]
    every = [Approximate(recall=recall) for recall in recalls]
    taken = [(one.parameters["m"], one.parameters["ef_construction"], one.ef) for one in every]
    assert taken == sorted(taken)
    assert all(
        built["ef_construction"] >= 2 * built["m"] for built in (i.parameters for i in every)
    )


def test_it_is_named_as_what_it_becomes() -> None:
    assert usual_name("doc", "embedding", Approximate()) == "ix_doc_embedding_hnsw"
    table: Any = ApproximatedPaper
    (index,) = table.__table__.indexes
    assert index.name == "ix_approximatedpaper_embedding_hnsw"
    assert index.dialect_kwargs["postgresql_with"] == {"m": 16, "ef_construction": 64}


def test_it_knows_every_metric() -> None:
    assert Approximate.metrics == frozenset(Metric)


def test_how_far_pgvector_looks_for_a_recall() -> None:
    assert asked(Feature.HNSW, Effort(depth=10)) is None
    assert asked(Feature.HNSW, Effort(depth=10, least=40)) is None
    floor = asked(Feature.HNSW, Effort(depth=10, least=200))
    assert floor == {"on": False, "times": 1, "asked": None, "least": 200}
    tuned = asked(Feature.HNSW, Effort(depth=10, least=200, ef=60))
    assert tuned == {"on": False, "times": 1, "asked": 60, "least": 200}
    deep = asked(Feature.HNSW, Effort(depth=300, least=200))
    assert deep == {"on": True, "times": 1, "asked": None, "least": 300}
