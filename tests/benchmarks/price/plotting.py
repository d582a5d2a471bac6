"""The plots: how many times the raw driver's time each contender takes, for every work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.index_recall.plotting import COLORS, MARKERS, STYLE, pyplot
from tests.benchmarks.index_recall.printing import NAMES
from tests.benchmarks.price.budgets import BUDGETS
from tests.benchmarks.price.measuring import CONTROL, RAW
from tests.benchmarks.price.peers.ours import OURS
from tests.benchmarks.price.printing import grown
from tests.benchmarks.price.results import Measured, Report
from tests.benchmarks.price.spread import ratios
from tests.benchmarks.price.works import WORKS, Kind, Work

_SIDE_BY_SIDE = {Kind.READ, Kind.WRITE, Kind.SEARCH, Kind.ASYNC}


@dataclass(frozen=True)
class Plot:
    """A file and what it shows."""

    name: str
    shows: str


def draw(report: Report, folder: Path) -> list[Plot]:
    """Write the SVGs: for each engine its works, then for each how they grow.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    folder.mkdir(exist_ok=True)
    cells = {name: [one for one in report.measured if one.engine == name] for name in NAMES}
    usual = [_drawn(engine, cells[engine], folder) for engine in report.engines]
    growing = [engine for engine in report.engines if grown(cells[engine])]
    return usual + [_drawn_growing(engine, cells[engine], folder) for engine in growing]


def _drawn(engine: str, measured: Sequence[Measured], folder: Path) -> Plot:
    plt, name = pyplot(), f"benchmarks-{engine}.svg"
    cells = [one for one in measured if WORKS[one.work].kind in _SIDE_BY_SIDE]
    works = [work for work in WORKS.values() if any(one.work == work.name for one in cells)]
    with plt.rc_context(STYLE | {"svg.hashsalt": name}):
        figure, panel = plt.subplots(figsize=(9, 1.4 + 0.42 * len(works)), layout="constrained")
        for place, contender in enumerate(_contenders(cells)):
            _points(panel, place, contender, works, cells)
        _dress(panel, engine, works)
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
        figure.savefig(folder / name, format="svg", metadata={"Date": None})
        plt.close(figure)
    return Plot(name, f"{NAMES[engine]}: the wall time of each contender, the raw driver's being 1")


def _contenders(cells: Sequence[Measured]) -> list[str]:
    """The library first, so that each has the same colour in every plot."""
    names = dict.fromkeys(one.contender for one in cells)
    return [OURS, *(name for name in names if name not in {OURS, RAW, CONTROL})]


def _points(
    panel: Any, place: int, name: str, works: Sequence[Work], cells: Sequence[Measured]
) -> None:
    found = {(one.work, one.contender): one for one in cells}
    points = [
        (ratios(own.wall, found[work.name, RAW].wall).median, row)
        for row, work in enumerate(works)
        if (own := found.get((work.name, name)))
    ]
    xs, rows = [x for x, _ in points], [row for _, row in points]
    panel.scatter(
        xs,
        rows,
        label=name,
        color=COLORS[place % len(COLORS)],
        marker=MARKERS[(place + place // len(COLORS)) % len(MARKERS)],
        s=60 if name == OURS else 26,
        zorder=3 if name == OURS else 2,
    )


def _dress(panel: Any, engine: str, works: Sequence[Work]) -> None:
    limits = [
        (budget.limit, works.index(budget.work))
        for budget in BUDGETS
        if budget.work in works and engine in budget.engines and not budget.times_faster
    ]
    panel.axvline(1, color="#444444", linewidth=1)
    panel.scatter(
        [limit for limit, _ in limits],
        [row for _, row in limits],
        label="budget",
        color="#444444",
        marker="|",
        s=180,
    )
    panel.set_title(f"{NAMES[engine]}: wall time, the raw driver's being 1")
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_minor_formatter("")
    panel.set_yticks(range(len(works)), [work.title for work in works])
    panel.invert_yaxis()


def _drawn_growing(engine: str, cells: Sequence[Measured], folder: Path) -> Plot:
    plt, name = pyplot(), f"benchmarks-growth-{engine}.svg"
    axes = grown(cells)
    with plt.rc_context(STYLE | {"svg.hashsalt": name}):
        figure, panels = plt.subplots(
            1, len(axes), figsize=(2.6 * len(axes), 3), layout="constrained", squeeze=False
        )
        for panel, (axis, names) in zip(panels.flat, axes.items(), strict=True):
            for place, contender in enumerate((OURS, RAW, "SQLAlchemy ORM")):
                _line(panel, place, contender, names.get(contender, {}))
            panel.set_xlabel(axis)
            panel.set_xscale("log")
            panel.set_yscale("log")
            panel.xaxis.set_major_formatter("{x:g}")
            panel.xaxis.set_minor_formatter("")
        panels.flat[0].set_ylabel(f"{NAMES[engine]}: wall µs")
        handles, labels = panels.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        figure.savefig(folder / name, format="svg", metadata={"Date": None})
        plt.close(figure)
    return Plot(name, f"{NAMES[engine]}: how the time grows with {', '.join(axes)}")


def _line(panel: Any, place: int, label: str, sizes: dict[int, Measured]) -> None:
    micros = [median(one.wall) / one.repeats * 1e6 for one in sizes.values()]
    style = {"color": COLORS[place], "marker": MARKERS[place], "markersize": 4, "linewidth": 1.2}
    panel.plot([*sizes], micros, label=label, **style)
