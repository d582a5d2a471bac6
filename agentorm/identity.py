"""What tells one query from another, in every process: its words, its values, its order."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Dialect as SQLAlchemyDialect
from sqlalchemy import select

from agentorm import dialects
from agentorm.checking import check
from agentorm.models import key_columns
from agentorm.query import Query
from agentorm.selecting import restricted

_TOLD_OTHERWISE = frozenset(
    {"model", "filters", "joins", "ordering", "loaders", "size", "skip", "target"}
)
_BYTES = (bytes, bytearray, memoryview)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)


def identity_of(query: Query[Any], dialect: SQLAlchemyDialect) -> str:
    """A short text that only this query has on this engine, whatever its page and its loaders.

    Functions that a query is given count by their names, and by the texts that they close over.
    """
    check(query)
    made = restricted(select(*key_columns(query.model)), query).order_by(*query.ordering)
    compiled = made.compile(dialect=dialect)
    asked = {
        field.name: described(getattr(query, field.name))
        for field in fields(Query)
        if field.name not in _TOLD_OTHERWISE
    }
    engine = dialects.of(dialect).name
    parts = [engine, described(query.model), str(compiled), described(compiled.params), asked]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def described(value: Any) -> Any:
    """A value in JSON, so that two that differ are written differently."""
    if value is None or type(value) in {bool, int, str}:
        return value
    name = type(value).__qualname__
    if isinstance(value, Enum):
        return [name, value.name]
    if isinstance(value, float | Decimal | date | time | timedelta | UUID):
        return [name, repr(value)]
    if isinstance(value, _BYTES):
        return [name, _hex(value)]
    if isinstance(value, Mapping):
        pairs: Any = value.items()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return [name, sorted(([described(k), described(v)] for k, v in pairs), key=json.dumps)]
    if isinstance(value, set | frozenset):
        return [name, sorted(map(described, cast("set[Any]", value)), key=json.dumps)]
    if isinstance(value, list | tuple):
        return [name, [*map(described, cast("list[Any]", value))]]
    return [name, _told_of_object(value)]


def _hex(value: Any) -> str:
    return bytes(value).hex()


def _told_of_object(value: Any) -> Any:
    if hasattr(value, "tobytes"):
        return [value.tobytes().hex(), str(getattr(value, "dtype", ""))]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: described(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, partial):
        return [*map(described, (value.func, value.args, value.keywords))]
    if hasattr(value, "__qualname__"):
        return [f"{value.__module__}.{value.__qualname__}", *_texts_within(value)]
    return _ADDRESS.sub("", str(value))


def _texts_within(function: Any) -> list[str]:
    """What a scorer is asked about, as a rule."""
    cells: Any = getattr(function, "__closure__", None) or ()
    return [text for cell in cells for text in _held_by(cell) if isinstance(text, str)]


def _held_by(cell: Any) -> tuple[object, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # it has no value yet
        return ()
