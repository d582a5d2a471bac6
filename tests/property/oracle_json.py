"""What conditions on JSON are true for, in plain Python, line by line as the truth table has it.

Of a value another type than the one asked for is neither true nor false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Any, TypeGuard

from tests.property.conditions import (
    OPERATORS,
    Between,
    Compare,
    Condition,
    Exists,
    Has,
    Holds,
    IsNull,
    Like,
    OneOf,
    Part,
    Path,
)
from tests.property.texts import is_like, is_part


class Missing(Enum):
    """There is nothing at the place."""

    MISSING = "missing"


MISSING = Missing.MISSING
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INTEGERS = range(-(2**63), 2**63)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def at(row: Mapping[str, Any], path: Path) -> Any:
    """The value at a place of a row's document."""
    value = row[path.field]
    if value is None:
        return MISSING
    for step in path.steps:
        value = _inside(value, step)
    return value


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(step, str):
        return value.get(step, MISSING) if is_object(value) else MISSING
    if is_array(value) and step < len(value):
        return value[step]
    return MISSING


def type_of(value: Any) -> str:
    """What JSON calls it; a date is what asks for text that looks like one."""
    if value is MISSING:
        return "missing"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, name in TYPES.items():
        if isinstance(value, kind):
            return name
    raise NotImplementedError(value)


TYPES = {
    int: "number",
    float: "number",
    str: "string",
    date: "date",
    dict: "object",
    list: "array",
}


def truth_at(condition: Condition, value: Any) -> bool | None:
    """Whether the condition holds for what is at its place; None is unknown."""
    match condition:
        case IsNull(_, negated):
            return (type_of(value) in ("missing", "null")) is not negated
        case Exists():
            return value is not MISSING
        case Holds(_, part):
            return contains(value, part) if type_of(value) == type_of(part) else None
        case Has(_, verb, values):
            return has(value, verb, values) if is_array(value) else None
        case OneOf(_, values, negated):
            return one_of(value, values, negated=negated)
        case Compare(_, name, asked):
            return compared(value, name, asked)
        case Between(_, low, high):
            least, most = compared(value, ">=", low), compared(value, "<=", high)
            return None if least is None else bool(least and most)
        case Like(_, pattern, verb):
            return is_like(value, pattern, verb) if isinstance(value, str) else None
        case Part(_, place, part, escaped):
            return is_part(value, place, part, escaped=escaped) if isinstance(value, str) else None
        case _:
            raise NotImplementedError(condition)


def is_date(value: Any) -> bool:
    return isinstance(value, str) and DATE.fullmatch(value) is not None


def compared(value: Any, name: str, asked: Any) -> bool | None:
    if type_of(asked) == "date":
        return bool(OPERATORS[name](value, asked.isoformat())) if is_date(value) else None
    if type_of(value) != type_of(asked):
        return None
    if name in ("==", "!="):
        return same(value, asked) is (name == "==")
    return bool(OPERATORS[name](value, asked))


def one_of(value: Any, values: Sequence[Any], *, negated: bool) -> bool | None:
    """Nothing is among none, whatever it is."""
    answers = [compared(value, "==", other) for other in values]
    return None if None in answers else (True in answers) is not negated


def same(one: Any, other: Any) -> bool:
    """Whether they are one JSON value: 1 is 1.0, and true is not 1."""
    if type_of(one) != type_of(other):
        return False
    if is_array(one):
        return len(one) == len(other) and all(map(same, one, other))
    if is_object(one):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def contains(value: Any, part: Any) -> bool:
    """Whether the part is in the value: of objects by key, of arrays by element."""
    if is_object(part):
        return is_object(value) and all(
            key in value and contains(value[key], inner) for key, inner in part.items()
        )
    if is_array(part):
        return is_array(value) and all(is_in(element, value) for element in part)
    return same(value, part)


def is_in(element: Any, array: Sequence[Any]) -> bool:
    return any(same(element, other) for other in array)


def has(array: Sequence[Any], verb: str, values: Sequence[Any]) -> bool:
    answers = [is_in(value, array) for value in values]
    return any(answers) if verb == "has_any" else all(answers)


def as_sql(value: Any, kind: str) -> Any:
    """What ``as_integer()`` and its like make of it; None is NULL."""
    if kind == "date":
        return date.fromisoformat(value) if is_date(value) else None
    if kind in ("string", "boolean"):
        return value if type_of(value) == kind else None
    if type_of(value) != "number":
        return None
    if kind == "float":
        return float(value)
    return int(value) if value == int(value) and int(value) in INTEGERS else None
