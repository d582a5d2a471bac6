"""PostgreSQL servers, roles and databases that refuse: the right error, and the way out."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, create_engine, make_url

from agentorm import (
    AuthenticationFailed,
    ConnectionFailed,
    Database,
    DatabaseError,
    ExtensionMissing,
    ReadOnlyDatabase,
    Vector,
    col,
    repository,
)
from tests.contract.models import Author, Doc, Tag, vector

pytestmark = pytest.mark.engines("postgresql")

SECRET = "s3cret-Pa55"  # noqa: S105  # what must not be found in any message


def plain(url: str | URL) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def role(url: str) -> Generator[URL]:
    """The URL of a role that may log in, with a password, and nothing else."""
    name = f"agentorm_{make_url(url).database}"
    identifier = sql.Identifier(name)
    with closing(psycopg.connect(plain(url), autocommit=True)) as server:
        made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(identifier, sql.Literal(SECRET))
        server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(identifier))
        server.execute(made)
        server.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(identifier))
        try:
            yield make_url(url).set(username=name, password=SECRET)
        finally:
            server.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(identifier))
            server.execute(sql.SQL("DROP ROLE {}").format(identifier))


def asks_for_passwords(url: URL) -> bool:
    try:
        psycopg.connect(plain(url.set(password="wrong"))).close()  # noqa: S106
    except psycopg.OperationalError:
        return True
    return False


def refused(db: Database, kind: type[DatabaseError], hint: str) -> None:
    """Every way in says the same."""
    for use in (db.ping, db.capabilities, lambda: db.create_all(Author, Doc, Tag)):
        with pytest.raises(kind, match=hint):
            use()
    with pytest.raises(kind, match=hint):
        repository(Doc, db).count()
    with pytest.raises(kind, match=hint):
        repository(Doc, db).add(Doc(title="a"))
    with pytest.raises(kind, match=hint), db.transaction():
        pass


def test_a_server_that_is_not_there(url: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = make_url(url).set(host="127.0.0.1", port=closed.getsockname()[1])
        with Database(place) as db:
            refused(db, ConnectionFailed, "check host, port and database of the URL")


def test_a_host_that_is_not_there(url: str) -> None:
    db = Database(make_url(url).set(host="host.invalid"))
    with db, pytest.raises(ConnectionFailed, match="check host, port and database of the URL"):
        db.ping()


def test_a_database_that_is_not_there(url: str) -> None:
    with Database(make_url(url).set(database="nowhere")) as db:
        refused(
            db, ConnectionFailed, r'(?s)"nowhere" does not exist.*check host, port and database'
        )


def test_a_role_that_is_not_there(url: str) -> None:
    db = Database(make_url(url).set(username="nobody_here", password=SECRET))
    with db, pytest.raises(ConnectionFailed) as failed:
        db.ping()
    assert SECRET not in str(failed.value)
    assert "nobody_here" in str(failed.value)


def test_a_wrong_password(url: str) -> None:
    with role(url) as place:
        if not asks_for_passwords(place):
            pytest.skip("this server asks for no password; the one that the suite starts does")
        with Database(place.set(password="wrong")) as db:  # noqa: S106
            refused(db, AuthenticationFailed, "check the user and the password of the URL")
        with Database(place._replace(password=None)) as db:
            refused(db, AuthenticationFailed, "check the user and the password of the URL")
        with Database(place) as db:
            assert db.ping() > 0


def test_a_role_that_may_not_create_the_extension(url: str) -> None:
    with role(url) as place, Database(place) as db:
        expected = (
            r"the extension 'vector' is not created in this database; "
            r"as a role that may, run: CREATE EXTENSION IF NOT EXISTS vector$"
        )
        with pytest.raises(ExtensionMissing, match=expected) as missing:
            db.create_all(Author, Doc, Tag)
        assert missing.value.statement == "CREATE EXTENSION IF NOT EXISTS vector"
        assert missing.value.extension == "vector"
        with closing(psycopg.connect(plain(url), autocommit=True)) as server:
            assert server.execute("SELECT to_regclass('doc')").fetchone() == (None,)
            server.execute("CREATE EXTENSION vector")
        db.create_all(Author, Doc, Tag)
        repository(Doc, db).add(Doc(title="a", embedding=vector(1, 0, 0)))
        assert repository(Doc, db).similar_to([1, 0, 0]).limit(1).one().title == "a"


def test_a_role_that_may_not_write(url: str, library: Database) -> None:
    expected = "permission denied for table doc"
    with role(url) as place, Database(place) as db, pytest.raises(DatabaseError, match=expected):
        repository(Doc, db).all()


def test_a_server_that_takes_no_writes(url: str, library: Database) -> None:
    options = {"options": "-c default_transaction_read_only=on"}
    with Database(make_url(url).update_query_dict(options)) as db:
        assert repository(Doc, db).count() == 0
        with pytest.raises(ReadOnlyDatabase, match="read-only transaction; check who may write"):
            repository(Doc, db).add(Doc(title="a"))
    assert repository(Doc, library).count() == 0


def test_a_connection_that_breaks_is_told_and_replaced(url: str, library: Database) -> None:
    with library.session() as session:
        docs = repository(Doc, session)
        assert docs.count() == 0
        pid = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with closing(psycopg.connect(plain(url), autocommit=True)) as server:
            server.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(ConnectionFailed):
            docs.count()
        session.rollback()
        assert docs.count() == 0
    repository(Doc, library).add(Doc(title="a"))


def test_an_extension_that_appears_later_is_known_to_old_connections(url: str) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with Database(engine) as db:
        assert db.ping() > 0
        db.create_all(Author, Doc, Tag)
        repository(Doc, db).add(Doc(title="a", embedding=vector(1, 2, 3)))
        assert repository(Doc, db).one().embedding == Vector([1, 2, 3])


def test_too_many_values_in_one_statement_are_no_broken_connection(library: Database) -> None:
    with pytest.raises(DatabaseError) as refused:
        repository(Doc, library).where(col(Doc.id).in_(range(70_000))).all()
    assert not isinstance(refused.value, ConnectionFailed)


def test_a_pool_that_is_empty_is_a_failed_connection(url: str) -> None:
    options: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.05}
    db = Database(url, engine_options=options)
    with db, db.engine.connect(), pytest.raises(ConnectionFailed):
        db.ping()
