"""Real texts with real embeddings for the benchmarks, and how two ways are timed side by side.

The 100,000 texts are read from the folder that ``AGENTORM_BENCH_DATA`` names, else from
``shared/data`` beside the checkout; without either, the 2,000 packages of the examples serve.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert

from agentorm import HNSW, Database, Entity, Field, Vector, vector_field

ROOT = Path(__file__).parents[2]
ROWS_AT_ONCE = 5_000


class BenchText(Entity, table=True):
    """A text as the scan's benchmark stores it; `bucket` is evenly spread over 0 to 99."""

    id: int = Field(primary_key=True)
    bucket: int = Field(index=True)
    title: str
    embedding: Vector = vector_field(384)


class BenchIndexedText(Entity, table=True):
    """The same with a vector index."""

    id: int = Field(primary_key=True)
    bucket: int = Field(index=True)
    title: str
    embedding: Vector = vector_field(384, index=HNSW(m=16, ef_construction=64))


@dataclass(frozen=True)
class Texts:
    """Embeddings of unit length, shape ``(n, 384)``, and queries that are not among them."""

    embeddings: NDArray[np.float32]
    queries: list[Vector]


def texts(most: int, queries: int) -> Texts:
    """So many of the texts, or as many as there are."""
    given = os.environ.get("AGENTORM_BENCH_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    if (folder / "texts.npy").exists():
        rows, asked = np.load(folder / "texts.npy"), np.load(folder / "queries.npy")
    else:
        print("no texts.npy: the 2,000 packages of the examples serve")
        packages = np.load(ROOT / "examples" / "data" / "packages.npz")
        rows, asked = packages["embeddings"], packages["query_embeddings"]
    return Texts(_unit(rows[:most]), [Vector(query) for query in _unit(asked[:queries])])


def _unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    unit: NDArray[np.float32] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit


def store(db: Database, model: type[Any], embeddings: NDArray[np.float32]) -> float:
    """Write the texts into a new table; the seconds it took."""
    db.drop_all(model)
    db.create_all(model)
    began = perf_counter()
    for start in range(0, len(embeddings), ROWS_AT_ONCE):
        rows = [
            {"id": n, "bucket": n % 100, "title": f"text {n}", "embedding": Vector(embedding)}
            for n, embedding in enumerate(embeddings[start : start + ROWS_AT_ONCE], start)
        ]
        with db.engine.begin() as connection:
            connection.execute(insert(model), rows)
    return perf_counter() - began


def side_by_side(
    ways: Sequence[Callable[[Vector], object]], queries: Sequence[Vector]
) -> tuple[list[float], list[float]]:
    """Each way's median seconds, and the median of its ratios to the first; in random order."""
    seconds: list[list[float]] = [[] for _ in ways]
    for query in [*queries[:2], *queries]:
        for place in random.sample(range(len(ways)), len(ways)):
            began = perf_counter()
            ways[place](query)
            seconds[place].append(perf_counter() - began)
    warm = [times[2:] for times in seconds]
    ratios = [median(t / base for t, base in zip(times, warm[0], strict=True)) for times in warm]
    return [median(times) for times in warm], ratios
