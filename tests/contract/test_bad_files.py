"""SQLite files that refuse: read-only, locked, not there, or holding something else."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import cast

import pytest

from agentorm import (
    ConnectionFailed,
    Database,
    DatabaseError,
    NotADatabase,
    ReadOnlyDatabase,
    TransactionConflict,
    repository,
)
from tests.contract.models import Author, Doc, Tag, vector

NOBODY = 65534
READ_ONLY = "check who may write the file and its folder"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def path(folder: Path) -> Path:
    """A file with one document, closed, and in the mode that needs no files beside it."""
    made = folder / "docs.db"
    with Database(f"sqlite:///{made}") as db:
        db.create_all(Author, Doc, Tag)
        repository(Doc, db).add(Doc(title="a", embedding=vector(1, 0, 0)))
    with closing(sqlite3.connect(made)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return made


@contextmanager
def without_rights(*places: Path) -> Generator[None]:
    """Nobody may write there; root, whom no mode stops, steps down to another user meanwhile."""
    held = Database("sqlite://")  # what is loaded when first used is loaded now, and stays
    assert held.ping() > 0
    root = os.geteuid() == 0
    modes = {place: place.stat().st_mode for place in places}
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for place, mode in modes.items():
            place.chmod(mode)
        held.dispose()


def refuses_writes(db: Database) -> None:
    docs = repository(Doc, db)
    assert [doc.title for doc in docs.similar_to([1, 0, 0]).limit(2).all()] == ["a"]
    for write in (
        lambda: docs.add(Doc(title="b")),
        lambda: docs.update_where(Doc.n == 0, n=1),
        lambda: db.drop_all(Author, Doc, Tag),
    ):
        with pytest.raises(ReadOnlyDatabase, match=READ_ONLY):
            write()
    with db.session() as session:
        assert repository(Doc, session).count() == 1
        with pytest.raises(ReadOnlyDatabase, match=READ_ONLY):
            repository(Doc, session).upsert([Doc(title="b")])
    assert docs.count() == 1


def test_a_file_opened_for_reading(path: Path) -> None:
    with Database(f"sqlite:///file:{path}?mode=ro&uri=true") as db:
        refuses_writes(db)


def test_an_immutable_file(path: Path) -> None:
    with Database(f"sqlite:///file:{path}?immutable=1&uri=true") as db:
        refuses_writes(db)


def test_a_file_that_may_not_be_written(path: Path) -> None:
    with without_rights(path), Database(f"sqlite:///{path}") as db:
        refuses_writes(db)


def test_a_folder_that_may_not_be_written(path: Path, folder: Path) -> None:
    with without_rights(path, folder), Database(f"sqlite:///{path}") as db:
        refuses_writes(db)


def test_a_new_file_in_a_folder_that_may_not_be_written(folder: Path) -> None:
    kinds = (ConnectionFailed, ReadOnlyDatabase)
    db = Database(f"sqlite:///{folder / 'new.db'}")
    with without_rights(folder), db, pytest.raises(kinds):
        db.create_all(Author, Doc, Tag)
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'nowhere' / 'docs.db'}") as db:
        with pytest.raises(ConnectionFailed, match="unable to open database file"):
            db.create_all(Author, Doc, Tag)
        with pytest.raises(ConnectionFailed, match="unable to open database file"):
            repository(Doc, db).count()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}")
    with db, pytest.raises(ConnectionFailed, match="unable to open database file"):
        db.ping()


@pytest.mark.parametrize("content", [b"not a database, " * 512, b"x" * 4096], ids=["text", "x"])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with Database(f"sqlite:///{path}") as db:
        for use in (db.ping, lambda: db.create_all(Author), repository(Doc, db).count):
            with pytest.raises(NotADatabase, match="file is not a database; check the path"):
                use()
        with pytest.raises(NotADatabase), db.transaction():
            pass
    assert path.read_bytes() == content


def test_a_file_cut_in_half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with Database(f"sqlite:///{path}") as db, pytest.raises(DatabaseError):
        repository(Doc, db).add(Doc(title="b"))


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with Database(f"sqlite:///{path}") as db:
        db.create_all(Author, Doc, Tag)
        assert repository(Doc, db).count() == 0


@pytest.fixture
def impatient(path: Path) -> Iterator[Database]:
    """A database that waits for a lock hardly at all, as its URL says."""
    with Database(f"sqlite:///{path}?timeout=0.01") as db:
        assert repository(Doc, db).count() == 1
        yield db


@contextmanager
def locked(db: Database) -> Generator[None]:
    """Another connection of the same process's library writes meanwhile."""
    with closing(sqlite3.connect(cast(str, db.engine.url.database))) as other:
        other.execute("BEGIN IMMEDIATE")
        began = perf_counter()
        yield
        assert perf_counter() - began < 5


@pytest.fixture
def refused() -> pytest.RaisesExc[TransactionConflict]:
    return pytest.raises(TransactionConflict, match="database is locked; nothing was written")


def test_a_locked_database_refuses_a_transaction(
    impatient: Database, refused: pytest.RaisesExc[TransactionConflict]
) -> None:
    with locked(impatient), refused, impatient.transaction():
        pass


def test_a_locked_database_refuses_a_write_of_its_own(
    impatient: Database, refused: pytest.RaisesExc[TransactionConflict]
) -> None:
    with locked(impatient), refused:
        repository(Doc, impatient).add(Doc(title="b"))
    assert repository(Doc, impatient).count() == 1


def test_a_locked_database_refuses_a_session_that_writes(
    impatient: Database, refused: pytest.RaisesExc[TransactionConflict]
) -> None:
    with locked(impatient), impatient.session() as session, refused:
        repository(Doc, session).add(Doc(title="b"))


def test_a_locked_database_refuses_a_new_table(
    impatient: Database, refused: pytest.RaisesExc[TransactionConflict]
) -> None:
    with locked(impatient), refused:
        impatient.drop_all(Author, Doc, Tag)


def test_a_locked_database_is_read(impatient: Database) -> None:
    with locked(impatient):
        assert repository(Doc, impatient).similar_to([1, 0, 0]).count() == 1
