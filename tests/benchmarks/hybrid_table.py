"""What vectors, words and both find: ``python -m tests.benchmarks.hybrid_table POSTGRESQL_URL``.

For the 20 questions of the examples' 2,000 packages, the five best names on SQLite and on
PostgreSQL. Writes them into ``docs/hybrid-table.md`` between its markers. The table that it makes
in the database of the URL is dropped in the end.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy.orm import registry

from agentorm import (
    Database,
    Entity,
    Field,
    SyncQuery,
    Vector,
    repository,
    text_field,
    vector_field,
)

ROOT = Path(__file__).parents[2]
DATA, PAGE = ROOT / "examples" / "data", ROOT / "docs" / "hybrid-table.md"
BEGIN, END = "<!-- found -->\n", "<!-- end of found -->"
BEST = 5
WAYS = ("vector", "text", "hybrid")


class Shown(Entity, registry=registry()):
    """Apart from the tables of tests."""


class HybridPackage(Shown, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = text_field(search="simple")
    summary: str = text_field(search="english")
    embedding: Vector = vector_field(384)


def packages() -> Iterator[HybridPackage]:
    """The packages of the examples, with their embeddings."""
    lines = (DATA / "packages.jsonl").read_text(encoding="utf-8").splitlines()
    with np.load(DATA / "packages.npz") as data:
        for line, embedding in zip(lines, data["embeddings"], strict=True):
            read = json.loads(line)
            yield HybridPackage(name=read["name"], summary=read["summary"], embedding=embedding)


def questions() -> list[tuple[str, Vector]]:
    """The questions, each with its embedding."""
    with np.load(DATA / "packages.npz") as data:
        pairs = zip(data["queries"], data["query_embeddings"], strict=True)
        return [(str(words), Vector(embedding)) for words, embedding in pairs]


def found_in(db: Database) -> dict[str, dict[str, list[str]]]:
    """For each question and each way, the names of the best."""
    db.create_all(HybridPackage)
    try:
        repository(HybridPackage, db).add_all(packages())
        with db.session() as session:
            of_packages = repository(HybridPackage, session)
            return {
                words: {
                    "vector": _best(of_packages.similar_to(vector)),
                    "text": _best(of_packages.matching(words)),
                    "hybrid": _best(of_packages.similar_to(vector).matching(words).fuse()),
                }
                for words, vector in questions()
            }
    finally:
        db.drop_all(HybridPackage)


def _best(query: SyncQuery[HybridPackage]) -> list[str]:
    return [package.name for package in query.limit(BEST).all()]


def written(found: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]) -> str:
    """The section of the page, of what was found by engine, question and way."""
    engines = list(found)
    columns = [(engine, way) for engine in engines for way in WAYS[1:]]
    heading = ["vector", *(f"{way}, {engine}" for engine, way in columns)]
    lines = ["", *_shares(found), ""]
    for words in found[engines[0]]:
        cells = [found[engines[0]][words]["vector"]]
        cells += [found[engine][words][way] for engine, way in columns]
        rows = [[names[i] if i < len(names) else "" for names in cells] for i in range(BEST)]
        lines += [f"### {words}", "", *map(_row, [heading, ["---"] * len(heading), *rows]), ""]
    return "\n".join([*lines, ""])


def _shares(found: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]) -> Iterator[str]:
    yield _row(["of the five best of hybrid", "in both", "vector alone", "text alone", "neither"])
    yield _row(["---"] * 5)
    for engine, of_words in found.items():
        counts = [0, 0, 0, 0]
        for ways in of_words.values():
            for name in ways["hybrid"]:
                near, matched = name in ways["vector"], name in ways["text"]
                counts[(0 if matched else 1) if near else (2 if matched else 3)] += 1
        yield _row([engine, *map(str, counts)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Search on both engines, and write the page."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with Database("sqlite://") as here, Database(sys.argv[1]) as there:
        found = {"SQLite": found_in(here), "PostgreSQL": found_in(there)}
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{written(found)}{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
