"""MariaDB and MySQL."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from tests.engines.engine import Engine, Fresh, Missing, database_names
from tests.engines.mysql_programs import Kind
from tests.engines.mysql_server import serve

if TYPE_CHECKING:
    from pymysql import Connection


def inspect(kind: Kind, url: str) -> str:
    from sqlalchemy import make_url

    if (scheme := make_url(url).get_backend_name()) != kind.product.lower():
        raise Missing(f"its URL begins with {scheme}, not {kind.product.lower()}")
    with closing(_connect(url)) as server:
        name = kind.check(str(_one(server, "SELECT VERSION()")))
        probe = f"agentorm_test_{token_hex(8)}"
        try:
            _run(server, f"CREATE DATABASE {probe}")
            _run(server, f"DROP DATABASE {probe}")
        except _driver().Error:
            raise Missing("the user of its URL may not create databases") from None
        return name


@contextmanager
def sandbox(url: str, worker: str) -> Generator[Fresh]:
    """A database of the worker's own, made anew for each test."""
    with closing(_connect(url)) as server:
        name = _claim(server, worker)
        try:
            yield partial(_emptied, server, name, _url_of(url, name))
        finally:
            _drop(server, name)


def _claim(server: Connection[Any], worker: str) -> str:
    """A name that no other run on this server has; the lock lasts as long as the connection."""
    return next(
        name for name in database_names(worker) if _one(server, f"SELECT GET_LOCK('{name}', 0)")
    )


def _emptied(server: Connection[Any], name: str, url: str, folder: object) -> str:
    _drop(server, name)
    _run(server, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return url


def _drop(server: Connection[Any], name: str) -> None:
    """It would wait for the transactions of others, so their connections go first."""
    for number, _user, _host, database, *_ in _run(server, "SHOW PROCESSLIST"):
        if database == name:
            with suppress(_driver().Error):  # it has gone by itself
                _run(server, f"KILL {number}")
    _run(server, f"DROP DATABASE IF EXISTS {name}")


_OPTIONS = {
    "autocommit": True,
    "connect_timeout": 10,
    "charset": "latin1",  # the process list cuts statements within characters
}


def _connect(url: str) -> Connection[Any]:
    from sqlalchemy import make_url

    driver = _driver()
    parsed = make_url(_url_of(url)).set(drivername="mysql+pymysql")
    args, options = parsed.get_dialect()().create_connect_args(parsed)
    try:
        server: Connection[Any] = driver.connect(*args, **{**options, **_OPTIONS})
    except (driver.Error, RuntimeError) as error:  # the latter asks for the package cryptography
        raise Missing(f"there is no connection: {error}") from None
    return server


def _driver() -> Any:
    try:
        import pymysql
    except ImportError:
        raise Missing("pymysql is not installed") from None
    return pymysql


def _url_of(url: str, database: str | None = None) -> str:
    from sqlalchemy import make_url

    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _run(server: Connection[Any], statement: str) -> Any:
    with server.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def _one(server: Connection[Any], statement: str) -> Any:
    return _run(server, statement)[0][0]


def _row(name: str, kind: Kind, *, reduced: bool = False) -> Engine:
    return Engine(
        name,
        variable=f"AGENTORM_TEST_{name.upper().replace('-', '_').replace('.', '_')}_URL",
        serve=partial(serve, kind),
        inspect=partial(inspect, kind),
        sandbox=sandbox,
        reduced=reduced,
    )


MARIADB = _row("mariadb", Kind("MariaDB", (11, 7), "mariadb-server-core", "trixie"))
MYSQL = _row("mysql", Kind("MySQL", (9,), "mysql-server-core", "sid"))
MARIADB_10_11 = _row(
    "mariadb-10.11",
    Kind("MariaDB", (10, 11), "mariadb-server-core", "bookworm", before=(10, 12)),
    reduced=True,
)
