"""Indexes as an engine says that it built them."""

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


@dataclass(frozen=True)
class BuiltText:
    """A full-text index that is there.

    Attributes:
        column: whose words it has.
        configuration: what the engine wrote for the language; None where it does not follow the
            rows any more.
        shadow: the hidden column, where there is one.
    """

    column: str
    configuration: str | None
    shadow: str | None = None
