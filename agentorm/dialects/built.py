"""A vector index as an engine says that it built it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentorm.dialects.base import Feature
from agentorm.vectors import Kind, Metric


@dataclass(frozen=True)
class BuiltIndex:
    """A vector index that is there, with what it was built by, the engine's defaults included."""

    column: str
    method: Feature
    metric: Metric
    parameters: Mapping[str, int]
    kind: Kind = Kind.FLOAT32
