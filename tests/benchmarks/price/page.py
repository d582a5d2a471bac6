"""The page of the documentation: what was measured, between its markers, and the plots."""

from __future__ import annotations

from tests.benchmarks.pages import write_between
from tests.benchmarks.price.plotting import draw
from tests.benchmarks.price.printing import as_markdown
from tests.benchmarks.price.results import Report
from tests.benchmarks.texts import ROOT

PAGE, ASSETS = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "assets"
MARKER = "benchmarks"


def write(report: Report, command: str) -> None:
    """Write the page and draw the plots.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    write_between(PAGE, MARKER, f"- `{command}`\n{as_markdown(report, plots(report))}")


def plots(report: Report) -> list[str]:
    """The plots drawn, as Markdown shows them."""
    return [f"![{plot.shows}](assets/{plot.name})" for plot in draw(report, ASSETS)]
