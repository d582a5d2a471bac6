#!/usr/bin/env python3
"""Write the support matrix, as the dialects declare it, between its markers.

python docs/make_matrix.py            writes it
python docs/make_matrix.py --check    fails when a page shows another one
"""

from __future__ import annotations

import sys
from pathlib import Path

from agentorm.capabilities import matrix

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "engines" / "index.md")
BEGIN, END = "<!-- matrix -->\n", "<!-- end of matrix -->"


def with_matrix(page: str) -> str:
    """The page with the matrix of today between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit(f"the markers {BEGIN.strip()} and {END} are missing")
    return f"{before}{BEGIN}\n{matrix()}\n\n{END}{after}"


def main() -> None:
    """Write or check every page that shows the matrix."""
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        made = with_matrix(page)
        if "--check" not in sys.argv:
            path.write_text(made, encoding="utf-8")
        elif made != page:
            sys.exit(f"{path.name} is out of date: python docs/make_matrix.py")


if __name__ == "__main__":
    main()
