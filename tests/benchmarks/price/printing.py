"""The report as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from tests.benchmarks.index_recall.printing import NAMES, Row, aligned, piped
from tests.benchmarks.price.budgets import Budget, Judged, judged
from tests.benchmarks.price.measuring import CONTROL, RAW
from tests.benchmarks.price.peers.ours import OURS
from tests.benchmarks.price.results import Measured, Report
from tests.benchmarks.price.spread import Spread, ratios
from tests.benchmarks.price.works import WORKS

_BUDGETS = ("engine", "work", "CPU ratio", "wall ratio", "budget", "reached")
_WORK = ("contender", "CPU µs", "wall µs", "CPU ratio", "wall ratio", "rounds")
Section = tuple[str, Sequence[Row]]


def as_text(report: Report) -> str:
    """Tables for a terminal."""
    parts = [*told(report)]
    for title, rows in sections(report):
        parts += ["", f"{title}:", *aligned(rows)]
    return "\n".join(parts)


def as_markdown(report: Report, plots: Sequence[str] = ()) -> str:
    """Tables for the documentation, with the plots behind the budgets."""
    parts = [f"- {line}" for line in told(report)]
    (title, rows), *others = sections(report)
    parts += ["", f"### {title}", "", *piped(rows), "", missed(report)]
    for plot in plots:
        parts += ["", plot]
    for title, rows in others:
        parts += ["", f"### {title}", "", *piped(rows)]
    return "\n".join(parts)


def told(report: Report) -> Iterator[str]:
    """Where, with what, and who is absent."""
    yield from report.header
    for engine, lines in report.engines.items():
        yield f"{NAMES[engine]}: {'; '.join(lines)}"
    for one in report.absent:
        yield f"{NAMES[one.engine]}: {one.contender} is left out, {one.reason}"


def sections(report: Report) -> Iterator[Section]:
    """The budgets, then each work on each engine."""
    yield "Budgets", [_BUDGETS, *map(_judged, judged(report))]
    for engine in report.engines:
        cells = [one for one in report.measured if one.engine == engine]
        for work in WORKS.values():
            found = [one for one in cells if one.work == work.name]
            if found and not work.axis:
                yield f"{NAMES[engine]}: {work.title}", [_WORK, *_compared(found)]
        for axis, names in grown(cells).items():
            yield f"{NAMES[engine]}: growth with {axis}", [*_grown(axis, names)]


def missed(report: Report) -> str:
    """The budgets that are not reached, in a sentence."""
    found: dict[str, list[str]] = {}
    for one in judged(report):
        if one.verdict == "no":
            found.setdefault(NAMES[one.engine], []).append(_titled(one.budget))
    told = [f"On {engine}: {'; '.join(titles)}." for engine, titles in found.items()]
    return " ".join(["**Not reached.**", *told]) if told else "Every budget measured is reached."


def ratio(found: Spread | None) -> str:
    """The median and the quartiles."""
    return "" if found is None else f"{found.median:.2f} ({found.low:.2f} to {found.high:.2f})"


def _judged(one: Judged) -> Row:
    budget = one.budget
    sign = "≥" if budget.times_faster else "≤"
    cpu = None if budget.by_wall else one.cpu
    return (
        NAMES[one.engine], _titled(budget), ratio(cpu), ratio(one.wall), f"{sign} {budget.limit:g}",
        one.verdict,
    )  # fmt: skip


def _titled(budget: Budget) -> str:
    title = budget.work.title
    if budget.times_faster:
        return f"{title}, times faster than {budget.against}"
    if budget.against != RAW:
        return f"{title}: {budget.of} against {budget.against}"
    return title if budget.of == OURS else f"{title}: {budget.of}"


def _compared(cells: Sequence[Measured]) -> Iterable[Row]:
    base = next(one for one in cells if one.contender == RAW)
    for one in sorted(cells, key=lambda one: _place(one, base)):
        yield (
            one.contender,
            _micros(one.cpu, one.repeats),
            _micros(one.wall, one.repeats),
            ratio(ratios(one.cpu, base.cpu)),
            ratio(ratios(one.wall, base.wall)),
            str(len(one.cpu)),
        )


def grown(cells: Sequence[Measured]) -> dict[str, dict[str, dict[int, Measured]]]:
    """By what it grows with, by contender and by size."""
    found: dict[str, dict[str, dict[int, Measured]]] = {}
    for one in cells:
        work = WORKS[one.work]
        if work.axis:
            found.setdefault(work.axis, {}).setdefault(one.contender, {})[work.size] = one
    return found


def _grown(axis: str, names: dict[str, dict[int, Measured]]) -> Iterator[Row]:
    """A line for each size: the baseline's time, and the ratios of wall time to it."""
    others = [name for name in names if name != RAW]
    yield (axis, f"{RAW}, wall µs", *(f"{name}, wall ratio" for name in others))
    for size, base in names[RAW].items():
        told = (ratio(ratios(names[name][size].wall, base.wall)) for name in others)
        yield (f"{size:,}", _micros(base.wall, base.repeats), *told)


def _place(one: Measured, base: Measured) -> tuple[bool, bool, float]:
    """The baseline and its copy, then the others from the fastest on."""
    return one is not base, one.contender != CONTROL, ratios(one.cpu, base.cpu).median


def _micros(seconds: Sequence[float], repeats: int) -> str:
    each = median(seconds) / repeats * 1e6
    return f"{each:.1f}" if each < 1_000 else f"{each:,.0f}"
