"""What a model holds, as rows of it and questions about it are made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, NamedTuple, get_args

from tests.property.models import KEYS, VECTORS
from tests.property.scalars import pooled
from tests.strategies import COMPARABLE, NULLABLE_VECTORS, RANKED, SCALARS, Scalar


class VectorShape(NamedTuple):
    """A vector field."""

    dimension: int
    metric: str
    kind: str = "float32"
    nullable: bool = False

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those that its kind knows."""
        return ("hamming", "jaccard") if self.kind == "bit" else METRICS


METRICS = ("cosine", "l2", "inner_product", "l1")


@dataclass(frozen=True, eq=False, repr=False)
class Shape:
    """A model, its key, and its fields of each sort.

    Attributes:
        documents: of each JSON field whether it holds objects ("object"), arrays ("array").
        nullable: the JSON fields that take NULL.
        pairs: fields of one type, of which each may be compared to the other.
    """

    model: type[Any]
    keys: tuple[str, ...]
    scalars: Mapping[str, Scalar]
    vectors: Mapping[str, VectorShape] = field(default_factory=dict[str, VectorShape])
    documents: Mapping[str, str] = field(default_factory=dict[str, str])
    nullable: frozenset[str] = frozenset()
    pairs: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return str(self.model.__name__)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001  # Hypothesis calls it
        printer.text(repr(self))


def _fixed(model: Any) -> Shape:
    nullable = model in NULLABLE_VECTORS
    vectors = {
        name: VectorShape(dimension, metric, nullable=nullable)
        for name, (dimension, metric) in VECTORS[model].items()
    }
    scalars = {name: _pooled(model, name) for name in SCALARS[model]}
    pairs = (COMPARABLE[model],) if model in COMPARABLE else ()
    return Shape(model, KEYS[model], scalars, vectors, pairs=pairs)


def _pooled(model: Any, name: str) -> Scalar:
    (kind, *_) = {*(get_args(hint := model.__annotations__[name]) or (hint,))} - {NoneType}
    return pooled(kind, nullable=SCALARS[model][name].nullable)


FIXED = tuple(_fixed(model) for model in RANKED)
"""Those of the models that have no index."""
