"""Vectors with a component in every place: of float32, of float16, of int8."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, Self, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from pydantic.json_schema import JsonSchemaValue

from agentorm.errors import InvalidVector
from agentorm.vectors.base import AnyVector, VectorLike, finite, listed, numbers
from agentorm.vectors.metrics import Kind

PACKED = np.dtype("<f4")
SHOWN = 4
N = TypeVar("N", float, int)


class Dense(AnyVector, Sequence[N]):
    """A vector whose packed bytes are its components, one after the other."""

    __slots__ = ()
    _items: ClassVar[JsonSchemaValue]

    def __init__(self, values: VectorLike) -> None:
        if isinstance(values, AnyVector) and values.kind is self.kind:
            packed = values.tobytes()
        else:
            packed = self._pack(values)
        object.__setattr__(self, "_packed", packed)

    @classmethod
    def _pack(cls, values: Any) -> bytes:
        return finite(numbers(values, cls), cls.packing)

    @classmethod
    def from_bytes(cls, packed: bytes | bytearray | memoryview) -> Self:
        """The vector of packed little-endian components, as `tobytes` gives it.

        Raises:
            InvalidVector: no whole number of components, none at all, or one is not finite.
        """
        if not len(packed) or len(packed) % cls.packing.itemsize:
            raise InvalidVector(f"{len(packed)} bytes are no packed {cls.kind} vector")
        return cls(np.frombuffer(packed, cls.packing))

    @classmethod
    def trusted(cls, packed: bytes) -> Self:
        """The vector of bytes that are known to be right: no check, no copy."""
        vector = cls.__new__(cls)
        object.__setattr__(vector, "_packed", packed)
        return vector

    @classmethod
    def stored(cls, packed: bytes, dimension: int | None) -> Self:
        width = cls.packing.itemsize
        size = len(packed) // width
        if len(packed) % width or size != (dimension or size):
            raise InvalidVector(
                f"the column holds {len(packed)} bytes, no vector of {dimension} dimensions"
            )
        return cls.trusted(packed)

    @classmethod
    def reader(cls, dimension: int | None) -> Callable[[Any], Self] | None:
        if dimension is None:
            return None
        new, size = cls.__new__, dimension * cls.packing.itemsize
        put: Any = AnyVector.__dict__["_packed"].__set__

        def read(packed: Any) -> Self:
            if type(packed) is not bytes or len(packed) != size:
                return cls.stored(bytes(packed), dimension)
            vector = new(cls)
            put(vector, packed)
            return vector

        return read

    def __len__(self) -> int:
        return len(self._packed) // self.packing.itemsize

    @overload
    def __getitem__(self, index: int) -> N: ...
    @overload
    def __getitem__(self, index: slice) -> list[N]: ...
    def __getitem__(self, index: int | slice) -> N | list[N]:
        if isinstance(index, slice):
            return self.tolist()[index]
        component: N = self._array()[index].item()
        return component

    def __iter__(self) -> Iterator[N]:
        return iter(self.tolist())

    def __repr__(self) -> str:
        name = type(self).__name__
        if len(self) <= SHOWN:
            return f"{name}([{', '.join(map(_shortest, self._array()))}])"
        head = ", ".join(map(_shortest, islice(self._array(), SHOWN - 1)))
        return f"{name}([{head}, ... {len(self)} in all])"

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        array = self._array()
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                name = type(self).__name__
                raise ValueError(f"a {name} holds {array.dtype}: {dtype} needs a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).trusted, (self._packed,)

    def tolist(self) -> list[N]:
        """The components as Python numbers."""
        components: list[N] = self._array().tolist()
        return components

    def to_json(self) -> list[N]:
        return self.tolist()

    @classmethod
    def json_schema(cls, dimension: int | None = None) -> JsonSchemaValue:
        return listed({**cls._items}, dimension)

    def _array(self) -> NDArray[Any]:
        return np.frombuffer(self._packed, self.packing)


def _shortest(component: Any) -> str:
    """The shortest text that rounds to this component."""
    return str(component) if component.dtype.kind == "i" else str(float(str(component)))


class Vector(Dense[float]):
    """An immutable vector of float32, packed little-endian: 4 bytes a component.

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

    __slots__ = ()
    kind = Kind.FLOAT32
    packing = PACKED
    _items: ClassVar[JsonSchemaValue] = {"type": "number"}


class HalfVector(Dense[float]):
    """An immutable vector of float16, packed little-endian: 2 bytes a component.

    Accepts what `Vector` accepts, and rounds each number to the nearest float16: 11 bits of
    precision, up to 65504. ``numpy.asarray(v)`` copies nothing and is read-only.

    Raises:
        InvalidVector: not numbers, NaN or infinite in float16, empty, or of several axes.

    Example:
        >>> HalfVector([0.1, 1, 2049])
        HalfVector([0.1, 1.0, 2048.0])
    """

    __slots__ = ()
    kind = Kind.FLOAT16
    packing = np.dtype("<f2")
    _items: ClassVar[JsonSchemaValue] = {"type": "number", "minimum": -65504, "maximum": 65504}


class Int8Vector(Dense[int]):
    """An immutable vector of integers from -128 to 127: a byte a component.

    It does not quantise: scale and round before. Floats without a fraction are accepted.
    ``numpy.asarray(v)`` copies nothing and is read-only.

    Raises:
        InvalidVector: a fraction, or a number beyond this range; not numbers, empty, or of
            several axes.

    Example:
        >>> Int8Vector([-128, 0, 127])
        Int8Vector([-128, 0, 127])
    """

    __slots__ = ()
    kind = Kind.INT8
    packing = np.dtype("i1")
    _items: ClassVar[JsonSchemaValue] = {"type": "integer", "minimum": -128, "maximum": 127}

    @classmethod
    def _pack(cls, values: Any) -> bytes:
        given = numbers(values, cls)
        whole = (given >= -128) & (given <= 127) & (np.trunc(given) == given)
        if not whole.all():
            place = int(np.flatnonzero(~whole)[0])
            raise InvalidVector(
                f"component {place} is {given[place]}, which is no integer from -128 to 127",
                hint="quantise first: scale the vectors and round",
            )
        return given.astype(cls.packing).tobytes()
