"""The page of the documentation: what was measured, between its markers, and the plots."""

from __future__ import annotations

import sys

from tests.benchmarks.price.plotting import draw
from tests.benchmarks.price.printing import as_markdown
from tests.benchmarks.price.results import Report
from tests.benchmarks.texts import ROOT

PAGE, ASSETS = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "assets"
BEGIN, END = "<!-- benchmarks -->\n", "<!-- end of benchmarks -->"


def write(report: Report, command: str) -> None:
    """Write the page and draw the plots.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit(f"{PAGE} lacks the markers {BEGIN.strip()} and {END}")
    told = f"- `{command}`\n{as_markdown(report, plots(report))}"
    PAGE.write_text(f"{before}{begin}\n{told}\n\n{end}{after}", encoding="utf-8")


def plots(report: Report) -> list[str]:
    """The plots drawn, as Markdown shows them."""
    return [f"![{plot.shows}](assets/{plot.name})" for plot in draw(report, ASSETS)]
