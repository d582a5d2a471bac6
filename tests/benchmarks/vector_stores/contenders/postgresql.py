"""pgvector: HNSW on a PostgreSQL server, with binary parameters and prepared statements."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from struct import Struct
from typing import Any

import numpy as np

from agentorm import Database
from tests.benchmarks.price.drivers import DRIVERS, Wire
from tests.benchmarks.price.peers.leaving_out import LeftOut
from tests.benchmarks.vector_stores.contenders.base import EFS, Hand, Way
from tests.benchmarks.vector_stores.contenders.rows import SELECTED, ids_of
from tests.benchmarks.vector_stores.given import DIMENSION, Ask, Floats, Row, Source

URL = "AGENTORM_TEST_POSTGRESQL_URL"
_TABLE = "vector_store_texts"
_DRIVER = DRIVERS["postgresql"]
_TYPES = ("int8", "text", "text", "int4", "vector")
_HEAD, _BIG_ENDIAN = Struct(">HH"), ">f4"
_CREATE = (
    f"DROP TABLE IF EXISTS {_TABLE}",
    f"""
    CREATE TABLE {_TABLE} (
        id bigint PRIMARY KEY, title text NOT NULL, topic text NOT NULL, bucket int NOT NULL,
        embedding vector({DIMENSION}) NOT NULL
    )
    """,
    f"CREATE INDEX ON {_TABLE} (bucket)",
)
_INDEX = (
    "SET maintenance_work_mem = '1GB'",
    f"""
    CREATE INDEX ON {_TABLE} USING hnsw (embedding vector_cosine_ops)
    WITH (m = 16, ef_construction = 64)
    """,
    f"ANALYZE {_TABLE}",
)


class PgVector:
    name = "pgvector"
    setting = "HNSW, m=16, ef_construction=64; filter: iterative_scan=strict_order"
    packages = ("psycopg",)
    efs = EFS
    folders = ()
    is_store = True

    def write(self, source: Source) -> bool:
        if URL not in os.environ:
            raise LeftOut(f"{URL} names no server")
        with Database(os.environ[URL]) as db:
            db.prepare_for_vectors()
        with closing(_connected()) as connection, _DRIVER.cursor(connection) as cursor:
            for statement in _CREATE:
                cursor.execute(statement)
            copying = f"COPY {_TABLE} ({SELECTED}) FROM STDIN WITH (FORMAT BINARY)"
            with cursor.copy(copying) as copy:
                copy.set_types(_TYPES)
                for rows in source.chunks():
                    for row in rows:
                        copy.write_row(_wired(row))
            connection.commit()
        return True

    @contextmanager
    def built(self, source: Source) -> Generator[_Table]:
        with closing(_connected()) as connection:
            for statement in _INDEX:
                connection.execute(statement)
            connection.commit()
        with self.opened(source) as opened:
            yield opened

    @contextmanager
    def opened(self, source: Source) -> Generator[_Table]:
        with ExitStack() as stack:
            yield _Table(stack, source.count)

    def disk(self, source: Source) -> int:
        with closing(_connected()) as connection:
            sql = f"SELECT pg_total_relation_size('{_TABLE}')"
            return int(connection.execute(sql).fetchone()[0])

    def drop(self, source: Source) -> None:
        with closing(_connected()) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
            connection.commit()


class _Table:
    def __init__(self, stack: ExitStack, count: int) -> None:
        self._stack, self._count = stack, count

    def hand(self, *, writing: bool = False) -> Hand:
        connection = self._stack.enter_context(closing(_connected()))
        if writing:
            connection.execute(f"DELETE FROM {_TABLE} WHERE id >= {self._count}")
            connection.commit()
        connection.prepare_threshold = 0
        cursor = _DRIVER.cursor(connection)
        reach = list[Any]()

        def nearest(columns: str, ask: Ask) -> Any:
            if reach != [ask.reach]:
                cursor.execute(f"SET hnsw.ef_search = {ask.reach}")
                reach[:] = [ask.reach]
            query = _sent(ask.query)
            where, given = "", list[Any]()
            if ask.buckets is not None:
                where, given = "WHERE bucket < %s", [ask.buckets]
            sql = f"SELECT {columns} FROM {_TABLE} {where} ORDER BY embedding <=> %s LIMIT %s"
            cursor.execute(sql, (*given, query, ask.k))
            return cursor.fetchall()

        def insert(row: Row) -> None:
            sql = f"INSERT INTO {_TABLE} ({SELECTED}) VALUES (%s, %s, %s, %s, %s)"
            cursor.execute(sql, _wired(row))

        connection.autocommit = True
        connection.execute("SET hnsw.iterative_scan = strict_order")
        whole = Way(lambda ask: [*map(_unwired, nearest(SELECTED, ask))], ids_of)
        keys = Way(lambda ask: nearest("id", ask), ids_of, gives_rows=False)
        return Hand({"": whole, "ranking only": keys}, insert)


def _connected() -> Any:
    with Database(os.environ[URL]) as db:
        return _DRIVER.connect(db)


def _wired(row: Row) -> tuple[Any, ...]:
    return (*row[:-1], _sent(row.embedding))


def _sent(vector: Floats) -> Wire:
    return Wire(_HEAD.pack(len(vector), 0) + vector.astype(_BIG_ENDIAN).tobytes())


def _unwired(row: Any) -> Row:
    return Row._make((*row[:-1], np.frombuffer(row[-1], _BIG_ENDIAN, offset=_HEAD.size)))
