"""Re-rank what a search finds, by a cross-encoder where one is given, else by shared words."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentorm import (
    Database,
    Entity,
    Field,
    Hit,
    Vector,
    cross_encoder,
    repository,
    vector_field,
)

DATA = Path(__file__).parent / "data"
Predict = Callable[[list[tuple[str, str]]], Sequence[float] | NDArray[Any]]


class Candidate(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    section: str
    summary: str
    embedding: Vector = vector_field(384, metric="cosine")

    @property
    def passage(self) -> str:
        """What the re-ranker reads."""
        return f"{self.name}: {self.summary}"


def store(db: Database, embeddings: NDArray[Any]) -> None:
    """One row for each line of the file, with its row of the array."""
    db.create_all(Candidate)
    lines = (DATA / "packages.jsonl").read_text(encoding="utf-8").splitlines()
    read = (json.loads(line) for line in lines)
    repository(Candidate, db).add_all(
        Candidate(
            name=package["name"],
            section=package["section"],
            summary=package["summary"],
            embedding=Vector(embedding),
        )
        for package, embedding in zip(read, embeddings, strict=True)
    )


def words_of(text: str) -> set[str]:
    """The longer words in lower case, without the s of a plural."""
    return {word.rstrip("s") for word in re.findall(r"\w{4,}", text.lower())}


def shared_words(pairs: list[tuple[str, str]]) -> list[float]:
    """What part of the words of a query its passage has: the interface of a cross-encoder."""
    return [
        len(words_of(query) & words_of(passage)) / len(words_of(query)) for query, passage in pairs
    ]


def scoring(model: str | None) -> Predict:
    """The cross-encoder of that name, by sentence-transformers; without one, `shared_words`."""
    if model is None:
        return shared_words
    package: Any = import_module("sentence_transformers")
    predict: Predict = package.CrossEncoder(model).predict
    return predict


def search(db: Database, question: str, vector: NDArray[Any], predict: Predict) -> None:
    """The nearest packages; the same re-ranked; then different ones, and one of each section."""
    scorer = cross_encoder(predict, question, lambda package: package.passage)
    nearest = repository(Candidate, db).similar_to(vector)
    show(f"{question}: nearest", nearest.limit(3).hits())
    show("re-ranked", nearest.rerank(scorer, depth=50).limit(3).hits())
    show("diverse", nearest.diverse(0.7, depth=50).limit(3).hits())
    show("one per section", nearest.best_per(Candidate.section).limit(3).hits())


def show(title: str, hits: Sequence[Hit[Candidate]]) -> None:
    """A title, and a line for each hit."""
    print(title)
    for hit in hits:
        print(f"  {hit.score:6.3f}  {hit.entity.section:<12} {hit.entity.passage}"[:100])


def main() -> None:
    """Search for each of the sentences that come with the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "url", nargs="?", default="sqlite://", metavar="URL", help="of an empty database"
    )
    parser.add_argument("--model", help="as cross-encoder/ms-marco-MiniLM-L6-v2")
    arguments = parser.parse_args()
    predict = scoring(arguments.model)
    with Database(arguments.url) as db, np.load(DATA / "packages.npz") as data:
        store(db, data["embeddings"])
        for question, vector in zip(
            data["queries"].tolist(), data["query_embeddings"], strict=True
        ):
            search(db, question, vector, predict)


if __name__ == "__main__":
    main()
