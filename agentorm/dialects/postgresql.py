"""PostgreSQL with pgvector; without it, vectors are bytes and numpy ranks them."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import Connection, Engine, Insert, Table, event, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from agentorm import errors
from agentorm.dialects.base import Dialect, Feature
from agentorm.dialects.built import BuiltIndex
from agentorm.dialects.json_forms import POSTGRESQL
from agentorm.dialects.postgresql_types import VECTOR, TextByCodePoint, from_wire
from agentorm.vectors import Kind, Metric, Vector

if TYPE_CHECKING:
    from agentorm.errors import DatabaseError

CREATE_EXTENSION = "CREATE EXTENSION IF NOT EXISTS vector"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('agentorm schema'))"
_PGVECTOR = (
    "SELECT coalesce(installed_version, default_version)"
    " FROM pg_available_extensions WHERE name = 'vector'"
)
_GO_ON_BY_LISTS = text("SELECT set_config('ivfflat.iterative_scan', 'relaxed_order', true)")
_GO_ON_BY_GRAPH = text(
    "SELECT set_config('hnsw.iterative_scan', 'strict_order', true),"
    " set_config('hnsw.ef_search', greatest(40, CAST(:candidates AS INTEGER),"
    " CAST(current_setting('hnsw.ef_search', true) AS INTEGER))::text, true)"
)
_DEEPEST_DEFAULT = 40
_MOST_DIMENSIONS = 16000
_TOO_MANY = "number of parameters"
_NOT_LET_IN = ("authentication failed", "no password supplied", 'role "', "pg_hba.conf")
_OPERATOR_CLASSES = {
    Metric.COSINE: "vector_cosine_ops",
    Metric.L2: "vector_l2_ops",
    Metric.INNER_PRODUCT: "vector_ip_ops",
    Metric.L1: "vector_l1_ops",
}

_METRICS = {name: metric for metric, name in _OPERATOR_CLASSES.items()}
_METHODS: dict[str, tuple[Feature, dict[str, int]]] = {
    "hnsw": (Feature.HNSW, {"m": 16, "ef_construction": 64}),
    "ivfflat": (Feature.IVFFLAT, {"lists": 100}),
}
_VECTOR_INDEXES = text(
    "SELECT named.relname, attname, amname, opcname, named.reloptions FROM pg_index"
    " JOIN pg_class named ON named.oid = indexrelid JOIN pg_am ON pg_am.oid = named.relam"
    " JOIN pg_class owner ON owner.oid = indrelid"
    " JOIN pg_namespace ON pg_namespace.oid = owner.relnamespace"
    " JOIN pg_opclass ON pg_opclass.oid = indclass[0]"
    " JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
    " WHERE owner.relname = :table AND nspname = coalesce(CAST(:schema AS name), current_schema())"
    " AND indnatts = 1 AND indpred IS NULL AND amname IN ('hnsw', 'ivfflat')"
)


class PostgreSQL(Dialect):
    name = "postgresql"
    url_names = ("postgresql", "postgres")
    driver = async_driver = "psycopg"
    extra = "agentorm[postgresql]"
    async_extra = "agentorm[async,postgresql]"
    features = frozenset(
        {
            Feature.VECTOR_TYPE,
            Feature.DISTANCE,
            Feature.HNSW,
            Feature.IVFFLAT,
            Feature.UPSERT,
            Feature.CONCURRENT_WRITERS,
        }
    )
    distances = MappingProxyType(
        {
            Metric.COSINE: "({column} <=> {vector})",
            Metric.L2: "({column} <-> {vector})",
            Metric.INNER_PRODUCT: "({column} <#> {vector})",
            Metric.L1: "({column} <+> {vector})",
        }
    )
    json = POSTGRESQL
    unindexed = "({distance} + 0)"
    ascending = "{expression} NULLS FIRST"
    descending = "{expression} DESC NULLS LAST"
    preparation = CREATE_EXTENSION
    index_dimensions = 2000
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

    def vector_type(self, dimension: int | None, kind: Kind) -> TypeEngine[Any]:
        if Feature.VECTOR_TYPE in self.features:
            return VECTOR(dimension)
        return super().vector_type(dimension, kind)

    def encode(self, vector: Vector) -> object:
        return vector if Feature.VECTOR_TYPE in self.features else vector.tobytes()

    def decode(self, stored: Any, dimension: int | None) -> Vector:
        if isinstance(stored, Vector):
            return stored
        if isinstance(stored, str):
            return Vector(json.loads(stored))
        if Feature.VECTOR_TYPE in self.features:
            return from_wire(stored)
        return super().decode(stored, dimension)

    def literal(self, vector: Vector) -> str:
        if Feature.VECTOR_TYPE in self.features:
            return f"'[{','.join(map(repr, vector))}]'"
        return f"'\\x{vector.tobytes().hex()}'"

    def string_type(self, length: int | None) -> TypeEngine[Any]:
        return TextByCodePoint(length)

    def json_type(self) -> TypeEngine[Any]:
        return JSONB(none_as_null=True)

    def index_options(
        self, method: Feature, field: str, metric: Metric, **parameters: int
    ) -> dict[str, Any]:
        return {
            "postgresql_using": "hnsw" if method is Feature.HNSW else "ivfflat",
            "postgresql_ops": {field: _OPERATOR_CLASSES[metric]},
            "postgresql_with": parameters,
        }

    def built_parameters(self, method: Feature, **parameters: int) -> dict[str, int]:
        return parameters

    def vector_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, BuiltIndex]:
        found = connection.execute(_VECTOR_INDEXES, {"table": table, "schema": schema})
        return {
            name: BuiltIndex(column, *built)
            for name, column, method, operators, options in found
            if (built := _as_declared(method, operators, options)) is not None
        }

    @contextmanager
    def searching(
        self, connection: Connection, method: Feature, limit: int, *, filtered: bool
    ) -> Generator[None]:
        """Forgotten with the transaction."""
        if filtered or limit > _DEEPEST_DEFAULT:
            if method is Feature.IVFFLAT:
                connection.execute(_GO_ON_BY_LISTS)
            else:
                connection.execute(_GO_ON_BY_GRAPH, {"candidates": min(limit, 1000)})
        yield

    def upsert(self, model: type[Any], key: Sequence[str], overwrite: Sequence[str]) -> Insert:
        made = insert(model)
        values = {name: made.excluded[name] for name in overwrite}
        return made.on_conflict_do_update(index_elements=list(key), set_=values)

    def attach(self, engine: Engine) -> None:
        from agentorm.dialects.psycopg_vectors import binary_when_vectors_return

        event.listen(engine, "before_cursor_execute", binary_when_vectors_return)

    def on_connect(self, connection: Any) -> None:
        from agentorm.dialects.psycopg_vectors import expect_cancelling, register_vectors

        found = _first_row(
            connection, "SELECT oid, typarray FROM pg_type WHERE oid = to_regtype('vector')"
        )
        driver_connection = getattr(connection, "driver_connection", connection)
        expect_cancelling(driver_connection)
        register_vectors(driver_connection, *(found or (0, 0)))

    def probe(self, connection: Any) -> Dialect:
        version = _first_row(connection, "SHOW server_version")
        probed = self.noting(f"PostgreSQL {version[0] if version else 'of unknown version'}")
        found = _first_row(connection, _PGVECTOR)
        if found is not None:
            return _limited_to(probed, found[0])
        return probed.without(
            Feature.VECTOR_TYPE,
            Feature.DISTANCE,
            Feature.HNSW,
            Feature.IVFFLAT,
            note="the server has no pgvector: vectors are BYTEA, numpy ranks them",
        )

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
        sizes = [getattr(column.type, "dimension", None) or 0 for column in table.columns]
        if Feature.VECTOR_TYPE in self.features and max(sizes, default=0) > _MOST_DIMENSIONS:
            raise errors.UnsupportedFeature(
                f"vectors of {max(sizes)} dimensions",
                dialect=self.name,
                hint=f"pgvector stores up to {_MOST_DIMENSIONS}",
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
    if [int(part) for part in pgvector.split(".")[:2]] >= [0, 8]:
        return probed
    return probed.without(
        Feature.HNSW, Feature.IVFFLAT, note="vector indexes need pgvector 0.8: all rows are ranked"
    )


def _as_declared(
    method: str, operators: str, options: list[str] | None
) -> tuple[Feature, Metric, dict[str, int]] | None:
    """The index as one of ours; None for one over another type, or with other parameters."""
    feature, defaults = _METHODS[method]
    given = dict(option.split("=", 1) for option in options or ())
    if operators not in _METRICS or given.keys() - defaults.keys():
        return None
    return feature, _METRICS[operators], defaults | {k: int(v) for k, v in given.items()}


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
