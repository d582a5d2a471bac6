"""Conditions as filter documents: the same meaning, written as data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from tests.property.conditions import (
    And,
    Between,
    Compare,
    Condition,
    Exists,
    Has,
    Holds,
    IsNull,
    IsTrue,
    Like,
    Not,
    OneOf,
    Operand,
    Or,
    Part,
    Path,
)
from tests.property.shapes import Shape


class NoDocument(Exception):
    """The form has no way to say this."""


OPS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
PARTS = {"startswith": "starts_with", "contains": "contains"}


def document_of(condition: Condition, shape: Shape) -> dict[str, Any]:
    """The filter document.

    Raises:
        NoDocument: there is none.
    """
    match condition:
        case Not(inner):
            return {"not": document_of(inner, shape)}
        case And(inner):
            return {"and": [document_of(part, shape) for part in inner]}
        case Or(inner):
            return {"or": [document_of(part, shape) for part in inner]}
        case _ if getattr(shape.scalars.get(str(condition.field)), "type", None) is bytes:
            raise NoDocument(condition)
        case Exists(field):
            return {**_place(field), "op": "exists"}
        case Holds(field, part):
            return {**_place(field), "op": "contains", "value": part}
        case Has(field, verb, values):
            return {**_place(field), "op": verb, "value": list(values)}
        case IsNull(field, negated):
            return {**_place(field), "op": "is_null", "value": not negated}
        case IsTrue(field):
            return {**_place(field), "op": "eq", "value": True}
        case _:
            return _compared(condition)


def _compared(condition: Condition) -> dict[str, Any]:
    match condition:
        case Compare(field, name, value):
            return {**_place(field), "op": OPS[name], "value": _json(field, value)}
        case OneOf(field, values, negated):
            op = "not_in" if negated else "in"
            return {**_place(field), "op": op, "value": [_json(field, v) for v in values]}
        case Between(field, low, high):
            ends = [_json(field, low), _json(field, high)]
            return {**_place(field), "op": "between", "value": ends}
        case Like(field, pattern, "like" | "ilike" as verb):
            return {**_place(field), "op": verb, "value": pattern}
        case Part(field, "startswith" | "contains" as place, part, True):
            return {**_place(field), "op": PARTS[place], "value": part}
        case _:
            raise NoDocument(condition)


def _place(field: Operand) -> dict[str, Any]:
    """The short form where no key has a dot and no step is a place in an array."""
    match field:
        case str():
            return {"field": field}
        case Path(name, ()):
            return {"field": name}
        case Path(name, steps):
            texts = [step for step in steps if isinstance(step, str) and step and "." not in step]
            if len(texts) == len(steps) and len(steps) % 2:
                return {"field": ".".join((name, *texts))}
            return {"field": name, "path": list(steps)}
        case _:
            raise NoDocument(field)


def _json(field: Operand, value: Any) -> Any:
    if value is None or isinstance(value, bytes):
        raise NoDocument(value)
    if isinstance(field, Path):
        if isinstance(value, date):
            raise NoDocument(value)
        return value
    if isinstance(value, Enum):
        return value.value
    return VALUES.get(value.__class__, _itself)(value)


def _itself(value: Any) -> Any:
    return value


def _duration(lasting: timedelta) -> str:
    sign, size = ("-", -lasting) if lasting < timedelta(0) else ("", lasting)
    return f"{sign}P{size.days}DT{size.seconds}.{size.microseconds:06}S"


VALUES: dict[type[Any], Callable[[Any], Any]] = {
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _duration,
    UUID: str,
    Decimal: str,
}
