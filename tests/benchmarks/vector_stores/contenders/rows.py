"""Rows in SQLite beside an index that knows none: what hnswlib, faiss and usearch are used with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from agentorm import Database
from tests.benchmarks.vector_stores.given import COLUMNS, Row, Source

FOLDER = "rows"
_CREATE = """
CREATE TABLE texts (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, topic TEXT NOT NULL, bucket INTEGER NOT NULL,
    embedding BLOB NOT NULL
)
"""
_INSERT = "INSERT INTO texts VALUES (?, ?, ?, ?, ?)"
SELECTED = ", ".join(COLUMNS)


def file_of(source: Source) -> Path:
    """The database that all of them share."""
    return source.place(FOLDER) / "texts.db"


def connect(file: Path) -> Any:
    """A connection as the library opens it: with its settings, and with sqlite-vec."""
    with Database(f"sqlite:///{file.as_posix()}") as db:
        fairy = db.engine.raw_connection()
        connection: Any = fairy.driver_connection
        fairy.detach()
    connection.isolation_level = None
    return connection


def write(source: Source) -> bool:
    """All rows, unless another has written them: whether that was done."""
    file = file_of(source)
    if file.exists():
        return False
    half = file.with_suffix(".half")
    half.unlink(missing_ok=True)
    with closing(connect(half)) as connection:
        connection.execute(_CREATE)
        connection.execute("CREATE INDEX texts_bucket ON texts (bucket)")
        for rows in source.chunks():
            connection.execute("BEGIN")
            connection.executemany(_INSERT, map(packed, rows))
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    half.rename(file)
    return True


def packed(row: Row) -> tuple[Any, ...]:
    """The row with the vector as bytes."""
    return (*row[:-1], row.embedding.tobytes())


class Rows:
    """The rows as one thread reads and writes them."""

    def __init__(self, source: Source) -> None:
        self.connection = connect(file_of(source))

    def close(self) -> None:
        """The connection too."""
        self.connection.close()

    def read(self, ids: Iterable[int]) -> list[Row]:
        """These rows, in this order."""
        wanted = [*map(int, ids)]
        marks = ", ".join("?" * len(wanted))
        sql = f"SELECT {SELECTED} FROM texts WHERE id IN ({marks})"
        found = {row[0]: unpacked(row) for row in self.connection.execute(sql, wanted)}
        return [found[n] for n in wanted if n in found]

    def passing(self, buckets: int) -> Any:
        """The numbers of the rows of the first buckets."""
        found = self.connection.execute("SELECT id FROM texts WHERE bucket < ?", (buckets,))
        return np.fromiter((row[0] for row in found), np.int64)

    def insert(self, row: Row) -> None:
        """One row, in a transaction of its own."""
        self.connection.execute(_INSERT, packed(row))


def unpacked(row: Sequence[Any]) -> Row:
    """A row as it was read, with its vector."""
    return Row._make((*row[:-1], np.frombuffer(row[-1], np.float32)))


def ids_of(rows: Sequence[Any]) -> list[int]:
    """The keys of rows that were read whole, or alone."""
    return [int(row[0]) for row in rows]
