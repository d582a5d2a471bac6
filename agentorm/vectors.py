"""Vectors as values: kinds, metrics, packing and the checks that come before any SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import islice
from math import isfinite
from typing import Any, SupportsFloat, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from typing_extensions import Buffer

from agentorm.errors import DimensionMismatch, InvalidMetric, InvalidQuery, InvalidVector

PACKED = np.dtype("<f4")


class Kind(StrEnum):
    """What one component of a vector is."""

    FLOAT32 = "float32"


class Metric(StrEnum):
    """How far apart two vectors are; on every metric a smaller distance is nearer.

    | metric          | distance d of a and b         | score, higher is better |
    | --------------- | ----------------------------- | ----------------------- |
    | `cosine`        | `1 - a·b / (norm(a) norm(b))` | `1 - d`                 |
    | `l2`            | `sqrt(sum((a - b)²))`         | `1 / (1 + d)`           |
    | `inner_product` | `-(a·b)`                      | `-d`                    |
    | `l1`            | `sum(abs(a - b))`             | `1 / (1 + d)`           |
    | `hamming`       | bits that differ              | `1 - d / bits`          |
    | `jaccard`       | `1 - both / either`, of bits  | `1 - d`                 |

    Vectors of float32 are compared by the first four; the last two compare bits.
    """

    COSINE = "cosine"
    L2 = "l2"
    INNER_PRODUCT = "inner_product"
    L1 = "l1"
    HAMMING = "hamming"
    JACCARD = "jaccard"

    @classmethod
    def named(cls, name: str | Metric, kind: Kind = Kind.FLOAT32) -> Metric:
        """The metric of that name.

        Raises:
            InvalidMetric: there is no such metric, or it does not fit this kind of vector.
        """
        fitting = ", ".join(m.value for m in cls if m.fits(kind))
        try:
            metric = cls(name)
        except ValueError:
            raise InvalidMetric(f"unknown metric {name!r}", hint=f"choose from {fitting}") from None
        if not metric.fits(kind):
            raise InvalidMetric(
                f"{metric} does not compare {kind} vectors", hint=f"choose from {fitting}"
            )
        return metric

    def fits(self, kind: Kind) -> bool:
        """Whether vectors of this kind can be compared by this metric."""
        return self in _COMPARED_BY[kind]

    def score(self, distance: float, dimension: int) -> float:
        """The score of a distance, higher is better, by the formula of the class's table."""
        if self is Metric.INNER_PRODUCT:
            return -distance
        if self in {Metric.L2, Metric.L1}:
            return 1.0 / (1.0 + distance)
        if self is Metric.HAMMING:
            return 1.0 - distance / dimension
        return 1.0 - distance

    def distance_of(self, score: float, dimension: int) -> float:
        """The distance that has this score: the inverse of `score`.

        Raises:
            InvalidQuery: no distance has this score.
        """
        if not isfinite(score):
            raise InvalidQuery(f"a score is a finite number, got {score!r}")
        if self is Metric.INNER_PRODUCT:
            return -score
        if self in {Metric.L2, Metric.L1}:
            if not 0.0 < score <= 1.0:
                raise InvalidQuery(f"the score of {self} lies in (0, 1], got {score!r}")
            return 1.0 / score - 1.0
        if score > 1.0:
            raise InvalidQuery(f"the score of {self} is at most 1, got {score!r}")
        return (1.0 - score) * (dimension if self is Metric.HAMMING else 1)


_COMPARED_BY = {
    Kind.FLOAT32: frozenset({Metric.COSINE, Metric.L2, Metric.INNER_PRODUCT, Metric.L1}),
}


