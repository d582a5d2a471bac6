"""The page shows what is found today."""

from __future__ import annotations

from typing import TypeAlias

import pytest

from agentorm import Database
from tests.benchmarks.hybrid_table import BEGIN, END, PAGE, WAYS, found_in

Found: TypeAlias = dict[str, dict[str, list[str]]]
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def shown(engine: str) -> Found:
    """What the page says of an engine."""
    section = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    found: Found = {}
    for part in section.split("\n### ")[1:]:
        words, *lines = part.strip().splitlines()
        heading, _, *rows = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line
        ]
        titles = {way: heading.index(f"{way}, {NAMES[engine]}") for way in WAYS[1:]}
        columns = {"vector": 0, **titles}
        found[words] = {way: [row[i] for row in rows if row[i]] for way, i in columns.items()}
    return found


@pytest.mark.untraced
@pytest.mark.engines(*NAMES)
def test_the_page_shows_what_is_found(url: str, engine_name: str) -> None:
    with Database(url) as db:
        found = found_in(db)
    assert len(found) == 20
    assert found == shown(engine_name)
