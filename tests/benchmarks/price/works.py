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
    GROWTH = "growth"


@dataclass(frozen=True)
class Work:
    """One thing that applications do.

    Attributes:
        name: short, for the JSON.
        title: for the tables.
        repeats: how often a run does it.
        rows: how many rows it reads or writes each time.
    """

    name: str
    title: str
    kind: Kind
    repeats: int = 1
    rows: int = 1


GET = Work("get", "get by key, tracked", Kind.READ, repeats=200)
ONE_PREPARED = Work("one-prepared", "one row into a read model, prepared", Kind.READ, repeats=200)
ONE_BUILT = Work("one-built", "one row into a read model, built per call", Kind.READ, repeats=100)
FIFTY = Work("fifty", "50 rows as tracked entities", Kind.READ, repeats=20, rows=50)
FIFTY_MODELS = Work("fifty-models", "50 rows as read models", Kind.READ, repeats=20, rows=50)
INSERT = Work("insert", "insert one", Kind.WRITE, repeats=100)
BULK_1K = Work("bulk-1k", "insert 1,000 at once", Kind.WRITE, rows=1_000)
BULK_10K = Work("bulk-10k", "insert 10,000 at once", Kind.WRITE, rows=10_000)
SEARCH_10 = Work("search-10", "the 10 nearest", Kind.SEARCH, repeats=5, rows=10)
SEARCH_100 = Work("search-100", "the 100 nearest", Kind.SEARCH, repeats=5, rows=100)
THREADS = Work("threads", "get by key in threads", Kind.THREADS, repeats=2_000)
ASYNC_GET = Work("async-get", "get by key, awaited", Kind.ASYNC, repeats=50)
ASYNC_FIFTY = Work("async-fifty", "50 rows, awaited", Kind.ASYNC, repeats=10, rows=50)

READS = (GET, ONE_PREPARED, ONE_BUILT, FIFTY, FIFTY_MODELS)
WRITES = (INSERT, BULK_1K, BULK_10K)
SEARCHES = (SEARCH_10, SEARCH_100)
AWAITED = (ASYNC_GET, ASYNC_FIFTY)
WORKS = {work.name: work for work in (*READS, *WRITES, *SEARCHES, THREADS, *AWAITED)}
