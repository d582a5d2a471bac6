"""What the answers must be, in plain Python; shares no code with agentorm.

A row is a dict; a vector in it is a tuple of floats that float32 holds exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cmp_to_key
from typing import Any, TypeAlias

from tests.property.conditions import (
    OPERATORS,
    And,
    As,
    Between,
    Compare,
    CompareFields,
    Condition,
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
from tests.property.oracle_json import as_sql, at, truth_at
from tests.property.texts import is_like, is_part

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
        case CompareFields(field, name, other):
            one, another = value_of(row, field), value_of(row, other)
            return None if one is None or another is None else bool(OPERATORS[name](one, another))
        case _ if isinstance(condition.field, Path):
            return truth_at(condition, at(row, condition.field))
        case _:
            return of_value(condition, value_of(row, condition.field))


def value_of(row: Row, operand: Operand) -> Any:
    """The value that SQL has there."""
    match operand:
        case str():
            return row[operand]
        case As(path, kind):
            return as_sql(at(row, path), kind)
        case Path():
            raise NotImplementedError(operand)


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


def of_value(condition: Condition, value: Any) -> Truth:
    match condition:
        case IsNull(_, negated):
            return (value is None) is not negated
        case OneOf(_, values, negated):
            found = membership(value, values)
            return negation(found) if negated else found
        case _ if value is None:
            return None
        case Compare(_, name, other):
            return bool(OPERATORS[name](value, other))
        case Between(_, low, high):
            return bool(low <= value <= high)
        case IsTrue():
            return bool(value)
        case Like(_, pattern, verb):
            return is_like(value, pattern, verb)
        case Part(_, place, part, escaped):
            return is_part(value, place, part, escaped=escaped)
        case _:
            raise NotImplementedError(condition)


def key_of(row: Row, names: Sequence[str]) -> Key:
    return tuple(row[name] for name in names)


@dataclass(frozen=True)
class Sort:
    """What to sort by; `nulls` is where NULL goes if it is not the smallest value."""

    field: Operand
    descending: bool = False
    nulls: str | None = None


def ordered(rows: Sequence[Row], sorts: Sequence[Sort], keys: Sequence[str]) -> list[Row]:
    """The rows as sorted, ties by the key."""
    given = [*sorts, *(Sort(name) for name in keys)]

    def compare(one: Row, other: Row) -> int:
        for sort in given:
            if found := _order(value_of(one, sort.field), value_of(other, sort.field), sort):
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
