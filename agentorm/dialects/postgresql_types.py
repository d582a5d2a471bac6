"""PostgreSQL's column types that SQLAlchemy does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import String
from sqlalchemy.types import UserDefinedType

from agentorm.vectors import AnyVector, Kind


class VECTOR(UserDefinedType[AnyVector]):
    """``VECTOR(n)``; the driver itself packs and unpacks the values."""

    cache_ok = True
    packed = False

    def __init__(self, dimension: int | None = None) -> None:
        self.dimension = dimension

    def get_col_spec(self, **_: Any) -> str:
        name = type(self).__name__
        return f"{name}({self.dimension})" if self.dimension else name


class HALFVEC(VECTOR):
    """``HALFVEC(n)``: float16."""

    cache_ok = True


class BIT(VECTOR):
    """``BIT(n)``."""

    cache_ok = True


class SPARSEVEC(VECTOR):
    """``SPARSEVEC(n)``."""

    cache_ok = True


OWN_TYPES: Mapping[Kind, type[VECTOR]] = MappingProxyType(
    {
        Kind.FLOAT32: VECTOR,
        Kind.FLOAT16: HALFVEC,
        Kind.BIT: BIT,
        Kind.SPARSE: SPARSEVEC,
    }
)


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
