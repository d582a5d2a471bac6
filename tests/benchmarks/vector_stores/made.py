"""A million vectors, and queries, made from the real ones.

Each is a real embedding plus noise that has the covariance of its neighbourhood: the sum of the
steps to its nearest neighbours, each by a normal number, divided by the root of how many there
are. So a made vector is somewhat nearer to the real one than that one's neighbours are, as they
would be among a million, in the directions in which real texts differ there. The neighbours are
looked for in cells around random rows, for which they need not be the very nearest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.index_recall.progress import Progress
from tests.benchmarks.vector_stores.given import Floats, unit

NEIGHBOURS = 16
_CELL, _SEED, _AT_ONCE = 500, 11, 10_000
Places = NDArray[np.intp]


def neighbours(points: Floats, rows: Floats, count: int = NEIGHBOURS) -> Places:
    """For each point the places of its nearest rows, itself not counted."""
    chance = np.random.default_rng(_SEED)
    cells = max(1, len(rows) // _CELL)
    pivots = rows[chance.choice(len(rows), cells, replace=False)]
    of_points, of_rows = _cells(points, pivots), _cells(rows, pivots)
    found = np.empty((len(points), count), np.intp)
    for cell in np.unique(of_points):
        asked = np.flatnonzero(of_points == cell)
        there = np.flatnonzero(of_rows == cell)
        if len(there) <= count:
            there = chance.choice(len(rows), 4 * count, replace=len(rows) < 4 * count)
        near = points[asked] @ rows[there].T
        near[near > 1 - 1e-6] = -np.inf
        found[asked] = there[np.argpartition(-near, count - 1, axis=1)[:, :count]]
    return found


def _cells(points: Floats, pivots: Floats) -> Places:
    parts = [points[at : at + _AT_ONCE] for at in range(0, len(points), _AT_ONCE)]
    return np.concatenate([np.argmax(part @ pivots.T, axis=1) for part in parts])


def varied(points: Floats, near: Places, rows: Floats, chance: np.random.Generator) -> Floats:
    """The points with noise of the covariance of their neighbourhoods, of unit length."""
    steps = rows[near] - points[:, None, :]
    weights = chance.standard_normal(near.shape, np.float32) / np.float32(near.shape[1] ** 0.5)
    return unit(points + np.einsum("nk,nkd->nd", weights, steps))


def write_rows(file: Path, rows: Floats, count: int) -> None:
    """So many vectors, the real ones in turn."""
    near, chance = neighbours(rows, rows), np.random.default_rng(_SEED)
    shape = count, rows.shape[1]
    kept: Any = np.lib.format.open_memmap(file, "w+", np.float32, shape)
    progress = Progress("vectors made of the real ones", count)
    for start in range(0, count, _AT_ONCE):
        of = np.arange(start, min(start + _AT_ONCE, count)) % len(rows)
        kept[start : start + len(of)] = varied(rows[of], near[of], rows, chance)
        progress.reached(start + len(of))
    kept.flush()


def made_queries(queries: Floats, rows: Floats) -> Floats:
    """Queries made of real ones in the same way, by the rows around them."""
    return varied(queries, neighbours(queries, rows), rows, np.random.default_rng(_SEED + 1))
