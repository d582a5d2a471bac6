"""The scan ranker beside a fetch and numpy by hand.

``python -m tests.benchmarks.scan URL [ROWS ...]``, with 10000 and 100000 rows without any.

For a server without distances, as MySQL Community. The hand-written side fetches key and vector of
every row that passes the filter into memory at once, ranks in float32 and loads ten rows; the
library's side gives ten tracked entities. Printed are the medians over the queries, interleaved in
one run, the median of the ratios, and the most memory that one ranking took, by tracemalloc.
"""

from __future__ import annotations

import sys
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from agentorm import Database, SlowPath, Vector, repository
from tests.benchmarks.texts import BenchText, side_by_side, store, texts

K, QUERIES = 10, 30
MEBIBYTE = 1 << 20
PASSING = (100, 10, 1)
HEADINGS = "    rows  passing     by hand    agentorm   ratio     MiB     MiB"
SELECT = "SELECT id, CAST(embedding AS BINARY) FROM benchtext WHERE bucket < %s"
LOAD = "SELECT id, bucket, title, CAST(embedding AS BINARY) FROM benchtext WHERE id IN %s"


def by_hand(connection: Any, percent: int) -> Callable[[Vector], object]:
    """What a developer writes who knows the driver and numpy."""

    def nearest(query: Vector) -> list[Any]:
        cursor = connection.cursor()
        cursor.execute(SELECT, (percent,))
        rows = cursor.fetchall()
        keys = np.array([row[0] for row in rows])
        vectors = np.frombuffer(b"".join([row[1] for row in rows]), "<f4").reshape(len(rows), -1)
        wanted = np.asarray(query)
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(wanted)
        distances = 1 - (vectors @ wanted) / lengths
        near = np.argpartition(distances, K)[:K]
        best: list[int] = keys[near[np.argsort(distances[near])]].tolist()
        cursor.execute(LOAD, (best,))
        loaded = {row[0]: row for row in cursor.fetchall()}
        return [loaded[key] for key in best]

    return nearest


def by_query(session: Session, percent: int) -> Callable[[Vector], list[BenchText]]:
    """The same by the library."""
    rows = repository(BenchText, session)

    def nearest(query: Vector) -> list[BenchText]:
        session.expunge_all()
        return rows.similar_to(query).where(BenchText.bucket < percent).limit(K).all()

    return nearest


def peak(work: Callable[[Vector], object], query: Vector) -> float:
    """The most MiB that Python and numpy held for one ranking."""
    tracemalloc.start()
    work(query)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / MEBIBYTE


def main() -> None:
    """Every size and filter on the server of the URL."""
    warnings.simplefilter("ignore", SlowPath)
    url, *sizes = sys.argv[1:]
    with Database(url) as db:
        print(f"{db!r}: {'; '.join(db.capabilities().notes)}")
        print(HEADINGS)
        for size in map(int, sizes or ["10000", "100000"]):
            given = texts(size, QUERIES)
            store(db, BenchText, given.embeddings)
            with db.session() as session:
                connection = session.connection().connection.driver_connection
                for percent in PASSING:
                    ways = by_hand(connection, percent), by_query(session, percent)
                    (hand, ours), (_, ratio) = side_by_side(ways, given.queries)
                    held = "".join(f"{peak(way, given.queries[0]):8.1f}" for way in ways)
                    print(
                        f"{len(given.embeddings):>8}{percent:>7} %{hand * 1e3:>9.2f} ms"
                        f"{ours * 1e3:>9.2f} ms{ratio:>8.2f}{held}",
                        flush=True,
                    )
            db.drop_all(BenchText)


if __name__ == "__main__":
    main()
