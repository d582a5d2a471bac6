"""SQLite with sqlite-vec over BLOB columns: all of SQL works beside the distances."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from sqlalchemy import URL, BigInteger, Column, Connection, Engine, Insert, Integer, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.types import TypeDecorator, TypeEngine

from agentorm import errors
from agentorm.dialects import (
    generated,
    sqlite_declarations,
    sqlite_schema,
    sqlite_types,
    sqlite_vec,
    text_forms,
    text_storage,
)
from agentorm.dialects.base import ASIDE, CHANGES, Dialect, Feature
from agentorm.dialects.built import BuiltText
from agentorm.dialects.json_forms import SQLITE
from agentorm.embedded.source import Opener
from agentorm.vectors import Kind, Metric

if TYPE_CHECKING:
    from agentorm.dialects.postgresql_copy import Copier
    from agentorm.errors import DatabaseError

_NEVER_NULL = "CASE WHEN {{present}} THEN {0} END"
_INNER_PRODUCT = (
    "(coalesce(vec_distance_cosine({column}, {vector}), 1.0) - 1.0)"
    " * vec_distance_l2({column}, zeroblob(length({vector})))"
    " * vec_distance_l2({vector}, zeroblob(length({vector})))"
)
_MOST_DIGITS = 18
_OF_URL = {"timeout": "10", "cached_statements": "512"}
_LARGE_PAGES = "PRAGMA page_size = 16384"
_MAPPED = "PRAGMA mmap_size = 1073741824"
_USUAL_PAGE = 4096
_HAS_ROOM = sys.maxsize > 1 << 32  # an address for every byte of a large file
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA case_sensitive_like = ON",
    "PRAGMA recursive_triggers = ON",  # REPLACE deletes rows, which full text is told of so
)
_READS = ("SELECT", "PRAGMA", "WITH", "EXPLAIN", "VALUES", "SAVEPOINT")
_OF_ONE_CONNECTION = ":memory:"
_PENDING = "agentorm_begin"
_HAS_FTS5 = "SELECT count(*) FROM pragma_module_list WHERE name = 'fts5'"


def _of_two(metric: str, kind: str) -> str:
    both = f"vec_{kind}({{column}}), vec_{kind}({{vector}})"
    return _NEVER_NULL.format(f"vec_distance_{metric}({both})")


class SQLite(Dialect):
    name = "sqlite"
    url_names = ("sqlite",)
    driver = "pysqlite"
    async_driver = "aiosqlite"
    takes_entities = True
    features = frozenset(
        {
            Feature.JSON_PATH_INDEX,
            Feature.FULL_TEXT,
            Feature.EMBEDDED_INDEX,
            Feature.DISTANCE,
            Feature.UPSERT,
        }
    )
    distances = MappingProxyType(
        {
            Kind.FLOAT32: {
                Metric.COSINE: _NEVER_NULL.format(
                    "max(vec_distance_cosine({column}, {vector}), 0.0)"
                ),
                Metric.L2: _NEVER_NULL.format("vec_distance_l2({column}, {vector})"),
                Metric.INNER_PRODUCT: _NEVER_NULL.format(_INNER_PRODUCT),
                Metric.L1: _NEVER_NULL.format("vec_distance_l1({column}, {vector})"),
            },
            Kind.INT8: {Metric.L1: f"(1.0 * {_of_two('l1', 'int8')})"},
            Kind.BIT: {Metric.HAMMING: _of_two("hamming", "bit")},
        }
    )
    json = SQLITE
    text = text_forms.SQLITE
    text_storage = text_storage.SQLITE
    least = "min({expressions})"
    nearest_first = "{distance} NULLS LAST"
    sorts_whole_rows = True
    transactional_schema = True
    alters_columns = False
    beyond_reflection = "Skipped unsupported reflection of expression-based index ix_"
    explain_prefix = "EXPLAIN QUERY PLAN"
    connection_hint = "check the path of the URL: its folder must be there and writable"
    errors: ClassVar[Mapping[str, type[DatabaseError]]] = MappingProxyType(
        {
            "is locked": errors.TransactionConflict,
            "readonly database": errors.ReadOnlyDatabase,
            "not a database": errors.NotADatabase,
            "unable to open": errors.ConnectionFailed,
            "no such table": errors.TableMissing,
            "no such column": errors.TableMissing,
            "has no column named": errors.TableMissing,
            "constraint failed": errors.ConstraintViolation,
        }
    )

    def packed_type(self, dimension: int | None, kind: Kind) -> TypeEngine[Any]:
        declared = sqlite_types.BLOBS[kind]
        return declared(dimension) if dimension else super().packed_type(dimension, kind)

    def integer_type(self) -> TypeEngine[Any]:
        return Integer()

    def decimal_type(self, precision: int, scale: int) -> TypeEngine[Any]:
        if precision > _MOST_DIGITS:
            raise errors.UnsupportedFeature(
                f"decimals of {precision} digits",
                dialect=self.name,
                hint=f"declare max_digits of at most {_MOST_DIGITS}, or use another engine",
            )
        return ScaledInteger(scale)

    def json_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, str]:
        return sqlite_declarations.expression_indexes(connection, table, schema)

    def text_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, BuiltText]:
        return sqlite_declarations.text_indexes(connection, table, schema)

    def hidden_tables(self, connection: Connection) -> frozenset[str]:
        return sqlite_declarations.hidden_tables(connection)

    def redeclare(
        self, connection: Connection, column: Column[Any], type_: TypeEngine[Any]
    ) -> None:
        sqlite_declarations.redeclare(connection, column, type_)

    def upsert(self, model: Any, key: Sequence[str], overwrite: Sequence[str]) -> Insert:
        made = insert(model)
        values = {name: made.excluded[name] for name in overwrite}
        return made.on_conflict_do_update(index_elements=list(key), set_=values)

    def engine_arguments(self, url: URL) -> tuple[URL, dict[str, Any]]:
        url, options = self.async_engine_arguments(url)
        return url, options | {"module": sqlite_vec.best_way().module}

    def async_engine_arguments(self, url: URL) -> tuple[URL, dict[str, Any]]:
        options: dict[str, Any] = {"json_serializer": partial(json.dumps, ensure_ascii=False)}
        url = url.set(query={**_OF_URL, **url.query})
        if url.database in {None, "", _OF_ONE_CONNECTION}:
            shared = {**url.query, "vfs": "memdb", "uri": "true"}
            url = url.set(database=f"file:/{uuid4().hex}", query=shared)
        return url, options

    def attach(self, engine: Engine) -> None:
        event.listen(engine, "do_connect", _connect)
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _delay_begin)
        event.listen(engine, "before_cursor_execute", _begin_before_first_statement, retval=True)

    def has_begun(self, connection: Connection) -> bool:
        return _PENDING not in connection.info

    def begin(self, connection: Connection, *, writes: bool) -> None:
        if _PENDING in connection.info:
            driver: Any = connection.connection.driver_connection
            _begin(connection, driver.execute, writes=writes)

    def insert_keyless(
        self, sender: Copier, rows: generated.Keyless, most: int
    ) -> Sequence[Any] | None:
        return generated.counted(sender, rows)

    def before_savepoint(self, connection: Connection) -> None:
        """Python's driver begins no transaction for SAVEPOINT, and its release would commit."""
        driver: Any = connection.connection.driver_connection
        if _PENDING not in connection.info and not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def on_connect(self, connection: Any) -> None:
        sqlite_vec.give(connection)

    def beside(self, engine: Engine) -> Opener:
        """They wait for nobody: this very thread may hold the lock."""
        dialect: Any = engine.dialect
        module: Any = sqlite_vec.best_way().module if dialect.is_async else dialect.loaded_dbapi
        arguments, keywords = dialect.create_connect_args(engine.url)
        keywords = {**keywords, "timeout": 0, "check_same_thread": False}
        name = "" if arguments[0] == _OF_ONE_CONNECTION else str(arguments[0])
        return Opener(partial(module.connect, *arguments, **keywords), module.Error, name)

    def migrating(self, connection: Connection) -> AbstractContextManager[None]:
        return sqlite_schema.migrating(connection)

    def broken_references(self, connection: Connection) -> Counter[str]:
        return sqlite_schema.broken_references(connection)

    def probe(self, connection: Any) -> Dialect:
        cursor = connection.cursor()
        cursor.execute("SELECT sqlite_version()")
        (version,) = cursor.fetchone()
        cursor.execute(_HAS_FTS5)
        (fts5,) = cursor.fetchone()
        cursor.close()
        probed = self.noting(f"SQLite {version}").noting(sqlite_vec.give(connection).note)
        if fts5:
            return probed
        return probed.without(
            Feature.FULL_TEXT, note="this SQLite was built without FTS5: no text is indexed"
        )


