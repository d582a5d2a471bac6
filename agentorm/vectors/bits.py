"""Vectors of bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray
from pydantic.json_schema import JsonSchemaValue

from agentorm.errors import DimensionMismatch, InvalidVector
from agentorm.vectors.base import AnyVector, VectorLike, listed, numbers
from agentorm.vectors.dense import SHOWN
from agentorm.vectors.metrics import Kind

_EIGHT = 8


class BitVector(AnyVector, Sequence[int]):
    r"""An immutable vector of bits, packed eight to a byte, the most significant first.

    Accepts whatever holds 0 and 1 or False and True along one axis: a list, a numpy array; and
    text, as ``"0101"``. Its components are the integers 0 and 1. ``numpy.asarray(v)`` is an array
    of bool; ``numpy.frombuffer(v.tobytes(), "u1")`` copies nothing.

    Raises:
        InvalidVector: something else than 0 and 1, empty, or of several axes.

    Example:
        >>> BitVector([1, 0, 1])
        BitVector([1, 0, 1])
        >>> BitVector.from_bytes(b"\xa0", 3)
        BitVector([1, 0, 1])
    """

    __slots__ = ("_dimension",)
    kind = Kind.BIT
    packing = np.dtype("u1")
    _dimension: int

    def __init__(self, values: VectorLike | str) -> None:
        if isinstance(values, BitVector):
            packed, dimension = values.tobytes(), len(values)
        else:
            given = _bits(values)
            packed, dimension = np.packbits(given).tobytes(), given.size
        object.__setattr__(self, "_packed", packed)
        object.__setattr__(self, "_dimension", dimension)

    @classmethod
    def from_bytes(
        cls, packed: bytes | bytearray | memoryview, dimension: int | None = None
    ) -> BitVector:
        """The vector of bits packed most significant first, as `tobytes` gives them.

        Args:
            packed: as ``numpy.packbits`` makes them.
            dimension: how many bits count; without it, all of them.

        Raises:
            InvalidVector: none at all, or a bit behind the last that counts is set.
            DimensionMismatch: the bytes are of another dimension.
        """
        bits = np.unpackbits(np.frombuffer(packed, cls.packing))
        size = bits.size if dimension is None else dimension
        if not size:
            raise InvalidVector("a vector has at least one component")
        if (size + 7) // _EIGHT != len(packed):
            raise DimensionMismatch(expected=size, got=bits.size)
        if bits[size:].any():
            raise InvalidVector(f"a bit behind the last of {size} is set")
        return cls.trusted(bytes(packed), size)

    @classmethod
    def trusted(cls, packed: bytes, dimension: int) -> Self:
        """The vector of bytes that are known to be right: no check, no copy."""
        vector = cls.__new__(cls)
        object.__setattr__(vector, "_packed", packed)
        object.__setattr__(vector, "_dimension", dimension)
        return vector

    @classmethod
    def stored(cls, packed: bytes, dimension: int | None) -> Self:
        size = len(packed) * _EIGHT if dimension is None else dimension
        if (size + 7) // _EIGHT != len(packed):
            raise InvalidVector(f"the column holds {len(packed)} bytes, no vector of {size} bits")
        return cls.trusted(packed, size)

    def __len__(self) -> int:
        return self._dimension

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        components: int | list[int] = self.tolist()[index]
        return components

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __repr__(self) -> str:
        if len(self) <= _EIGHT:
            return f"BitVector({self.tolist()})"
        head = ", ".join(str(bit) for bit in islice(self, SHOWN - 1))
        return f"BitVector([{head}, ... {len(self)} in all])"

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a BitVector is packed: an array of its bits needs a copy")
        return self._array().astype(np.bool_ if dtype is None else dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return BitVector.trusted, (self._packed, self._dimension)

    def tolist(self) -> list[int]:
        """The components, each 0 or 1."""
        components: list[int] = self._array().tolist()
        return components

    def to_json(self) -> list[int]:
        return self.tolist()

    @classmethod
    def json_schema(cls, dimension: int | None = None) -> JsonSchemaValue:
        bit: JsonSchemaValue = {"type": "integer", "minimum": 0, "maximum": 1}
        return listed(bit, dimension)

    def _array(self) -> NDArray[np.uint8]:
        return np.unpackbits(np.frombuffer(self._packed, self.packing), count=self._dimension)


def _bits(values: Any) -> NDArray[np.bool_]:
    if isinstance(values, str):
        values = [{"0": 0, "1": 1}.get(character, character) for character in values]
    given = numbers(values, BitVector, kinds="biuf")
    known = (given == 0) | (given == 1)
    if not known.all():
        place = int(np.flatnonzero(~known)[0])
        raise InvalidVector(f"component {place} is {given[place]}, which is no bit: 0 or 1")
    return given.astype(np.bool_)
