"""The nearest rows of an index: few candidates by their codes, then in their true order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from agentorm.embedded.calibration import Calibration
from agentorm.embedded.codes import Vectors, differing, encoded, fewest
from agentorm.embedded.contents import Contents
from agentorm.embedded.measures import apart, kept
from agentorm.embedded.packed import fewest_packed, packed
from agentorm.embedded.places import NOWHERE, Numbers, Places
from agentorm.embedded.source import Rows
from agentorm.vectors import Metric

ReadVectors: TypeAlias = Callable[[Numbers], tuple[Numbers, Vectors]]
"""Reads the vectors of rows, as far as they are there, in any order."""
_WORTH_A_CODE = 2_048
"""Rows of which all are measured sooner than their codes are compared."""
_ROUNDING, _MOST_TIES = np.float32(1e-5), 1_024
_SHARE = 4
"""Where every fourth row is a candidate, all are measured instead."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for.

    Attributes:
        vector: as rows are kept.
        depth: how many of the nearest.
        among: the numbers of the rows that count, None for all.
        apart: numbers of rows that do not, for they have changed.
    """

    vector: Vectors
    depth: int
    among: Numbers | None
    apart: Numbers


@dataclass(frozen=True, slots=True)
class Nearest:
    """What was found.

    Attributes:
        numbers: the numbers of the rows, nearest first, some to spare.
        are_all: whether there are no others that count.
        farthest: how far the last of them is; all others of the index are as far, or farther.
    """

    numbers: Numbers
    are_all: bool
    farthest: float


@dataclass(frozen=True, slots=True)
class Version:
    """A state of an index; whoever searches in it is not disturbed by later ones.

    Attributes:
        clock: the last change it knows.
        stamp: what that change was marked by.
        schema: the version of the schema that it was read under.
        centre: what the codes tell the side of.
        odd: the rows with bytes that are no vector of the column; with them nobody searches here.
    """

    contents: Contents
    metric: Metric
    centre: Vectors
    calibration: Calibration
    clock: int
    stamp: int
    schema: int
    odd: frozenset[int] = frozenset()

    def nearest(self, asked: Asked, read: ReadVectors) -> Nearest:
        """The nearest rows, as far as the codes tell."""
        places, are_all = self._candidates(asked)
        if asked.among is None and are_all and self.contents.all_known:
            return self._nearest_of_all(asked)
        numbers = self.contents.numbers_at(places)
        counts = self.contents.are_current(places, numbers)
        if len(asked.apart):
            counts &= ~np.isin(numbers, asked.apart)
        places, numbers = places[counts], numbers[counts]
        found = self._measured(places, numbers, asked.vector, read)
        first = _first(found, asked.depth)
        farthest = _farthest(found[first], self.metric)
        return Nearest(numbers[first], are_all and len(first) == len(numbers), farthest)

    def _nearest_of_all(self, asked: Asked) -> Nearest:
        """The same where every row is measured, without a copy of their vectors."""
        contents = self.contents
        found = np.concatenate(
            [apart(vectors, asked.vector, self.metric) for vectors in contents.in_chunks()]
            or [np.empty(0, np.float32)]
        )
        numbers = contents.all_numbers()
        counts = contents.are_current(np.arange(len(numbers)), numbers)
        counts &= ~np.isin(numbers, asked.apart)
        found[~counts] = np.inf
        total = int(np.count_nonzero(counts))
        first = _first(found, min(asked.depth, total))
        first = first[found[first] < np.inf]
        return Nearest(numbers[first], len(first) == total, _farthest(found[first], self.metric))

    def learn(self, rows: Rows, changed: Numbers) -> None:
        """Hold the vectors of rows that were read by who knows which of them changed."""
        vectors, counted = kept(rows.vectors, self.metric)
        counted &= ~np.isin(rows.numbers, changed)
        places = self.contents.map.find(rows.numbers)
        counted &= (places != NOWHERE) & (places < self.contents.size)
        self.contents.learn(places[counted], vectors[counted])

    def wanted(self, depth: int) -> int:
        """How many candidates it takes to find so many, of rows that all count."""
        return self.calibration.candidates(depth)

    def is_measured_whole(self, depth: int) -> bool:
        """Whether every row is measured, so that none can be missed."""
        size = self.contents.size
        return size <= _WORTH_A_CODE or _SHARE * self.wanted(depth) >= size

    def _candidates(self, asked: Asked) -> tuple[Places, bool]:
        """Their places, and whether they are those of all rows that count."""
        contents, wanted = self.contents, self.wanted(asked.depth)
        if asked.among is None:
            if self.is_measured_whole(asked.depth):
                return np.arange(contents.size), True
            gone = contents.size - contents.live + len(asked.apart)
            return self._fewest(asked, wanted + min(gone, wanted)), False
        places = contents.map.find(asked.among)
        places = places[(places != NOWHERE) & (places < contents.size)]
        if len(places) <= _WORTH_A_CODE or _SHARE * wanted >= len(places):
            return places, True
        found = differing([contents.codes_at(places)], self._code(asked))
        return places[fewest(found, wanted)], False

    def _fewest(self, asked: Asked, wanted: int) -> Places:
        """The places of so many rows, or more, whose codes are the nearest."""
        for_faiss = self.contents.packed
        if for_faiss is None:
            return fewest(differing(self.contents.codes, self._code(asked)), wanted)
        code = packed(encoded(asked.vector[None, :], self.centre))
        return fewest_packed(for_faiss, code, wanted)

    def _code(self, asked: Asked) -> NDArray[np.uint64]:
        return encoded(asked.vector[None, :], self.centre)[:, 0]

    def _measured(
        self, places: Places, numbers: Numbers, query: Vectors, read: ReadVectors
    ) -> NDArray[np.float32]:
        vectors, known = self.contents.vectors_at(places)
        if known.all():
            return apart(vectors, query, self.metric)
        self._fill(places, numbers, vectors, known, read)
        found = apart(vectors, query, self.metric)
        found[~known] = np.inf
        return found

    def _fill(
        self,
        places: Places,
        numbers: Numbers,
        vectors: Vectors,
        known: NDArray[np.bool_],
        read: ReadVectors,
    ) -> None:
        """Read what is not held, and keep it where there is room for it."""
        missing = np.flatnonzero(~known)
        order = missing[np.argsort(numbers[missing])]
        found, came = read(numbers[order])
        at = order[np.searchsorted(numbers[order], found)]
        vectors[at], counted = kept(came, self.metric)
        known[at[counted]] = True
        self.contents.learn(places[at[counted]], vectors[at[counted]])


def _farthest(found: NDArray[np.float32], metric: Metric) -> float:
    """The distance of the last, as the engine would give it, but for rounding."""
    if not len(found):
        return -np.inf
    last = float(found[-1])
    if metric is Metric.L2:
        last = float(np.sqrt(last))
    elif metric is Metric.COSINE:
        last += 1
    return last + float(_ROUNDING) * max(1.0, abs(last))


def _first(found: NDArray[np.float32], depth: int) -> NDArray[np.intp]:
    """The places of the least, and of all that may be as near as the last of them.

    Of rows that are as near by the thousand only some: who asks for pages of them gets rows twice.
    """
    spare = depth + max(2, depth // 8)
    if len(found) <= spare:
        return np.argsort(found)
    first = _least(found, spare)
    last = found[first[max(depth, 1) - 1]]
    limit = last + _ROUNDING * abs(last)
    if found[first[-1]] > limit or not np.isfinite(last):
        return first
    near = np.flatnonzero(found <= limit)
    return near[_least(found[near], min(len(near), spare + _MOST_TIES))]


def _least(found: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """The places of so many of the least, the least first."""
    places = np.argpartition(found, count - 1)[:count]
    return places[np.argsort(found[places])]
