"""Sessions and engines that agentorm did not make: everything works, and nothing else changes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest
import sqlmodel
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from agentorm import (
    ConstraintViolation,
    Database,
    IntegerType,
    InvalidVector,
    StringType,
    Vector,
    VectorType,
    repository,
)
from tests.contract.models import Author, Doc, vector

ROOT = Path(__file__).parents[2]
ANSWER = [("a", 0.0), ("c", 0.293), ("b", 1.0)]


class Base(DeclarativeBase):
    pass


class Note(Base):
    """Plain SQLAlchemy: no entity, no SQLModel."""

    __tablename__ = "note"
    id: Mapped[int] = mapped_column(IntegerType(), primary_key=True)
    title: Mapped[str] = mapped_column(StringType(80), unique=True)
    embedding: Mapped[Vector | None] = mapped_column(VectorType(3))


@pytest.fixture
def engine(library: Database) -> Iterator[Engine]:
    """An engine of the user's own, on a database that holds the tables."""
    made = create_engine(library.engine.url)
    yield made
    made.dispose()


def use(session: Session) -> list[tuple[str, float]]:
    """Write, find, and rank, all by a repository."""
    docs = repository(Doc, session)
    docs.add_all(
        [Doc(title="a", embedding=vector(1, 0, 0)), Doc(title="b", embedding=vector(0, 1, 0))]
    )
    docs.upsert(
        [Doc(title="c", embedding=vector(1, 1, 0)), Doc(title="b", n=1, embedding=vector(0, 2, 0))],
        on="title",
    )
    assert docs.update_where(Doc.n == 1, topic="x") == 1
    assert [doc.title for doc in docs.stream()] == ["a", "b", "c"]
    hits = docs.similar_to([1, 0, 0]).limit(5).hits()
    assert docs.similar_to([1, 0, 0]).max_distance(0.5).count() == 2
    return [(hit.entity.title, round(hit.distance, 3)) for hit in hits]


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("kind", [Session, sqlmodel.Session], ids=["sqlalchemy", "sqlmodel"])
def test_a_plain_session_on_postgresql(engine: Engine, kind: type[Session]) -> None:
    with kind(engine) as session:
        assert use(session) == ANSWER
        session.commit()
    with kind(engine) as session:
        assert repository(Doc, session).count() == 3
        doc = repository(Doc, session).where(Doc.title == "c").one()
        assert doc.embedding == Vector([1, 1, 0])


@pytest.mark.sync("another process has a plain session")
@pytest.mark.engines("sqlite")
def test_a_plain_session_on_sqlite(library: Database) -> None:
    script = """
        import sys, warnings
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session
        import sqlmodel
        from agentorm import SlowPath, repository
        from tests.contract.models import Doc
        from tests.contract.test_foreign_sessions import ANSWER, use

        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SlowPath)
        engine = create_engine(sys.argv[1])
        for kind in (Session, sqlmodel.Session):
            with kind(engine) as session:
                assert use(session) == ANSWER
                session.rollback()
                assert repository(Doc, session).count() == 0
        print("done")
    """
    assert run(script, str(library.engine.url)) == "done\n"


@pytest.mark.sync("another process has a plain session")
@pytest.mark.engines("sqlite")
def test_a_plain_session_announces_when_it_is_slow(library: Database) -> None:
    script = """
        import sqlite3, sys, warnings
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session
        from agentorm import SlowPath, repository
        from tests.contract.models import Doc

        engine = create_engine(sys.argv[1])
        with warnings.catch_warnings(record=True) as seen, Session(engine) as session:
            warnings.simplefilter("always")
            for _ in range(2):
                repository(Doc, session).similar_to([1, 0, 0]).limit(1).all()
        slow = [one for one in seen if issubclass(one.category, SlowPath)]
        loadable = hasattr(sqlite3.Connection, "enable_load_extension")
        assert len(slow) == (0 if loadable else 1), slow
        assert all(one.filename == "<string>" for one in slow), slow
        print("done")
    """
    assert run(script, str(library.engine.url)) == "done\n"


