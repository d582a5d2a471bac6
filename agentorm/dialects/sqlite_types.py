"""Column types of SQLite that SQLAlchemy does not have."""

from __future__ import annotations

from typing import Any

from sqlalchemy.types import UserDefinedType


class F32_BLOB(UserDefinedType[bytes]):  # noqa: N801  # as it is written in SQL
    """``F32_BLOB(n)``: a BLOB to SQLite, whose declaration says how many float32 it holds."""

    cache_ok = True

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def get_col_spec(self, **_: Any) -> str:
        return f"F32_BLOB({self.dimension})"
