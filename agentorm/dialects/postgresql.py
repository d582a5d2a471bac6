"""PostgreSQL with pgvector; without it, vectors are bytes and numpy ranks them."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import URL, Connection, Engine, Insert, Table, event, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from agentorm import errors
from agentorm.dialects import (
    generated,
    pgvector_search,
    postgresql_copy,
    postgresql_indexes,
    text_forms,
    text_storage,
)
from agentorm.dialects.base import Dialect, Feature
from agentorm.dialects.built import BuiltIndex, BuiltText
from agentorm.dialects.effort import Effort
from agentorm.dialects.json_forms import POSTGRESQL
from agentorm.dialects.postgresql_copy import Copier, Stored
from agentorm.dialects.postgresql_types import OWN_TYPES, TextByCodePoint
from agentorm.dialects.postgresql_wire import NAMES, from_text, from_wire, to_text
from agentorm.vectors import AnyVector, Kind, Metric, SparseVector

if TYPE_CHECKING:
    from agentorm.errors import DatabaseError

CREATE_EXTENSION = "CREATE EXTENSION IF NOT EXISTS vector"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('agentorm schema'))"
_PGVECTOR = (
    "SELECT coalesce(installed_version, default_version)"
    " FROM pg_available_extensions WHERE name = 'vector'"
)
_MOST_DIMENSIONS = {
    Kind.FLOAT32: 16_000,
    Kind.FLOAT16: 16_000,
    Kind.BIT: 83_886_080,
    Kind.SPARSE: 1_000_000_000,
}
_MOST_NOT_ZERO = 16_000
_OF_NUMBERS = {
    Metric.COSINE: "({column} <=> {vector})",
    Metric.L2: "({column} <-> {vector})",
    Metric.INNER_PRODUCT: "({column} <#> {vector})",
    Metric.L1: "({column} <+> {vector})",
}
_OID = "coalesce(to_regtype('{}')::oid::bigint, 0)"
_TYPES = "SELECT " + ", ".join(
    _OID.format(name) for known in NAMES.values() for name in (known, f"{known}[]")
)
_LONGEST_INTEGER = len(str(-(2**63)))
_SERVES = re.compile(
    r'Index Scan using (?:"((?:[^"]|"")+)"|(\S+)) on .*\n(?:\s+Index Cond: .*\n)?\s+Order By: '
)
_TOO_MANY = "number of parameters"
_NOT_LET_IN = ("authentication failed", "no password supplied", 'role "', "pg_hba.conf")
_JSON_INDEXES = text(
    "SELECT named.relname, coalesce(pg_get_expr(indexprs, indrelid),"
    " pg_get_indexdef(indexrelid, 1, false)) FROM pg_index"
    " JOIN pg_class named ON named.oid = indexrelid"
    " JOIN pg_class owner ON owner.oid = indrelid"
    " JOIN pg_namespace ON pg_namespace.oid = owner.relnamespace"
    " JOIN pg_opclass ON pg_opclass.oid = indclass[0]"
    " WHERE owner.relname = :table AND nspname = coalesce(CAST(:schema AS name), current_schema())"
    " AND indnatts = 1 AND indpred IS NULL AND (indexprs IS NOT NULL OR opcname = 'jsonb_path_ops')"
)


class PostgreSQL(Dialect):
    name = "postgresql"
    url_names = ("postgresql", "postgres")
    driver = async_driver = "psycopg"
    extra = "agentorm[postgresql]"
    takes_entities = True
    copies_from = 16
    async_extra = "agentorm[async,postgresql]"
    features = frozenset(
        {
            Feature.VECTOR_TYPE,
            Feature.DISTANCE,
            Feature.HNSW,
            Feature.IVFFLAT,
            Feature.GIN,
            Feature.FULL_TEXT,
            Feature.JSON_PATH_INDEX,
            Feature.UPSERT,
            Feature.CONCURRENT_WRITERS,
        }
    )
    kinds = frozenset(Kind)
    typed = frozenset(Kind) - {Kind.INT8}
    distances = MappingProxyType(
        {
            Kind.FLOAT32: _OF_NUMBERS,
            Kind.FLOAT16: _OF_NUMBERS,
            Kind.BIT: {
                Metric.HAMMING: "({column} <~> {vector})",
                Metric.JACCARD: "({column} <%> {vector})",
            },
            Kind.SPARSE: _OF_NUMBERS,
        }
    )
    indexed_metrics = MappingProxyType(postgresql_indexes.METRICS)
    json = POSTGRESQL
    text = text_forms.POSTGRESQL
    text_storage = text_storage.POSTGRESQL
    unindexed = "({distance} + 0)"
    ascending = "{expression} NULLS FIRST"
    descending = "{expression} DESC NULLS LAST"
    preparation = CREATE_EXTENSION
    index_dimensions = MappingProxyType({Kind.FLOAT32: 2000, Kind.FLOAT16: 4000, Kind.BIT: 64000})
    narrower = MappingProxyType({Kind.FLOAT32: Kind.FLOAT16})
    index_reach = 20000
    longest_name = 63
    adds_durations = True
    transactional_schema = True
    errors: ClassVar[Mapping[str, type[DatabaseError]]] = MappingProxyType(
        {
            "08": errors.ConnectionFailed,
            "28": errors.AuthenticationFailed,
            "3D": errors.ConnectionFailed,
            "57P": errors.ConnectionFailed,
            "53300": errors.ConnectionFailed,
            "23": errors.ConstraintViolation,
            "25006": errors.ReadOnlyDatabase,
            "40": errors.TransactionConflict,
            "55P03": errors.TransactionConflict,
            "42P01": errors.TableMissing,
            "42703": errors.TableMissing,
        }
    )

    def own_type(self, dimension: int | None, kind: Kind) -> TypeEngine[Any]:
        return OWN_TYPES[kind](dimension)

    def encode(self, vector: AnyVector) -> object:
        if isinstance(vector, SparseVector) and len(vector.indices) > _MOST_NOT_ZERO:
            raise errors.InvalidVector(
                f"{len(vector.indices)} components are not 0, and pgvector takes {_MOST_NOT_ZERO}",
                hint="keep the largest of them",
            )
        return vector if vector.kind in self.typed else vector.tobytes()

    def encode_all(self, vectors: Sequence[AnyVector]) -> Sequence[object]:
        return vectors if vectors[0].kind in self.typed else super().encode_all(vectors)

    def decode(self, stored: Any, dimension: int | None, kind: Kind = Kind.FLOAT32) -> AnyVector:
        if isinstance(stored, AnyVector):
            return stored
        if isinstance(stored, str):
            return from_text(stored, kind)
        if kind in self.typed:
            return from_wire(stored, kind)
        return super().decode(stored, dimension, kind)

    def literal(self, vector: AnyVector) -> str:
        if vector.kind in self.typed:
            return f"'{to_text(vector)}'"
        return f"'\\x{vector.tobytes().hex()}'"

    def string_type(self, length: int | None) -> TypeEngine[Any]:
        return TextByCodePoint(length)

    def json_type(self) -> TypeEngine[Any]:
        return JSONB(none_as_null=True)

    def index_options(
        self, method: Feature, field: str, metric: Metric, kind: Kind, **parameters: int
    ) -> dict[str, Any]:
        operators = postgresql_indexes.OPERATOR_CLASSES.get((kind, metric))
        if operators is None:
            return {}
        return {
            "postgresql_using": "hnsw" if method is Feature.HNSW else "ivfflat",
            "postgresql_ops": {field: operators},
            "postgresql_with": parameters,
        }

    def json_index_options(self, field: str) -> dict[str, Any]:
        return {"postgresql_using": "gin", "postgresql_ops": {field: "jsonb_path_ops"}}

    def json_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, str]:
        found = connection.execute(_JSON_INDEXES, {"table": table, "schema": schema})
        return {name: written for name, written in found}  # noqa: C416  # a Row is no pair to mypy

    def text_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, BuiltText]:
        return postgresql_indexes.text_indexes(connection, table, schema)

    def built_parameters(self, method: Feature, **parameters: int) -> dict[str, int]:
        return parameters

    def vector_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, BuiltIndex]:
        return postgresql_indexes.vector_indexes(self, connection, table, schema)

    def searching(
        self, connection: Connection, method: Feature, effort: Effort
    ) -> AbstractContextManager[None]:
        return pgvector_search.searching(connection, method, effort)

    def searches_as_set(self, method: Feature, effort: Effort) -> bool:
        return pgvector_search.asked(method, effort) is None

    def index_in(self, plan: str, column: str) -> str | None:
        found = _SERVES.search(plan)
        return found and (found[1] or found[2]).replace('""', '"')

    def upsert(self, model: Any, key: Sequence[str], overwrite: Sequence[str]) -> Insert:
        made = insert(model)
        values = {name: made.excluded[name] for name in overwrite}
        return made.on_conflict_do_update(index_elements=list(key), set_=values)

    def engine_arguments(self, url: URL) -> tuple[URL, dict[str, Any]]:
        return url, {"json_deserializer": partial(json.loads, parse_int=_number)}

    def attach(self, engine: Engine) -> None:
        from agentorm.dialects.psycopg_vectors import binary_when_vectors_return

        event.listen(engine, "before_cursor_execute", binary_when_vectors_return, retval=True)

    def open_cursor(self, connection: Any, *, binary: bool) -> Any:
        return connection.cursor(binary=binary)

    def insert_keyless(
        self, sender: Copier, rows: generated.Keyless, most: int
    ) -> Sequence[Any] | None:
        return generated.allocated(sender, rows)

    def copy_rows(
        self,
        sender: Copier,
        table: Table,
        columns: Mapping[str, Sequence[Any]],
        stored: Mapping[str, Stored] | None,
    ) -> bool:
        if stored is None:
            stored = postgresql_copy.stored_columns(sender, table)
        return postgresql_copy.copied(sender, table, stored, columns)

    def returns_binary(self, compiled: Any) -> bool:
        from agentorm.dialects.psycopg_vectors import returns_vectors

        return returns_vectors(compiled, compiled.dialect)

    def on_connect(self, connection: Any) -> None:
        from agentorm.dialects.psycopg_vectors import expect_cancelling, register_vectors

        found = _first_row(connection, _TYPES) or ()
        driver_connection = getattr(connection, "driver_connection", connection)
        expect_cancelling(driver_connection)
        register_vectors(driver_connection, found)

    def probe(self, connection: Any) -> Dialect:
        version = _first_row(connection, "SHOW server_version")
        probed = self.noting(f"PostgreSQL {version[0] if version else 'of unknown version'}")
        found = _first_row(connection, _PGVECTOR)
        if found is not None:
            return _limited_to(probed, found[0])
        probed = probed.without(
            Feature.VECTOR_TYPE,
            Feature.DISTANCE,
            Feature.HNSW,
            Feature.IVFFLAT,
            note="the server has no pgvector: vectors are BYTEA, numpy ranks them",
        )
        probed.kinds, probed.typed = Dialect.kinds, Dialect.typed
        return probed

    def migrating(self, connection: Connection) -> AbstractContextManager[None]:
        """A snapshot from before the lock was had would hide what another has changed."""
        if not connection.in_transaction():
            connection.execution_options(isolation_level="READ COMMITTED")
        return nullcontext()

    @contextmanager
    def schema_lock(self, connection: Connection) -> Generator[None]:
        connection.execute(text(_ONE_AT_A_TIME))
        yield

    def prepare_schema(self, connection: Connection) -> bool:
        if Feature.VECTOR_TYPE not in self.features:
            return False
        there = text("SELECT to_regtype('vector') IS NOT NULL")
        if connection.execute(there).scalar_one():
            return False
        try:
            connection.execute(text(CREATE_EXTENSION))
        except DBAPIError as error:
            raise errors.ExtensionMissing("vector", statement=CREATE_EXTENSION) from error
        return True

    def check_table(self, table: Table) -> None:
        super().check_table(table)
        for column in table.columns:
            kind: Any = getattr(column.type, "kind", None)
            most = _MOST_DIMENSIONS[kind] if kind in self.typed else None
            size = getattr(column.type, "dimension", None) or 0
            if most is not None and size > most:
                raise errors.UnsupportedFeature(
                    f"{kind} vectors of {size} dimensions, as {table.name}.{column.name} has",
                    dialect=self.name,
                    hint=f"it stores up to {most}",
                )

    def name_length(self, name: str) -> int:
        return len(name.encode())

    def message(self, error: BaseException) -> str:
        told = getattr(error, "diag", None)
        return (told and told.message_primary) or super().message(error)

    def classify(self, error: BaseException) -> type[DatabaseError]:
        state = getattr(error, "sqlstate", None) or ""
        found = next((kind for code, kind in self.errors.items() if state.startswith(code)), None)
        if found is not None and state:
            return found
        if state:
            return errors.DatabaseError
        if any(sign in str(error) for sign in _NOT_LET_IN):
            return errors.AuthenticationFailed
        broken = _is_operational(error) and _TOO_MANY not in str(error)
        return errors.ConnectionFailed if broken else errors.DatabaseError


def _limited_to(probed: Dialect, pgvector: str) -> Dialect:
    """Filtered index searches are complete from 0.8 on, which can go on until k rows are found."""
    probed = probed.noting(f"pgvector {pgvector}")
    version = [int(part) for part in pgvector.split(".")[:2]]
    if version >= [0, 8]:
        return probed
    if version < [0, 7]:
        probed = probed.noting("float16, bit and sparse vectors need pgvector 0.7")
        probed.kinds, probed.typed = Dialect.kinds, frozenset({Kind.FLOAT32})
        probed.distances = MappingProxyType({Kind.FLOAT32: probed.distances[Kind.FLOAT32]})
    return probed.without(
        Feature.HNSW, Feature.IVFFLAT, note="vector indexes need pgvector 0.8: all rows are ranked"
    )


def _number(digits: str) -> float:
    """JSONB writes great floats without a point; integers have 64 bits at most."""
    number = float(digits) if len(digits) > _LONGEST_INTEGER else int(digits)
    return number if -(2**63) <= number < 2**63 else float(digits)


def _first_row(connection: Any, statement: str) -> tuple[Any, ...] | None:
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
    finally:
        cursor.close()


def _is_operational(error: BaseException) -> bool:
    return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
