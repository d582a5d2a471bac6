"""How an engine holds vectors: which kinds, as what, and which distances it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import LargeBinary
from sqlalchemy.types import TypeEngine

from agentorm.errors import UnsupportedFeature
from agentorm.vectors import AnyVector, Kind, Metric, vector_class


class HoldsVectors:
    """The part of a dialect that is about vectors, for an engine that knows nothing of them.

    Attributes:
        name: the name SQLAlchemy gives the engine.
        kinds: the kinds of vectors that it holds, as a type of its own or packed into bytes.
        typed: those for which it has a type of its own.
        distances: by kind, metric to a template of ``{column}``, ``{vector}`` and, for engines
            whose functions refuse NULL, ``{present}``: the condition that there is none.
        index_dimensions: by kind, the most dimensions a vector index takes, where it has a limit.
        narrower: by kind, the one that longer vectors are cast to for an index over the cast.
    """

    name: ClassVar[str] = "generic"
    kinds: frozenset[Kind] = frozenset(Kind) - {Kind.SPARSE}
    typed: frozenset[Kind] = frozenset()
    distances: Mapping[Kind, Mapping[Metric, str]] = MappingProxyType({})
    index_dimensions: ClassVar[Mapping[Kind, int]] = MappingProxyType({})
    narrower: ClassVar[Mapping[Kind, Kind]] = MappingProxyType({})

    def computes(self, metric: Metric, kind: Kind = Kind.FLOAT32) -> bool:
        """Whether the engine computes this distance of such vectors itself."""
        return metric in self.distances.get(kind, ())

    def indexes(self, kind: Kind, dimension: int | None) -> bool:
        """Whether an index takes such vectors, if need be cast to the narrower kind."""
        return self.takes(kind, dimension) or self.narrowed(kind, dimension) is not None

    def narrowed(self, kind: Kind, dimension: int | None) -> Kind | None:
        """The kind that such vectors are cast to for an index; None where that is not done."""
        narrower = self.narrower.get(kind)
        if narrower is None or self.takes(kind, dimension) or not self.takes(narrower, dimension):
            return None
        return narrower

    def takes(self, kind: Kind, dimension: int | None) -> bool:
        """Whether an index over such a column itself may have so many dimensions."""
        most = self.index_dimensions.get(kind)
        return dimension is None or most is None or dimension <= most

    def vector_type(self, dimension: int | None, kind: Kind) -> TypeEngine[Any]:
        """The column type that holds a vector.

        Raises:
            UnsupportedFeature: the engine holds no vectors of this kind.
        """
        if kind not in self.kinds:
            raise UnsupportedFeature(
                f"{kind} vectors",
                dialect=self.name,
                hint="store them dense, as float32, or on PostgreSQL with pgvector 0.7 or later",
            )
        return (
            self.own_type(dimension, kind)
            if kind in self.typed
            else self.packed_type(dimension, kind)
        )

    def own_type(self, dimension: int | None, kind: Kind) -> TypeEngine[Any]:
        """The engine's own type of a kind that is among `typed`."""
        raise NotImplementedError

    def packed_type(self, dimension: int | None, kind: Kind) -> TypeEngine[Any]:
        """What holds packed vectors of all other kinds."""
        return LargeBinary()

    def encode(self, vector: AnyVector) -> object:
        """The vector as the driver takes it."""
        return vector.tobytes()

    def encode_all(self, vectors: Sequence[AnyVector]) -> Sequence[object]:
        """The same of vectors of one kind, at least one, with a component in every place."""
        return [vector.tobytes() for vector in vectors]

    def decode(self, stored: Any, dimension: int | None, kind: Kind = Kind.FLOAT32) -> AnyVector:
        """What the driver gave back, as a vector.

        Raises:
            InvalidVector: the column holds bytes of another length.
        """
        return vector_class(kind).stored(bytes(stored), dimension)

    def decoder(self, dimension: int | None, kind: Kind) -> Callable[[Any], AnyVector]:
        """What makes vectors of what the driver gives back, for many of one column."""
        plain = type(self).decode is HoldsVectors.decode
        fast = vector_class(kind).reader(dimension) if plain else None
        if fast is not None:
            return fast

        def decoded(stored: Any) -> AnyVector:
            return self.decode(stored, dimension, kind)

        return decoded

    def literal(self, vector: AnyVector) -> str:
        """The vector as it stands in a script of SQL, where nothing can be bound."""
        return f"X'{vector.tobytes().hex()}'"
