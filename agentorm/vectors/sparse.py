"""Vectors most of whose components are 0."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index as as_integer
from struct import Struct
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic.json_schema import JsonSchemaValue

from agentorm.errors import DimensionMismatch, InvalidVector
from agentorm.vectors.base import AnyVector, VectorLike, finite, numbers
from agentorm.vectors.dense import PACKED, SHOWN, Vector
from agentorm.vectors.metrics import Kind

_HEADER = Struct("<ii")
_PLACES = np.dtype("<i4")
_MOST = 2**31 - 1
_IN_JSON = {"dimension", "values"}


class SparseVector(AnyVector):
    """An immutable vector of float32 that keeps only the components that are not 0.

    ``len(v)`` is its dimension, ``v[3]`` the component of index 3, counted from 0, and
    ``3 in v`` whether that is not 0. The components it keeps are `indices`, in order, and
    `values`, arrays of numpy without a copy and read-only.

    Args:
        values: a mapping of index to component; or components in every place, as `Vector`
            takes them; or the JSON form ``{"dimension": 9, "values": {"3": 1.5}}``.
        dimension: how many components it has, due with a mapping.

    Raises:
        InvalidVector: an index that is no integer or outside of the dimension, a component that
            is no number, NaN or infinite in float32, no dimension.
        DimensionMismatch: the values are of another dimension.

    Example:
        >>> SparseVector({3: 1.5, 0: 2}, 9)
        SparseVector({0: 2.0, 3: 1.5}, 9)
    """

    __slots__ = ()
    kind = Kind.SPARSE
    packing = np.dtype("u1")
    __iter__: ClassVar[None] = None
    """There may be a thousand million components; `items` has those that count."""

    def __init__(
        self, values: VectorLike | Mapping[str, Any], dimension: int | None = None
    ) -> None:
        packed = _pack(values, dimension)
        (size,) = _HEADER.unpack_from(packed)[:1]
        if dimension is not None and size != dimension:
            raise DimensionMismatch(expected=dimension, got=size)
        object.__setattr__(self, "_packed", packed)

    @classmethod
    def from_bytes(cls, packed: bytes | bytearray | memoryview) -> SparseVector:
        """The vector of what `tobytes` gives: dimension and count, the indices, the values.

        All are little-endian, of four bytes: integers, and float32.

        Raises:
            InvalidVector: the bytes are nothing of the kind.
        """
        data = bytes(packed)
        whole = len(data) >= _HEADER.size
        dimension, count = _HEADER.unpack_from(data) if whole else (0, 0)
        if not whole or len(data) != _HEADER.size + 8 * count:
            raise InvalidVector(f"{len(data)} bytes are no packed sparse vector")
        raw = cls.trusted(data)
        if (np.diff(raw.indices) <= 0).any():
            raise InvalidVector("the indices of a packed sparse vector rise")
        return cls(dict(raw.items()), dimension)

    @classmethod
    def trusted(cls, packed: bytes) -> Self:
        """The vector of bytes that are known to be right: no check, no copy."""
        vector = cls.__new__(cls)
        object.__setattr__(vector, "_packed", packed)
        return vector

    @classmethod
    def of_parts(cls, dimension: int, indices: NDArray[Any], values: NDArray[Any]) -> Self:
        """The vector of rising indices and their components, which are known to be right."""
        header = _HEADER.pack(dimension, len(indices))
        parts = indices.astype(_PLACES).tobytes(), values.astype(PACKED).tobytes()
        return cls.trusted(header + b"".join(parts))

    @classmethod
    def stored(cls, packed: bytes, dimension: int | None) -> Self:
        vector = cls.trusted(packed)
        if dimension is not None and len(vector) != dimension:
            raise InvalidVector(f"the column holds no vector of {dimension} dimensions")
        return vector

    @property
    def indices(self) -> NDArray[np.int32]:
        """The places of the components that are not 0, rising, counted from 0."""
        return np.frombuffer(self._packed, _PLACES, self._count(), _HEADER.size)

    @property
    def values(self) -> NDArray[np.float32]:
        """The components that are not 0, in the order of `indices`."""
        count = self._count()
        return np.frombuffer(self._packed, PACKED, count, _HEADER.size + 4 * count)

    @property
    def is_zero(self) -> bool:
        return not self._count()

    def items(self) -> list[tuple[int, float]]:
        """The components that are not 0, each behind its index."""
        return [*zip(self.indices.tolist(), self.values.tolist(), strict=True)]

    def to_dense(self) -> Vector:
        """The same components, each in its place."""
        components = np.zeros(len(self), PACKED)
        components[self.indices] = self.values
        return Vector.trusted(components.tobytes())

    def __len__(self) -> int:
        dimension: int = _HEADER.unpack_from(self._packed)[0]
        return dimension

    def __getitem__(self, index: int) -> float:
        wanted = as_integer(index)
        if not 0 <= wanted < len(self):
            raise IndexError(f"index {wanted} of {len(self)} dimensions")
        place = int(np.searchsorted(self.indices, wanted))
        return float(self.values[place]) if wanted in self.indices[place : place + 1] else 0.0

    def __contains__(self, index: object) -> bool:
        return bool((self.indices == index).any())

    def __repr__(self) -> str:
        kept = [*zip(self.indices, self.values, strict=True)]
        more = "" if len(kept) <= SHOWN else f", ... {len(kept)} in all"
        shown = kept if not more else kept[: SHOWN - 1]
        head = ", ".join(f"{place}: {value!s}" for place, value in shown)
        return f"SparseVector({{{head}{more}}}, {len(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseVector.trusted, (self._packed,)

    def to_json(self) -> dict[str, Any]:
        """``{"dimension": 9, "values": {"3": 1.5}}``."""
        values = {str(place): value for place, value in self.items()}
        return {"dimension": len(self), "values": values}

    @classmethod
    def json_schema(cls, dimension: int | None = None) -> JsonSchemaValue:
        size = {"minimum": 1, "maximum": _MOST} if dimension is None else {"const": dimension}
        place = {"^(0|[1-9][0-9]*)$": {"type": "number"}}
        values = {"type": "object", "patternProperties": place, "additionalProperties": False}
        return {
            "type": "object",
            "properties": {"dimension": {"type": "integer", **size}, "values": values},
            "required": ["dimension", "values"],
            "additionalProperties": False,
        }

    def _count(self) -> int:
        count: int = _HEADER.unpack_from(self._packed, 0)[1]
        return count


def _pack(values: Any, dimension: int | None) -> bytes:
    if isinstance(values, SparseVector):
        return values.tobytes()
    if not isinstance(values, Mapping):
        array = np.asarray(Vector(values))
        kept = np.flatnonzero(array)
        return SparseVector.of_parts(len(array), kept, array[kept]).tobytes()
    given: dict[Any, Any] = {**values}
    if set(given) == _IN_JSON:
        dimension, inner = given["dimension"], given["values"]
        if not isinstance(inner, Mapping):
            raise InvalidVector(f"values is an object, got {type(inner).__name__}")
        given = {_from_text(place): value for place, value in cast("Any", inner).items()}
    size = _dimension(dimension)
    places = np.array(sorted(_place(place, size) for place in given), _PLACES)
    components = np.array([], PACKED)
    if given:
        listed = numbers([given[place] for place in places.tolist()], SparseVector)
        components = np.frombuffer(_finite(listed, places), PACKED)
    kept = components != 0
    return SparseVector.of_parts(size, places[kept], components[kept]).tobytes()


def _finite(listed: NDArray[Any], places: NDArray[Any]) -> bytes:
    try:
        return finite(listed, PACKED)
    except InvalidVector as error:
        with np.errstate(over="ignore"):
            odd = ~np.isfinite(listed.astype(PACKED))
        first = int(np.flatnonzero(odd)[0])
        problem = f"component {places[first]} is {listed[first]}, which is no finite float32"
        raise InvalidVector(problem) from error


def _dimension(given: Any) -> int:
    if given is None:
        hint = "SparseVector({3: 1.5}, dimension)"
        raise InvalidVector("a mapping does not tell the dimension", hint=hint)
    if type(given) is not int or not 1 <= given <= _MOST:
        raise InvalidVector(f"a dimension is an integer from 1 to {_MOST}, got {given!r}")
    return given


def _place(given: Any, dimension: int) -> int:
    try:
        place = -1 if isinstance(given, bool) else as_integer(given)
    except TypeError:
        place = -1
    if not 0 <= place < dimension:
        raise InvalidVector(f"an index is an integer from 0 to {dimension - 1}, got {given!r}")
    return place


def _from_text(place: Any) -> Any:
    """JSON has text for its keys; another spelling of a number is none of ours."""
    if isinstance(place, str) and place.isdecimal() and str(int(place)) == place:
        return int(place)
    return place
