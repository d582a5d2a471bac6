"""PostgreSQL's column types that SQLAlchemy does not have, and a vector's form on the wire.

That is two big-endian 16-bit integers, the dimension and a zero, then the components as
big-endian float32.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

import numpy as np
from sqlalchemy import String
from sqlalchemy.types import UserDefinedType

from agentorm.vectors import PACKED, Vector

_HEADER = Struct(">HH")
_ON_THE_WIRE = np.dtype(">f4")


def to_wire(vector: Vector) -> bytes:
    """The vector as pgvector receives it."""
    swapped = np.asarray(vector).astype(_ON_THE_WIRE).tobytes()
    return _HEADER.pack(len(vector), 0) + swapped


def from_wire(data: Any) -> Vector:
    """The vector that pgvector sent."""
    components = np.frombuffer(data, _ON_THE_WIRE, offset=_HEADER.size)
    return Vector.trusted(components.astype(PACKED).tobytes())


class VECTOR(UserDefinedType[Vector]):
    """``VECTOR(n)``; the driver itself packs and unpacks the values."""

    cache_ok = True
    packed = False

    def __init__(self, dimension: int | None = None) -> None:
        self.dimension = dimension

    def get_col_spec(self, **_: Any) -> str:
        return f"VECTOR({self.dimension})" if self.dimension else "VECTOR"


class TextByCodePoint(UserDefinedType[str]):
    """``TEXT COLLATE "C"``, or VARCHAR with a length.

    It is no `sqlalchemy.String`, which would put the collation behind every parameter too, where
    PostgreSQL does not always take one.
    """

    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        self.length = length

    def get_col_spec(self, **_: Any) -> str:
        return f'VARCHAR({self.length}) COLLATE "C"' if self.length else 'TEXT COLLATE "C"'

    def literal_processor(self, dialect: Any) -> Callable[[Any], str] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        text: Any = String()
        quote: Callable[[Any], str] | None = text.literal_processor(dialect)
        return quote
