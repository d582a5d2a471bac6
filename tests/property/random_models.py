"""Models whose fields are drawn by lot, so that types, keys, kinds and dimensions meet.

Another lot is drawn with ``AGENTORM_SEED``; the same seed makes the same models.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations
from random import Random
from typing import Any, Generic, TypeVar
from uuid import UUID

from agentorm import (
    HNSW,
    BitVector,
    Field,
    HalfVector,
    Int8Vector,
    SparseVector,
    Vector,
    json_field,
    vector_field,
)
from tests.property.models import World
from tests.property.scalars import POOLS, UNORDERED, pooled
from tests.property.shapes import Shape, VectorShape
from tests.strategies import Scalar

T = TypeVar("T")

SEED = int(os.environ.get("AGENTORM_SEED", "5"))
COUNT = 12

KEYS: tuple[Mapping[str, Any], ...] = (
    {"id": int},
    {"name": str},
    {"uid": UUID},
    {"area": str, "number": int},
    {"day": date, "uid": UUID},
    {"lasting": timedelta},
    {"number": int, "flag": bool, "name": str},
)
DIMENSIONS = (1, 2, 3, 5, 8, 17, 64)
KINDS: Mapping[str, type[Any]] = {
    "float32": Vector,
    "float16": HalfVector,
    "int8": Int8Vector,
    "bit": BitVector,
    "sparse": SparseVector,
}
DENSE = ("float32", "float16", "int8", "bit")
DOCUMENTS: Mapping[str, Any] = {"object": dict[str, Any], "array": list[Any]}


class _Deck(Generic[T]):
    """Deals every card once before any comes again."""

    def __init__(self, random: Random, cards: Iterable[T]) -> None:
        self.random, self.cards, self.left = random, tuple(cards), list[T]()

    def dealt(self) -> T:
        if not self.left:
            self.left = self.random.sample(self.cards, len(self.cards))
        return self.left.pop()


class _Decks:
    def __init__(self, random: Random, kinds: Sequence[str], *, indexed: bool) -> None:
        self.keys = _Deck(random, KEYS)
        self.types = _Deck(random, POOLS)
        self.nullable = _Deck(random, (True, False, True))
        self.counts = _Deck(random, (1, 2))
        self.held = _Deck(random, ("object", "array", "object"))
        self.kinds = _Deck(random, kinds)
        self.dimensions = _Deck(random, DIMENSIONS)
        self.metrics = {kind: _Deck(random, _metrics(kind, indexed=indexed)) for kind in KINDS}


def _metrics(kind: str, *, indexed: bool) -> Sequence[str]:
    """An index in the process knows nothing of l1."""
    metrics = VectorShape(1, "", kind).metrics
    return [metric for metric in metrics if not (indexed and metric == "l1")]


class _Lot:
    """One model, field by field."""

    def __init__(self, name: str, decks: _Decks, *, indexed: bool) -> None:
        self.name, self.decks, self.indexed = name, decks, indexed
        self.annotations: dict[str, Any] = {}
        self.members: dict[str, Any] = {"__module__": __name__, "__qualname__": name}
        self.types: dict[str, Any] = {}
        self.scalars: dict[str, Scalar] = {}
        self.vectors: dict[str, VectorShape] = {}
        self.documents: dict[str, str] = {}
        self.nullable: set[str] = set()

    def shape(self) -> Shape:
        keys = self._keyed()
        self._with_scalars()
        self._with_documents()
        self._with_vectors()
        namespace = {**self.members, "__annotations__": self.annotations}
        metaclass: Any = type(World)
        model = metaclass(self.name, (World,), namespace, table=True)
        nullable = frozenset(self.nullable)
        pairs = tuple(self._pairs())
        return Shape(model, keys, self.scalars, self.vectors, self.documents, nullable, pairs)

    def _keyed(self) -> tuple[str, ...]:
        dealt = self.decks.keys.dealt()
        for name, kind in dealt.items():
            self._declare(name, kind, nullable=False, field=Field(primary_key=True))
            self._scalar(name, kind, nullable=False)
        return tuple(dealt)

    def _with_scalars(self) -> None:
        for place in range(2 + self.decks.counts.dealt()):
            name, kind, nullable = (
                f"f{place}",
                self.decks.types.dealt(),
                self.decks.nullable.dealt(),
            )
            self._declare(name, kind, nullable=nullable, field=Field(**_default(nullable=nullable)))
            self._scalar(name, kind, nullable=nullable)

    def _with_documents(self) -> None:
        for name in ("meta", "more")[: self.decks.counts.dealt()]:
            held, nullable = self.decks.held.dealt(), self.decks.nullable.dealt()
            self.documents[name] = held
            self._declare(name, DOCUMENTS[held], nullable=nullable, field=json_field())
            if nullable:
                self.nullable.add(name)

    def _with_vectors(self) -> None:
        for name in ("near", "far")[: self.decks.counts.dealt()]:
            kind, nullable = self.decks.kinds.dealt(), self.decks.nullable.dealt()
            dimension, metric = self.decks.dimensions.dealt(), self.decks.metrics[kind].dealt()
            self.vectors[name] = VectorShape(dimension, metric, kind, nullable)
            given: Any = _default(nullable=nullable) | ({"index": HNSW()} if self.indexed else {})
            field = vector_field(dimension, metric=metric, kind=kind, **given)
            self._declare(name, KINDS[kind], nullable=nullable, field=field)

    def _declare(self, name: str, kind: Any, *, nullable: bool, field: Any) -> None:
        self.annotations[name] = kind | None if nullable else kind
        self.members[name] = field

    def _scalar(self, name: str, kind: Any, *, nullable: bool) -> None:
        self.types[name] = kind
        self.scalars[name] = pooled(kind, nullable=nullable)

    def _pairs(self) -> Iterable[tuple[str, str]]:
        for one, other in combinations(self.scalars, 2):
            if self.types[one] is self.types[other] and self.types[one] not in UNORDERED:
                yield one, other


def _default(*, nullable: bool) -> dict[str, Any]:
    return {"default": None} if nullable else {}


def made(
    name: str, count: int, kinds: Sequence[str], *, indexed: bool = False
) -> tuple[Shape, ...]:
    decks = _Decks(Random(SEED), kinds, indexed=indexed)  # noqa: S311  # no secret is made of it
    lots = [_Lot(f"{name}{number:02}", decks, indexed=indexed) for number in range(count)]
    return tuple(lot.shape() for lot in lots)


RANDOM = made("Random", COUNT, DENSE)
SPARSE = made("Sparse", 2, ("sparse",))
"""Those that PostgreSQL alone holds."""
INDEXED = made("Indexed", 7, ("float32",), indexed=True)
"""Those whose nearest an index in the process finds on SQLite; of each kind of key."""
