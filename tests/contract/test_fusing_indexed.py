"""A fusion whose ranking by distance a vector index serves, and what makes up for its gaps."""

from __future__ import annotations

import warnings
from math import isnan

import pytest
from sqlalchemy import insert, text

from agentorm import (
    HNSW,
    RRF,
    Database,
    Field,
    Hits,
    Search,
    SlowPath,
    SyncQuery,
    Vector,
    Weighted,
    repository,
    text_field,
    vector_field,
)
from agentorm.dialects.mariadb import MariaDB
from tests.contract.models import Contract
from tests.contract.searched import (
    QUERY,
    SIZE,
    USUAL,
    builds_graphs,
    indexed,
    matrix,
    settings,
    truth,
)

EVERY_ROW = "without a limit the HNSW index does not serve: every row is ranked"
MAY_SERVE = "the HNSW index may serve: near rows can be missed, never invented"


class FusedGraph(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    body: str = text_field(search="english")
    embedding: Vector = vector_field(SIZE, metric="l2", index=HNSW(m=6, ef_construction=24))


@pytest.fixture
def graph(db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A row of every 200 is in topic 0, every seventh matches better; the index serves filters."""
    monkeypatch.setattr(MariaDB, "few_passing", 3)
    db.create_all(FusedGraph)
    rows = [
        {
            "id": n,
            "topic": n % 200,
            "body": "hill river" if n % 7 else "river river",
            "embedding": Vector(components),
        }
        for n, components in enumerate(matrix(), 1)
    ]
    with db.engine.begin() as connection:
        connection.execute(insert(FusedGraph), rows)
        if db.engine.dialect.name == "postgresql":
            connection.execute(text("REINDEX TABLE fusedgraph"))
            connection.execute(text("ANALYZE fusedgraph"))
    return db


def hybrid(where: object) -> SyncQuery[FusedGraph]:
    query = repository(FusedGraph).similar_to(QUERY).matching("river").fuse(RRF(depth=30))
    return query.on(where).limit(5)  # type: ignore[call-overload,no-any-return]


def check_order(hits: Hits[FusedGraph]) -> None:
    """Best first, with the true distances."""
    true = {key: distance for distance, key in truth()}
    order = [(-hit.score, hit.entity.id) for hit in hits]
    assert order == sorted(order, key=lambda row: (row[0], row[1] or 0))
    for hit in hits:
        assert isnan(hit.distance) or hit.distance == pytest.approx(true[hit.entity.id or 0])


@builds_graphs
def test_an_index_serves_in_one_statement(graph: Database) -> None:
    with indexed(graph) as session:
        explained = hybrid(session).explain()
        assert explained.index == "ix_fusedgraph_embedding_hnsw"
        assert (explained.ranker, explained.exact) == ("fusion", False)
        assert len(explained.statements) == 1
        assert explained.notes[0] == MAY_SERVE
        for query in (hybrid(session), hybrid(session).fuse(Weighted(depth=30))):
            hits = query.hits()
            assert (len(hits), hits.exact, hits.complete) == (5, False, True)
            check_order(hits)


@builds_graphs
def test_an_exact_search_uses_no_index(graph: Database) -> None:
    """Every row matches: of 30 by distance and 30 by text, the seventh ones first."""
    near = [key for _, key in truth()][:30]
    texts = [key for key in range(1, 1001) if key % 7 == 0][:30]
    scores: dict[int, float] = {}
    for keys in (near, texts):
        for place, key in enumerate(keys, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (60 + place)
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:5]
    with indexed(graph) as session:
        query = hybrid(session).tune(Search(ranker="exact"))
        hits = query.hits()
        assert [(hit.entity.id, hit.score) for hit in hits] == best
        assert (hits.exact, hits.complete) == (True, True)
        assert query.explain().index is None
        assert [row.id for row in query.stream()] == [key for key, _ in best]


@builds_graphs
def test_few_rows_that_pass_are_all_fused(graph: Database) -> None:
    with indexed(graph) as session:
        for query in (hybrid(session), hybrid(session).tune(Search(ef=1))):
            hits = query.where(FusedGraph.topic == 0).limit(10).hits()
            assert sorted(hit.entity.id or 0 for hit in hits) == [200, 400, 600, 800, 1000]
            assert (hits.exact, hits.complete) == (True, True)
            assert not any(isnan(hit.distance) for hit in hits)
        none = hybrid(session).where(FusedGraph.topic == 999).hits()
        assert (len(none), none.exact, none.complete) == (0, True, True)


@builds_graphs
def test_an_index_that_stops_early_is_made_up_for(graph: Database) -> None:
    """Half of the rows pass, and the index is told to look at one or two."""
    with indexed(graph) as session:
        query = hybrid(session).tune(Search(ef=1)).where(FusedGraph.topic < 100)
        hits = query.limit(30).hits()
        assert hits.complete
        assert len(hits) == 30
        check_order(hits)
        assert sum(not isnan(hit.distance) for hit in hits) > 0


@builds_graphs
def test_a_threshold_cuts_what_the_index_gives(graph: Database) -> None:
    within = [key for distance, key in truth() if distance <= 1.5]
    assert len(within) == 6
    with indexed(graph) as session:
        hits = hybrid(session).max_distance(1.5).limit(10).hits()
        assert {hit.entity.id for hit in hits} <= set(within)
        assert (hits.exact, hits.complete) == (False, False)
        page = hybrid(session).max_distance(1.5).limit(3).hits()
        assert (len(page), page.exact, page.complete) == (3, False, True)
        exactly = hybrid(session).max_distance(1.5).tune(Search(ranker="exact")).limit(10)
        assert sorted(hit.entity.id or 0 for hit in exactly.hits()) == sorted(within)
        assert hybrid(session).max_distance(1.5).count() == 6


@builds_graphs
def test_settings_are_put_back(graph: Database, engine_name: str) -> None:
    with indexed(graph) as session:
        hybrid(session).fuse(RRF(depth=200)).tune(Search(ef=300)).all()
        assert settings(session) == USUAL[engine_name]


@builds_graphs
def test_what_keeps_the_index_from_serving_is_announced_once(graph: Database) -> None:
    with graph.session() as session:
        whole = repository(FusedGraph, session).similar_to(QUERY).matching("river").fuse()
        with pytest.warns(SlowPath, match=EVERY_ROW):
            whole.where(FusedGraph.topic == 0).all()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            whole.where(FusedGraph.topic == 1).all()
        assert EVERY_ROW in whole.explain().notes
