"""What each setting of SQLite costs and gains: ``python -m tests.benchmarks.sqlite_settings``.

``--rows 10000 50000`` says how many rows are ranked, ``--rounds`` how often each work is measured,
``--dimension 1536`` puts embeddings side by side into longer ones, ``--folder`` where the databases
are made, which should be a disk. Each line is SQLite's own settings with a few of them changed;
``chosen`` is what `Database` sets. The works run on the bare driver on a file with a write-ahead
log; ``ranked`` is the statement that `similar_to` sends for the ten nearest, ``cold`` the same over
a new connection when the file was dropped from the system's cache. The settings take turns in
random order. Printed are the medians in milliseconds of CPU and wall time, and their ratios to
those of SQLite's own settings.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from agentorm.dialects import sqlite_vec
from tests.benchmarks.texts import Texts, texts

COLUMNS = "id INTEGER PRIMARY KEY, bucket INTEGER, title TEXT, embedding BLOB"
INSERT = "INSERT INTO t (id, bucket, title, embedding) VALUES (?, ?, ?, ?)"
DISTANCE = "CASE WHEN embedding IS NOT NULL THEN max(vec_distance_cosine(embedding, ?1), 0.0) END"
RANKED = (
    f"SELECT *, {DISTANCE} AS d FROM t WHERE id IN (SELECT id FROM t {{where}}"
    f" ORDER BY {DISTANCE} NULLS LAST, id LIMIT 10) ORDER BY d NULLS LAST, id"
)
BULK = 10_000
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Settings:
    """SQLite's own, or others."""

    page_size: int = 4096
    cache_size: int = -2000
    mmap_size: int = 0
    temp_store: int = 0
    synchronous: str = "FULL"
    cached_statements: int = 128


SQLITE_OWN = Settings()
MAPPED = 256 * MEBIBYTE
VARIANTS = {
    "SQLite's own": SQLITE_OWN,
    "the same, again": Settings(),
    "page 8192": Settings(page_size=8192),
    "page 16384": Settings(page_size=16384),
    "page 32768": Settings(page_size=32768),
    "page 65536": Settings(page_size=65536),
    "mmap": Settings(mmap_size=MAPPED),
    "mmap, page 8192": Settings(page_size=8192, mmap_size=MAPPED),
    "mmap, page 16384": Settings(page_size=16384, mmap_size=MAPPED),
    "mmap, page 32768": Settings(page_size=32768, mmap_size=MAPPED),
    "cache 128 MiB": Settings(cache_size=-128 * 1024),
    "cache 16 MiB, page 16384": Settings(page_size=16384, cache_size=-16 * 1024),
    "temp_store MEMORY": Settings(temp_store=2),
    "synchronous NORMAL": Settings(synchronous="NORMAL"),
    "512 statements": Settings(cached_statements=512),
    "chosen": Settings(page_size=16384, mmap_size=1024 * MEBIBYTE, cached_statements=512),
}


@dataclass
class Place:
    """One file of rows, and a connection to it with some settings."""

    path: Path
    settings: Settings
    connection: Any = None
    next_key: int = 10_000_000

    def connect(self) -> None:
        """Open it, with these settings."""
        if self.connection is not None:
            self.connection.close()
        given = self.settings
        opened = sqlite_vec.best_way().connect(
            self.path, cached_statements=given.cached_statements, isolation_level=None
        )
        for name in ("page_size", "cache_size", "mmap_size", "temp_store", "synchronous"):
            opened.execute(f"PRAGMA {name} = {getattr(given, name)}").close()
        opened.execute("PRAGMA journal_mode = WAL").close()
        self.connection = opened

    def drop_from_cache(self) -> None:
        """Let the system forget the file, where it can be asked to."""
        self.connection.close()
        self.connection = None
        if hasattr(os, "posix_fadvise"):
            opened = os.open(self.path, os.O_RDONLY)
            os.fsync(opened)
            os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(opened)
        self.connect()


