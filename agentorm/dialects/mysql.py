"""MySQL: the server keeps vectors and numpy ranks them, unless it has a DISTANCE function.

MySQL 9 has a VECTOR type; only HeatWave and Percona Server compare two of them. MySQL 8 keeps
vectors as BLOB.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Insert,
    Numeric,
    Table,
    and_,
    event,
    func,
    null,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.types import TypeEngine

from agentorm import errors
from agentorm.dialects import (
    generated,
    mysql_indexes,
    mysql_limits,
    mysql_text,
    mysql_types,
    text_forms,
    text_storage,
)
from agentorm.dialects.base import Dialect, Feature
from agentorm.dialects.built import BuiltText
from agentorm.dialects.json_forms import MYSQL
from agentorm.dialects.mysql_probe import answer, distance_templates, indexed_words
from agentorm.vectors import Kind, Metric

if TYPE_CHECKING:
    from agentorm.dialects.postgresql_copy import Copier
    from agentorm.errors import DatabaseError

_HAMMING = "BIT_COUNT({column} ^ {vector})"
_EITHER = "BIT_COUNT({column} | {vector})"
_JACCARD = (
    f"(CASE WHEN {_EITHER} = 0 THEN 1e0"
    f" ELSE 1e0 - 1e0 * BIT_COUNT({{column}} & {{vector}}) / {_EITHER} END)"
)
_MOST_DIGITS, _MOST_PLACES = 65, 30
_ROWS_AT_ONCE = 100
_LONGEST_STATEMENT, _SMALLEST_PACKET = 4 << 20, 1 << 20
_SECONDS_TO_LIVE = 3600
_ROW_OF_ANOTHER_KEY = "1242"
_HARMFUL_MODES = ("EMPTY_STRING_IS_NULL", "NO_BACKSLASH_ESCAPES")  # asyncmy escapes bytes with \
_SCHEMA = "SELECT {}(CONCAT('agentorm schema ', LEFT(COALESCE(DATABASE(), ''), 40)){})"
_LOCK, _UNLOCK = _SCHEMA.format("GET_LOCK", ", 60"), _SCHEMA.format("RELEASE_LOCK", "")


def session_settings(collation: str, *modes: str) -> str:
    """What every connection is told: to refuse what does not fit, and to keep what does."""
    kept = f"CONCAT(@@sql_mode, ',{','.join(modes)}')"
    for mode in _HARMFUL_MODES:
        kept = f"REPLACE({kept}, '{mode}', '')"
    return f"SET SESSION collation_connection = {collation}, sql_mode = {kept}"


class MySQL(Dialect):
    name = "mysql"
    url_names = ("mysql",)
    driver = "pymysql"
    extra = "agentorm[mysql]"
    async_driver = "asyncmy"
    takes_entities = True
    async_extra = "agentorm[async-mysql]"
    features = frozenset(
        {Feature.VECTOR_TYPE, Feature.FULL_TEXT, Feature.UPSERT, Feature.CONCURRENT_WRITERS}
    )
    typed = frozenset({Kind.FLOAT32})
    distances = MappingProxyType({Kind.BIT: {Metric.HAMMING: _HAMMING, Metric.JACCARD: _JACCARD}})
    stores_packed = True
    nearest_first = "-{expression} DESC"
    nulls_first = "{expression} IS NOT NULL, {sorted}"
    nulls_last = "{expression} IS NULL, {sorted}"
    collation: ClassVar[str] = "utf8mb4_0900_bin"
    json = MYSQL
    text = text_forms.MYSQL
    text_storage = text_storage.MYSQL
    vector_bits = "CAST({expression} AS BINARY)"
    stored_types: ClassVar[Mapping[str, str]] = MappingProxyType({"BOOL": "TINYINT(1)"})
    explain_prefix = "EXPLAIN FORMAT=TREE"
    longest_name = 64
    statement_bytes = _LONGEST_STATEMENT
    reads_what_it_changes = False
    upsert_returns = False
    sees_what_it_wrote = False
    streams_alone = True
    vector_column: ClassVar[type[mysql_types.VECTOR]] = mysql_types.VectorReadAsBytes
    modes: ClassVar[tuple[str, ...]] = ("STRICT_ALL_TABLES", "NO_AUTO_VALUE_ON_ZERO")
    settings: ClassVar[str] = session_settings("utf8mb4_bin", *modes)  # which JSON text has
    defaults_long_values: ClassVar[bool] = False
    most_dimensions: ClassVar[int] = 16383
    errors: ClassVar[Mapping[str, type[DatabaseError]]] = MappingProxyType(
        {
            code: kind
            for kind, codes in {
                errors.AuthenticationFailed: "1045 1130 1251 1698 1820 1862 3118 4151",
                errors.ConnectionFailed: "0 1040 1044 1049 1053 1203 1927 2002 2003 2005 2006 2013"
                " 2014 2055 4031",
                errors.ConstraintViolation: "1048 1062 1169 1364 1451 1452 3819 4025",
                errors.TransactionConflict: "1020 1205 1213 3572",
                errors.ReadOnlyDatabase: "1290 1792 1836",
                errors.TableMissing: "1054 1146",
            }.items()
            for code in codes.split()
        }
    )

    def own_type(self, dimension: int | None, kind: Kind) -> TypeEngine[Any]:
        if dimension is None or dimension > self.most_dimensions:
            return self.packed_type(dimension, kind)
        if Feature.VECTOR_TYPE in self.features:
            return self.vector_column(dimension)
        return self.packed_type(dimension, kind)

    def packed_type(self, dimension: int | None, kind: Kind) -> TypeEngine[Any]:
        return mysql.LONGBLOB()

    def string_type(self, length: int | None) -> TypeEngine[Any]:
        if length is None or length > mysql_limits.CHARACTERS_IN_KEY:
            return mysql.LONGTEXT(charset="utf8mb4", collation=self.collation)
        return mysql.VARCHAR(length, charset="utf8mb4", collation=self.collation)

    def bytes_type(self, length: int | None) -> TypeEngine[Any]:
        if length is None or length > mysql_limits.BYTES_IN_KEY:
            return mysql.LONGBLOB()
        return mysql.VARBINARY(length)

    def decimal_type(self, precision: int, scale: int) -> TypeEngine[Any]:
        if precision > _MOST_DIGITS or scale > _MOST_PLACES:
            raise errors.UnsupportedFeature(
                f"decimals of {precision} digits, {scale} of them after the point",
                dialect=self.name,
                hint=f"it takes up to {_MOST_DIGITS}, {_MOST_PLACES} of them after the point",
            )
        return Numeric(precision, scale)

    def datetime_type(self) -> TypeEngine[Any]:
        return mysql_types.DatetimeInUTC()

    def naive_datetime_type(self) -> TypeEngine[Any]:
        return mysql.DATETIME(fsp=6)

    def time_type(self) -> TypeEngine[Any]:
        return mysql.TIME(fsp=6)

    def duration_type(self) -> TypeEngine[Any]:
        return mysql_types.Duration()

    def uuid_type(self) -> TypeEngine[Any]:
        return mysql_types.UuidByDigits()

    def json_type(self) -> TypeEngine[Any]:
        return mysql_types.UnescapedJSON(none_as_null=True)

    def upsert(self, model: Any, key: Sequence[str], overwrite: Sequence[str]) -> Insert:
        """Any unique key may find the row to overwrite, so that another than ours is an error.

        A subquery of two rows where one value is due is how SQL can refuse in an expression.
        """
        odd = next((name for name in (*key, *overwrite) if "%" in name), None)
        if odd is not None:  # SQLAlchemy doubles the sign once too often behind ON DUPLICATE KEY
            raise errors.UnsupportedFeature(
                f"an upsert of the column {odd!r}",
                dialect=self.name,
                hint="name the column without %, by sa_column_kwargs={'name': ...}",
            )
        made = insert(model)
        old, new = made.table.c, made.inserted
        same = and_(*(old[name].op("<=>")(new[name]) for name in key))
        refusal = union_all(select(null()), select(null())).scalar_subquery()
        guarded = {key[0]: func.IF(same, old[key[0]], refusal)}
        values = {name: new[name] for name in overwrite if name not in key}
        return made.on_duplicate_key_update(values | guarded)

    def text_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, BuiltText]:
        return mysql_text.text_indexes(connection, table, schema)

    def insert_keyless(
        self, sender: Copier, rows: generated.Keyless, most: int
    ) -> Sequence[Any] | None:
        return generated.consecutive(sender, rows, most)

    def before_savepoint(self, connection: Connection) -> None:
        """Without a transaction the server forgets a savepoint at once, and keeps every row."""
        driver = connection.connection.dbapi_connection
        if getattr(driver, "get_autocommit", bool)():
            raise errors.InvalidQuery(
                "AUTOCOMMIT has no savepoints, so nothing can be all or none",
                hint="leave isolation_level out, or name another",
            )

    def unique_index(
        self, connection: Connection, table: Table, columns: Sequence[str]
    ) -> str | None:
        return mysql_indexes.unique_index(connection, table, columns)

    def is_other_key(self, error: BaseException) -> bool:
        return _code(error) == _ROW_OF_ANOTHER_KEY

    def engine_arguments(self, url: URL) -> tuple[URL, dict[str, Any]]:
        """Idle connections are renewed before the server drops them, eight hours by default."""
        return url, {
            "pool_recycle": _SECONDS_TO_LIVE,
            "insertmanyvalues_page_size": _ROWS_AT_ONCE,
            "json_serializer": partial(json.dumps, ensure_ascii=False),
        }

    def attach(self, engine: Engine) -> None:
        event.listen(engine, "do_connect", mysql_limits.connect)

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "handle_error", mysql_limits.give_up_after_conflict)
        event.listen(engine, "before_cursor_execute", mysql_limits.check_packet, retval=True)

    def check_length(self, connection: Connection, sql: str, parameters: Any) -> None:
        mysql_limits.check_length(connection, sql, parameters)

    def on_connect(self, connection: Any) -> None:
        """Another character set of the URL would cut what it does not have, without a word."""
        mysql_limits.take_every_character(connection)
        cursor = connection.cursor()
        cursor.execute(self.settings)
        cursor.close()
        mysql_limits.escape_by_backslash(connection)

    def probe(self, connection: Any) -> Dialect:
        probed = self._of_version(connection, "MySQL")
        if answer(connection, "SELECT VECTOR_DIM(X'0000803F')") is None:
            probed = probed.without(
                Feature.VECTOR_TYPE, note="the server has no VECTOR type: vectors are BLOB"
            )
        templates = distance_templates(connection)
        return (
            probed.computing(templates, note="the server has DISTANCE()") if templates else probed
        )

    def _of_version(self, connection: Any, name: str) -> Self:
        row = answer(connection, "SELECT VERSION(), @@max_allowed_packet")
        version, packet = row or ("of unknown version", _SMALLEST_PACKET)
        probed = self.noting(f"{name} {version}")
        probed.statement_bytes = min(packet // 4, _LONGEST_STATEMENT)
        probed.text = replace(self.text, known=indexed_words(connection, self.text.known))
        return probed

    def check_table(self, table: Table) -> None:
        super().check_table(table)
        mysql_limits.check_keys(self.name, table)
        mysql_limits.check_references(self.name, table)
        mysql_limits.check_row(self.name, table)
        if not self.defaults_long_values:
            mysql_limits.check_defaults(self.name, table)

    @contextmanager
    def schema_lock(self, connection: Connection) -> Generator[None]:
        if connection.execute(text(_LOCK)).scalar_one() != 1:
            raise errors.TransactionConflict("another process is changing the schema")
        try:
            yield
        finally:
            if not connection.invalidated:  # the server unlocks for a connection that is lost
                connection.execute(text(_UNLOCK))

    def message(self, error: BaseException) -> str:
        told = error.args[1] if len(error.args) > 1 else error
        return " ".join(str(told).split())

    def classify(self, error: BaseException) -> type[DatabaseError]:
        return self.errors.get(_code(error), errors.DatabaseError)


def _code(error: BaseException) -> str:
    return str(error.args[0]) if error.args else ""
