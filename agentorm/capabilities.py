"""What an engine can do, as declared or as probed: the support matrix."""

from __future__ import annotations

from dataclasses import dataclass

from agentorm import dialects
from agentorm.dialects import Dialect, Feature
from agentorm.vectors import Kind, Metric


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one engine can do; ``print`` it.

    Attributes:
        engine: its name.
        features: what it has of its own.
        kinds: the kinds of vectors that it holds: in a type of its ``own``, or ``packed`` into
            bytes.
        ranked: for each of them and each metric who ranks by it, ``native`` or ``scan``.
        notes: what the probe of a real server found.
    """

    engine: str
    features: frozenset[Feature]
    kinds: dict[Kind, str]
    ranked: dict[Kind, dict[Metric, str]]
    notes: tuple[str, ...] = ()

    @property
    def rankers(self) -> dict[Metric, str]:
        """For each metric who ranks vectors of float32 by it."""
        return self.ranked[Kind.FLOAT32]

    def __str__(self) -> str:
        rows = [f"{self.engine}", *(f"  {note}" for note in self.notes)]
        rows += [f"  {f.value:<26} {'yes' if f in self.features else 'no'}" for f in Feature]
        rows += [f"  {f'{kind} vectors':<26} {self.kinds.get(kind, 'no')}" for kind in Kind]
        rows += [f"  {f'rank by {m.value}':<26} {who}" for m, who in self.rankers.items()]
        others = [kind for kind in self.ranked if kind is not Kind.FLOAT32]
        rows += [f"  {f'rank {kind} vectors':<26} {self.ranking(kind)}" for kind in others]
        return "\n".join(rows)

    def ranking(self, kind: Kind) -> str:
        """In short who ranks vectors of a kind."""
        ranked = self.ranked.get(kind)
        if ranked is None:
            return "no"
        native = [metric.value for metric, who in ranked.items() if who == "native"]
        if not native:
            return "scan"
        return "native" if len(native) == len(ranked) else f"{', '.join(native)} native, else scan"


def capabilities_of(dialect: Dialect) -> Capabilities:
    """The capabilities of a dialect, declared or probed."""
    has_type = Feature.VECTOR_TYPE in dialect.features
    held = [kind for kind in Kind if kind in dialect.kinds]
    return Capabilities(
        engine=dialect.name,
        features=dialect.features,
        kinds={k: "own" if has_type and k in dialect.typed else "packed" for k in held},
        ranked={
            kind: {
                metric: "native" if dialect.computes(metric, kind) else "scan"
                for metric in Metric
                if metric.fits(kind)
            }
            for kind in held
        },
        notes=dialect.notes,
    )


def matrix() -> str:
    """The declared capabilities of every engine, as a Markdown table."""
    engines = [capabilities_of(dialects.declared(name)) for name in dialects.names()]
    rows = [["", *(engine.engine for engine in engines)], ["---"] * (len(engines) + 1)]
    rows += [
        [f.value, *("yes" if f in engine.features else "no" for engine in engines)] for f in Feature
    ]
    rows += [[f"{k} vectors", *(engine.kinds.get(k, "no") for engine in engines)] for k in Kind]
    rows += [
        [f"rank by {m.value}", *(engine.rankers[m] for engine in engines)]
        for m in Metric
        if m.fits(Kind.FLOAT32)
    ]
    others = [kind for kind in Kind if kind is not Kind.FLOAT32]
    rows += [[f"rank {k} vectors", *(engine.ranking(k) for engine in engines)] for k in others]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
