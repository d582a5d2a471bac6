"""Column types of SQLite that SQLAlchemy does not have: BLOBs declared as what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy.types import UserDefinedType

from agentorm.vectors import Kind


class PackedBlob(UserDefinedType[bytes]):
    """A BLOB to SQLite, whose declaration says how many components it holds, and which."""

    cache_ok = True

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def get_col_spec(self, **_: Any) -> str:
        return f"{type(self).__name__}({self.dimension})"


class F32_BLOB(PackedBlob):  # noqa: N801  # as it is written in SQL
    """``F32_BLOB(n)``: float32."""

    cache_ok = True


class F16_BLOB(PackedBlob):  # noqa: N801  # as it is written in SQL
    """``F16_BLOB(n)``: float16."""

    cache_ok = True


class I8_BLOB(PackedBlob):  # noqa: N801  # as it is written in SQL
    """``I8_BLOB(n)``: int8."""

    cache_ok = True


class BIT_BLOB(PackedBlob):  # noqa: N801  # as it is written in SQL
    """``BIT_BLOB(n)``: bits, eight to a byte."""

    cache_ok = True


BLOBS: Mapping[Kind, type[PackedBlob]] = MappingProxyType(
    {
        Kind.FLOAT32: F32_BLOB,
        Kind.FLOAT16: F16_BLOB,
        Kind.INT8: I8_BLOB,
        Kind.BIT: BIT_BLOB,
    }
)