def run(script: str, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", dedent(script), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.engines("postgresql")
def test_the_settings_of_a_foreign_engine_stay(engine: Engine) -> None:
    with Session(engine) as session:
        use(session)
        session.commit()
    with engine.connect() as connection:
        found = connection.execute(text("SELECT title, embedding FROM doc ORDER BY id")).all()
    assert [row.title for row in found] == ["a", "b", "c"]


@pytest.mark.engines("postgresql")
def test_a_session_bound_to_a_connection(engine: Engine) -> None:
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            assert use(session) == ANSWER
            session.commit()
        outer.rollback()
    with Session(engine) as session:
        assert repository(Doc, session).count() == 0


def test_a_session_keeps_what_it_did_before(library: Database) -> None:
    with sqlmodel.Session(library.engine) as session:
        session.add(Doc(title="before"))
        assert repository(Doc, session).count() == 1
        with pytest.raises(ConstraintViolation):
            repository(Doc, session).add_all([Doc(title="before")])
        session.commit()
        assert session.exec(sqlmodel.select(Doc)).one().title == "before"


def test_a_plain_mapped_class_has_a_repository(db: Database) -> None:
    db.create_all(Note)
    notes = repository(Note, db)
    notes.add_all(
        [
            Note(title="a", embedding=Vector([1, 0, 0])),
            Note(title="b", embedding=Vector([0, 1, 0])),
        ]
    )
    made = notes.upsert([Note(title="b", embedding=Vector([0, 0, 1]))], on=Note.title)
    assert [note.embedding for note in made] == [Vector([0, 0, 1])]
    hits = notes.similar_to([1, 0, 0]).hits()
    assert [(hit.entity.title, round(hit.distance, 3)) for hit in hits] == [("a", 0.0), ("b", 1.0)]
    assert notes.update_where(Note.title == "a", embedding=Vector([0, 1, 1])) == 1
    found = notes.get(1)
    assert found is not None
    assert found.embedding == Vector([0, 1, 1])
    notes.delete(found)
    assert notes.count() == 1


def test_a_plain_mapped_class_checks_its_vectors(db: Database) -> None:
    db.create_all(Note)
    with pytest.raises(InvalidVector, match="expected a vector of 3 dimensions, got 2"):
        repository(Note, db).add(Note(title="a", embedding=Vector([1, 0])))
    assert repository(Note, db).count() == 0


@pytest.mark.engines("sqlite")
def test_other_users_of_sqlite3_stay_untouched(library: Database) -> None:
    repository(Doc, library).add(Doc(title="a", embedding=vector(1, 0, 0)))
    assert repository(Doc, library).similar_to([1, 0, 0]).count() == 1
    with closing(sqlite3.connect(":memory:")) as other:
        with pytest.raises(sqlite3.OperationalError, match="no such function: vec_version"):
            other.execute("SELECT vec_version()")
        assert other.isolation_level is not None
        assert other.execute("PRAGMA foreign_keys").fetchone() == (0,)
        assert other.execute("SELECT 'A' LIKE 'a'").fetchone() == (1,)


@pytest.mark.engines("sqlite")
def test_other_engines_stay_untouched(library: Database, tmp_path: Path) -> None:
    seen: list[object] = []
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    event.listen(engine, "connect", lambda *arguments: seen.append(arguments))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert library.ping() > 0
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "delete"
    assert len(seen) == 1
    engine.dispose()


def test_a_database_in_memory_is_one_for_all_threads() -> None:
    start = threading.Barrier(3)

    def work(n: int) -> int:
        docs = repository(Doc, db)
        start.wait()
        for turn in range(20):
            docs.add(Doc(title=f"{n}-{turn}", embedding=vector(1, n, turn)))
        return len(docs.similar_to([1, 0, 0]).limit(20).all())

    with Database("sqlite://") as db:
        db.create_all(Author, Doc)
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(work, range(3))) == [20, 20, 20]
        assert repository(Doc, db).count() == 60


def test_two_databases_in_memory_are_two() -> None:
    with Database("sqlite://") as first, Database("sqlite:///:memory:") as second:
        first.create_all(Author, Doc)
        second.create_all(Author, Doc)
        repository(Doc, first).add(Doc(title="a"))
        assert repository(Doc, second).count() == 0
