"""Which index serves a query, why none does, and when that is announced."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from agentorm import Database, Field, Search, SlowPath, SyncQuery, Vector, repository, vector_field
from agentorm.expressions import Explain
from tests.contract.models import Contract
from tests.contract.planned import notes_on_serving
from tests.contract.searched import (
    COUNT,
    QUERY,
    SIZE,
    SearchedGraph,
    builds_graphs,
    fill,
    indexed,
    nearest,
    on_postgresql,
    truth,
)


@pytest.fixture
def filled(db: Database) -> Database:
    fill(db)
    return db


class SearchedPlain(Contract, table=True):
    """Without an index."""

    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(SIZE, metric="l2")


MAY_SERVE = "the HNSW index may serve: near rows can be missed, never invented"


@builds_graphs
def test_the_index_of_the_plan_is_explained(filled: Database) -> None:
    with indexed(filled) as session:
        explained = nearest(session).limit(5).explain()
        assert explained.index == "ix_searchedgraph_embedding_hnsw"
        assert notes_on_serving(explained) == (MAY_SERVE,)
        lines = str(explained).splitlines()
        assert lines[:2] == ["ranker: native (approximate)", f"index: {explained.index}"]
        tuned = nearest(session).tune(Search(ef=9, probes=3)).limit(5).explain()
        assert notes_on_serving(tuned) == (
            MAY_SERVE,
            "probes=3 is ignored: no IVFFlat index serves here",
        )


WHY_NOT: dict[str, tuple[Callable[[SyncQuery[Any]], SyncQuery[Any]], str]] = {
    "no limit": (
        lambda query: query,
        "without a limit the HNSW index does not serve: every row is ranked",
    ),
    "other metric": (
        lambda query: query.similar_to(QUERY, metric="cosine").limit(5),
        "the HNSW index ranks by l2, not cosine",
    ),
    "asked for": (
        lambda query: query.tune(Search(ranker="exact")).limit(5),
        "exactly, as asked for: the HNSW index does not serve",
    ),
    "too deep": (
        lambda query: query.limit(5).offset(30_000),
        "the HNSW index reaches {reach} rows: every row is ranked",
    ),
}
REACH = {"postgresql": 20000, "mariadb": 10000}


@builds_graphs
@pytest.mark.parametrize("written", WHY_NOT)
def test_why_no_index_serves_is_explained_and_announced_once(
    filled: Database, written: str, engine_name: str
) -> None:
    change, expected = WHY_NOT[written]
    reason = expected.format(reach=REACH[engine_name])
    with indexed(filled) as session:
        query = change(nearest(session))
        explained = query.explain()
        assert (explained.index, explained.exact, notes_on_serving(explained)) == (
            None,
            True,
            (reason,),
        )
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            assert query.count() == COUNT
            assert next(query.stream(), None) is not None or written == "too deep"
            assert seen == []
            for _ in range(2):
                assert query.hits().exact
        announced = [str(one.message) for one in seen if one.category is SlowPath]
        said = [f"{engine_name} ranks SearchedGraph.embedding: {reason}"]
        assert announced == ([] if written == "asked for" else said)


@pytest.mark.engines("sqlite", "postgresql", "mariadb")
def test_a_field_without_an_index_says_so(db: Database) -> None:
    db.create_all(SearchedPlain)
    query = repository(SearchedPlain, db).similar_to(QUERY).tune(Search(ef=9))
    assert notes_on_serving(query.explain()) == (
        "SearchedPlain.embedding declares no index: every row is ranked, exactly",
        "ef=9 is ignored: no HNSW index serves here",
    )


@builds_graphs
def test_an_index_that_is_not_there_is_explained(filled: Database, engine_name: str) -> None:
    drop = {"postgresql": "", "mariadb": " ON searchedgraph"}[engine_name]
    with filled.engine.begin() as connection:
        connection.execute(text(f"DROP INDEX ix_searchedgraph_embedding_hnsw{drop}"))
    explained = nearest(filled).limit(5).explain()
    gone = "the HNSW index is declared and not in the database: create it by a migration"
    assert (explained.index, notes_on_serving(explained)) == (None, (MAY_SERVE, gone))
    assert [row.id for row in nearest(filled).limit(5).all()] == [n for _, n in truth()[:5]]


@on_postgresql
def test_the_planner_may_have_another_way(filled: Database) -> None:
    few = nearest(filled).where(SearchedGraph.id == 7).limit(5).explain()
    other = "the planner has another way than the HNSW index: few rows, or few that pass"
    assert (few.index, notes_on_serving(few)) == (None, (MAY_SERVE, other))


@on_postgresql
def test_the_statement_with_a_threshold_keeps_the_index(filled: Database) -> None:
    made = nearest(filled).max_distance(1.5).limit(5).statement()
    with indexed(filled) as session:
        plan = session.connection().execute(Explain(made)).scalars().all()
        found = session.connection().execute(made).all()
    assert "Index Scan using ix_searchedgraph_embedding_hnsw" in "\n".join(plan)
    assert [row.id for row in found] == [n for d, n in truth() if d <= 1.5][:5]


@pytest.mark.engines("sqlite", "mysql")
def test_an_engine_without_the_index_announces_nothing_of_it(filled: Database) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        nearest(filled).all()
        nearest(filled).similar_to(QUERY, metric="cosine").limit(3).all()
    assert not any(" index " in str(one.message) for one in seen)
