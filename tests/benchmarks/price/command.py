"""The command line: which engines, how long, and where the report goes."""

from __future__ import annotations

import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import reduce
from pathlib import Path

from agentorm import Database, SlowPath
from agentorm.switch import indexes_switched
from tests.benchmarks.index_recall.contenders import CONTENDERS
from tests.benchmarks.index_recall.filling import filled
from tests.benchmarks.index_recall.models import TABLES
from tests.benchmarks.index_recall.plotting import pyplot
from tests.benchmarks.index_recall.results import moment
from tests.benchmarks.index_recall.servers import databases, roomy, told
from tests.benchmarks.price import course, page
from tests.benchmarks.price.course import Plan
from tests.benchmarks.price.drivers import DRIVERS
from tests.benchmarks.price.machine import header
from tests.benchmarks.price.measuring import Effort
from tests.benchmarks.price.place import Place, settled
from tests.benchmarks.price.printing import as_markdown, as_text
from tests.benchmarks.price.results import Absent, Measured, Report
from tests.benchmarks.price.tables import PriceNew, PriceRow, made_rows
from tests.benchmarks.price.works import (
    GROWN_SEARCHES,
    SEARCHES,
    THREADS_SEARCH,
    USUAL,
    WORKS,
)
from tests.benchmarks.texts import texts

QUICK = Plan(Effort(rounds=9, fewest=3, seconds=2.5), quick=True)
FULL = Plan(Effort(rounds=31, fewest=15, seconds=8))
FEW_ROWS, MANY_ROWS = 2_000, 100_000
NO_DISTANCE = "for it has no distances; tests/benchmarks/scan.py measures the scan"
_READ = "report what --json wrote; with an engine or a URL, measure that anew"


def arguments(given: list[str], description: str) -> Namespace:
    """The command line, read."""
    about, _, more = description.partition("\n\n")
    parser = ArgumentParser(prog="run.py", description=about, epilog=more)
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer rounds and rows: a minute on SQLite")
    add("--engine", action="append", choices=DRIVERS, help="this one; more than once")
    add("--url", action="append", default=[], help="the database of a server; more than once")
    add("--work", action="append", choices=WORKS, help="only this one; more than once")
    add("--rows", type=int, help="at most so many are searched (100,000; quick 2,000)")
    add("--rounds", type=int, help="so many, however long they take")
    add("--keep", action="store_true", help="keep the table that is searched for the next run")
    add("--json", type=Path, metavar="FILE", help="write what was measured")
    add("--read", type=Path, metavar="FILE", action="append", default=[], help=_READ)
    add("--markdown", action="store_true", help="print Markdown")
    add("--docs", action="store_true", help="write tables and plots of docs/benchmarks.md")
    return parser.parse_args(given)


def run(given: list[str], description: str) -> int:
    """Measure and report."""
    asked = arguments(given, description)
    warnings.simplefilter("ignore", SlowPath)
    if asked.docs:
        pyplot()
    olds = [Report.read(path.read_text(encoding="utf-8")) for path in asked.read]
    if asked.url or asked.engine or not olds:
        olds.append(_measured(asked))
    report = reduce(lambda older, newer: newer.over(older), olds)
    if asked.json:
        asked.json.write_text(report.json(), encoding="utf-8")
    print(as_markdown(report) if asked.markdown else as_text(report))
    if asked.docs:
        page.write(report, _command(given))
    return 0


def _command(given: list[str]) -> str:
    """What to type for such a run, without URLs and paths."""
    asked = ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--url", "--json", "--read"):
        asked.add_argument(name, action="append")
    return " ".join(["python tests/benchmarks/run.py", *asked.parse_known_args(given)[1]])


def _measured(asked: Namespace) -> Report:
    plan = _plan(asked)
    usual = USUAL if asked.quick else WORKS.values()
    works = [WORKS[name] for name in asked.work] if asked.work else [*usual]
    rows, engines = made_rows(), dict[str, list[str]]()
    found: list[Measured] = []
    absent: list[Absent] = []
    for db in _databases(asked):
        began = moment()
        with ExitStack() as stack:
            stack.enter_context(indexes_switched("off"))
            stack.callback(db.drop_all, PriceRow, PriceNew)
            place = settled(db, rows)
            if {*works} & {*SEARCHES, *GROWN_SEARCHES, THREADS_SEARCH}:
                place = _searched(place, asked, stack)
            cells, missing = course.run(place, works, plan)
            engines[place.engine] = [*told(db), began]
            if place.driver.nearest is None:
                missing.append(Absent(place.engine, "similarity search", NO_DISTANCE))
        found += cells
        absent += missing
    effort = plan.effort
    rounds = f"{effort.fewest} to {effort.rounds} rounds"
    return Report(header(rounds), engines, tuple(found), tuple(absent))


def _plan(asked: Namespace) -> Plan:
    plan = QUICK if asked.quick else FULL
    if asked.rounds is None:
        return plan
    return replace(plan, effort=Effort(asked.rounds, asked.rounds, seconds=0))


def _databases(asked: Namespace) -> Iterator[Database]:
    """Of the URLs and of the engines; SQLite's where neither is named."""
    if asked.url:
        with databases(asked.url, (), TABLES, keep=asked.keep) as found:
            yield from found
    if asked.engine or not asked.url:
        with databases((), asked.engine or ["sqlite"], TABLES, keep=asked.keep) as found:
            yield from found


def _searched(place: Place, asked: Namespace, stack: ExitStack) -> Place:
    """The place with a table that is searched, under the vector index of its engine."""
    if place.driver.nearest is None:
        return place
    data = texts(asked.rows or (FEW_ROWS if asked.quick else MANY_ROWS), _queries())
    stack.enter_context(roomy(place.db, len(data.embeddings)))
    recipe = CONTENDERS[place.engine][0].recipe
    filled(place.db, recipe, data.embeddings)
    return replace(place, searched=recipe.model, queries=data.queries)


def _queries() -> int:
    return max(work.repeats for work in SEARCHES)