@dataclass
class Works:
    """What is measured, each on one place."""

    queries: list[bytes]
    rows: list[tuple[int, int, str, bytes]]
    keys: list[int]
    asked: Iterator[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.asked = iter(self.queries * 10_000)

    def get(self, place: Place) -> None:
        for key in self.keys:
            place.connection.execute("SELECT * FROM t WHERE id = ?", (key,)).fetchone()

    def fifty(self, place: Place) -> None:
        for key in self.keys[:20]:
            place.connection.execute("SELECT * FROM t WHERE id >= ? LIMIT 50", (key,)).fetchall()

    def statements(self, place: Place) -> None:
        """Two hundred different statements, over and over."""
        for key, number in zip(self.keys, range(200), strict=True):
            sql = f"SELECT id + {number} FROM t WHERE id = ?"
            place.connection.execute(sql, (key,)).fetchone()

    def ranked(self, place: Place, where: str = "") -> None:
        place.connection.execute(RANKED.format(where=where), (next(self.asked),)).fetchall()

    def filtered(self, place: Place) -> None:
        self.ranked(place, "WHERE bucket < 10")

    def commit(self, place: Place) -> None:
        place.next_key += 1
        (_, bucket, title, vector), *_ = self.rows
        place.connection.execute("BEGIN IMMEDIATE").close()
        place.connection.execute(INSERT, (place.next_key, bucket, title, vector)).close()
        place.connection.execute("COMMIT").close()

    def bulk(self, place: Place) -> None:
        place.connection.execute("BEGIN IMMEDIATE").close()
        place.connection.executemany(INSERT.replace("INTO t", "INTO bulk"), self.rows).close()
        place.connection.execute("COMMIT").close()


Work = Callable[[Place], None]


def files(folder: Path, rows: list[tuple[int, int, str, bytes]]) -> dict[int, Path]:
    """A file of the rows for each size of page."""
    made = {given.page_size: folder / f"{given.page_size}.db" for given in VARIANTS.values()}
    for size, path in made.items():
        place = Place(path, Settings(page_size=size, synchronous="OFF"))
        place.connect()
        with closing(place.connection) as connection:
            connection.execute(f"CREATE TABLE t ({COLUMNS})")
            connection.execute(f"CREATE TABLE bulk ({COLUMNS})")
            connection.execute("BEGIN")
            connection.executemany(INSERT, rows)
            connection.execute("COMMIT")
    return made


@contextmanager
def opened(folder: Path, rows: list[tuple[int, int, str, bytes]]) -> Generator[list[Place]]:
    """A connection with each of the settings; those with one size of page share a file."""
    made = files(folder, rows)
    places = [Place(made[given.page_size], given) for given in VARIANTS.values()]
    for place in places:
        place.connect()
    for number, place in enumerate(places, 1):
        place.next_key *= number
    yield places
    for place in places:
        place.connection.close()


def measure(name: str, work: Work, places: list[Place], rounds: int, before: Work) -> None:
    """Print the medians of a work with each of the settings."""
    taken: list[list[tuple[float, float]]] = [[] for _ in places]
    for _ in range(rounds + 1):
        for number in random.sample(range(len(places)), len(places)):
            before(places[number])
            cpu, wall = thread_time(), perf_counter()
            work(places[number])
            taken[number].append((thread_time() - cpu, perf_counter() - wall))
    print(f"\n{name:<28}{'cpu ms':>10}{'ratio':>7}{'wall ms':>10}{'ratio':>7}")
    own = taken[0][1:]
    for variant, times in zip(VARIANTS, (times[1:] for times in taken), strict=True):
        cells = ""
        for i in (0, 1):
            ratio = median(mine[i] / base[i] for mine, base in zip(times, own, strict=True))
            cells += f"{median(time[i] for time in times) * 1e3:>10.3f}{ratio:>7.2f}"
        print(f"  {variant:<26}{cells}", flush=True)


def as_they_are(place: Place) -> None:
    """Nothing to do before."""


def emptied(place: Place) -> None:
    """The table of the bulk insert is empty, and the log written back."""
    place.connection.execute("DELETE FROM bulk").close()
    place.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def rows_of(given: Texts, dimension: int) -> list[tuple[int, int, str, bytes]]:
    """The rows of the table, each with as many embeddings as its vector is long."""
    times = dimension // given.embeddings.shape[1]
    wide = np.tile(given.embeddings, (1, times))
    return [(n, n % 100, f"text {n}", row.tobytes()) for n, row in enumerate(wide)]


def main() -> None:
    """Every work over every setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--folder")
    asked = parser.parse_args()
    for size in asked.rows:
        given = texts(max(size, BULK), 50)
        rows = rows_of(given, asked.dimension)
        queries = [np.tile(query, asked.dimension // 384).tobytes() for query in given.queries]
        works = Works(queries, rows[:BULK], random.sample(range(size), 200))
        with (
            TemporaryDirectory(dir=asked.folder) as folder,
            opened(Path(folder), rows[:size]) as places,
        ):
            print(f"\n{size} rows of {asked.dimension} dimensions")
            measure("200 rows by key", works.get, places, asked.rounds, as_they_are)
            measure("20 times 50 rows", works.fifty, places, asked.rounds, as_they_are)
            measure("200 statements", works.statements, places, asked.rounds, as_they_are)
            measure("ranked", works.ranked, places, asked.rounds, as_they_are)
            measure("ranked, 10 % pass", works.filtered, places, asked.rounds, as_they_are)
            measure("ranked, cold", works.ranked, places, 5, Place.drop_from_cache)
            if size == asked.rows[0]:
                measure("commit of one row", works.commit, places, asked.rounds, as_they_are)
                measure(f"insert of {BULK} rows", works.bulk, places, 5, emptied)


if __name__ == "__main__":
    main()
