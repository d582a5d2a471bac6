"""What a connection to SQLite is set to, and that what a user set stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event

from agentorm import Database, repository
from tests.contract.models import Author, Doc, Tag, vector

pytestmark = pytest.mark.engines("sqlite")
GIBIBYTE = 1_073_741_824


def setting(engine: Engine, name: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_a_new_file_has_large_pages_and_is_mapped(library: Database) -> None:
    assert setting(library.engine, "page_size") == 16_384
    assert setting(library.engine, "mmap_size") == GIBIBYTE
    assert setting(library.engine, "journal_mode") == "wal"


def test_durability_and_memory_are_as_sqlite_has_them(library: Database) -> None:
    assert setting(library.engine, "synchronous") == 2
    assert setting(library.engine, "cache_size") == -2000
    assert setting(library.engine, "temp_store") == 0


def test_an_older_file_keeps_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("CREATE TABLE t (x)")
    with Database(f"sqlite:///{path}") as db:
        db.create_all(Author, Doc, Tag)
        repository(Doc, db).add(Doc(title="a", embedding=vector(1, 0, 0)))
        assert setting(db.engine, "page_size") == 4096
        assert setting(db.engine, "mmap_size") == GIBIBYTE


def test_a_database_in_memory_has_large_pages() -> None:
    with Database("sqlite://") as db:
        assert setting(db.engine, "page_size") == 16_384


def test_what_an_engine_of_the_users_own_sets_stays(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'own.db'}")

    @event.listens_for(engine, "connect")
    def _set(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA mmap_size = 65536")

    with Database(engine) as db:
        assert setting(db.engine, "page_size") == 8192
        assert setting(db.engine, "mmap_size") == 65_536


def test_what_is_set_after_the_database_was_made_stays(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'unmapped.db'}") as db:

        @event.listens_for(db.engine, "connect")
        def _set(connection: Any, record: Any) -> None:
            connection.execute("PRAGMA mmap_size = 0")

        assert setting(db.engine, "mmap_size") == 0


@pytest.mark.parametrize(("query", "kept"), [("", 512), ("?cached_statements=7", 7)])
def test_so_many_statements_are_kept_prepared(tmp_path: Path, query: str, kept: int) -> None:
    with Database(f"sqlite:///{tmp_path / 'a.db'}{query}") as db:
        _, keywords = db.engine.dialect.create_connect_args(db.engine.url)
        assert keywords["cached_statements"] == kept
        assert db.ping() > 0
