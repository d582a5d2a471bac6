"""How far an index looks: as tuned, then further, then at every row; and nothing stays set."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Boolean, event, literal_column, text

from agentorm import Database, DatabaseError, Search
from agentorm.dialects.mariadb import MariaDB
from tests.contract.searched import (
    COUNT,
    EF,
    USUAL,
    SearchedGraph,
    SearchedLists,
    builds_graphs,
    fill,
    indexed,
    nearest,
    on_every_engine,
    on_postgresql,
    seen_while_ranking,
    settings,
    truth,
)


@pytest.fixture
def filled(db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """MariaDB's index is to serve though few rows pass a filter."""
    monkeypatch.setattr(MariaDB, "few_passing", 3)
    fill(db)
    return db


@on_every_engine
@pytest.mark.parametrize("tuned", [Search(ef=1), Search(ef=500, probes=3), Search(ranker="exact")])
def test_a_tuned_search_is_right_on_every_engine(filled: Database, tuned: Search) -> None:
    for topic in (None, 0, 999):
        query = nearest(filled).tune(tuned).limit(10)
        expected = truth()
        if topic is not None:
            query = query.where(SearchedGraph.topic == topic)
            expected = truth(lambda n: n % 200 == topic)  # noqa: B023  # asked for at once
        hits = query.hits()
        assert len(hits) == min(10, len(expected))
        assert hits.complete
        assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
        if hits.exact:
            assert [hit.entity.id for hit in hits] == [n for _, n in expected[:10]]


@on_every_engine
def test_the_exact_ranker_is_exact(filled: Database) -> None:
    query = nearest(filled).tune(Search(ranker="exact"))
    for size, skip in ((1, 0), (10, 0), (40, 7), (300, 600)):
        hits = query.limit(size).offset(skip).hits()
        assert hits.exact
        assert [hit.entity.id for hit in hits] == [n for _, n in truth()[skip : skip + size]]


@builds_graphs
def test_a_tuned_value_holds_for_its_query_alone(filled: Database, engine_name: str) -> None:
    with indexed(filled) as session, seen_while_ranking(filled, EF[engine_name]) as seen:
        nearest(session).limit(5).all()
        assert settings(session) == USUAL[engine_name]
        nearest(session).tune(Search(ef=7)).limit(5).all()
        assert settings(session) == USUAL[engine_name]
        nearest(session).tune(Search(ef=300)).where(SearchedGraph.topic < 100).limit(5).all()
        assert settings(session) == USUAL[engine_name]
        nearest(session).limit(5).all()
    usual = {"postgresql": 40, "mariadb": 100}[engine_name]
    assert [int(ef) for ef in seen] == [usual, 7, 300, usual]
    with filled.session() as session:
        nearest(filled).tune(Search(ef=7)).limit(5).all()
        nearest(session).limit(1).all()
        assert settings(session) == USUAL[engine_name]


@on_postgresql
def test_probes_are_those_of_the_query(db: Database) -> None:
    fill(db, SearchedLists)
    asked = "SELECT current_setting('ivfflat.probes')"
    with indexed(db) as session, seen_while_ranking(db, asked) as seen:
        found = nearest(session, SearchedLists).tune(Search(probes=30)).limit(10).hits()
        assert settings(session) == USUAL["postgresql"]
        nearest(session, SearchedLists).tune(Search(probes=5)).limit(3).all()
    assert seen == ["30", "5"]
    assert [hit.entity.id for hit in found] == [n for _, n in truth()[:10]]
    assert found.exact is False


@builds_graphs
def test_values_of_the_session_are_what_they_were(filled: Database, engine_name: str) -> None:
    own = {
        "postgresql": "SET LOCAL hnsw.ef_search = 77",
        "mariadb": "SET mhnsw_ef_search = 77",
    }
    with indexed(filled) as session, seen_while_ranking(filled, EF[engine_name]) as seen:
        nearest(session).limit(1).all()
        session.connection().execute(text(own[engine_name]))
        before = settings(session)
        nearest(session).tune(Search(ef=20)).limit(5).all()
        assert settings(session) == before
        nearest(session).limit(60).all()
        assert settings(session) == before
        session.connection().execute(
            text("SET " + own[engine_name].split()[-3] + " = 40")
            if engine_name == "postgresql"
            else text("SET mhnsw_ef_search = 100")
        )
    assert [int(ef) for ef in seen][1:] == [20, {"postgresql": 77, "mariadb": 120}[engine_name]]


