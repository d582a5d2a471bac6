"""Conditions as data, and what they are in SQLAlchemy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, not_, or_


@dataclass(frozen=True)
class Path:
    """A place in a JSON field; without steps the whole document."""

    field: str
    steps: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class As:
    """What is at a place, as a value of SQL; `kind` as in ``as_integer()``."""

    path: Path
    kind: str


Operand: TypeAlias = str | Path | As
"""A field by its name, or what is in a JSON field."""


@dataclass(frozen=True)
class Compare:
    """``==``, ``!=``, ``<``, ``<=``, ``>`` or ``>=`` a value that is not None."""

    field: Operand
    operator: str
    value: Any


@dataclass(frozen=True)
class CompareFields:
    field: Operand
    operator: str
    other: Operand


@dataclass(frozen=True)
class OneOf:
    field: Operand
    values: tuple[Any, ...]
    negated: bool = False


@dataclass(frozen=True)
class Between:
    field: Operand
    low: Any
    high: Any


@dataclass(frozen=True)
class IsNull:
    """``is_(None)``, ``is_not(None)``, or the same as ``== None`` and ``!= None``."""

    field: Operand
    negated: bool = False
    by_equality: bool = False


@dataclass(frozen=True)
class IsTrue:
    """A boolean field that stands for itself."""

    field: Operand


@dataclass(frozen=True)
class Like:
    """``like``, ``ilike`` or ``not_like``."""

    field: Operand
    pattern: str
    verb: str = "like"


@dataclass(frozen=True)
class Part:
    """``startswith``, ``endswith`` or ``contains``; escaped, its wildcards stand for themselves."""

    field: Operand
    place: str
    part: str
    escaped: bool


@dataclass(frozen=True)
class Exists:
    """Whether there is anything at the place."""

    field: Path


@dataclass(frozen=True)
class Holds:
    """``contains`` a part of an object, or elements of an array."""

    field: Path
    part: Any


@dataclass(frozen=True)
class Has:
    """``has_any`` or ``has_all``."""

    field: Path
    verb: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Not:
    inner: Condition


@dataclass(frozen=True)
class And:
    inner: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    inner: tuple[Condition, ...]


Plain: TypeAlias = Compare | CompareFields | OneOf | Between | IsNull | IsTrue | Like | Part
Condition: TypeAlias = Plain | Exists | Holds | Has | Not | And | Or
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
        case CompareFields(field, name, other):
            made = OPERATORS[name](operand(model, field), operand(model, other))
        case Exists() | Holds() | Has():
            made = _of_document(operand(model, condition.field), condition)
        case _:
            made = _of_field(operand(model, condition.field), condition)
    return made  # type: ignore[no-any-return]


def operand(model: type[Any], given: Operand) -> Any:
    """What is compared or sorted by."""
    match given:
        case str():
            return getattr(model, given)
        case As(path, kind):
            return getattr(operand(model, path), f"as_{kind}")()
        case Path(name, steps):
            place = getattr(model, name)
            for step in steps:
                place = place[step]
            return place


def _of_field(field: Any, condition: Plain) -> Any:
    match condition:
        case Compare(_, name, value):
            return OPERATORS[name](field, value)
        case OneOf(_, values, negated):
            return field.not_in(values) if negated else field.in_(values)
        case Between(_, low, high):
            return field.between(low, high)
        case IsNull(_, negated, by_equality):
            if by_equality:
                return field != None if negated else field == None  # noqa: E711  # SQL's
            return field.is_not(None) if negated else field.is_(None)
        case Like(_, pattern, verb):
            return getattr(field, verb)(pattern)
        case Part(_, place, part, escaped):
            return getattr(field, place)(part, autoescape=escaped)
        case _:
            return field


def _of_document(place: Any, condition: Exists | Holds | Has) -> Any:
    match condition:
        case Exists():
            return place.exists()
        case Holds(_, part):
            return place.contains(part)
        case Has(_, verb, values):
            return getattr(place, verb)(list(values))
