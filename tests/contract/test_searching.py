"""How far an index looks: as tuned, then further, then at every row; and nothing stays set."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Boolean, event, insert, literal_column, text
from sqlmodel import Session

from agentorm import (
    HNSW,
    Database,
    DatabaseError,
    Field,
    IVFFlat,
    Search,
    SyncQuery,
    Vector,
    col,
    repository,
    vector_field,
)
from agentorm.dialects.mariadb import MariaDB
from tests.contract.models import Contract
from tests.engines import NAMES

SIZE, COUNT = 8, 1000
QUERY = [0.5, -0.25, 1, 0, 0.125, -1, 0.75, 2]
on_every_engine = pytest.mark.engines(*NAMES)
builds_graphs = pytest.mark.engines("postgresql", "mariadb")
on_postgresql = pytest.mark.engines("postgresql")


class SearchedGraph(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector = vector_field(SIZE, metric="l2", index=HNSW(m=6, ef_construction=24))


class SearchedLists(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector = vector_field(SIZE, metric="l2", index=IVFFlat(lists=30))


def matrix() -> NDArray[np.float32]:
    """Reproducible rows; each comes twice, so that distances tie."""
    rows = np.random.default_rng(5).standard_normal((COUNT // 2, SIZE), dtype=np.float32)
    return np.repeat(rows, 2, axis=0)


def truth(where: Callable[[int], bool] = lambda _: True) -> list[tuple[float, int]]:
    """(distance, key) of the rows whose key passes, nearest first."""
    found = np.linalg.norm(matrix().astype(np.float64) - np.array(QUERY), axis=1)
    return sorted((float(d), n) for n, d in enumerate(found, 1) if where(n))


def fill(db: Database, model: type[Any] = SearchedGraph) -> None:
    """A row of every 200 is in topic 0; topic 999 has none."""
    db.create_all(model)
    values = [
        {"id": n, "topic": n % 200, "embedding": Vector(v)} for n, v in enumerate(matrix(), 1)
    ]
    with db.engine.begin() as connection:
        connection.execute(insert(model), values)
        if db.engine.dialect.name == "postgresql":
            connection.execute(text(f"REINDEX TABLE {model.__tablename__}"))
            connection.execute(text(f"ANALYZE {model.__tablename__}"))


@pytest.fixture
def filled(db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """MariaDB's index is to serve though few rows pass a filter."""
    monkeypatch.setattr(MariaDB, "few_passing", 3)
    fill(db)
    return db


@contextmanager
def indexed(db: Database) -> Generator[Session]:
    """A session in which PostgreSQL takes the index wherever it can."""
    with db.session() as session:
        if db.engine.dialect.name == "postgresql":
            session.connection().execute(text("SET LOCAL enable_seqscan = off"))
            session.connection().execute(text("SET LOCAL enable_sort = off"))
        yield session


def nearest(where: Database | Session, model: type[Any] = SearchedGraph) -> SyncQuery[Any]:
    return repository(model).similar_to(QUERY).on(where)


SETTINGS = {
    "postgresql": "SELECT concat_ws(',', current_setting('hnsw.ef_search'),"
    " current_setting('hnsw.iterative_scan'), current_setting('hnsw.max_scan_tuples'),"
    " current_setting('hnsw.scan_mem_multiplier'), current_setting('ivfflat.probes'),"
    " current_setting('ivfflat.iterative_scan'), current_setting('ivfflat.max_probes'))",
    "mariadb": "SELECT @@mhnsw_ef_search",
}
USUAL = {"postgresql": "40,off,20000,1,1,off,32768", "mariadb": 100}
EF = {"postgresql": "SELECT current_setting('hnsw.ef_search')", "mariadb": SETTINGS["mariadb"]}


def settings(session: Session) -> Any:
    connection = session.connection()
    return connection.execute(text(SETTINGS[connection.dialect.name])).scalar_one()


@contextmanager
def seen_while_ranking(db: Database, statement: str) -> Generator[list[Any]]:
    """What a statement answers on the connection of each ranking, just before it."""
    seen: list[Any] = []

    def ask(conn: Any, cursor: Any, sent: str, *rest: Any) -> None:
        if "ORDER BY" in sent and "embedding" in sent:
            cursor.execute(statement)
            seen.append(cursor.fetchone()[0])

    event.listen(db.engine, "before_cursor_execute", ask)
    yield seen
    event.remove(db.engine, "before_cursor_execute", ask)


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
