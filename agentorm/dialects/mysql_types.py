"""Column types of MySQL and MariaDB that SQLAlchemy does not have."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, TypeDecorator, cast
from sqlalchemy.dialects.mysql import CHAR, DATETIME, JSON
from sqlalchemy.types import UserDefinedType

from agentorm.vectors import Vector

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # DATETIME has no zone


class VECTOR(UserDefinedType[Vector]):
    """``VECTOR(n)``, sent and received as packed float32."""

    cache_ok = True

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def get_col_spec(self, **_: Any) -> str:
        return f"VECTOR({self.dimension})"


class VectorReadAsBytes(VECTOR):
    """MySQL's VECTOR, which its drivers take for text unless it is cast."""

    def column_expression(self, colexpr: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(colexpr, LargeBinary)


class UnescapedJSON(JSON):
    """Documents whose characters stand for themselves: MariaDB's paths know no escaped keys."""

    def bind_processor(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, dialect: Any
    ) -> Callable[[Any], Any]:
        base: Any = super()
        serialize = dialect._json_serializer or partial(json.dumps, ensure_ascii=False)  # noqa: SLF001
        process: Callable[[Any], Any] = base._make_bind_processor(None, serialize)  # noqa: SLF001
        return process


class DatetimeInUTC(DATETIME):
    """``DATETIME(6)``; the offset of a point in time in UTC is not sent."""

    def __init__(self) -> None:
        super().__init__(fsp=6)

    def bind_processor(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, dialect: Any
    ) -> Callable[[Any], Any]:
        def bind(value: datetime | None) -> datetime | None:
            return None if value is None else value.replace(tzinfo=None)

        return bind


class Duration(TypeDecorator[timedelta]):
    """The point in time so long after the start of 1970: sorted and compared like it."""

    impl = DATETIME
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(fsp=6)

    def process_bind_param(self, value: timedelta | None, dialect: Any) -> datetime | None:
        return None if value is None else _EPOCH + value

    def process_result_value(self, value: datetime | None, dialect: Any) -> timedelta | None:
        return None if value is None else value - _EPOCH


class UuidByDigits(TypeDecorator[UUID]):
    """32 hexadecimal digits; MariaDB's own UUID sorts by another order of the bytes."""

    impl = CHAR
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(32, charset="ascii", collation="ascii_bin")

    def process_bind_param(self, value: UUID | None, dialect: Any) -> str | None:
        return None if value is None else value.hex

    def process_result_value(self, value: str | None, dialect: Any) -> UUID | None:
        return None if value is None else UUID(value)
