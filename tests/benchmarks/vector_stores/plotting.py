"""The plots: recall against latency behind each filter, and latency against building."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.index_recall.plotting import COLORS, MARKERS, STYLE, dress, pyplot
from tests.benchmarks.index_recall.printing import titled
from tests.benchmarks.vector_stores.contenders.ours import OURS
from tests.benchmarks.vector_stores.course import K
from tests.benchmarks.vector_stores.given import BUCKETS, SHARES
from tests.benchmarks.vector_stores.results import Report, Searched


@dataclass(frozen=True)
class Plot:
    """A file and what it shows."""

    name: str
    shows: str


def draw(report: Report, folder: Path) -> list[Plot]:
    """Write the SVGs: two for each number of rows.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    folder.mkdir(exist_ok=True)
    return [drawn(report, rows, folder) for rows in report.sizes for drawn in (_recall, _building)]


def _recall(report: Report, rows: int, folder: Path) -> Plot:
    plt, plot = (
        pyplot(),
        Plot(f"vectors-{rows}.svg", f"Recall against latency, {rows:,} rows, whole rows returned"),
    )
    with plt.rc_context(STYLE | {"svg.hashsalt": plot.name}):
        figure, panels = plt.subplots(
            2, 2, figsize=(9, 7), sharex=True, sharey=True, layout="constrained"
        )
        for panel, buckets in zip(panels.flat, SHARES, strict=True):
            share = buckets / BUCKETS
            for place, name in enumerate(_names(report)):
                _points(panel, place, name, _rows_of(report, rows, name, share))
            dress(panel, titled(share))
        _save(plt, figure, panels.flat[0], folder / plot.name)
    return plot


def _building(report: Report, rows: int, folder: Path) -> Plot:
    plt, plot = (
        pyplot(),
        Plot(f"vectors-building-{rows}.svg", f"Latency against the time to build, {rows:,} rows"),
    )
    built = {one.contender: one.build for one in report.built if one.rows == rows}
    with plt.rc_context(STYLE | {"svg.hashsalt": plot.name}):
        figure, panel = plt.subplots(figsize=(9, 4.5), layout="constrained")
        for place, name in enumerate(_names(report)):
            usual = [one for one in _rows_of(report, rows, name, 1.0) if not one.tuned][:1]
            if name in built:
                xs = [built[name]] * len(usual)
                panel.scatter(xs, [_p50(one) for one in usual], **_style(place, name), label=name)
        for axis in (panel.xaxis, panel.yaxis):
            axis.axes.set_xscale("log")
            axis.axes.set_yscale("log")
            axis.set_major_formatter("{x:g}")
        panel.set_xlabel("seconds until searchable")
        panel.set_ylabel("p50 in ms, with rows")
        _save(plt, figure, panel, folder / plot.name)
    return plot


def _names(report: Report) -> list[str]:
    """The library first, so that each has the same colour in every plot."""
    names = dict.fromkeys(one.contender for one in report.searched)
    return [OURS, *(name for name in names if name != OURS)]


def _rows_of(report: Report, rows: int, name: str, share: float) -> list[Searched]:
    return [
        one
        for one in report.searched
        if (one.rows, one.contender, one.way, one.k, one.share) == (rows, name, "", K, share)
    ]


def _p50(one: Searched) -> float:
    return median(one.seconds) * 1e3


def _style(place: int, name: str) -> dict[str, Any]:
    return {
        "color": COLORS[place % len(COLORS)],
        "marker": MARKERS[(place + place // len(COLORS)) % len(MARKERS)],
        "s": 70 if name == OURS else 30,
        "zorder": 3 if name == OURS else 2,
    }


def _points(panel: Any, place: int, name: str, cells: Sequence[Searched]) -> None:
    """Hollow where its graph is searched for our recall."""
    style = _style(place, name)
    for tuned in (False, True):
        found = [one for one in cells if one.tuned == tuned]
        more = {"facecolors": "none", "edgecolors": style["color"]} if tuned else {"label": name}
        if found or not tuned:
            xs, ys = [_p50(one) for one in found], [one.recall for one in found]
            panel.scatter(
                xs,
                ys,
                **({k: v for k, v in style.items() if k != "color"} if tuned else style),
                **more,
            )


def _save(plt: Any, figure: Any, panel: Any, path: Path) -> None:
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)
