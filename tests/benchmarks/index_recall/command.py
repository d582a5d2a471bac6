"""The command line: which engines, how many rows, and where the report goes."""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentParser, Namespace
from functools import reduce
from pathlib import Path

from agentorm import Database, SlowPath
from tests.benchmarks.index_recall.contenders import CONTENDERS, DEFAULTS, EXACT, Contender
from tests.benchmarks.index_recall.filling import filled
from tests.benchmarks.index_recall.measuring import FILTERS, Measured, Trial, Truth, measured
from tests.benchmarks.index_recall.models import TABLES
from tests.benchmarks.index_recall.plotting import draw, pyplot
from tests.benchmarks.index_recall.printing import as_markdown, as_text
from tests.benchmarks.index_recall.progress import say
from tests.benchmarks.index_recall.results import Built, Report, header, moment
from tests.benchmarks.index_recall.servers import databases, index_bytes, roomy, told
from tests.benchmarks.pages import write_between
from tests.benchmarks.texts import ROOT, Texts, texts

PAGE, PLOT = ROOT / "docs" / "recall.md", ROOT / "docs" / "assets" / "recall.svg"
_READ = "report what --json wrote; with a URL or an engine, measure that anew"
MARKER = "recall"


def arguments(given: list[str], description: str) -> Namespace:
    """The command line, read."""
    about, _, more = description.partition("\n\n")
    parser = ArgumentParser(prog="recall.py", description=about, epilog=more)
    add = parser.add_argument
    add("urls", nargs="*", metavar="URL", help="servers; without any, every engine that is here")
    add("--engine", action="append", choices=CONTENDERS, help="only this one; more than once")
    add("--rows", type=_count, default=100_000, help="at most so many (%(default)s)")
    add("--queries", type=_count, default=200, help="at most so many (%(default)s)")
    add("--seconds", type=float, default=20, help="for each measurement, then fewer queries")
    add("--keep", action="store_true", help="keep the filled tables for the next run")
    add("--json", type=Path, metavar="FILE", help="write what was measured")
    add("--read", type=Path, metavar="FILE", action="append", default=[], help=_READ)
    add("--plot", type=Path, metavar="FILE.svg", help="draw recall against latency")
    add("--markdown", action="store_true", help="print Markdown")
    add("--docs", action="store_true", help="write tables and plot of docs/recall.md")
    return parser.parse_args(given)


def _count(given: str) -> int:
    if int(given) < 1:
        raise ValueError
    return int(given)


def run(given: list[str], description: str) -> int:
    """Fill, measure, report; 1 when an answer was wrong."""
    asked = arguments(given, description)
    warnings.simplefilter("ignore", SlowPath)
    if asked.plot or asked.docs:
        pyplot()
    report = _report(asked)
    print(as_markdown(report) if asked.markdown else as_text(report))
    if asked.plot:
        draw(report, asked.plot)
    if asked.docs:
        _document(report)
    for wrong in report.wrong:
        print(f"WRONG: {wrong}", file=sys.stderr)
    return int(bool(report.wrong))


def _document(report: Report) -> None:
    write_between(PAGE, MARKER, as_markdown(report))
    PLOT.parent.mkdir(exist_ok=True)
    draw(report, PLOT)


def _report(asked: Namespace) -> Report:
    """What was measured now, over what was read."""
    olds = [Report.read(path.read_text(encoding="utf-8")) for path in asked.read]
    if asked.urls or asked.engine or not olds:
        olds.append(_run(asked))
    report = reduce(lambda older, newer: newer.over(older), olds)
    if asked.json:
        asked.json.write_text(report.json(), encoding="utf-8")
    return report


def _run(asked: Namespace) -> Report:
    data = texts(asked.rows, asked.queries)
    truth = Truth(data)
    engines: dict[str, list[str]] = {}
    built: list[Built] = []
    cells: list[Measured] = []
    names = asked.engine or list(CONTENDERS)
    with databases(asked.urls, names, TABLES, keep=asked.keep) as found:
        for db in found:
            with roomy(db, len(data.embeddings)):
                engine, began = db.dialect().name, moment()
                for contender in CONTENDERS[engine]:
                    built.append(_built(db, contender, data))
                    cells += _measured(db, contender, data, truth, asked.seconds)
                engines[engine] = [*told(db), began]
    return Report(
        header(len(data.embeddings), len(data.queries)), engines, tuple(built), tuple(cells)
    )


def _built(db: Database, contender: Contender, data: Texts) -> Built:
    known = filled(db, contender.recipe, data.embeddings)
    return Built(
        engine=db.dialect().name,
        index=contender.index,
        rows=known.rows,
        load_seconds=known.load_seconds,
        index_seconds=known.index_seconds,
        index_bytes=index_bytes(db, contender.recipe.table.name),
        settings=known.settings,
    )


def _measured(
    db: Database, contender: Contender, data: Texts, truth: Truth, seconds: float
) -> list[Measured]:
    found: list[Measured] = []
    model, tolerance = contender.recipe.model, contender.tolerance
    for place in FILTERS:
        trials = [
            Trial(db, model, setting, place, tolerance)
            for setting in contender.settings
            if not place.indexed or setting in {DEFAULTS, EXACT}
        ]
        for one in measured(trials, contender.index, data, truth, seconds):
            say(
                f"{one.engine}: {one.index}, {one.setting}, {one.share:.1%} pass:"
                f" recall {one.recall:.3f}, p50 {one.p50:.2f} ms"
            )
            found.append(one)
    return found
