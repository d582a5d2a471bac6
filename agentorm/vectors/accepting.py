"""What is accepted where a vector of some kind is due."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from agentorm.errors import DimensionMismatch, InvalidVector
from agentorm.vectors.base import AnyVector, VectorLike
from agentorm.vectors.bits import BitVector
from agentorm.vectors.dense import HalfVector, Int8Vector, Vector
from agentorm.vectors.metrics import Kind
from agentorm.vectors.sparse import SparseVector

_CLASSES: Mapping[Kind, type[AnyVector]] = MappingProxyType(
    {of.kind: of for of in (Vector, HalfVector, Int8Vector, BitVector, SparseVector)}
)
_CONVERTED: Mapping[Kind, frozenset[Kind]] = MappingProxyType(
    {
        Kind.FLOAT32: frozenset({Kind.FLOAT16}),
        Kind.FLOAT16: frozenset({Kind.FLOAT32}),
        Kind.SPARSE: frozenset({Kind.FLOAT32, Kind.FLOAT16}),
    }
)
"""The kinds of which a vector becomes one of that kind by itself."""


def vector_class(kind: Kind) -> type[AnyVector]:
    """The class of the values of a kind."""
    return _CLASSES[kind]


def as_vector(
    value: VectorLike,
    *,
    dimension: int | None,
    kind: Kind = Kind.FLOAT32,
    field: str | None = None,
) -> AnyVector:
    """The value as a vector of this kind and dimension.

    Raises:
        InvalidVector: it is no vector, or one of a kind that does not become this one.
        DimensionMismatch: it is one of another length.
    """
    try:
        vector = _converted(value, kind, dimension)
    except DimensionMismatch as error:
        raise DimensionMismatch(field=field, expected=error.expected, got=error.got) from None
    except InvalidVector as error:
        if field is None:
            raise
        raise InvalidVector(error.problem, field=field, hint=error.hint) from error
    if dimension is not None and len(vector) != dimension:
        raise DimensionMismatch(field=field, expected=dimension, got=len(vector))
    return vector


def _converted(value: Any, kind: Kind, dimension: int | None) -> AnyVector:
    wanted = _CLASSES[kind]
    if isinstance(value, AnyVector):
        if value.kind is kind:
            return value
        if value.kind not in _CONVERTED.get(kind, ()):
            raise InvalidVector(
                f"expected a {wanted.__name__}, got a {type(value).__name__}",
                hint=_way_out(value, wanted),
            )
    if kind is Kind.SPARSE and isinstance(value, Mapping):
        given: Mapping[Any, Any] = {**value}
        return SparseVector(given, None if "dimension" in given else dimension)
    made: Any = wanted
    vector: AnyVector = made(value)
    return vector


def _way_out(value: AnyVector, wanted: type[AnyVector]) -> str:
    if isinstance(value, SparseVector):
        return "to_dense() makes a Vector of it"
    if wanted is BitVector:
        return "BitVector(numpy.asarray(vector) > 0) keeps the signs"
    return f"{wanted.__name__}(list(vector)) converts it, if that is what is meant"
