"""The engines of a run, each with a database of the benchmark's own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agentorm import Database
from tests.benchmarks.index_recall.progress import say
from tests.engines import ENGINES, Missing
from tests.engines.supervision import supervised

NAME = "agentorm_bench"
_MANY_ROWS = 10_000
_MOST_GRAPH = "1073741824"
"""Bytes: with its default of 16 MiB, MariaDB reads the graph over and over."""


@dataclass(frozen=True)
class Server:
    """What differs between the engines when a database is made, and what a report says of them.

    Attributes:
        create: makes the database; None where a file is one.
        look: finds it, or None where `create` does that itself.
        raised: global variables and what they are raised to during the run, if they may be.
        told: what tells the settings that limit a search.
        index_bytes: the size of a table's vector index.
    """

    create: str | None = f"CREATE DATABASE IF NOT EXISTS {NAME}"
    look: str | None = None
    raised: dict[str, str] = field(default_factory=dict[str, str])
    told: tuple[str, ...] = ()
    index_bytes: str | None = None


_BUFFER_POOL = (
    "SELECT CONCAT('innodb_buffer_pool_size ', @@innodb_buffer_pool_size DIV 1048576, ' MiB')"
)
SERVERS = {
    "sqlite": Server(create=None),
    "postgresql": Server(
        create=f"CREATE DATABASE {NAME}",
        look=f"SELECT 1 FROM pg_database WHERE datname = '{NAME}'",
        told=("SELECT 'shared_buffers ' || current_setting('shared_buffers')",),
        index_bytes="SELECT pg_relation_size(indexrelid) FROM pg_index"
        " JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam"
        " WHERE indrelid = to_regclass(:table) AND amname IN ('hnsw', 'ivfflat')",
    ),
    "mariadb": Server(
        raised={"mhnsw_max_cache_size": _MOST_GRAPH},
        told=(
            "SELECT CONCAT('mhnsw_max_cache_size ', @@mhnsw_max_cache_size DIV 1048576, ' MiB')",
            _BUFFER_POOL,
        ),
        index_bytes="SELECT file_size FROM information_schema.innodb_sys_tablespaces"
        " WHERE name LIKE CONCAT(DATABASE(), '/', :table, '#i#%')",
    ),
    "mysql": Server(told=(_BUFFER_POOL,)),
}


@contextmanager
def databases(
    urls: Sequence[str], names: Sequence[str], tables: Sequence[type[Any]], *, keep: bool
) -> Generator[Iterator[Database]]:
    """The databases of the URLs; without URLs, one for each engine of these names that is here."""
    with ExitStack() as stack:
        found = [stack.enter_context(_given(url, tables, keep=keep)) for url in urls]
        for name in () if urls else names:
            try:
                url = _url(name, stack)
            except Missing as reason:
                say(f"{name}: left out, {reason}")
                continue
            found.append(stack.enter_context(_created(url, keep=keep)))
        yield iter(found)


def _url(name: str, stack: ExitStack) -> str:
    engine = next(engine for engine in ENGINES if engine.name == name)
    if engine.variable is None:
        return f"sqlite:///{(Path(tempfile.gettempdir()) / NAME).as_posix()}.db"
    return os.environ.get(engine.variable) or stack.enter_context(supervised(engine))()


@contextmanager
def _given(url: str, tables: Sequence[type[Any]], *, keep: bool) -> Generator[Database]:
    """A database that is there, without the tables in the end."""
    with Database(url) as db:
        yield db
        if not keep:
            db.drop_all(*tables)


@contextmanager
def _created(url: str, *, keep: bool) -> Generator[Database]:
    """A database of the benchmark's own, gone in the end."""
    with Database(url) as given:
        server = SERVERS[given.dialect().name]
        if server.create is None:
            yield given
            given.dispose()
            if not keep:
                Path(given.url.database or "").unlink(missing_ok=True)
            return
        _run(given, server.create, unless=server.look)
        with Database(given.url.set(database=NAME)) as own:
            yield own
        if not keep:
            _run(given, f"DROP DATABASE {NAME}")


def _run(db: Database, statement: str, *, unless: str | None = None) -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if unless is None or connection.execute(text(unless)).first() is None:
            connection.execute(text(statement))


@contextmanager
def roomy(db: Database, rows: int) -> Generator[None]:
    """The settings that would limit a search of many rows, raised for a while where they may be."""
    settings = SERVERS[db.dialect().name].raised if rows >= _MANY_ROWS else {}
    with ExitStack() as stack:
        for name, value in settings.items():
            with db.engine.connect() as connection:
                before = connection.execute(text(f"SELECT @@GLOBAL.{name}")).scalar_one()
            try:
                _run(db, f"SET GLOBAL {name} = {value}")
            except DBAPIError as refused:
                say(f"{name} stays at {before}: {refused.orig}")
                continue
            stack.callback(_run, db, f"SET GLOBAL {name} = {before}")
        yield


def told(db: Database) -> list[str]:
    """The engine's version and the settings that limit its searches."""
    with db.engine.connect() as connection:
        asked = SERVERS[db.dialect().name].told
        answers = [str(connection.execute(text(each)).scalar_one()) for each in asked]
    return [*db.capabilities().notes, *answers]


def index_bytes(db: Database, table: str) -> int | None:
    """The size of a table's vector index, where the engine tells it."""
    asked = SERVERS[db.dialect().name].index_bytes
    if asked is None:
        return None
    with db.engine.connect() as connection:
        found = connection.execute(text(asked), {"table": table}).scalar()
    return None if found is None else int(found)