class ScaledInteger(TypeDecorator[Decimal]):
    """Decimals as integers of their smallest unit: exact, and in the right order."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def process_bind_param(self, value: Any, dialect: Any) -> int | float | None:
        if value is None:
            return None
        units = Decimal(value).scaleb(self.scale)
        fits = units == units.to_integral_value() and abs(units) < 2**63
        return int(units) if fits else float(units)

    def process_result_value(self, value: Any, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-self.scale)


def _connect(dialect: Any, record: Any, arguments: Any, keywords: Any) -> Any:
    if not dialect.is_async:
        return sqlite_vec.best_way().connect(*arguments, **keywords)
    from agentorm.dialects import sqlite_awaited

    keywords["async_creator_fn"] = sqlite_awaited.connect
    return None


def _configure(connection: Any, record: Any) -> None:
    connection.isolation_level = None
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()
        _begin_file(connection)
        _map(connection)
    except BaseException:
        connection.close()
        raise


def _begin_file(connection: Any) -> None:
    """A new file gets large pages, for vectors; what an older one has stays as it is.

    WAL lets readers and one writer work side by side; the file remembers it. A read-only file
    keeps what it has. SQLite does not wait for the lock that the change needs:
    whoever holds it is changing the same, or will be asked again by the next connection.
    """
    try:
        if _asked(connection, "PRAGMA page_size") == _USUAL_PAGE:
            connection.execute(_LARGE_PAGES).close()
        connection.execute("PRAGMA journal_mode = WAL").close()
    except Exception as error:
        if not any(reason in str(error) for reason in ("readonly", "is locked")):
            raise


def _map(connection: Any) -> None:
    """Pages are read where the system caches them, not copied into each connection."""
    if _HAS_ROOM and _asked(connection, "PRAGMA mmap_size") == 0:
        connection.execute(_MAPPED).close()


def _asked(connection: Any, pragma: str) -> int | None:
    cursor = connection.execute(pragma)
    row = cursor.fetchone()
    cursor.close()
    return row[0] if row else None


def _delay_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.info.pop(CHANGES, None)
    if options.get("isolation_level") == "AUTOCOMMIT":
        connection.info.pop(_PENDING, None)
        return
    driver: Any = connection.connection.driver_connection
    if driver.in_transaction:  # two databases tell it where one engine has options of another
        return
    connection.info[_PENDING] = options.get(_PENDING, "")
    if not connection.dialect.is_async:
        connection.info[CHANGES] = driver.total_changes
    if connection.info[_PENDING]:
        _begin(connection, connection.exec_driver_sql, writes=True)


def _begin_before_first_statement(
    conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> tuple[str, Any]:
    aside = context is not None and ASIDE.items() <= context.execution_options.items()
    if _PENDING in conn.info and not aside:
        _begin(conn, conn.exec_driver_sql, writes=not statement.lstrip().upper().startswith(_READS))
    return statement, parameters


def _begin(connection: Connection, send: Callable[[str], object], *, writes: bool) -> None:
    """SQLite has no way to wait for a write lock once it has read, so a writer asks at once."""
    info = connection.info
    waits = info.pop(_PENDING, None)
    try:
        send("BEGIN IMMEDIATE" if writes else "BEGIN")
    except Exception:  # locked: whoever tries again has to begin again
        if waits is not None:
            info[_PENDING] = waits
        raise