@builds_graphs
def test_a_refused_search_leaves_nothing_set(filled: Database, engine_name: str) -> None:
    """It divides by zero in a condition, which MariaDB refuses not; there, a second row does."""
    refused = {
        "postgresql": literal_column("1 / (topic - topic) = 1", Boolean()),
        "mariadb": literal_column("topic = (SELECT 1 UNION SELECT 2)", Boolean()),
    }
    with filled.session() as session:
        nearest(session).limit(1).all()
        bad = nearest(session).tune(Search(ef=3)).where(refused[engine_name]).limit(5)
        with pytest.raises(DatabaseError):
            bad.all()
        session.rollback()
        assert settings(session) == USUAL[engine_name]
        with pytest.raises(DatabaseError), session.begin_nested():
            bad.all()
        assert settings(session) == USUAL[engine_name]
    with pytest.raises(DatabaseError):
        bad.on(filled).all()
    with filled.session() as session:
        nearest(session).limit(1).all()
        assert settings(session) == USUAL[engine_name]


class Interrupted(Exception):
    """Raised while rows become entities, when the engine has done its part."""


@builds_graphs
def test_an_error_of_another_kind_leaves_nothing_set(filled: Database, engine_name: str) -> None:
    def interrupt(target: Any, context: Any) -> None:
        raise Interrupted

    with filled.session() as session:
        nearest(session).limit(1).all()
        session.expunge_all()
        event.listen(SearchedGraph, "load", interrupt)
        with pytest.raises(Interrupted):
            nearest(session).tune(Search(ef=3)).limit(5).all()
        event.remove(SearchedGraph, "load", interrupt)
        assert settings(session) == USUAL[engine_name]


@builds_graphs
def test_a_connection_that_commits_each_statement_searches_as_tuned(
    filled: Database, engine_name: str
) -> None:
    with seen_while_ranking(filled, EF[engine_name]) as seen, filled.session() as session:
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        rare = nearest(session).tune(Search(ef=9)).where(SearchedGraph.topic == 0).limit(4)
        assert len(rare.all()) == 4
        assert settings(session) == USUAL[engine_name]
        with pytest.raises(DatabaseError):
            nearest(session).tune(Search(ef=9)).where(
                literal_column("topic = (SELECT 1 UNION SELECT 2)", Boolean())
            ).limit(1).all()
        assert settings(session) == USUAL[engine_name]
    assert int(seen[0]) == 9


@builds_graphs
def test_few_rows_that_pass_are_found(filled: Database) -> None:
    """Half a per cent, and none."""
    with indexed(filled) as session:
        rare = nearest(session).where(SearchedGraph.topic == 0)
        hits = rare.limit(5).hits()
        assert [hit.entity.id for hit in hits] == [n for _, n in truth(lambda n: n % 200 == 0)]
        hits = rare.limit(10).hits()
        assert [hit.entity.id for hit in hits] == [n for _, n in truth(lambda n: n % 200 == 0)]
        assert (hits.exact, hits.complete) == (True, True)
        assert [row.id for row in rare.limit(10).offset(3).all()] == [
            n for _, n in truth(lambda n: n % 200 == 0)
        ][3:]
        none = nearest(session).where(SearchedGraph.topic == 999).limit(10).hits()
        assert (len(none), none.exact, none.complete) == (0, True, True)


@builds_graphs
def test_deep_pages_are_full_and_do_not_overlap_where_they_are_exact(filled: Database) -> None:
    with indexed(filled) as session:
        for skip in (0, 50, 500, 990, 1000, 2000):
            hits = nearest(session).limit(50).offset(skip).hits()
            keys = [(hit.distance, hit.entity.id) for hit in hits]
            assert keys == sorted(keys)
            assert len(keys) == max(0, min(50, COUNT - skip))
            assert hits.complete


@builds_graphs
def test_ties_are_in_the_order_of_keys(filled: Database) -> None:
    with indexed(filled) as session:
        found = nearest(session).tune(Search(ef=1000)).limit(20).hits()
        pairs = [(hit.distance, hit.entity.id) for hit in found]
        assert pairs == sorted(pairs)
        assert len({d for d, _ in pairs}) < len(pairs) == 20
