"""The command line: how many rows, who takes part, and where the report goes."""

from __future__ import annotations

import os
import shlex
import tempfile
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path

import numpy as np

from agentorm import SlowPath
from tests.benchmarks.index_recall.plotting import pyplot
from tests.benchmarks.index_recall.progress import say
from tests.benchmarks.index_recall.results import moment
from tests.benchmarks.price.machine import header
from tests.benchmarks.texts import texts
from tests.benchmarks.vector_stores import course, made, page
from tests.benchmarks.vector_stores.alone import VECTORS, source_in
from tests.benchmarks.vector_stores.contenders.base import Contender
from tests.benchmarks.vector_stores.contenders.every import CONTENDERS
from tests.benchmarks.vector_stores.course import FULL, QUICK, Effort
from tests.benchmarks.vector_stores.given import Floats
from tests.benchmarks.vector_stores.printing import as_markdown, as_text
from tests.benchmarks.vector_stores.results import Report

FEW, MANY, MILLION = 10_000, 100_000, 1_000_000
MOST_QUERIES = 2_000
PEERS = (
    "numpy", "SQLAlchemy", "sqlite-vec", "hnswlib", "faiss-cpu", "usearch", "chromadb", "lancedb",
    "qdrant-edge-py", "psycopg",
)  # fmt: skip
_READ = "report what --json wrote; with rows, measure these anew"


def arguments(given: list[str], description: str) -> Namespace:
    """The command line, read."""
    about, _, more = description.partition("\n\n")
    parser = ArgumentParser(prog="vectors.py", description=about, epilog=more)
    add = parser.add_argument
    add("--quick", action="store_true", help="10,000 rows, few rounds: a minute")
    add("--rows", type=int, action="append", default=[], help="so many; more than once")
    add("--million", action="store_true", help="also a million rows, made of the real ones")
    add("--contender", action="append", choices=CONTENDERS, help="this one; more than once")
    add("--without", action="append", default=[], choices=CONTENDERS, help="not this one")
    add("--queries", type=int, help="at most so many are measured (1,000; quick 100)")
    add("--folder", type=Path, help="where the stores are built, with room for them")
    add("--keep", action="store_true", help="keep there what the peers have built for the next run")
    add("--json", type=Path, metavar="FILE", help="write what was measured")
    add("--read", type=Path, metavar="FILE", action="append", default=[], help=_READ)
    add("--markdown", action="store_true", help="print Markdown")
    add("--docs", action="store_true", help="write tables and plots of docs/vector-stores.md")
    return parser.parse_args(given)


def run(given: list[str], description: str) -> int:
    """Measure and report."""
    asked = arguments(given, description)
    warnings.simplefilter("ignore", SlowPath)
    if asked.docs:
        pyplot()
    reports = [Report.read(path.read_text(encoding="utf-8")) for path in asked.read]
    if asked.rows or asked.million or asked.quick or not reports:
        reports += _measured(asked)
    report = reduce(lambda older, newer: newer.over(older), reports)
    if asked.json:
        asked.json.write_text(report.json(), encoding="utf-8")
    print(as_markdown(report) if asked.markdown else as_text(report))
    if asked.docs:
        page.write(report, _command(given))
    return 0


def _command(given: list[str]) -> str:
    """What to type for such a run, without paths."""
    asked = ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--folder", "--json", "--read"):
        asked.add_argument(name, action="append")
    return shlex.join(["python", "tests/benchmarks/vectors.py", *asked.parse_known_args(given)[1]])


def _measured(asked: Namespace) -> Iterator[Report]:
    """A report for each number of rows."""
    effort = QUICK if asked.quick else FULL
    if asked.queries:
        effort = Effort(**vars(effort) | {"queries": asked.queries})
    sizes = asked.rows or ([FEW] if asked.quick else [] if asked.million else [FEW, MANY])
    data = texts(max([*sizes, MANY] if asked.million else sizes), MOST_QUERIES)
    queries = np.array([np.asarray(query) for query in data.queries], np.float32)
    chosen = [name for name in asked.contender or CONTENDERS if name not in asked.without]
    for rows in dict.fromkeys(min(rows, len(data.embeddings)) for rows in sizes):
        yield _of_size(asked, effort, data.embeddings[:rows], queries, chosen)
    if asked.million:
        yield _of_size(asked, effort, data.embeddings, queries, chosen, MILLION)


def _of_size(
    asked: Namespace,
    effort: Effort,
    vectors: Floats,
    queries: Floats,
    chosen: Sequence[str],
    made_rows: int = 0,
) -> Report:
    """All of the contenders with so many rows, real ones or made of them."""
    began = moment()
    with _folder(asked, made_rows or len(vectors)) as folder:
        if made_rows:
            _write_made(folder / VECTORS, vectors, made_rows)
            queries = made.made_queries(queries, vectors)
        else:
            np.save(folder / VECTORS, vectors)
        source = source_in(folder)
        say(f"{source.count:,} rows, load average {os.getloadavg()[0]:.1f}")
        race = course.prepared(folder, source, queries, effort)
        lines = [f"{len(race.queries)} queries that are not among them", began]
        if made_rows:
            lines.insert(0, f"made of {len(vectors):,} real ones")
        return _report(race, [CONTENDERS[name] for name in chosen], lines)


@contextmanager
def _folder(asked: Namespace, rows: int) -> Generator[Path]:
    """Where the stores are: gone in the end, unless they are kept."""
    if asked.keep:
        kept = (asked.folder or Path(tempfile.gettempdir())) / f"vectors-{rows}"
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="vectors-", dir=asked.folder) as named:
        yield Path(named).resolve()


def _write_made(file: Path, vectors: Floats, rows: int) -> None:
    half = file.with_name("half.npy")
    if not file.exists():
        made.write_rows(half, vectors, rows)
        half.rename(file)


def _report(race: course.Race, contenders: Sequence[Contender], lines: list[str]) -> Report:
    try:
        built, absent = course.build(contenders, race.source, race.effort)
        there = [one for one in contenders if one.name in built]
        searched, threaded = course.search(race, there)
        inserted = tuple(course.insert(race, there))
        lines.append(f"load average {os.getloadavg()[1]:.1f} after")
    finally:
        for contender in contenders:
            contender.drop(race.source)
    return Report(
        header=header("cosine", PEERS),
        sizes={race.rows: lines},
        built=tuple(built.values()),
        searched=tuple(searched),
        threaded=tuple(threaded),
        inserted=inserted,
        absent=tuple(absent),
    )
