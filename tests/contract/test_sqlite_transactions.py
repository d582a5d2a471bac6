"""SQLite's own rules: one snapshot per session, one writer at a time, and who waits for whom."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import cast

import pytest
from sqlalchemy import text

from agentorm import Database, TransactionConflict, repository
from tests.contract.models import Author, Doc, vector

pytestmark = pytest.mark.engines("sqlite")


@pytest.fixture
def path(library: Database) -> str:
    return cast(str, library.engine.url.database)


def test_two_reads_of_a_session_see_one_snapshot(library: Database) -> None:
    with library.session() as reader:
        docs = repository(Doc, reader)
        assert docs.count() == 0
        repository(Doc, library).add(Doc(title="a", embedding=vector(1, 0, 0)))
        assert docs.count() == 0
        assert docs.similar_to([1, 0, 0]).all() == []
        reader.commit()
        assert docs.count() == 1


def test_a_reader_sees_what_was_there_when_a_writer_has_not_committed(library: Database) -> None:
    with library.transaction() as writer:
        repository(Doc, writer).add(Doc(title="a"))
        with library.session() as reader:
            assert repository(Doc, reader).count() == 0


def test_a_transaction_takes_the_write_lock_at_its_start(library: Database, path: str) -> None:
    with library.transaction(), closing(sqlite3.connect(path, timeout=0)) as other:
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM doc").fetchone() == (0,)


def test_a_session_that_begins_with_a_write_takes_it_too(library: Database, path: str) -> None:
    with library.session() as session, closing(sqlite3.connect(path, timeout=0)) as other:
        repository(Doc, session).update_where(Doc.n == 0, n=1)
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("BEGIN IMMEDIATE")


def test_a_session_that_only_reads_locks_nobody_out(library: Database, path: str) -> None:
    with library.session() as session, closing(sqlite3.connect(path, timeout=0)) as other:
        assert repository(Doc, session).count() == 0
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


def test_a_read_that_cannot_become_a_write_is_a_conflict(library: Database) -> None:
    with library.session() as session:
        docs = repository(Doc, session)
        assert docs.count() == 0
        repository(Doc, library).add(Doc(title="a"))
        began = perf_counter()
        with pytest.raises(TransactionConflict, match="nothing was written: repeat"):
            docs.add(Doc(title="b"))
        assert perf_counter() - began < 2
        session.rollback()
        docs.add(Doc(title="b"))
        session.commit()
    assert repository(Doc, library).count() == 2


@pytest.mark.sync("an event loop and its connections belong to one thread")
def test_a_writer_waits_for_another(library: Database) -> None:
    first_has_written, second_begins = threading.Event(), threading.Event()

    def second() -> None:
        first_has_written.wait(10)
        second_begins.set()
        with library.transaction() as session:
            docs = repository(Doc, session)
            docs.add(Doc(title=f"second sees {docs.count()}"))

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        with library.transaction() as session:
            repository(Doc, session).add(Doc(title="first"))
            first_has_written.set()
            assert second_begins.wait(10)
        waiting.result()
    titles = [doc.title for doc in repository(Doc, library).all()]
    assert titles == ["first", "second sees 1"]


def test_a_lock_is_waited_for_as_long_as_the_url_says(library: Database, path: str) -> None:
    patient = Database(library.url, engine_options={"connect_args": {"timeout": 0.05}})
    with closing(sqlite3.connect(path)) as other, patient:
        assert repository(Doc, patient).count() == 0
        other.execute("BEGIN IMMEDIATE")
        began = perf_counter()
        with pytest.raises(TransactionConflict, match="database is locked"):
            repository(Doc, patient).add(Doc(title="a"))
        assert perf_counter() - began < 5


def test_a_connection_in_autocommit_mode_commits_each_statement(library: Database) -> None:
    with library.session() as session:
        session.connection()
    options = {"isolation_level": "AUTOCOMMIT"}
    with library.engine.connect().execution_options(**options) as connection:
        connection.execute(text("INSERT INTO doc (title, n, meta) VALUES ('a', 0, '{}')"))
    assert repository(Doc, library).count() == 1


def test_a_file_is_in_write_ahead_mode_and_checks_foreign_keys(library: Database) -> None:
    with library.engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_new_file_is_opened_by_several_threads_at_once(tmp_path: Path) -> None:
    start = threading.Barrier(4)

    def work(turn: int) -> None:
        with Database(f"sqlite:///{tmp_path / f'{turn}.db'}") as db:
            start.wait(10)
            db.create_all(Author, Doc)

    with ThreadPoolExecutor(4) as pool:
        for turn in range(25):
            list(pool.map(work, [turn] * 4))
