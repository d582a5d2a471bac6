"""A database by its URL or engine: its schema, sessions, trace and report."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, inspect, make_url, text
from sqlmodel import Session, select

from agentorm import (
    ClosedSession,
    Database,
    Feature,
    InvalidModel,
    InvalidURL,
    SlowPath,
    TableMissing,
    Trace,
    repository,
)
from tests.contract.models import Author, Doc, Pair, Tag, vector

TABLES = ["author", "doc", "tag"]
SERVERS = {
    "sqlite": "SQLite 3.",
    "postgresql": "PostgreSQL ",
    "mariadb": "MariaDB 1",
    "mysql": "MySQL 9.",
}


def sent(trace: Trace) -> list[str]:
    """The first word of each statement; SQLite is told to begin."""
    words = [statement.sql.split()[0] for statement in trace.statements]
    return [word for word in words if word != "BEGIN"]


def tables(db: Database) -> list[str]:
    return sorted(inspect(db.engine).get_table_names())


@pytest.fixture
def engine(url: str) -> Engine:
    """An engine that SQLAlchemy made; left alone, it takes another driver for MySQL."""
    place = make_url(url)
    if place.drivername in {"mysql", "mariadb"}:
        place = place.set(drivername=f"{place.drivername}+pymysql")
    return create_engine(place)


def test_a_database_is_made_of_a_url_or_an_engine(url: str, engine: Engine) -> None:
    for where in (url, make_url(url), engine):
        with Database(where) as db:
            db.create_all(Author, Doc, Tag)
            docs = repository(Doc, db)
            docs.add(Doc(title=type(where).__name__, embedding=vector(1, 0, 0)))
            assert len(docs.similar_to([1, 0, 0]).limit(9).hits()) == docs.count()
    assert Database(engine).engine is engine


def test_an_engine_is_given_to_two_databases(engine: Engine) -> None:
    first, second = Database(engine), Database(engine)
    first.create_all(Author, Doc, Tag)
    repository(Doc, second).add(Doc(title="a", embedding=vector(1, 0, 0)))
    assert repository(Doc, first).similar_to([1, 0, 0]).count() == 1
    engine.dispose()


def test_an_engine_that_has_options_of_another(engine: Engine) -> None:
    with Database(engine) as first:
        first.create_all(Author)
        second = Database(engine.execution_options(compiled_cache=None))
        with second.transaction() as session:
            repository(Author, session).add(Author(id=1, name="a"))
        with second.session() as session:
            repository(Author, session).add(Author(id=2, name="b"))
            session.rollback()
        assert repository(Author, second).count() == repository(Author, first).count() == 1


def test_an_engine_with_open_connections_is_made_ready(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    with Database(engine) as db, warnings.catch_warnings():
        warnings.simplefilter("ignore", SlowPath)  # it was opened without sqlite-vec
        db.create_all(Author, Doc, Tag)
        repository(Doc, db).add(Doc(title="a", embedding=vector(1, 0, 0)))
        assert repository(Doc, db).similar_to([1, 0, 0]).one().title == "a"


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_means_psycopg(url: str, scheme: str) -> None:
    with Database(make_url(url).set(drivername=scheme)) as db:
        assert db.engine.dialect.driver == "psycopg"
        assert db.ping() > 0


@pytest.mark.engines("mysql", "mariadb")
def test_mysql_and_mariadb_mean_pymysql(url: str, engine_name: str) -> None:
    for scheme in (engine_name, f"{engine_name}+pymysql"):
        with Database(make_url(url).set(drivername=scheme)) as db:
            assert db.engine.dialect.driver == "pymysql"
            assert db.ping() > 0


def test_engine_options_reach_the_engine(url: str) -> None:
    with Database(url, engine_options={"pool_size": 2, "max_overflow": 0, "echo": False}) as db:
        assert "Pool size: 2" in db.engine.pool.status()


def test_the_environment_names_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENTORM_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///second.db")
    assert repr(Database.from_env()) == "Database('sqlite+pysqlite:///second.db')"
    monkeypatch.setenv("AGENTORM_URL", "sqlite:///first.db")
    assert repr(Database.from_env()) == "Database('sqlite+pysqlite:///first.db')"
    monkeypatch.setenv("AGENTORM_URL", "")
    assert repr(Database.from_env()) == "Database('sqlite+pysqlite:///second.db')"
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(InvalidURL, match="set AGENTORM_URL or DATABASE_URL"):
        Database.from_env()


def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    db = Database(f"sqlite:///{path}")
    repository(Doc, db).where(Doc.n == 1)
    assert not path.exists()
    db.dispose()


def test_the_schema_is_created_once_and_dropped(db: Database) -> None:
    db.create_all(Author, Doc, Tag)
    repository(Doc, db).add(Doc(title="kept"))
    db.create_all(Author, Doc, Tag)
    db.create_all(Pair)
    assert tables(db) == ["author", "doc", "pair", "tag"]
    assert repository(Doc, db).count() == 1
    db.drop_all(Author, Doc, Tag)
    db.drop_all(Author, Doc, Tag)
    assert tables(db) == ["pair"]
    with pytest.raises(TableMissing):
        repository(Doc, db).count()
    db.create_all(Author, Doc, Tag)
    assert repository(Doc, db).count() == 0


def test_threads_create_the_schema_at_once(url: str) -> None:
    start = threading.Barrier(4)

    def work(n: int) -> None:
        with Database(url) as db:
            start.wait()
            for turn in range(3):
                db.create_all(Author, Doc, Tag)
                repository(Doc, db).add(Doc(title=f"{n}-{turn}", embedding=vector(1, 0, 0)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with Database(url) as db:
        assert repository(Doc, db).similar_to([1, 0, 0]).count() == 12


def test_a_schema_without_tables_is_refused(db: Database) -> None:
    class Plain:
        pass

    with pytest.raises((InvalidModel, ValueError), match="expected a mapped class"):
        db.create_all(Plain)


def test_only_commit_commits(library: Database) -> None:
    with library.session() as session:
        repository(Doc, session).add(Doc(title="kept"))
        session.commit()
        repository(Doc, session).add(Doc(title="lost"))
    assert [doc.title for doc in repository(Doc, library).all()] == ["kept"]


def test_a_session_is_sqlmodels_and_keeps_its_objects_readable(library: Database) -> None:
    with library.session() as session:
        assert isinstance(session, Session)
        doc = Doc(title="a", embedding=vector(1, 0, 0))
        session.add(doc)
        session.commit()
        assert "title" in doc.__dict__
        assert session.exec(select(Doc).where(Doc.title == "a")).one() is doc
    assert doc.title == "a"
    assert doc.id is not None


def test_a_closed_session_stays_closed(library: Database) -> None:
    with library.session() as session:
        docs = repository(Doc, session)
        assert docs.count() == 0
    for use in (docs.all, docs.count, lambda: docs.add(Doc(title="x")), lambda: docs.get(1)):
        with pytest.raises(ClosedSession, match=r"open a new one: db\.session\(\)"):
            use()
    with library.transaction() as inner:
        finished = repository(Doc, inner)
    with pytest.raises(ClosedSession):
        finished.similar_to([1, 0, 0]).hits()
    assert repository(Doc, library).count() == 0


def test_sessions_see_what_others_committed(library: Database) -> None:
    with library.session() as first, library.session() as second:
        repository(Doc, first).add(Doc(title="a"))
        first.commit()
        assert repository(Doc, second).count() == 1


def test_a_trace_shows_statements_and_times_but_no_values(library: Database) -> None:
    docs = repository(Doc, library)
    docs.count()
    with library.trace() as trace:
        docs.where(Doc.topic == "secret").all()
        docs.add(Doc(title="also secret"))
    docs.count()
    assert sent(trace) == ["SELECT", "INSERT"]
    assert all(statement.seconds > 0 for statement in trace.statements)
    assert trace.seconds == sum(statement.seconds for statement in trace.statements)
    assert str(trace).endswith(f"ms in {len(trace.statements)} statements")
    assert "secret" not in str(trace)


def test_a_trace_shows_the_statement_that_failed(db: Database) -> None:
    with db.trace() as trace, pytest.raises(TableMissing):
        repository(Doc, db).count()
    assert sent(trace) == ["SELECT"]


def test_traces_overlap(library: Database) -> None:
    docs = repository(Doc, library)
    with library.trace() as outer:
        docs.count()
        with library.trace() as inner:
            docs.count()
    assert (sent(outer), sent(inner)) == (["SELECT", "SELECT"], ["SELECT"])


def test_a_ping_takes_a_round_trip(db: Database) -> None:
    assert 0 < db.ping() < 10


def test_a_disposed_database_opens_again(library: Database) -> None:
    library.dispose()
    repository(Doc, library).add(Doc(title="a", embedding=vector(1, 0, 0)))
    library.dispose()
    assert repository(Doc, library).similar_to([1, 0, 0]).count() == 1


def test_capabilities_are_those_of_the_server(db: Database, engine_name: str) -> None:
    known = db.capabilities()
    assert known.notes[0].startswith(SERVERS[engine_name])
    assert (Feature.DISTANCE in known.features) == (engine_name != "mysql")
    assert Feature.UPSERT in known.features
    assert str(known).splitlines()[0] == engine_name


def test_connections_go_back_to_the_pool(url: str) -> None:
    with Database(url, engine_options={"pool_size": 1, "max_overflow": 0, "pool_timeout": 1}) as db:
        db.create_all(Author, Doc, Tag)
        docs = repository(Doc, db)
        for _ in range(3):
            docs.add(Doc(title="x", embedding=vector(1, 0, 0)))
            docs.similar_to([1, 0, 0]).hits()
            list(docs.similar_to([1, 0, 0]).stream())
            with pytest.raises(TableMissing):
                repository(Pair, db).count()
            assert docs.delete_where(Doc.title == "x") == 1


def test_other_listeners_of_the_engine_are_left_alone(db: Database) -> None:
    seen: list[str] = []
    event.listen(db.engine, "connect", lambda *_: seen.append("connect"))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert db.ping() > 0
    assert seen == ["connect"]


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("", "the database URL cannot be read"),
        ("nonsense", "the database URL cannot be read; as sqlite:///docs.db"),
        ("postgresql://host:port/x", "the database URL cannot be read"),
        ("oracle://host/x", "no engine 'oracle'; known are sqlite, postgresql, postgres"),
        ("sqlite+nothing:///x.db", r"no driver 'sqlite\+nothing'"),
        ("sqlite+aiosqlite:///x.db", "is an asynchronous driver; use AsyncDatabase, or leave"),
    ],
)
def test_a_url_that_cannot_serve_is_refused(where: str, problem: str) -> None:
    with pytest.raises(InvalidURL, match=problem):
        Database(where)


@pytest.mark.parametrize("where", [None, 7, b"sqlite://", Path("x.db")], ids=str)
def test_what_is_no_url_is_refused(where: object) -> None:
    with pytest.raises(InvalidURL, match="expected a URL or an Engine, got"):
        Database(where)  # type: ignore[arg-type]
