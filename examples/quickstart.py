"""Search 2,000 Debian packages by meaning, on SQLite or any other engine that agentorm knows."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill, shorten
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentorm import (
    HNSW,
    AgentORMError,
    Database,
    Entity,
    Field,
    Hit,
    Vector,
    json_field,
    repository,
    vector_field,
)

DATA = Path(__file__).parent / "data"
DEFAULT = "sqlite:///quickstart.db"
WIDTH = 100
JSON = "library for parsing JSON in C++"


class Package(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    section: str = Field(index=True)
    summary: str
    installed_kib: int
    tags: list[str] = json_field()
    embedding: Vector = vector_field(384, metric="cosine", index=HNSW())


def read(embeddings: NDArray[Any]) -> list[Package]:
    """One package for each line of the file, with its row of the array."""
    lines = (DATA / "packages.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Package(**json.loads(line), embedding=embedding)
        for line, embedding in zip(lines, embeddings, strict=True)
    ]


def store(db: Database, packages: Sequence[Package]) -> None:
    """All of them or none; a package that is there already is overwritten, by its name."""
    started = perf_counter()
    batches = [packages[start : start + 200] for start in range(0, len(packages), 200)]
    with db.transaction() as session:
        for batch in with_progress(batches, "Storing packages"):
            repository(Package, session).upsert(batch, on=Package.name)
    count = repository(Package, db).count()
    print(f"{count:,} packages are stored; that took {perf_counter() - started:.1f} s")


def with_progress(batches: list[Sequence[Package]], title: str) -> Iterable[Sequence[Package]]:
    """A bar where rich is installed, else plain text."""
    try:
        from rich.progress import track
    except ImportError:
        return with_plain_progress(batches, title)
    return track(batches, description=title)


def with_plain_progress(batches: list[Any], title: str) -> Iterator[Any]:
    """The percentage of what is done."""
    for done, batch in enumerate(batches, start=1):
        yield batch
        print(f"\r{title} {done / len(batches):4.0%}", end="", flush=True)
    print()


def search(db: Database, questions: Mapping[str, NDArray[Any]]) -> None:
    """The three packages that are nearest to each question, and how long that takes."""
    seconds = 0.0
    with db.session() as session:
        packages = repository(Package, session)
        for question, vector in questions.items():
            started = perf_counter()
            hits = packages.similar_to(vector).limit(3).hits()
            seconds += perf_counter() - started
            show(question, hits)
    print(f"\n{len(questions)} searches, {1000 * seconds / len(questions):.1f} ms each")


def search_small_libraries(db: Database, question: str, vector: NDArray[Any]) -> None:
    """Conditions are SQLAlchemy's, and hold for every hit."""
    query = (
        repository(Package, db)
        .similar_to(vector)
        .where(Package.section == "libs", Package.installed_kib < 500)
        .limit(3)
    )
    show(f"{question}, among libraries below 500 KiB", query.hits())
    print("\nHow that was found:")
    for line in str(query.explain()).splitlines():
        print(fill(line, WIDTH, initial_indent="  ", subsequent_indent="      "))


def show(title: str, hits: Iterable[Hit[Package]]) -> None:
    """One line for each hit: score, name, section, size and what it is."""
    print(f"\n{title}")
    for hit in hits:
        found, size = hit.entity, f"{hit.entity.installed_kib:,} KiB"
        row = f"  {hit.score:.3f}  {found.name:<30.30} {found.section:<12} {size:>10}  "
        print(row + shorten(found.summary, WIDTH - len(row), placeholder="..."))


def database(url: str | None) -> Database:
    """The database of this URL, else of the environment, else a file in the current folder."""
    if url is None and (os.environ.get("AGENTORM_URL") or os.environ.get("DATABASE_URL")):
        return Database.from_env()
    return Database(DEFAULT if url is None else url)


def main() -> int:
    """Run the whole story; 2 for a database that cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    where = f"AGENTORM_URL, else DATABASE_URL of the environment, else {DEFAULT}"
    parser.add_argument("url", nargs="?", metavar="URL", help=f"the database; without it {where}")
    url = parser.parse_args().url
    try:
        with database(url) as db, np.load(DATA / "packages.npz") as data:
            print(db, *db.capabilities().notes, sep="\n")
            db.create_all(Package)
            store(db, read(data["embeddings"]))
            questions = dict(zip(data["queries"].tolist(), data["query_embeddings"], strict=True))
            search(db, questions)
            search_small_libraries(db, JSON, questions[JSON])
    except AgentORMError as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
