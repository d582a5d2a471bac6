"""sqlite-vec: its distance over a column of bytes, and its virtual table."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.vector_stores.contenders import rows
from tests.benchmarks.vector_stores.contenders.base import Hand, Kept, Way
from tests.benchmarks.vector_stores.given import DIMENSION, Ask, Row, Source

_VEC0 = f"""
CREATE VIRTUAL TABLE texts USING vec0(
    id INTEGER PRIMARY KEY, embedding float[{DIMENSION}] distance_metric=cosine, bucket INTEGER,
    +title TEXT, +topic TEXT
)
"""


class Blobs(Kept):
    """`vec_distance_cosine` over the column of a usual table."""

    name = "sqlite-vec, column"
    folders = (rows.FOLDER,)
    packages = ("sqlite_vec",)

    def write(self, source: Source) -> bool:
        return rows.write(source)

    @contextmanager
    def built(self, source: Source) -> Generator[_Scanned]:
        with self.opened(source) as opened:
            yield opened

    @contextmanager
    def opened(self, source: Source) -> Generator[_Scanned]:
        with ExitStack() as stack:
            yield _Scanned(rows.file_of(source), stack)


class _Scanned:
    where = "WHERE bucket < ?"

    def __init__(self, file: Path, stack: ExitStack) -> None:
        self._file, self._stack = file, stack

    def hand(self, *, writing: bool = False) -> Hand:
        connection = self._stack.enter_context(closing(rows.connect(self._file)))

        def insert(row: Row) -> None:
            self.insert(connection, row)

        whole = Way(lambda ask: self.whole(connection, ask), rows.ids_of)
        ids = Way(lambda ask: self.keys(connection, ask), rows.ids_of, gives_rows=False)
        return Hand({"": whole, "ranking only": ids}, insert)

    def whole(self, connection: Any, ask: Ask) -> Any:
        return [*map(rows.unpacked, self._nearest(connection, rows.SELECTED, ask))]

    def keys(self, connection: Any, ask: Ask) -> Any:
        return self._nearest(connection, "id", ask)

    def insert(self, connection: Any, row: Row) -> None:
        sql = f"INSERT INTO texts ({rows.SELECTED}) VALUES (?, ?, ?, ?, ?)"
        connection.execute(sql, rows.packed(row))

    def _nearest(self, connection: Any, columns: str, ask: Ask) -> Any:
        where, given = "", list[Any]()
        if ask.buckets is not None:
            where, given = self.where, [ask.buckets]
        sql = (
            f"SELECT {columns} FROM texts {where}"
            " ORDER BY vec_distance_cosine(embedding, ?) LIMIT ?"
        )
        return connection.execute(sql, (*given, ask.query, ask.k)).fetchall()


class Vec0(Kept):
    """The virtual table `vec0`, with the filtered column as metadata."""

    name = "sqlite-vec, vec0"
    folders = ("vec0",)
    packages = ("sqlite_vec",)

    @contextmanager
    def built(self, source: Source) -> Generator[_Virtual]:
        with closing(rows.connect(self._file(source))) as connection:
            connection.execute(_VEC0)
            sql = f"INSERT INTO texts ({rows.SELECTED}) VALUES (?, ?, ?, ?, ?)"
            for part in source.chunks():
                connection.execute("BEGIN")
                connection.executemany(sql, map(rows.packed, part))
                connection.execute("COMMIT")
        with self.opened(source) as opened:
            yield opened

    @contextmanager
    def opened(self, source: Source) -> Generator[_Virtual]:
        with ExitStack() as stack:
            yield _Virtual(self._file(source), stack)

    def _file(self, source: Source) -> Path:
        return source.place("vec0") / "texts.db"


class _Virtual(_Scanned):
    def _nearest(self, connection: Any, columns: str, ask: Ask) -> Any:
        where, given = "", list[Any]()
        if ask.buckets is not None:
            where, given = " AND bucket < ?", [ask.buckets]
        sql = f"SELECT {columns} FROM texts WHERE embedding MATCH ? AND k = ?{where}"
        return connection.execute(sql, (ask.query, ask.k, *given)).fetchall()
