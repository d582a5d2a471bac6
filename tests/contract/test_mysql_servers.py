"""MySQL and MariaDB servers that refuse, or that are not as they were expected to be."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pymysql
import pytest
from sqlalchemy import URL, event, make_url, text
from sqlmodel import Session

from agentorm import (
    AgentORMError,
    AuthenticationFailed,
    ConnectionFailed,
    Database,
    DatabaseError,
    repository,
)
from tests.contract.models import Author, Doc, Tag

pytestmark = pytest.mark.engines("mariadb", "mysql")

SECRET = "s3cret-Pa55"  # noqa: S105  # what must not be found in any message
ROOT = Path(__file__).parents[2]


def connect(place: URL, **options: Any) -> pymysql.Connection[Any]:
    return pymysql.connect(
        host=place.host or "",
        port=place.port or 3306,
        user=place.username or "",
        password=place.password or "",
        autocommit=True,
        **options,
    )


@contextmanager
def user(url: str, more: str = "") -> Generator[URL]:
    """The URL of a user with a password, who may do everything in this database."""
    place = make_url(url)
    name = f"u_{place.database}"[:32]
    with closing(connect(place)) as server, server.cursor() as cursor:
        cursor.execute(f"DROP USER IF EXISTS '{name}'@'%'")
        cursor.execute(f"CREATE USER '{name}'@'%' IDENTIFIED BY '{SECRET}' {more}")
        cursor.execute(f"GRANT ALL ON `{place.database}`.* TO '{name}'@'%'")
        try:
            yield place.set(username=name, password=SECRET)
        finally:
            cursor.execute(f"DROP USER '{name}'@'%'")


def refused(place: URL, kind: type[DatabaseError], hint: str) -> None:
    """Every way in says the same, and none says the password."""
    with Database(place) as db:
        for use in (
            db.ping,
            db.capabilities,
            lambda: db.create_all(Author, Doc, Tag),
            repository(Doc, db).count,
            lambda: repository(Doc, db).add(Doc(title="a")),
        ):
            with pytest.raises(kind, match=hint) as failed:
                use()
            assert SECRET not in str(failed.value)
            assert "wrong-secret" not in str(failed.value)


def test_a_wrong_password(url: str) -> None:
    with user(url) as place:
        hint = "Access denied.*check the user and the password of the URL"
        refused(place.set(password="wrong-secret"), AuthenticationFailed, hint)  # noqa: S106
        refused(place._replace(password=None), AuthenticationFailed, hint)
        with Database(place) as db:
            assert db.ping() > 0


def test_a_user_that_is_not_there(url: str) -> None:
    place = make_url(url).set(username="nobody_here", password=SECRET)
    refused(place, AuthenticationFailed, "nobody_here.*check the user and the password")


def test_a_user_that_is_locked(url: str) -> None:
    with user(url, "ACCOUNT LOCK") as place:
        refused(place, AuthenticationFailed, "(?i)locked.*check the user and the password")


def test_a_database_that_is_not_there(url: str) -> None:
    place = make_url(url).set(database="nowhere")
    refused(place, ConnectionFailed, "nowhere.*check host, port and database of the URL")


def test_a_server_that_is_not_there(url: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = make_url(url).set(host="127.0.0.1", port=closed.getsockname()[1])
        refused(place, ConnectionFailed, "check host, port and database of the URL")


def test_a_host_that_is_not_there(url: str) -> None:
    with Database(make_url(url).set(host="host.invalid")) as db, pytest.raises(ConnectionFailed):
        db.ping()


@pytest.mark.engines("mysql")
def test_a_mariadb_url_that_reaches_mysql_says_what_to_write(url: str) -> None:
    with Database(make_url(url).set(drivername="mariadb")) as db:
        for use in (db.ping, db.capabilities, repository(Doc, db).count):
            with pytest.raises(AgentORMError, match=r"(?i)not.*mariadb.*mysql://"):
                use()


@pytest.mark.engines("mysql")
def test_a_password_without_the_package_cryptography(url: str) -> None:
    script = """
        import sys
        class Block:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] == "cryptography":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, Block())
        from agentorm import Database, MissingDependency
        try:
            Database(sys.argv[1]).ping()
        except MissingDependency as error:
            print(error, error.package, error.extra, sep="|")
        print(Database(sys.argv[2]).ping() > 0)
    """
    with user(url) as place:
        given = place.update_query_dict({"ssl_disabled": "true"}).render_as_string(False)  # noqa: FBT003
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", dedent(script), given, url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.stderr == ""
    told, works = ran.stdout.splitlines()
    expected = "'cryptography' is not installed; pip install 'agentorm[mysql]'"
    assert told == f"{expected}|cryptography|agentorm[mysql]"
    assert works == "True"


@contextmanager
def beside(db: Database) -> Generator[Any]:
    """A cursor of a connection of its own to the same server."""
    with closing(connect(db.url, database=db.url.database)) as other, other.cursor() as cursor:
        yield cursor


def killed(db: Database, statement: str) -> None:
    """Have the server drop the connection that is about to run a statement with this in it."""

    def kill(conn: Any, cursor: Any, sent: str, *rest: Any) -> None:
        if statement in sent:
            number = conn.connection.dbapi_connection.thread_id()
            with beside(db) as other:
                other.execute(f"KILL {number}")

    event.listen(db.engine, "before_cursor_execute", kill)


def add_and_count(session: Session) -> int:
    docs = repository(Doc, session)
    docs.add_all([Doc(title="a")])
    return docs.count()


@pytest.mark.parametrize("statement", ["SELECT", "INSERT", "SAVEPOINT"])
def test_a_connection_that_is_lost_is_a_failed_connection(
    library: Database, url: str, statement: str
) -> None:
    with Database(url) as db:
        assert repository(Doc, db).count() == 0
        killed(db, statement)
        with pytest.raises(ConnectionFailed), db.transaction() as session:
            add_and_count(session)
    docs = repository(Doc, library)
    docs.delete_where(Doc.title == "a")
    assert docs.count() == 0


def test_a_lost_connection_does_not_go_on_as_another_transaction(
    library: Database, url: str
) -> None:
    with Database(url) as db, db.session() as session:
        docs = repository(Doc, session)
        docs.add(Doc(title="lost"))
        with beside(db) as other:
            number = session.connection().connection.dbapi_connection
            assert number is not None
            other.execute(f"KILL {number.thread_id()}")
        with pytest.raises(ConnectionFailed):
            docs.add(Doc(title="b"))
        with pytest.raises(DatabaseError, match="roll the session back, then begin anew"):
            docs.add(Doc(title="c"))
        session.rollback()
        docs.add(Doc(title="d"))
        session.commit()
    assert [doc.title for doc in repository(Doc, library).all()] == ["d"]


def test_a_schema_lock_is_waited_for_and_given_back(library: Database) -> None:
    for _ in range(2):
        library.create_all(Author, Doc, Tag)
    with library.engine.connect() as connection:
        query = "SELECT IS_FREE_LOCK(CONCAT('agentorm schema ', LEFT(DATABASE(), 40)))"
        assert connection.execute(text(query)).scalar_one() == 1