class Vector(Sequence[float]):
    """An immutable vector of float32, packed little-endian.

    Accepts whatever holds numbers along one axis: a list, a tuple, a numpy array, a buffer.
    Two vectors are equal when they hold the same bits. ``numpy.asarray(v)`` copies nothing and
    is read-only.

    Raises:
        InvalidVector: not numbers, NaN or infinite in float32, empty, or of several axes.

    Example:
        >>> Vector([1, 2, 3])
        Vector([1.0, 2.0, 3.0])
        >>> Vector([0.1] * 384)
        Vector([0.1, 0.1, 0.1, ... 384 in all])
    """

    __slots__ = ("__weakref__", "_packed")
    _packed: bytes

    def __init__(self, values: VectorLike) -> None:
        packed = values.tobytes() if isinstance(values, Vector) else _pack(values)
        object.__setattr__(self, "_packed", packed)

    @classmethod
    def from_bytes(cls, packed: bytes | bytearray | memoryview) -> Vector:
        """The vector of packed little-endian float32, as `tobytes` gives it.

        Raises:
            InvalidVector: no whole number of components, none at all, or one is not finite.
        """
        if not len(packed) or len(packed) % PACKED.itemsize:
            raise InvalidVector(f"{len(packed)} bytes are no packed float32 vector")
        return cls(np.frombuffer(packed, PACKED))

    @classmethod
    def trusted(cls, packed: bytes) -> Vector:
        """The vector of bytes that are known to be right: no check, no copy."""
        vector = cls.__new__(cls)
        object.__setattr__(vector, "_packed", packed)
        return vector

    def tobytes(self) -> bytes:
        """The components as packed little-endian float32: 4 bytes each."""
        return self._packed

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Vector is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Vector is immutable")

    def __len__(self) -> int:
        return len(self._packed) // PACKED.itemsize

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> list[float]: ...
    def __getitem__(self, index: int | slice) -> float | list[float]:
        if isinstance(index, slice):
            return self.tolist()[index]
        return float(self._array()[index])

    def __iter__(self) -> Iterator[float]:
        return iter(self.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vector):
            return NotImplemented
        return self._packed == other._packed

    def __hash__(self) -> int:
        return hash(self._packed)

    def __repr__(self) -> str:
        if len(self) <= 4:
            return f"Vector({[float(str(x)) for x in self._array()]})"
        head = ", ".join(str(x) for x in islice(self._array(), 3))
        return f"Vector([{head}, ... {len(self)} in all])"

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        array = self._array()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError(f"a Vector holds float32: {dtype} needs a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __reduce__(self) -> tuple[Any, ...]:
        return Vector.trusted, (self._packed,)

    def __copy__(self) -> Vector:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Vector:
        return self

    def tolist(self) -> list[float]:
        """The components as Python floats."""
        components: list[float] = self._array().tolist()
        return components

    def _array(self) -> NDArray[np.float32]:
        return np.frombuffer(self._packed, PACKED)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls,
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls.tolist, when_used="json", return_schema=core_schema.list_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "array", "items": {"type": "number"}}


VectorLike: TypeAlias = Vector | Sequence[SupportsFloat] | NDArray[Any] | Buffer | ArrayLike
"""Whatever is accepted where a vector is due."""


def _pack(values: VectorLike) -> bytes:
    if isinstance(values, str | bytes | bytearray):
        raise InvalidVector(
            f"expected numbers, got {type(values).__name__}",
            hint="Vector.from_bytes() reads packed float32",
        )
    try:
        given = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InvalidVector(f"expected numbers along one axis: {error}") from error
    if given.ndim == 0:
        raise InvalidVector(f"expected numbers along one axis, got {type(values).__name__}")
    if given.ndim != 1:
        raise InvalidVector(f"expected one axis, got {type(values).__name__} of {given.ndim} axes")
    if given.size == 0:
        raise InvalidVector("a vector has at least one component")
    if given.dtype.kind not in "fiu":
        raise InvalidVector(f"expected numbers, got {_odd_component(values)}")
    with np.errstate(over="ignore"):
        packed = given.astype(PACKED)
    if not np.isfinite(packed).all():
        place = int(np.flatnonzero(~np.isfinite(packed))[0])
        raise InvalidVector(f"component {place} is {given[place]}, which is no finite float32")
    return packed.tobytes()


def _odd_component(values: Any) -> str:
    for place, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, SupportsFloat):
            return f"{type(value).__name__} as component {place}"
    return f"components of {np.asarray(values).dtype}"


def as_vector(value: VectorLike, *, dimension: int | None, field: str | None = None) -> Vector:
    """The value as a vector of this dimension.

    Raises:
        InvalidVector: it is no vector.
        DimensionMismatch: it is one of another length.
    """
    try:
        vector = value if isinstance(value, Vector) else Vector(value)
    except InvalidVector as error:
        if field is None:
            raise
        raise InvalidVector(error.problem, field=field, hint=error.hint) from error
    if dimension is not None and len(vector) != dimension:
        raise DimensionMismatch(field=field, expected=dimension, got=len(vector))
    return vector


def distances(
    rows: NDArray[np.floating[Any]], query: Vector, metric: Metric
) -> NDArray[np.float64]:
    """The distance of each row to the query, computed in float64.

    Args:
        rows: shape ``(n, dimension)``.
        query: length ``dimension``.
        metric: a metric of float vectors.

    Returns:
        Shape ``(n,)``; NaN where there is no distance: cosine with a zero vector.
    """
    a: NDArray[np.float64] = rows.astype(np.float64)
    b: NDArray[np.float64] = np.asarray(query, np.float64)
    found: NDArray[np.float64]
    if metric is Metric.L2:
        a -= b
        found = np.sqrt(_squares(a))
    elif metric is Metric.L1:
        a -= b
        found = np.abs(a, out=a).sum(axis=1)
    elif metric is Metric.INNER_PRODUCT:
        found = -_products(a, b)
    elif metric is Metric.COSINE:
        found = _cosine_distances(a, b)
    else:
        raise InvalidMetric(f"{metric} does not compare float vectors")
    return found


def _squares(a: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.einsum("ij,ij->i", a, a)
    return found


def _products(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inner product of each row; BLAS would round equal rows differently, and break ties."""
    found: NDArray[np.float64] = np.einsum("ij,j->i", a, b)
    return found


def _cosine_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.sqrt(_squares(a) * _squares(b[None]))
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.clip(_products(a, b) / norms, -1.0, 1.0)
    return np.where(norms > 0.0, 1.0 - cosines, np.nan)
