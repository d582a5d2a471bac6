"""How many candidates it takes to find the nearest: measured on the vectors themselves.

Some of the rows are asked for their nearest others, exactly and by the codes, as the index is
built. How many rows differ in no more bits than a true neighbour is how many candidates would have
been needed to find it; the quantile of that over all neighbours is what the wanted recall takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, log

import numpy as np
from numpy.typing import NDArray

from agentorm.embedded.codes import Codes, Vectors, differing
from agentorm.embedded.measures import all_apart
from agentorm.embedded.places import Numbers, Places
from agentorm.vectors import Metric

ASKED = 128
"""How many rows are asked."""
DEPTHS = (1, 10, 100)
_MARGIN = 0.75
"""Which share of the misses that are allowed is not used up: queries differ from rows."""
_FEWEST = 64


@dataclass(frozen=True, slots=True)
class Measured:
    """What so many nearest take.

    Attributes:
        candidates: of how many rows the nearest were found among.
        recall: the share of them that was found then.
    """

    depth: int
    candidates: int
    recall: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How many candidates a search takes.

    Attributes:
        recall: what is asked for.
        measured: for each depth, as far as there are so many rows.
        rows: how many rows there were.
    """

    recall: float
    measured: tuple[Measured, ...]
    rows: int

    def candidates(self, depth: int) -> int:
        """For so many nearest, between the depths that were measured and beyond."""
        first, last = self.measured[0], self.measured[-1]
        if depth <= first.depth:
            return max(_FEWEST, first.candidates)
        for below, above in pairwise(self.measured):
            if depth <= above.depth:
                share = log(depth / below.depth) / log(above.depth / below.depth)
                low, high = log(below.candidates), log(above.candidates)
                return max(_FEWEST, depth, ceil(exp(low + (high - low) * share)))
        return max(_FEWEST, depth, ceil(depth * last.candidates / last.depth))

    def recall_at(self, depth: int) -> float:
        """The recall that was measured at the nearest depth from above."""
        deep = (one for one in self.measured if one.depth >= depth)
        return next(deep, self.measured[-1]).recall


class Neighbours:
    """The true nearest of some rows, found while all rows go by."""

    def __init__(self, numbers: Numbers, vectors: Vectors, metric: Metric) -> None:
        self.numbers, self.vectors, self._metric = numbers, vectors, metric
        self._found = np.full((len(numbers), DEPTHS[-1]), np.inf, np.float32)
        self._of = np.full((len(numbers), DEPTHS[-1]), -1, np.int64)

    def see(self, numbers: Numbers, vectors: Vectors) -> None:
        """Keep the nearest of these rows, and of those before."""
        if not len(self.numbers) or not len(numbers):
            return
        found = all_apart(vectors, self.vectors, self._metric)
        found[self.numbers[:, None] == numbers[None, :]] = np.inf
        found = np.concatenate([self._found, found], axis=1)
        nearest = np.argpartition(found, DEPTHS[-1] - 1, axis=1)[:, : DEPTHS[-1]]
        self._found = np.take_along_axis(found, nearest, axis=1)
        asked = np.arange(len(self.numbers))[:, None]
        seen = nearest - DEPTHS[-1]
        before = self._of[asked, np.minimum(nearest, DEPTHS[-1] - 1)]
        self._of = np.where(seen < 0, before, numbers[np.maximum(seen, 0)])

    def nearest(self) -> list[Numbers]:
        """For each row asked the others, nearest first; fewer where there are no more."""
        order = np.argsort(self._found, axis=1)
        of = np.take_along_axis(self._of, order, axis=1)
        there = np.take_along_axis(self._found, order, axis=1) < np.inf
        return [row[known] for row, known in zip(of, there, strict=True)]


def calibrated(
    parts: list[Codes],
    asked: Iterable[tuple[NDArray[np.uint64], Places]],
    *,
    recall: float,
) -> Calibration:
    """What it takes for rows of which the code, and the places of the nearest, are given."""
    rows = sum(part.shape[1] for part in parts)
    ranks = [_ranks(parts, code, places) for code, places in asked]
    measured: list[Measured] = []
    share = 0.0
    for depth in reversed(DEPTHS):
        deep = [row[:depth] for row in ranks if len(row) >= depth]
        if deep:
            measured.insert(0, _measured(depth, deep, recall, at_least=ceil(share * depth)))
            share = measured[0].candidates / depth
    return Calibration(recall, tuple(measured) or (Measured(1, rows, 1.0),), rows)


def _ranks(parts: list[Codes], code: NDArray[np.uint64], places: Places) -> NDArray[np.int64]:
    """How many rows differ in as many bits as each of these, or in fewer."""
    found = differing(parts, code)
    return np.cumsum(np.bincount(found))[found[places]]


def _measured(
    depth: int, ranks: list[NDArray[np.int64]], recall: float, *, at_least: int
) -> Measured:
    """The fewer are looked for, the more candidates each of them takes: few tell less of that."""
    every = np.sort(np.concatenate(ranks))
    wanted = recall + (1 - recall) * _MARGIN
    place = min(ceil(wanted * len(every)), len(every)) - 1
    candidates = max(int(every[place]), depth, at_least)
    found = float(np.count_nonzero(every <= candidates)) / len(every)
    return Measured(depth, candidates, found)
