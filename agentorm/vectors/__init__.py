"""Vectors as values: kinds, metrics, packing and the checks that come before any SQL."""

from __future__ import annotations

from agentorm.vectors.accepting import as_vector, vector_class
from agentorm.vectors.base import AnyVector, VectorLike
from agentorm.vectors.bits import BitVector
from agentorm.vectors.dense import PACKED, HalfVector, Int8Vector, Vector
from agentorm.vectors.distances import distances
from agentorm.vectors.metrics import Kind, Metric
from agentorm.vectors.sparse import SparseVector

__all__ = [
    "PACKED",
    "AnyVector",
    "BitVector",
    "HalfVector",
    "Int8Vector",
    "Kind",
    "Metric",
    "SparseVector",
    "Vector",
    "VectorLike",
    "as_vector",
    "distances",
    "vector_class",
]
