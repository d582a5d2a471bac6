"""What a developer writes who takes each engine's driver as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentorm import Database, Vector
from agentorm.dialects.postgresql_wire import to_wire


class Wire(bytes):
    """A vector as PostgreSQL receives it in binary."""

    __slots__ = ()


@dataclass(frozen=True)
class Driver:
    """How a driver is spoken to.

    Attributes:
        connect: a connection of its own, in no transaction.
        begin: what begins a transaction that will write; None where the driver begins it.
        cursor: the cursor that is used again and again.
        mark: the placeholder.
        vector: the column of vectors as it is selected.
        encode: a vector as it is sent.
        nearest: the columns and the order of a search by cosine, the vector `{mark}`.
        looking: by how many rows are asked for, the settings with which an index finds them.
        empty: the statement that leaves a table as new after a rollback, if there is one.
    """

    connect: Callable[[Database], Any]
    begin: str | None = None
    cursor: Callable[[Any], Any] = lambda connection: connection.cursor()
    mark: str = "%s"
    vector: str = "embedding"
    encode: Callable[[Vector], object] = Vector.tobytes
    nearest: tuple[str, str] | None = None
    looking: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    empty: str | None = "TRUNCATE TABLE"


def _as_opened(db: Database) -> Any:
    """SQLite's own connection, as the library sets it up, with sqlite-vec."""
    fairy = db.engine.raw_connection()
    connection: Any = fairy.driver_connection
    fairy.detach()
    return connection


def _connected(db: Database) -> Any:
    arguments, options = db.engine.dialect.create_connect_args(db.url)
    driver: Any = db.engine.dialect.loaded_dbapi
    return driver.connect(*arguments, **options)


def _of_mysql(db: Database) -> Any:
    connection = _connected(db)
    connection._binary_prefix = True  # noqa: SLF001  # what its argument binary_prefix sets
    return connection


def _of_psycopg(db: Database) -> Any:
    """Vectors go as they are in `Wire`, and come as bytes: psycopg decodes nothing."""
    from psycopg.adapt import Dumper
    from psycopg.pq import Format
    from psycopg.types import TypeInfo

    connection = _connected(db)
    fetch: Any = TypeInfo.fetch
    found = fetch(connection, "vector")
    connection.rollback()

    class AsItIs(Dumper):
        format = Format.BINARY
        oid = found.oid

        def dump(self, obj: Wire) -> bytes:
            return obj

    found.register(connection)
    connection.adapters.register_dumper(Wire, AsItIs)
    return connection


def _wired(vector: Vector) -> Wire:
    return Wire(to_wire(vector))


def _looking_for(k: int) -> tuple[str, str]:
    """Pgvector's settings for more rows than it looks for by itself."""
    return (
        f"SET LOCAL hnsw.ef_search = {k}",
        "SET LOCAL hnsw.iterative_scan = strict_order",
    )


DRIVERS = {
    "sqlite": Driver(
        connect=_as_opened,
        begin="BEGIN IMMEDIATE",
        mark="?",
        nearest=(
            (
                "CASE WHEN embedding IS NOT NULL"
                " THEN max(vec_distance_cosine(embedding, {mark}), 0.0) END AS distance"
            ),
            "distance NULLS LAST, id",
        ),
        empty=None,
    ),
    "postgresql": Driver(
        connect=_of_psycopg,
        cursor=lambda connection: connection.cursor(binary=True),
        encode=_wired,
        nearest=("(embedding <=> {mark}) AS distance", "distance, id"),
        looking={k: _looking_for(k) for k in (100, 1_000)},
    ),
    "mariadb": Driver(
        connect=_of_mysql,
        nearest=(
            "GREATEST(CAST(VEC_DISTANCE_COSINE(embedding, {mark}) AS DOUBLE), 0.0) AS distance",
            "VEC_DISTANCE_COSINE(embedding, {mark})",
        ),
        looking={
            k: (f"SET SESSION mhnsw_ef_search = {max(100, 2 * k)}",) for k in (1, 10, 100, 1_000)
        },
    ),
    "mysql": Driver(connect=_of_mysql, vector="CAST(embedding AS BINARY)"),
}
"""By the name of the dialect."""
