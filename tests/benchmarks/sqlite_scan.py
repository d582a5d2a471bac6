"""What an exact ranking on SQLite costs above sqlite-vec, and in which form it costs least.

``python -m tests.benchmarks.sqlite_scan [ROWS ...]``, with 2000, 10000 and 100000 rows without any.

The floor is one pass of the distance function over all rows that pass, which sorts and reads
nothing. Each form is SQL on the bare driver, on a file that `Database` made ready: whole rows
through the sort, a join with the nearest keys, ``IN`` the nearest keys, and a stream of the vectors
that numpy ranks. All answer alike, which is checked. They take turns in random order, and the
medians of thread CPU time are printed, in milliseconds and over the floor. ``vectors`` is where
the column of vectors stands: at the end of the row, at its beginning, before 3 kB of text or
behind them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import thread_time
from typing import Any

import numpy as np

from agentorm import Database, Vector
from tests.benchmarks.texts import Texts, texts

ROUNDS = 15
DISTANCE = "CASE WHEN embedding IS NOT NULL THEN max(vec_distance_cosine(embedding, ?1), 0.0) END"
LAYOUTS = {
    "last": "id INTEGER PRIMARY KEY, bucket INTEGER, title TEXT, embedding BLOB",
    "first": "id INTEGER PRIMARY KEY, embedding BLOB, bucket INTEGER, title TEXT",
    "before": "id INTEGER PRIMARY KEY, bucket INTEGER, embedding BLOB, title TEXT",
    "behind": "id INTEGER PRIMARY KEY, bucket INTEGER, title TEXT, embedding BLOB",
}
FORMS = {
    "floor": "SELECT max(vec_distance_cosine(embedding, ?1)) FROM t {where}",
    "rows": "SELECT *, {distance} AS d FROM t {where} ORDER BY d NULLS LAST, id LIMIT {k}",
    "join": "SELECT t.*, d FROM t JOIN (SELECT id AS near, {distance} AS d FROM t {where}"
    " ORDER BY d NULLS LAST, id LIMIT {k}) ON id = near ORDER BY d NULLS LAST, id",
    "in": "SELECT *, {distance} AS d FROM t WHERE id IN (SELECT id FROM t {where}"
    " ORDER BY {distance} NULLS LAST, id LIMIT {k}) ORDER BY d NULLS LAST, id",
}
Form = Callable[[Vector], list[Any]]


def fill(connection: Any, layout: str, given: Texts) -> None:
    """A table of the texts; every hundredth row is in each bucket."""
    padding = "x" * (3_000 if layout in {"before", "behind"} else 40)
    connection.execute(f"CREATE TABLE t ({LAYOUTS[layout]})")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO t (id, bucket, title, embedding) VALUES (?, ?, ?, ?)",
        ((n, n % 100, f"{n} {padding}", row.tobytes()) for n, row in enumerate(given.embeddings)),
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def by_sql(connection: Any, form: str, k: int, where: str) -> Form:
    """One of the statements."""
    sql = FORMS[form].format(k=k, where=where, distance=DISTANCE)
    return lambda query: connection.execute(sql, (query.tobytes(),)).fetchall()


def by_numpy(connection: Any, k: int, where: str) -> Form:
    """Vectors in chunks, ranked in float32; then the rows of the nearest."""

    def nearest(query: Vector) -> list[Any]:
        best: list[tuple[float, int]] = []
        cursor = connection.execute(f"SELECT id, embedding FROM t {where}")
        while part := cursor.fetchmany(1_000):
            vectors = np.frombuffer(b"".join([row[1] for row in part]), "<f4")
            vectors = vectors.reshape(len(part), -1)
            far = 1 - (vectors @ np.asarray(query)) / np.linalg.norm(vectors, axis=1)
            near = np.argsort(far)[:k]
            best += [(float(far[i]), part[i][0]) for i in near]
        keys = [key for _, key in sorted(best)[:k]]
        marks = ", ".join("?" * len(keys))
        rows = connection.execute(f"SELECT * FROM t WHERE id IN ({marks})", keys).fetchall()
        return sorted(rows, key=lambda row: keys.index(row[0]))

    return nearest


def compare(forms: dict[str, Form], queries: list[Vector]) -> str:
    """The medians of every form, and the median of its ratios to the first."""
    taken: dict[str, list[float]] = {name: [] for name in forms}
    for query in queries:
        answers = {}
        for name in random.sample(list(forms), len(forms)):
            began = thread_time()
            answers[name] = forms[name](query)
            taken[name].append(thread_time() - began)
        assert answers["rows"] == answers["join"] == answers["in"]
    warm = {name: times[2:] for name, times in taken.items()}
    over = {name: median(map(_ratio, times, warm["floor"])) for name, times in warm.items()}
    cells = (f"{median(warm[name]) * 1e3:8.2f} {over[name]:5.2f}" for name in forms)
    return "".join(cells)


def _ratio(time: float, floor: float) -> float:
    return time / floor


def main() -> None:
    """Every size, layout, filter and k."""
    names = [*FORMS, "rows, again", "numpy"]
    print(f"{'rows':>7} vectors passing    k", *(f"{name:>14}" for name in names), sep="")
    for size in map(int, sys.argv[1:] or ["2000", "10000", "100000"]):
        given = texts(size, ROUNDS + 2)
        for layout in LAYOUTS:
            with TemporaryDirectory() as folder, Database(f"sqlite:///{Path(folder, 'a')}") as db:
                opened = db.engine.raw_connection()
                connection: Any = opened.driver_connection
                fill(connection, layout, given)
                for where, passing in (("", 100), ("WHERE bucket < 10", 10)):
                    for k in (10, 100):
                        forms = {form: by_sql(connection, form, k, where) for form in FORMS}
                        forms["rows, again"] = by_sql(connection, "rows", k, where)
                        forms["numpy"] = by_numpy(connection, k, where)
                        line = compare(forms, given.queries)
                        print(f"{size:>7}{layout:>8}{passing:>6} %{k:>5}{line}", flush=True)
                opened.close()


if __name__ == "__main__":
    main()
