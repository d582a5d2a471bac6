"""What the library costs beside the raw driver: ``python tests/benchmarks/core.py [URL ...]``.

Each pair runs interleaved, in random order, on the same rows, in one process and on a held
connection inside one transaction. Printed are medians in microseconds and the median of the
ratios, round by round, of thread CPU time and of wall time. The raw side returns tuples, the
library's side tracked entities. The rows are the 2,000 packages of ``examples/data``.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from agentorm import Database, Entity, Field, Vector, repository, vector_field

DATA = Path(__file__).parents[2] / "examples" / "data"
ROUNDS = 25
Work = Callable[[], object]


class BenchPackage(Entity, table=True):
    """A package as the benchmark stores it."""

    id: int = Field(primary_key=True)
    name: str
    section: str
    installed_kib: int
    embedding: Vector = vector_field(384)


HEADINGS = ("raw cpu", "ours", "ratio", "raw wall", "ours", "ratio")
COLUMNS = ("id", "name", "section", "installed_kib", "embedding")


@dataclass(frozen=True)
class Driver:
    """How the raw driver writes placeholders and takes a vector."""

    placeholder: str
    distance: str
    cursor: Callable[[Any], Any]
    encode: Callable[[Vector], object]


def _binary_cursor(connection: Any) -> Any:
    return connection.cursor(binary=True)


DRIVERS = {
    "sqlite": Driver(
        "?", "vec_distance_cosine(embedding, ?)", lambda c: c.cursor(), lambda v: v.tobytes()
    ),
    "postgresql": Driver("%s", "embedding <=> %s", _binary_cursor, lambda v: v),
}


def packages() -> list[dict[str, Any]]:
    """The rows as keyword arguments."""
    lines = (DATA / "packages.jsonl").read_text(encoding="utf-8").splitlines()
    embeddings = np.load(DATA / "packages.npz")["embeddings"].astype(np.float32)
    rows: list[dict[str, Any]] = []
    for place, (line, embedding) in enumerate(zip(lines, embeddings, strict=True)):
        read = json.loads(line)
        kept = {name: read[name] for name in ("name", "section", "installed_kib")}
        rows.append({"id": place + 1, **kept, "embedding": Vector(embedding)})
    return rows


def timed(work: Work) -> tuple[float, float]:
    """CPU seconds of this thread and wall seconds of one run."""
    wall, cpu = perf_counter(), thread_time()
    work()
    return thread_time() - cpu, perf_counter() - wall


def compare(name: str, raw: Work, ours: Work, per_run: int, reset: Work) -> None:
    """Print the medians and ratios of a pair."""
    samples: dict[Work, list[tuple[float, float]]] = {raw: [], ours: []}
    for _ in range(ROUNDS + 2):
        for work in random.sample([raw, ours], 2):
            reset()
            samples[work].append(timed(work))
    pairs = list(zip(samples[raw], samples[ours], strict=True))[2:]
    cells = [
        f"{median(r[i] for r, _ in pairs) / per_run * 1e6:9.1f}"
        f"{median(o[i] for _, o in pairs) / per_run * 1e6:9.1f}"
        f"{median(o[i] / r[i] for r, o in pairs):9.2f}"
        for i in (0, 1)
    ]
    print(f"{name:<28}{''.join(cells)}")


def bench_get(session: Session, connection: Any, driver: Driver, ids: list[int]) -> None:
    """One row by its key."""
    sql = f"SELECT {', '.join(COLUMNS)} FROM benchpackage WHERE id = {driver.placeholder}"
    packages_of = repository(BenchPackage, session)

    def raw() -> None:
        cursor = driver.cursor(connection)
        for key in ids:
            cursor.execute(sql, (key,)).fetchone()

    def ours() -> None:
        for key in ids:
            packages_of.get(key)

    compare("get", raw, ours, len(ids), session.expunge_all)


def bench_search(
    session: Session, connection: Any, driver: Driver, queries: list[Vector], k: int
) -> None:
    """The k nearest rows."""
    sql = (
        f"SELECT {', '.join(COLUMNS)}, {driver.distance} AS distance FROM benchpackage"
        f" ORDER BY distance, id LIMIT {k}"
    )
    packages_of = repository(BenchPackage, session)

    def raw() -> None:
        cursor = driver.cursor(connection)
        for query in queries:
            cursor.execute(sql, (driver.encode(query),)).fetchall()

    def ours() -> None:
        for query in queries:
            packages_of.similar_to(query).limit(k).hits()

    compare(f"search, k = {k}", raw, ours, len(queries), session.expunge_all)


def bench_bulk(
    session: Session, connection: Any, driver: Driver, rows: list[dict[str, Any]]
) -> None:
    """A thousand rows at once, undone after each run."""
    marks = ", ".join([driver.placeholder] * len(COLUMNS))
    sql = f"INSERT INTO benchpackage ({', '.join(COLUMNS)}) VALUES ({marks})"
    tuples = [
        (*(row[name] for name in COLUMNS[:-1]), driver.encode(row["embedding"])) for row in rows
    ]
    pending: list[BenchPackage] = []

    def raw() -> None:
        driver.cursor(connection).executemany(sql, tuples)

    def ours() -> None:
        repository(BenchPackage, session).add_all(pending)

    def reset() -> None:
        session.expunge_all()
        repository(BenchPackage, session).delete_where(BenchPackage.id > 0)
        pending[:] = [BenchPackage(**row) for row in rows]

    compare(f"bulk insert, {len(rows)} rows", raw, ours, len(rows), reset)


def main() -> None:
    """Run every pair on every URL given; without any, on SQLite in memory."""
    rows = packages()
    queries = [Vector(q) for q in np.load(DATA / "packages.npz")["query_embeddings"]]
    ids = random.sample(range(1, len(rows) + 1), 200)
    for url in sys.argv[1:] or ["sqlite://"]:
        db = Database(url)
        db.drop_all(BenchPackage)
        db.create_all(BenchPackage)
        driver = DRIVERS[db.dialect().name]
        print(f"\n{db!r}: {'; '.join(db.capabilities().notes)}")
        print(f"{'':<28}", *(f"{name:>9}" for name in HEADINGS), sep="")
        with db.session() as session:
            connection = session.connection().connection.driver_connection
            repository(BenchPackage, session).add_all(BenchPackage(**row) for row in rows)
            bench_get(session, connection, driver, ids)
            for k in (10, 100):
                bench_search(session, connection, driver, queries, k)
            bench_bulk(session, connection, driver, rows[:1000])
        db.drop_all(BenchPackage)
        db.dispose()


if __name__ == "__main__":
    main()
