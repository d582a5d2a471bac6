"""How PostgreSQL and pgvector send vectors, as text or in binary, which is big-endian.

| type      | in binary                                                                       |
| --------- | ------------------------------------------------------------------------------- |
| vector    | dimension and 0 as int16, the components as float32                             |
| halfvec   | dimension and 0 as int16, the components as float16                             |
| sparsevec | dimension, count and 0 as int32, the indices from 0 as int32, float32 of each   |
| bit       | how many bits as int32, then the bits, most significant first                   |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from struct import Struct
from types import MappingProxyType
from typing import Any

import numpy as np

from agentorm.vectors import AnyVector, BitVector, HalfVector, Kind, SparseVector, Vector

NAMES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.FLOAT32: "vector",
        Kind.FLOAT16: "halfvec",
        Kind.SPARSE: "sparsevec",
        Kind.BIT: "bit",
    }
)
_OF_DENSE, _OF_SPARSE, _OF_BITS = Struct(">HH"), Struct(">iii"), Struct(">i")
_PLACES, _COMPONENTS = np.dtype(">i4"), np.dtype(">f4")


def to_wire(vector: AnyVector) -> bytes:
    """The vector as the server receives it in binary."""
    if isinstance(vector, BitVector):
        return _OF_BITS.pack(len(vector)) + vector.tobytes()
    if isinstance(vector, SparseVector):
        header = _OF_SPARSE.pack(len(vector), len(vector.indices), 0)
        places = vector.indices.astype(_PLACES).tobytes()
        return header + places + vector.values.astype(_COMPONENTS).tobytes()
    packed = np.frombuffer(vector.tobytes(), vector.packing)
    swapped = packed.astype(vector.packing.newbyteorder(">")).tobytes()
    return _OF_DENSE.pack(len(vector), 0) + swapped


def from_wire(data: Any, kind: Kind = Kind.FLOAT32) -> AnyVector:
    """The vector of this kind that the server sent in binary."""
    return _READERS[kind](data)


def to_text(vector: AnyVector) -> str:
    """The vector as it stands between quotes in SQL."""
    if isinstance(vector, BitVector):
        return "".join(map(str, vector))
    if isinstance(vector, SparseVector):
        listed = ",".join(f"{place + 1}:{value!r}" for place, value in vector.items())
        return f"{{{listed}}}/{len(vector)}"
    components: Any = vector
    return f"[{','.join(map(repr, components))}]"


def from_text(text: str, kind: Kind) -> AnyVector:
    """The vector of this kind that the server sent as text."""
    if kind is Kind.BIT:
        return BitVector(text)
    if kind is Kind.SPARSE:
        listed, _, dimension = text.strip("{").partition("}/")
        parts = [part.split(":") for part in listed.split(",") if part]
        return SparseVector({int(n) - 1: float(value) for n, value in parts}, int(dimension))
    return _DENSE[kind](json.loads(text, parse_int=float))


def _read_dense(kind: Kind) -> Callable[[Any], AnyVector]:
    made = _DENSE[kind]
    on_the_wire = made.packing.newbyteorder(">")

    def read(data: Any) -> AnyVector:
        components = np.frombuffer(data, on_the_wire, offset=_OF_DENSE.size)
        return made.trusted(components.astype(made.packing).tobytes())

    return read


def _read_bits(data: Any) -> BitVector:
    packed = bytes(data)
    return BitVector.trusted(packed[_OF_BITS.size :], _OF_BITS.unpack_from(packed)[0])


def _read_sparse(data: Any) -> SparseVector:
    dimension, count, _ = _OF_SPARSE.unpack_from(data)
    places = np.frombuffer(data, _PLACES, count, _OF_SPARSE.size)
    components = np.frombuffer(data, _COMPONENTS, count, _OF_SPARSE.size + 4 * count)
    return SparseVector.of_parts(dimension, places, components)


_DENSE: Mapping[Kind, type[Vector | HalfVector]] = MappingProxyType(
    {Kind.FLOAT32: Vector, Kind.FLOAT16: HalfVector}
)
_READERS: Mapping[Kind, Callable[[Any], AnyVector]] = MappingProxyType(
    {kind: _read_dense(kind) for kind in _DENSE} | {Kind.BIT: _read_bits, Kind.SPARSE: _read_sparse}
)
