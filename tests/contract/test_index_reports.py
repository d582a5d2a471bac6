"""What a database says of its vector indexes, and how they are built anew and dropped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from agentorm import (
    HNSW,
    Approximate,
    Database,
    Entity,
    Field,
    InvalidModel,
    InvalidQuery,
    SlowPath,
    UnsupportedFeature,
    Vector,
    repository,
    vector_field,
)
from agentorm.switch import indexes_switched

ROWS = 40
NEWEST = "SELECT max(rowid) FROM vx_reporteddoc_title"


class ReportedDoc(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: Vector = vector_field(3, metric="l2", index=HNSW(m=8, ef_construction=32))


class ReportedPair(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    one: Vector = vector_field(3, index=Approximate(recall=0.95))
    two: Vector = vector_field(3, metric="l1")


class ReportedPlain(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: Vector = vector_field(3, metric="l1", index=HNSW())


SERVES = {"sqlite": "embedded", "postgresql": "HNSW index", "mariadb": "HNSW index"}


@pytest.fixture(autouse=True)
def always() -> Iterator[None]:
    with indexes_switched("always"):
        yield


def filled(db: Database) -> Database:
    db.create_all(ReportedDoc)
    vectors = np.random.default_rng(7).normal(size=(ROWS, 3))
    with db.transaction() as session:
        repository(ReportedDoc, session).add_all([ReportedDoc(title=Vector(v)) for v in vectors])
    return db


def ranker(db: Database) -> str:
    with db.session() as session:
        return repository(ReportedDoc, session).similar_to([1, 0, 0]).limit(3).hits().ranker


def state(db: Database) -> str:
    (report,) = db.indexes(ReportedDoc)
    return report.state


def test_each_declared_index_and_what_serves(db: Database, engine_name: str) -> None:
    db.create_all(ReportedDoc, ReportedPair)
    pair, doc = sorted(db.indexes(ReportedDoc, ReportedPair), key=lambda it: it.column)
    assert (doc.table, doc.column, doc.declared) == (
        "reporteddoc",
        "title",
        HNSW(m=8, ef_construction=32),
    )
    assert (pair.table, pair.column, pair.declared) == ("reportedpair", "one", Approximate(0.95))
    assert doc.serves == SERVES.get(engine_name, "none")
    assert (pair.recall, doc.recall) == (
        0.95 if engine_name != "mysql" else None,
        0.99 if engine_name == "sqlite" else None,
    )
    states = {"sqlite": "not built yet", "mysql": "mysql has no HNSW index for it"}
    assert doc.state == states.get(engine_name, "current")
    assert (doc.rows, doc.memory, doc.measured) == (None, None, None)


def test_all_models_where_none_is_given(db: Database) -> None:
    found = {(report.table, report.column) for report in db.indexes()}
    assert {("reporteddoc", "title"), ("reportedpair", "one")} <= found
    assert ("reportedpair", "two") not in found


def test_a_table_that_is_not_there(db: Database, engine_name: str) -> None:
    (report,) = db.indexes(ReportedDoc)
    assert report.serves == "none"
    said = {
        "sqlite": "missing: the table is not there",
        "mysql": "mysql has no HNSW index for it",
    }
    assert report.state == said.get(engine_name, "missing: create it by a migration")


@pytest.mark.engines("sqlite")
def test_what_is_known_of_one_that_is_built(db: Database) -> None:
    filled(db)
    assert state(db) == "not built yet"
    assert ranker(db) == "embedded"
    (report,) = db.indexes(ReportedDoc)
    assert (report.serves, report.state) == ("embedded", "current")
    with db.engine.connect() as connection:
        newest = connection.execute(text(NEWEST)).scalar_one()
    assert (report.rows, report.clock, report.recall) == (ROWS, newest, 0.99)
    assert report.measured == 1.0
    assert report.memory is not None
    assert ROWS * 3 * 4 <= report.memory < 100_000
    with db.transaction() as session:
        repository(ReportedDoc, session).add(ReportedDoc(title=Vector([1, 0, 0])))
    assert state(db) == "1 changes behind"
    with db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE other (id INTEGER)"))
    assert state(db) == "to be built anew at the next search"
    assert ranker(db) == "embedded"
    assert state(db) == "current"


@pytest.mark.engines("sqlite")
def test_they_print_as_a_table(db: Database) -> None:
    filled(db)
    names, row = str(db.indexes(ReportedDoc)).splitlines()
    assert names.split() == [
        "table",
        "column",
        "declared",
        "serves",
        "state",
        "rows",
        "clock",
        "recall",
        "measured",
        "memory",
    ]
    assert row == (
        "reporteddoc  title   HNSW(m=8, ef_construction=32)  embedded  not built yet"
        "  -     -      0.990   -         -"
    )
    assert names.index("state") == row.index("not built")
    assert repr(db.indexes(ReportedDoc)).startswith("Indexes([IndexReport(table='reporteddoc'")
    assert len(db.indexes(ReportedDoc)[:1]) == 1


@pytest.mark.engines("sqlite")
def test_it_is_built_anew_with_progress(db: Database) -> None:
    filled(db)
    seen: list[tuple[int, int]] = []
    db.indexes().rebuild(ReportedDoc, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(ROWS, ROWS)]
    assert state(db) == "current"
    before = db.indexes(ReportedDoc)[0].clock
    db.indexes().rebuild(ReportedDoc, "title")
    assert db.indexes(ReportedDoc)[0].clock == (before or 0) + 1
    assert ranker(db) == "embedded"


@pytest.mark.engines("sqlite")
@pytest.mark.sync("progress is told in another thread where statements are awaited")
def test_progress_is_a_state(db: Database) -> None:
    filled(db)
    states: list[str] = []

    def tell(done: int, of: int) -> None:
        states.append(f"{done} of {of}: {state(db)}")

    db.indexes().rebuild(ReportedDoc, progress=tell)
    assert states == ["40 of 40: building 100 %"]


@pytest.mark.engines("sqlite")
def test_a_missing_log_is_announced_with_the_way_out(db: Database) -> None:
    filled(db)
    with db.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER vx_reporteddoc_title_delete"))
    lacks = (
        "its change log is not in the database"
        ' (a migration or db.indexes().rebuild(ReportedDoc, "title") creates it)'
    )
    (report,) = db.indexes(ReportedDoc)
    assert (report.serves, report.state) == ("none", f"missing: {lacks}")
    with pytest.warns(SlowPath) as said:
        assert ranker(db) == "native"
    assert [str(one.message) for one in said] == [
        f"ReportedDoc.title: {lacks}, so that every row is ranked"
    ]
    db.indexes().rebuild(ReportedDoc)
    assert ranker(db) == "embedded"


@pytest.mark.engines("sqlite")
def test_it_is_dropped(db: Database) -> None:
    filled(db)
    assert ranker(db) == "embedded"
    db.indexes().drop(ReportedDoc)
    assert state(db).startswith("missing: its change log")
    with db.engine.connect() as connection:
        named = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'vx@_%' ESCAPE '@'"
        assert connection.execute(text(named)).scalar_one() == 0
    with pytest.warns(SlowPath, match="its change log is not in the database"):
        assert ranker(db) == "native"
    db.indexes().drop(ReportedDoc)


@pytest.mark.engines("sqlite")
def test_its_file_goes_too(tmp_path: Path) -> None:
    path = tmp_path / "reported.db"
    with Database(f"sqlite:///{path}") as db:
        db.create_all(ReportedDoc)
        vectors = np.random.default_rng(7).normal(size=(5_000, 3))
        with db.transaction() as session:
            rows = [ReportedDoc(title=Vector(v)) for v in vectors]
            repository(ReportedDoc, session).add_all(rows)
        db.indexes().rebuild(ReportedDoc)
        kept = tmp_path / "reported.db-vx_reporteddoc_title"
        assert kept.exists()
        db.indexes().drop(ReportedDoc)
        assert not kept.exists()


@pytest.mark.engines("sqlite")
def test_another_process_builds_anew_too(db: Database) -> None:
    """Another engine of this process has another connection; the entry in the log is for both."""
    filled(db)
    db.indexes().rebuild(ReportedDoc)
    db.indexes().rebuild(ReportedDoc)
    with db.engine.connect() as connection:
        entries = "SELECT count(*) FROM vx_reporteddoc_title WHERE row IS NULL"
        assert connection.execute(text(entries)).scalar_one() == 3


@pytest.mark.engines("sqlite")
def test_what_cannot_be_built_is_refused(db: Database) -> None:
    db.create_all(ReportedPair, ReportedPlain)
    reports = db.indexes()
    with pytest.raises(InvalidModel, match=r"ReportedPair\.two declares no index"):
        reports.rebuild(ReportedPair, "two")
    with pytest.raises(InvalidQuery, match="ReportedPair"):
        reports.rebuild(ReportedPair)
    with pytest.raises(UnsupportedFeature, match=r"an index of ReportedPlain\.v: l1 has none"):
        reports.rebuild(ReportedPlain)
    (report,) = db.indexes(ReportedPlain)
    assert (report.serves, report.state) == ("none", "l1 has none")
    with indexes_switched("off"):
        (report, *_) = db.indexes(ReportedPair)
        assert (report.serves, report.state) == ("none", "indexes are switched off")


@pytest.mark.engines("postgresql", "mariadb", "mysql")
def test_an_engine_with_indexes_of_its_own_keeps_them_to_itself(db: Database) -> None:
    db.create_all(ReportedDoc)
    for call in (db.indexes().rebuild, db.indexes().drop):
        with pytest.raises(UnsupportedFeature, match="drop and create them by a migration"):
            call(ReportedDoc)
