"""The operators of a filter, and the expressions that they mean."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import not_


class Takes(Enum):
    """What an operator takes as its value."""

    ONE = "one value"
    PAIR = "a list of two values, the lowest and the highest"
    LIST = "a list of values"
    FLAG = "true or false"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its name, what it takes, what it means in words and as an expression."""

    name: str
    takes: Takes
    about: str
    build: Callable[[Any, Any], Any]


def _part(found: Any, value: Any) -> Any:
    return (
        found.contains(value, autoescape=True) if isinstance(value, str) else found.contains(value)
    )


ALL = (
    Operator("eq", Takes.ONE, "equal", operator.eq),
    Operator("ne", Takes.ONE, "not equal", operator.ne),
    Operator("lt", Takes.ONE, "less than", operator.lt),
    Operator("le", Takes.ONE, "less than or equal", operator.le),
    Operator("gt", Takes.ONE, "greater than", operator.gt),
    Operator("ge", Takes.ONE, "greater than or equal", operator.ge),
    Operator("in", Takes.LIST, "equal to one of the values", lambda f, v: f.in_(v)),
    Operator("not_in", Takes.LIST, "equal to none of the values", lambda f, v: f.not_in(v)),
    Operator("between", Takes.PAIR, "from the first to the second", lambda f, v: f.between(*v)),
    Operator("like", Takes.ONE, "like a pattern with % and _", lambda f, v: f.like(v)),
    Operator("ilike", Takes.ONE, "like a pattern, whatever the case", lambda f, v: f.ilike(v)),
    Operator("contains", Takes.ONE, "holds this part", _part),
    Operator(
        "starts_with",
        Takes.ONE,
        "begins with this text",
        lambda f, v: f.startswith(v, autoescape=True),
    ),
    Operator("has_any", Takes.LIST, "an array with one of the values", lambda f, v: f.has_any(v)),
    Operator("has_all", Takes.LIST, "an array with all the values", lambda f, v: f.has_all(v)),
    Operator(
        "is_null",
        Takes.FLAG,
        "there is no value; with false, there is one",
        lambda f, v: f.is_(None) if v else f.is_not(None),
    ),
    Operator(
        "exists",
        Takes.FLAG,
        "the key is there, even with null; with false, it is not",
        lambda f, v: f.exists() if v else not_(f.exists()),
    ),
)
OPERATORS = {each.name: each for each in ALL}
SYMBOLS = {
    "=": "eq",
    "==": "eq",
    "!=": "ne",
    "<>": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
}
EQUALITY = ("eq", "ne", "in", "not_in")
ORDER = ("lt", "le", "gt", "ge", "between")
TEXT = ("like", "ilike", "contains", "starts_with")
IS_NULL = ("is_null",)
