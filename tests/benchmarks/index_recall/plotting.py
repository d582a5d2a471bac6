"""The plot: recall against latency, one panel for each share of rows that pass."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from agentorm import MissingDependency
from tests.benchmarks.index_recall.measuring import SHARES, Measured
from tests.benchmarks.index_recall.models import BUCKETS
from tests.benchmarks.index_recall.printing import NAMES, titled
from tests.benchmarks.index_recall.results import Report

STYLE = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.alpha": 0.3,
    "svg.fonttype": "none",
    "svg.hashsalt": "recall",
}
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#666666")
MARKERS = "os^vDPX"
TICKS = (0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1)
STRETCH = 4


def draw(report: Report, path: Path) -> None:
    """Write the plot as SVG.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    plt = pyplot()
    indexes = list(dict.fromkeys((one.engine, one.index) for one in report.measured))
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            2, 2, figsize=(9, 6.6), sharex=True, sharey=True, layout="constrained"
        )
        for panel, buckets in zip(panels.flat, SHARES, strict=True):
            for place, index in enumerate(indexes):
                _line(panel, place, index, _of(report, index, buckets / BUCKETS))
            dress(panel, titled(buckets / BUCKETS))
        handles, labels = panels.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)


def pyplot() -> Any:
    """Matplotlib, without a display.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import_module("matplotlib").use("svg")
    except ImportError as error:
        raise MissingDependency("matplotlib", extra="matplotlib") from error
    return import_module("matplotlib.pyplot")


def _of(report: Report, index: tuple[str, str], share: float) -> list[Measured]:
    return [
        one
        for one in report.measured
        if (one.engine, one.index) == index and one.share == share and not one.filter_indexed
    ]


def _line(panel: Any, place: int, index: tuple[str, str], cells: Iterable[Measured]) -> None:
    """One index: a point for each setting, joined as the settings go up."""
    engine, kind = index
    points = [(one.p50, one.recall, one.setting) for one in cells]
    color, marker = COLORS[place % len(COLORS)], MARKERS[place % len(MARKERS)]
    label = f"{NAMES[engine]} {kind}" if kind != "none" else f"{NAMES[engine]}, exact"
    tuned = [point for point in points if point[2] != "exact"]
    xs, ys = [x for x, _, _ in tuned], [y for _, y, _ in tuned]
    panel.plot(xs, ys, marker=marker, color=color, label=label, linewidth=1.2, markersize=5)
    for x, y, setting in points:
        if setting == "exact":
            panel.plot([x], [y], marker=marker, color=color, markerfacecolor="none")
        _, tuned_to, value = setting.partition("=")
        if tuned_to:
            offset = 2, 4 - 13 * (place % 2)
            panel.annotate(
                value, (x, y), offset, fontsize=7, textcoords="offset points", color=color
            )


def _stretched(recall: Any) -> Any:
    """The last tenth is what matters."""
    return recall**STRETCH


def _as_it_was(stretched: Any) -> Any:
    return stretched ** (1 / STRETCH)


def dress(panel: Any, title: str) -> None:
    """Recall against latency, the last tenth of the recall wide."""
    panel.set_title(title)
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_minor_formatter("")
    panel.set_yscale("function", functions=(_stretched, _as_it_was))
    panel.set_yticks(TICKS)
    panel.yaxis.set_minor_formatter("")
    panel.set_ylim(0, 1.02)
    panel.set_xlabel("p50 in ms")
    panel.set_ylabel("recall@10")
