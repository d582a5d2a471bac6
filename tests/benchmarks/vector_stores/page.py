"""The page of the documentation: what was measured, between its markers, and the plots."""

from __future__ import annotations

from tests.benchmarks.pages import write_between
from tests.benchmarks.texts import ROOT
from tests.benchmarks.vector_stores.plotting import draw
from tests.benchmarks.vector_stores.printing import as_markdown
from tests.benchmarks.vector_stores.results import Report

PAGE, ASSETS = ROOT / "docs" / "vector-stores.md", ROOT / "docs" / "assets"
MARKER = "vector stores"


def write(report: Report, command: str) -> None:
    """Write the page and draw the plots.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    plots = [f"![{plot.shows}](assets/{plot.name})" for plot in draw(report, ASSETS)]
    write_between(PAGE, MARKER, f"- `{command}`\n{as_markdown(report, plots)}")
