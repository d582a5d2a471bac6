"""The nearest row of each group, where an approximate index finds them."""

from __future__ import annotations

import pytest

from agentorm import HNSW, Database, Field, Hits, Search, Vector, repository, vector_field
from tests.contract.models import Contract
from tests.contract.planned import notes_on_serving
from tests.contract.searched import (
    SearchedGraph,
    builds_graphs,
    fill,
    indexed,
    nearest,
    truth,
)


@pytest.fixture
def filled(db: Database) -> Database:
    fill(db)
    return db


def firsts() -> list[tuple[float, int]]:
    """(distance, key) of the nearest row of each topic, nearest first."""
    best: dict[int, tuple[float, int]] = {}
    for distance, key in truth():
        best.setdefault(key % 200, (distance, key))
    return sorted(best.values())


def check_groups(hits: Hits[SearchedGraph], size: int) -> None:
    """As many groups as were asked for, nearest first; an index may miss a row of one."""
    assert len({hit.entity.topic for hit in hits}) == len(hits) == size
    assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
    assert (hits.complete, hits.exact) == (True, False)


@builds_graphs
def test_an_index_is_asked_for_more_rows_than_groups(filled: Database, sent: list[str]) -> None:
    with indexed(filled) as session:
        query = nearest(session).best_per(SearchedGraph.topic).tune(Search(ef=400)).limit(5)
        sent.clear()
        hits = query.hits()
        assert sum("row_number" in one for one in sent) == 0
        assert (hits.exact, hits.complete, hits.ranker) == (False, True, "native")
        check_groups(hits, 5)
        explained = query.explain()
        assert (explained.index, explained.exact) == ("ix_searchedgraph_embedding_hnsw", False)
        assert notes_on_serving(explained)[1] == (
            "it is asked for 4 rows, then 16, for each group that is wanted; where they are of too"
            " few groups, all are ranked"
        )
        behind = query.limit(3).offset(2).hits()
        check_groups(behind, 3)


@builds_graphs
def test_where_there_are_fewer_groups_all_of_them_come(filled: Database) -> None:
    with indexed(filled) as session:
        query = nearest(session).best_per(SearchedGraph.topic)
        hits = query.limit(250).hits()
        assert [hit.entity.id for hit in hits] == [key for _, key in firsts()]
        assert (len(hits), hits.exact, hits.complete) == (200, True, True)
        few = query.where(SearchedGraph.topic < 3).limit(5).hits()
        assert [hit.entity.topic for hit in few] == [
            key % 200 for _, key in firsts() if key % 200 < 3
        ]
        assert few.complete


class SearchedCrowd(Contract, table=True):
    """The hundred rows nearest to 0 are of one crowd, each row behind them is of its own."""

    id: int | None = Field(default=None, primary_key=True)
    crowd: int
    embedding: Vector = vector_field(2, metric="l2", index=HNSW(m=6, ef_construction=24))


@builds_graphs
def test_where_too_few_groups_are_near_every_row_is_ranked(db: Database, sent: list[str]) -> None:
    db.create_all(SearchedCrowd)
    rows = [(n, 0 if n <= 100 else n) for n in range(1, 301)]
    repository(SearchedCrowd, db).add_all(
        SearchedCrowd(id=n, crowd=crowd, embedding=Vector([n, 0])) for n, crowd in rows
    )
    with indexed(db) as session:
        query = repository(SearchedCrowd, session).similar_to([0, 0]).best_per("crowd")
        sent.clear()
        hits = query.limit(3).hits()
        assert [hit.entity.id for hit in hits] == [1, 101, 102]
        assert (hits.exact, hits.complete) == (True, True)
        assert sum("row_number" in one for one in sent) == 1
        near = query.max_distance(50).limit(3).hits()
        assert [hit.entity.id for hit in near] == [1]


@builds_graphs
def test_a_stream_of_groups_is_exact(filled: Database) -> None:
    with indexed(filled) as session:
        query = nearest(session).best_per(SearchedGraph.topic).limit(7)
        assert [row.id for row in query.stream()] == [key for _, key in firsts()[:7]]
        assert query.count() == 200
        exact = query.tune(Search(ranker="exact")).hits()
        assert (exact.exact, [hit.entity.id for hit in exact]) == (
            True,
            [key for _, key in firsts()[:7]],
        )


@builds_graphs
def test_what_is_looked_at_again_comes_from_the_index(filled: Database) -> None:
    with indexed(filled) as session:
        query = nearest(session).rerank(lambda rows: [row.id for row in rows], depth=20)
        hits = query.tune(Search(ef=400)).hits()
        keys = [hit.entity.id for hit in hits]
        assert (len(keys), keys) == (20, sorted(keys, reverse=True))
        assert (hits.exact, hits.complete) == (False, True)
        explained = query.explain()
        assert explained.index == "ix_searchedgraph_embedding_hnsw"
        assert notes_on_serving(explained)[-1] == "re-ranked: the first 20 rows"
        assert len(list(query.stream())) == 20
