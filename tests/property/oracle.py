"""What the answers must be, in plain Python; shares no code with agentorm.

A row is a dict; a vector in it is a tuple of floats that float32 holds exactly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cmp_to_key
from typing import Any, TypeAlias

from tests.property.conditions import (
    OPERATORS,
    And,
    Between,
    Compare,
    CompareFields,
    Condition,
    IsNull,
    IsTrue,
    Like,
    Not,
    OneOf,
    Or,
    Part,
)

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[Any, ...]
Truth: TypeAlias = bool | None


def truth(condition: Condition, row: Row) -> Truth:
    """By SQL's three-valued logic; None is unknown."""
    match condition:
        case Not(inner):
            return negation(truth(inner, row))
        case And(inner):
            return conjunction([truth(part, row) for part in inner])
        case Or(inner):
            return negation(conjunction([negation(truth(part, row)) for part in inner]))
        case IsNull(field):
            return row[field] is None
        case OneOf(field, values):
            return membership(row[field], values)
        case _:
            return None if row[condition.field] is None else of_value(condition, row)


def negation(value: Truth) -> Truth:
    return None if value is None else not value


def conjunction(values: Sequence[Truth]) -> Truth:
    if False in values:
        return False
    return None if None in values else True


def membership(value: Any, values: Sequence[Any]) -> Truth:
    """Nothing is among none; NULL may be equal to anything."""
    if not values:
        return False
    if value is None:
        return None
    if any(value == other for other in values if other is not None):
        return True
    return None if None in values else False


def of_value(condition: Condition, row: Row) -> Truth:
    match condition:
        case Compare(field, name, value):
            return bool(OPERATORS[name](row[field], value))
        case CompareFields(field, name, other):
            return None if row[other] is None else bool(OPERATORS[name](row[field], row[other]))
        case Between(field, low, high):
            return bool(low <= row[field] <= high)
        case IsTrue(field):
            return bool(row[field])
        case Like(field, pattern):
            return is_like(row[field], "", pattern, "", escaped=False)
        case Part(field, place, part, escaped):
            before, after = PARTS[place]
            return is_like(row[field], before, part, after, escaped=escaped)
        case _:
            raise NotImplementedError(condition)


def is_like(text: str, before: str, pattern: str, after: str, *, escaped: bool) -> bool:
    """Whether the text fits; in an escaped pattern nothing is wild but what stands around it."""
    inner = re.escape(pattern) if escaped else "".join(map(as_regex, pattern))
    whole = f"{as_regex(before)}{inner}{as_regex(after)}"
    return re.fullmatch(whole, text, re.DOTALL) is not None


def as_regex(character: str) -> str:
    return {"%": ".*", "_": "."}.get(character, re.escape(character))


PARTS = {"startswith": ("", "%"), "endswith": ("%", ""), "contains": ("%", "%")}
"""What stands before the part, and behind it."""


def key_of(row: Row, names: Sequence[str]) -> Key:
    return tuple(row[name] for name in names)


@dataclass(frozen=True)
class Sort:
    """A field to sort by; `nulls` is where NULL goes if it is not the smallest value."""

    field: str
    descending: bool = False
    nulls: str | None = None


def ordered(rows: Sequence[Row], sorts: Sequence[Sort], keys: Sequence[str]) -> list[Row]:
    """The rows as sorted, ties by the key."""
    given = [*sorts, *(Sort(name) for name in keys)]

    def compare(one: Row, other: Row) -> int:
        for sort in given:
            if found := _order(one[sort.field], other[sort.field], sort):
                return found
        return 0

    return sorted(rows, key=cmp_to_key(compare))


def _order(one: Any, other: Any, sort: Sort) -> int:
    if one is None or other is None:
        nulls_first = not sort.descending if sort.nulls is None else sort.nulls == "first"
        return ((one is not None) - (other is not None)) * (1 if nulls_first else -1)
    if isinstance(one, Enum):
        one, other = one.name, other.name
    return (bool(one > other) - bool(one < other)) * (-1 if sort.descending else 1)
