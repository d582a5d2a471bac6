"""What a search by an index sends, and how an answer of too few rows is told."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from agentorm import Database, Search, SyncQuery, col
from agentorm.dialects.mariadb import MariaDB
from tests.contract.searched import (
    SearchedGraph,
    SearchedLists,
    builds_graphs,
    fill,
    indexed,
    nearest,
    on_postgresql,
    truth,
)


@pytest.fixture
def filled(db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """MariaDB's index is to serve though few rows pass a filter."""
    monkeypatch.setattr(MariaDB, "few_passing", 3)
    fill(db)
    return db


def ranked_statements(sent: list[str]) -> list[str]:
    """What each statement was for, settings aside."""
    told = {"set_config": "set", "mhnsw_ef_search": "set", "count(*)": "count"}
    return [next((k for part, k in told.items() if part in one), "rank") for one in sent]


@builds_graphs
def test_what_a_search_sends(filled: Database, sent: list[str], engine_name: str) -> None:
    """The usual query is one statement; a filter that leaves few rows is counted, not ranked."""
    rare = SearchedGraph.topic == 0
    expected = {
        "postgresql": {
            "usual": ["rank"],
            "tuned": ["set", "rank"],
            "filtered": ["set", "rank"],
            "few": ["set", "rank", "count"],
        },
        "mariadb": {
            "usual": ["rank"],
            "tuned": ["set", "rank", "set"],
            "filtered": ["count", "rank"],
            "few": ["count", "rank", "count"],
        },
    }[engine_name]
    queries: dict[str, SyncQuery[Any]] = {
        "usual": nearest(filled).limit(40),
        "tuned": nearest(filled).tune(Search(ef=50)).limit(10),
        "filtered": nearest(filled).where(SearchedGraph.topic < 100).limit(10),
        "few": nearest(filled).where(rare).limit(10),
    }
    nearest(filled).limit(1).all()
    for name, query in queries.items():
        sent.clear()
        query.all()
        assert ranked_statements(sent)[: len(expected[name])] == expected[name], name
        assert name == "few" or len(sent) == len(expected[name])


@pytest.mark.engines("mariadb")
def test_where_few_rows_pass_all_of_them_are_ranked(
    filled: Database, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MariaDB, "few_passing", 100)
    with indexed(filled) as session:
        query = nearest(session).limit(10)
        for most, few in ((99, True), (100, False), (1000, False)):
            sent.clear()
            hits = query.where(col(SearchedGraph.id) <= most).hits()
            assert ranked_statements(sent) == ["count", "rank"]
            assert (len(hits), hits.exact, hits.complete) == (10, few, True)
        sent.clear()
        query.hits()
        assert ranked_statements(sent) == ["rank"]
        notes = query.where(col(SearchedGraph.id) > 0).explain().notes
    assert notes[1:] == ("where fewer than 100 rows pass, which is counted first, all are ranked",)


@on_postgresql
def test_in_a_transaction_that_goes_on_the_settings_are_put_back(
    filled: Database, sent: list[str]
) -> None:
    with filled.session() as session:
        nearest(session).limit(1).all()
        sent.clear()
        nearest(session).tune(Search(ef=50)).limit(10).all()
        assert ranked_statements(sent) == ["set", "rank", "set"]


@on_postgresql
def test_an_index_that_finds_too_few_looks_further(db: Database, sent: list[str]) -> None:
    """One list of 30 has not 200 rows; the second search reads eight times as many, and goes on."""
    fill(db, SearchedLists)
    with indexed(db) as session:
        session.connection().execute(text("SET LOCAL ivfflat.max_probes = 1"))
        query = nearest(session, SearchedLists).where(col(SearchedLists.id) > 0)
        sent.clear()
        hits = query.limit(200).hits()
        assert ranked_statements(sent) == ["set", "rank", "set", "count", "set", "rank", "set"]
        assert (len(hits), hits.exact, hits.complete) == (200, False, True)
        sent.clear()
        hits = query.limit(900).hits()
        assert ranked_statements(sent)[-1] == "rank"
        assert (len(hits), hits.exact) == (900, True)
        assert [hit.entity.id for hit in hits] == [n for _, n in truth()[:900]]


@builds_graphs
def test_a_threshold_cuts_what_the_index_gives(
    filled: Database, sent: list[str], engine_name: str
) -> None:
    distances = [d for d, _ in truth()]
    cut = (distances[5] + distances[6]) / 2
    with indexed(filled) as session:
        query = nearest(session).tune(Search(ef=200)).limit(10)
        whole = query.max_distance((distances[11] + distances[12]) / 2).hits()
        assert (len(whole), whole.exact, whole.complete) == (10, False, True)
        near = query.max_distance(cut).hits()
        assert (len(near), near.exact, near.complete) == (6, False, False)
        assert [hit.entity.id for hit in near] == [n for _, n in truth()[:6]]
        by_score = query.min_score(1 / (1 + cut)).hits()
        assert [hit.entity.id for hit in by_score] == [hit.entity.id for hit in near]
        sent.clear()
        query.max_distance(cut).hits()
        assert "+ 0)" not in " ".join(sent)
        assert query.max_distance(0.0).all() == []
        rare = query.where(SearchedGraph.topic == 0).max_distance(99).hits()
        assert (len(rare), rare.exact, rare.complete) == (5, True, True)
        exact = query.tune(Search(ranker="exact")).max_distance(cut).hits()
        assert ([hit.entity.id for hit in exact], exact.exact) == (
            [n for _, n in truth()[:6]],
            True,
        )
