"""What every contender is given: the rows, the queries, and what is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DIMENSION = 384
BUCKETS = 1_000
SHARES = (BUCKETS, 100, 10, 1)
"""How many buckets pass: all, then 10 %, 1 % and 0.1 % of the rows."""
COLUMNS = ("id", "title", "topic", "bucket", "embedding")
ROWS_AT_ONCE = 5_000
_TOPICS = 50
Floats = NDArray[np.float32]


class Row(NamedTuple):
    """A text as every store holds it; `bucket` is evenly spread over 0 to 999."""

    id: int
    title: str
    topic: str
    bucket: int
    embedding: Floats


def row(number: int, embedding: Floats) -> Row:
    """The row of this number."""
    topic = f"topic {number // BUCKETS % _TOPICS}"
    return Row(number, f"text {number}", topic, number % BUCKETS, embedding)


@dataclass(frozen=True)
class Ask:
    """One search.

    Attributes:
        query: of unit length, as a model gives it.
        k: how many rows.
        buckets: those of which rows pass; None without a filter.
        ef: how far a graph is searched; None where that is not told.
    """

    query: Floats
    k: int
    buckets: int | None = None
    ef: int | None = None

    @property
    def reach(self) -> int:
        """How far a graph is searched, which is never less than what is asked for."""
        return max(self.ef or 0, self.k)


@dataclass(frozen=True)
class Source:
    """Where a run keeps its files.

    Attributes:
        folder: each contender has a folder of its own in it.
        vectors_file: the embeddings as float32.
    """

    folder: Path
    vectors_file: Path

    @cached_property
    def vectors(self) -> Floats:
        """All embeddings, mapped."""
        found: Floats = np.load(self.vectors_file, mmap_mode="r")
        return found

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.vectors)

    def place(self, name: str) -> Path:
        """The folder of this name, made where it is missing."""
        made = self.folder / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def moved(self, folder: Path) -> Source:
        """The same rows with the files elsewhere."""
        return replace(self, folder=folder)

    def chunks(self, size: int = ROWS_AT_ONCE) -> Iterator[list[Row]]:
        """All rows, some at a time."""
        for start in range(0, self.count, size):
            part = np.array(self.vectors[start : start + size])
            yield [row(n, embedding) for n, embedding in enumerate(part, start)]


def bytes_in(*folders: Path) -> int:
    """The size of all files there."""
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files)


def unit(vectors: NDArray[Any]) -> Floats:
    """The same directions, of unit length."""
    wide = vectors.astype(np.float32)
    made: Floats = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return made
