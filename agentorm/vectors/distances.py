"""Distances of many packed vectors at once, computed by numpy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentorm.errors import InvalidMetric
from agentorm.vectors.base import AnyVector
from agentorm.vectors.metrics import Kind, Metric


def distances(rows: NDArray[Any], query: AnyVector, metric: Metric) -> NDArray[np.float64]:
    """The distance of each row to the query, computed in float64.

    Args:
        rows: shape ``(n, dimension)``; of bits ``(n, bytes)``, packed.
        query: length ``dimension``, of the same kind, not sparse.
        metric: a metric of this kind.

    Returns:
        Shape ``(n,)``; NaN where there is no distance: cosine with a zero vector.
    """
    if not metric.fits(query.kind):
        raise InvalidMetric(f"{metric} does not compare {query.kind} vectors")
    if query.kind is Kind.BIT:
        return _of_bits(rows, np.frombuffer(query.tobytes(), query.packing), metric)
    a: NDArray[np.float64] = rows.astype(np.float64)
    b: NDArray[np.float64] = np.asarray(query, np.float64)
    found: NDArray[np.float64]
    if metric is Metric.L2:
        a -= b
        found = np.sqrt(_squares(a))
    elif metric is Metric.L1:
        a -= b
        found = np.abs(a, out=a).sum(axis=1)
    elif metric is Metric.INNER_PRODUCT:
        found = -_products(a, b)
    else:
        found = _cosine_distances(a, b)
    return found


def _of_bits(
    rows: NDArray[np.uint8], query: NDArray[np.uint8], metric: Metric
) -> NDArray[np.float64]:
    if metric is Metric.HAMMING:
        return _ones(rows ^ query).astype(np.float64)
    both, either = _ones(rows & query), _ones(rows | query)
    return 1.0 - both / np.maximum(either, 1)


def _ones(packed: NDArray[np.uint8]) -> NDArray[np.int64]:
    counted: NDArray[np.int64] = np.bitwise_count(packed).sum(axis=1, dtype=np.int64)
    return counted


def _squares(a: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.einsum("ij,ij->i", a, a)
    return found


def _products(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inner product of each row; BLAS would round equal rows differently, and break ties."""
    found: NDArray[np.float64] = np.einsum("ij,j->i", a, b)
    return found


def _cosine_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.sqrt(_squares(a) * _squares(b[None]))
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.clip(_products(a, b) / norms, -1.0, 1.0)
    return np.where(norms > 0.0, 1.0 - cosines, np.nan)
