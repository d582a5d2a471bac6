"""Vectors as they are kept to be measured, and their true order by a metric."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agentorm.embedded.codes import Vectors
from agentorm.vectors import Metric

METRICS = frozenset({Metric.COSINE, Metric.L2, Metric.INNER_PRODUCT})
"""The metrics that rows of the fewest differing bits are likely near by."""
_SHORTEST, _LONGEST = 1e-12, 1e12
_MOST_SQUARED = 1e30
"""Of longer vectors no difference and no product is sure to be a number in float32."""


def kept(vectors: Vectors, metric: Metric) -> tuple[Vectors, NDArray[np.bool_]]:
    """The vectors as they are kept, and which of them have a distance at all.

    By cosine, all get the length 1; one of zeros has no direction.
    """
    counted: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(vectors), axis=1)
    if metric is not Metric.COSINE:
        return vectors, counted
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    odd = ~((lengths > _SHORTEST) & (lengths < _LONGEST))
    if odd.any():
        vectors = vectors.copy()
        vectors[odd] = _scaled(vectors[odd])
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        counted = counted & (lengths > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return vectors / lengths[:, None], counted


def too_long(vectors: Vectors) -> NDArray[np.bool_]:
    """Which are so long that the engine alone says how far they are."""
    with np.errstate(over="ignore", invalid="ignore"):
        long: NDArray[np.bool_] = _products(vectors, vectors) > _MOST_SQUARED
    return long


def _scaled(vectors: Vectors) -> Vectors:
    """Of the same direction, so that no square is too small or too large; all else is zeros."""
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled: Vectors = np.nan_to_num(vectors / largest, nan=0.0, posinf=0.0, neginf=0.0)
        return scaled


def apart(vectors: Vectors, query: Vectors, metric: Metric) -> NDArray[np.float32]:
    """How far kept vectors are from a kept one: less is nearer, and no more is promised."""
    if metric is not Metric.L2:
        return -_products(vectors, query)
    difference = vectors - query
    return _products(difference, difference)


def _products(vectors: Vectors, others: Vectors) -> NDArray[np.float32]:
    """Row by row: a product of matrices would wake the threads of BLAS, which wait for a core."""
    found: NDArray[np.float32] = np.vecdot(vectors, others)
    return found


def all_apart(vectors: Vectors, queries: Vectors, metric: Metric) -> NDArray[np.float32]:
    """The same for several queries, a row of distances for each."""
    products: NDArray[np.float32] = queries @ vectors.T
    if metric is not Metric.L2:
        return -products
    squares: NDArray[np.float32] = np.einsum("ij,ij->i", vectors, vectors) - 2 * products
    return squares
