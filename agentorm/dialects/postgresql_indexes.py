"""What pgvector's indexes can rank by: an operator class for each kind of vector and metric."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from agentorm.vectors import Kind, Metric

_TYPES = {
    Kind.FLOAT32: "vector",
    Kind.FLOAT16: "halfvec",
    Kind.BIT: "bit",
    Kind.SPARSE: "sparsevec",
}
_METRICS = {
    Metric.COSINE: "cosine",
    Metric.L2: "l2",
    Metric.INNER_PRODUCT: "ip",
    Metric.L1: "l1",
    Metric.HAMMING: "hamming",
    Metric.JACCARD: "jaccard",
}
METRICS: Mapping[Kind, frozenset[Metric]] = MappingProxyType(
    {kind: frozenset(metric for metric in Metric if metric.fits(kind)) for kind in _TYPES}
)
OPERATOR_CLASSES: Mapping[tuple[Kind, Metric], str] = MappingProxyType(
    {
        (kind, metric): f"{_TYPES[kind]}_{_METRICS[metric]}_ops"
        for kind, metrics in METRICS.items()
        for metric in metrics
    }
)
RANKED_BY = {name: ranked for ranked, name in OPERATOR_CLASSES.items()}
"""The kind and the metric behind an operator class."""
