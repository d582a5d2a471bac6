"""MariaDB's vector index: recall, and the library beside the raw driver.

``python -m tests.benchmarks.mariadb_index URL [ROWS]``, with 100000 rows without any.

Recall is the share of the ten true nearest, by numpy in float64, that a search finds, for several
values of ``mhnsw_ef_search``; the library itself looks at 100. Both sides send the same search on
one connection; the raw driver gives tuples, the library tracked entities. Then the same behind
filters that ten and one percent of the rows pass.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from agentorm import Database, Vector, repository
from tests.benchmarks.texts import BenchIndexedText, Texts, side_by_side, store, texts

K, QUERIES = 10, 100
EF_SEARCH = (20, 50, 100, 200)
PASSING = (100, 10, 1)
DISTANCE = "VEC_DISTANCE_COSINE(embedding, %s)"
SEARCH = (
    f"SELECT id, bucket, title, embedding, CAST({DISTANCE} AS DOUBLE) FROM benchindexedtext"
    f" {{where}} ORDER BY {DISTANCE} LIMIT {K}"
)


def raw(connection: Any, percent: int) -> Callable[[Vector], list[int]]:
    """The search by the driver, as the library sends it."""
    where = "" if percent == 100 else f"WHERE bucket < {percent}"
    statement = SEARCH.format(where=where)

    def nearest(query: Vector) -> list[int]:
        cursor = connection.cursor()
        cursor.execute(statement, (query.tobytes(), query.tobytes()))
        return [row[0] for row in cursor.fetchall()]

    return nearest


def ours(session: Session, percent: int) -> Callable[[Vector], list[int]]:
    """The search by the library."""
    rows = repository(BenchIndexedText, session)
    where = [] if percent == 100 else [BenchIndexedText.bucket < percent]

    def nearest(query: Vector) -> list[int]:
        session.expunge_all()
        return [row.id for row in rows.similar_to(query).where(*where).limit(K).all()]

    return nearest


def recall(search: Callable[[Vector], list[int]], given: Texts, percent: int) -> float:
    """The share of the true nearest among those found."""
    passing = np.flatnonzero(np.arange(len(given.embeddings)) % 100 < percent)
    rows = given.embeddings[passing].astype(np.float64)
    hits = 0
    for query in given.queries:
        near = np.argsort(-(rows @ np.asarray(query, np.float64)), kind="stable")[:K]
        hits += len({*passing[near].tolist()} & {*search(query)})
    return hits / (K * len(given.queries))


def main() -> None:
    """Build the index, then every measurement."""
    url, *sizes = sys.argv[1:]
    given = texts(int(sizes[0]) if sizes else 100_000, QUERIES)
    with Database(url) as db:
        print(f"{db!r}: {'; '.join(db.capabilities().notes)}")
        seconds = store(db, BenchIndexedText, given.embeddings)
        print(f"{len(given.embeddings)} rows written with their index in {seconds:.0f} s")
        with db.session() as session:
            connection = session.connection().connection.driver_connection
            assert connection is not None
            cursor = connection.cursor()
            for ef in EF_SEARCH:
                cursor.execute("SET SESSION mhnsw_ef_search = %s", (ef,))
                found = recall(raw(connection, 100), given, 100)
                (p50,), _ = side_by_side([raw(connection, 100)], given.queries)
                print(f"ef_search {ef:>4}: recall@{K} {found:.3f}, p50 {p50 * 1e3:.2f} ms")
            cursor.execute("SET SESSION mhnsw_ef_search = 100")
            for percent in PASSING:
                ways = raw(connection, percent), ours(session, percent)
                (driver, library), (_, ratio) = side_by_side(ways, given.queries)
                found = recall(ways[1], given, percent)
                print(
                    f"{percent:>3} % pass: raw {driver * 1e3:.2f} ms, agentorm"
                    f" {library * 1e3:.2f} ms, ratio {ratio:.2f}, recall@{K} {found:.3f}"
                )
        db.drop_all(BenchIndexedText)


if __name__ == "__main__":
    main()
