"""What an engine can do, as declared or as probed: the support matrix."""

from __future__ import annotations

from dataclasses import dataclass

from agentorm import dialects
from agentorm.dialects import Dialect, Feature
from agentorm.vectors import Kind, Metric

_FLOAT_METRICS = tuple(metric for metric in Metric if metric.fits(Kind.FLOAT32))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one engine can do; ``print`` it.

    Attributes:
        engine: its name.
        features: what it has of its own.
        rankers: for each metric who ranks by it, ``native`` or ``scan``.
        notes: what the probe of a real server found.
    """

    engine: str
    features: frozenset[Feature]
    rankers: dict[Metric, str]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = [f"{self.engine}", *(f"  {note}" for note in self.notes)]
        rows += [f"  {f.value:<26} {'yes' if f in self.features else 'no'}" for f in Feature]
        rows += [f"  {f'rank by {m.value}':<26} {who}" for m, who in self.rankers.items()]
        return "\n".join(rows)


def capabilities_of(dialect: Dialect) -> Capabilities:
    """The capabilities of a dialect, declared or probed."""
    return Capabilities(
        engine=dialect.name,
        features=dialect.features,
        rankers={m: "native" if dialect.computes(m) else "scan" for m in _FLOAT_METRICS},
        notes=dialect.notes,
    )


def matrix() -> str:
    """The declared capabilities of every engine, as a Markdown table."""
    engines = [capabilities_of(dialects.declared(name)) for name in dialects.names()]
    rows = [["", *(engine.engine for engine in engines)], ["---"] * (len(engines) + 1)]
    rows += [
        [f.value, *("yes" if f in engine.features else "no" for engine in engines)] for f in Feature
    ]
    rows += [
        [f"rank by {m.value}", *(engine.rankers[m] for engine in engines)] for m in _FLOAT_METRICS
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
