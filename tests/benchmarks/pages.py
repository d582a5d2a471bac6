"""Pages of the documentation with a section that a benchmark writes, between two markers."""

from __future__ import annotations

import sys
from pathlib import Path


def write_between(page: Path, marker: str, section: str) -> None:
    """Put the section between ``<!-- marker -->`` and ``<!-- end of marker -->``."""
    begin, end = f"<!-- {marker} -->\n", f"<!-- end of {marker} -->"
    before, begun, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        sys.exit(f"{page} lacks the markers {begin.strip()} and {end}")
    page.write_text(f"{before}{begin}\n{section}\n\n{end}{after}", encoding="utf-8")
