"""What is measured, by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a work does, as the report is divided."""

    READ = "reads"
    WRITE = "writes"
    SEARCH = "similarity search"
    THREADS = "threads"
    ASYNC = "async"
    GROWTH = "growth with rows"
    SHAPE = "growth with columns and dimensions"


@dataclass(frozen=True)
class Work:
    """One thing that applications do.

    Attributes:
        name: short, for the JSON.
        title: for the tables.
        repeats: how often a run does it.
        rows: how many rows it reads or writes each time.
        axis: what it grows with, and `size` how large that is; empty where it does not grow.
    """

    name: str
    title: str
    kind: Kind
    repeats: int = 1
    rows: int = 1
    axis: str = ""
    size: int = 0

    @property
    def starts(self) -> range:
        """The keys that the rows of each repetition come after: no row is read twice."""
        return range(0, self.repeats * self.rows, self.rows)


GET = Work("get", "get by key, tracked", Kind.READ, repeats=200)
GET_ALONE = Work("get-alone", "get by key, a session for each", Kind.READ, repeats=50)
ONE_PREPARED = Work("one-prepared", "one row into a read model, prepared", Kind.READ, repeats=200)
ONE_BUILT = Work("one-built", "one row into a read model, built per call", Kind.READ, repeats=100)
FIFTY = Work("fifty", "50 rows as tracked entities", Kind.READ, repeats=20, rows=50)
FIFTY_MODELS = Work("fifty-models", "50 rows as read models", Kind.READ, repeats=20, rows=50)
INSERT = Work("insert", "insert one", Kind.WRITE, repeats=100)
BULK_1K = Work("bulk-1k", "insert 1,000 at once", Kind.WRITE, rows=1_000)
BULK_10K = Work("bulk-10k", "insert 10,000 at once", Kind.WRITE, rows=10_000)
SEARCH_10 = Work("search-10", "the 10 nearest", Kind.SEARCH, repeats=5, rows=10)
SEARCH_100 = Work("search-100", "the 100 nearest", Kind.SEARCH, repeats=5, rows=100)
THREADS = Work("threads", "get by key, in threads", Kind.THREADS, repeats=2_000)
THREADS_SEARCH = Work("threads-search", "the 10 nearest, in threads", Kind.THREADS, repeats=40)
ASYNC_GET = Work("async-get", "get by key, awaited", Kind.ASYNC, repeats=50)
ASYNC_FIFTY = Work("async-fifty", "50 rows, awaited", Kind.ASYNC, repeats=10, rows=50)

READS = (GET, GET_ALONE, ONE_PREPARED, ONE_BUILT, FIFTY, FIFTY_MODELS)
WRITES = (INSERT, BULK_1K, BULK_10K)
SEARCHES = (SEARCH_10, SEARCH_100)
AWAITED = (ASYNC_GET, ASYNC_FIFTY)
_GROWING = {1: 200, 10: 50, 100: 10, 1_000: 1}
GROWN_READS = tuple(
    Work(f"read-{n}", f"{n} rows as tracked entities", Kind.GROWTH, many, n, "rows read", n)
    for n, many in _GROWING.items()
)
GROWN_WRITES = tuple(
    Work(f"write-{n}", f"insert {n} at once", Kind.GROWTH, 1, n, "rows written", n)
    for n in (*_GROWING, 10_000)
)
GROWN_SEARCHES = tuple(
    Work(f"nearest-{n}", f"the {n} nearest", Kind.GROWTH, 5, n, "k", n) for n in _GROWING
)
WIDE = tuple(
    Work(f"columns-{n}", f"50 rows of {n} columns", Kind.SHAPE, 10, 50, "columns", n)
    for n in (2, 4, 8, 16, 32)
)
LONG = tuple(
    Work(f"dimensions-{n}", f"50 rows of {n} dimensions", Kind.SHAPE, 10, 50, "dimensions", n)
    for n in (8, 64, 384, 1536)
)
AT_ONCE = (BULK_1K, BULK_10K, *GROWN_WRITES)
GROWING = (*GROWN_READS, *GROWN_WRITES, *GROWN_SEARCHES, *WIDE, *LONG)
IN_THREADS = (THREADS, THREADS_SEARCH)
USUAL = (*READS, *WRITES, *SEARCHES, *IN_THREADS, *AWAITED)
WORKS = {work.name: work for work in (*USUAL, *GROWING)}
