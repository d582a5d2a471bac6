"""Conditions as data, and what they are in SQLAlchemy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, not_, or_
from sqlalchemy.orm import InstrumentedAttribute


@dataclass(frozen=True)
class Compare:
    """``==``, ``!=``, ``<``, ``<=``, ``>`` or ``>=`` a value that is not None."""

    field: str
    operator: str
    value: Any


@dataclass(frozen=True)
class CompareFields:
    field: str
    operator: str
    other: str


@dataclass(frozen=True)
class OneOf:
    field: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Between:
    field: str
    low: Any
    high: Any


@dataclass(frozen=True)
class IsNull:
    field: str


@dataclass(frozen=True)
class IsTrue:
    """A boolean field that stands for itself."""

    field: str


@dataclass(frozen=True)
class Like:
    field: str
    pattern: str


@dataclass(frozen=True)
class Part:
    """``startswith``, ``endswith`` or ``contains``; escaped, its wildcards stand for themselves."""

    field: str
    place: str
    part: str
    escaped: bool


@dataclass(frozen=True)
class Not:
    inner: Condition


@dataclass(frozen=True)
class And:
    inner: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    inner: tuple[Condition, ...]


Condition: TypeAlias = (
    Compare | CompareFields | OneOf | Between | IsNull | IsTrue | Like | Part | Not | And | Or
)
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def in_sql(model: type[Any], condition: Condition) -> ColumnElement[bool]:
    """The condition as a user would write it."""
    match condition:
        case Not(inner):
            return not_(in_sql(model, inner))
        case And(inner):
            return and_(*(in_sql(model, part) for part in inner))
        case Or(inner):
            return or_(*(in_sql(model, part) for part in inner))
        case _:
            return _of_field(model, getattr(model, condition.field), condition)


def _of_field(
    model: type[Any], field: InstrumentedAttribute[Any], condition: Condition
) -> ColumnElement[bool]:
    made: Any
    match condition:
        case Compare(_, name, value):
            made = OPERATORS[name](field, value)
        case CompareFields(_, name, other):
            made = OPERATORS[name](field, getattr(model, other))
        case OneOf(_, values):
            made = field.in_(values)
        case Between(_, low, high):
            made = field.between(low, high)
        case IsNull():
            made = field.is_(None)
        case Like(_, pattern):
            made = field.like(pattern)
        case Part(_, place, part, escaped):
            made = getattr(field, place)(part, autoescape=escaped)
        case _:
            made = field
    return made  # type: ignore[no-any-return]
