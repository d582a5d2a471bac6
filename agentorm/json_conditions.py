"""What the operators of a path into a JSON document mean, by the type of the other side."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    and_,
    false,
    not_,
    true,
)
from sqlalchemy.types import TypeEngine

from agentorm.errors import InvalidQuery
from agentorm.expressions import is_expression
from agentorm.json_numbers import bounds, storable_number
from agentorm.json_paths import Alternative, Every, ExactNumber, JSONCondition, JSONPath, JSONRead
from agentorm.json_values import is_array, is_object, storable_json
from agentorm.refusals import shown
from agentorm.scalars import StringType
from agentorm.storable import storable_text

Condition: TypeAlias = ColumnElement[bool]
Operator: TypeAlias = Callable[..., Any]
_SQL: dict[Operator, str] = {
    operator.eq: "=",
    operator.ne: "!=",
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
}
COMPARISONS = frozenset(_SQL)
EQUALITY = (operator.eq, operator.ne)


class Kind(StrEnum):
    """The types that a value at a path is compared as."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date_text"
    OBJECT = "object"
    ARRAY = "array"


def kind_of(value: Any) -> Kind:
    """The type by which a Python value is compared with what is at a path.

    Raises:
        InvalidQuery: JSON has no such values.
    """
    if is_expression(value):
        hint = "compare with as_string(), as_integer(), as_float(), as_boolean() or as_date()"
        raise InvalidQuery(f"a JSON value has no SQL type to compare {value} with", hint=hint)
    if isinstance(value, datetime):
        hint = "compare text, as value.isoformat() if that is how it is stored"
        raise InvalidQuery(f"JSON has no datetimes to compare with {value!r}", hint=hint)
    for types, kind in _KINDS:
        if isinstance(value, types):
            return kind
    hint = "compare with None, bool, int, float, str, date, dict or list"
    raise InvalidQuery(f"JSON has no values to compare with {shown(value)}", hint=hint)


_KINDS: tuple[tuple[Any, Kind], ...] = (
    (bool, Kind.BOOLEAN),
    ((int, float), Kind.NUMBER),
    (str, Kind.TEXT),
    (date, Kind.DATE),
    (dict, Kind.OBJECT),
    ((list, tuple), Kind.ARRAY),
)


def compared(path: JSONPath, op: Operator, value: Any) -> Condition:
    """The comparison of what is at a path with a Python value; None asks whether it is there.

    Raises:
        InvalidQuery: JSON has no such values, or those of this type have no order.
        InvalidValue: a number or text that some engine cannot hold.
    """
    if value is None:
        return _compared_with_none(path, op)
    kind = kind_of(value)
    if op not in EQUALITY and kind in _UNORDERED:
        raise InvalidQuery(f"{kind} values have no order, got {_SQL[op]} {shown(value)}")
    return _COMPARED[kind](path, op, value)


def _compared_with_none(path: JSONPath, op: Operator) -> Condition:
    if op not in EQUALITY:
        raise InvalidQuery(f"nothing is {_SQL[op]} None", hint="ask is_(None) or is_not(None)")
    absent = JSONCondition("absent", path)
    return absent if op is operator.eq else not_(absent)


def _number(path: JSONPath, op: Operator, value: float) -> Condition:
    number = storable_number(value)
    whole_op, whole, real_op, real = bounds(_SQL[op], number)
    words = (("op", _SQL[op]), ("whole_op", whole_op), ("real_op", real_op))
    return JSONCondition(
        "compared",
        path,
        words,
        exact=_bound(path, number, ExactNumber()),
        whole=_bound(path, whole, BigInteger()),
        real=_bound(path, real, Double()),
    )


def _text(path: JSONPath, op: Operator, value: str) -> Condition:
    found: Condition = op(text(path), storable_text(str.__str__(value)))
    return found


def _date(path: JSONPath, op: Operator, value: date) -> Condition:
    found: Condition = op(JSONRead(path, "date_text", StringType()), value.isoformat())
    return found


def _boolean(path: JSONPath, op: Operator, value: bool) -> Condition:  # noqa: FBT001
    wanted = _bound(path, value, Boolean())
    found: Condition = op(JSONRead(path, "boolean", Boolean()), wanted)
    return found


def _document(path: JSONPath, op: Operator, value: Any) -> Condition:
    same = JSONCondition(
        "equal", path, container=_container(path, value), pattern=_pattern(path, value)
    )
    return same if op is operator.eq else not_(same)


_UNORDERED = frozenset({Kind.BOOLEAN, Kind.OBJECT, Kind.ARRAY})
_COMPARED: dict[Kind, Callable[[JSONPath, Operator, Any], Condition]] = {
    Kind.NUMBER: _number,
    Kind.TEXT: _text,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.OBJECT: _document,
    Kind.ARRAY: _document,
}


def text(path: JSONPath) -> JSONRead:
    """What is at a path, if it is text."""
    return JSONRead(path, "text", StringType())


def distinct(path: JSONPath, value: Any) -> Condition:
    """Whether what is at a path is anything but this value; never unknown."""
    return not_(Every([compared(path, operator.eq, value)], "AND", certain=True))


def between(path: JSONPath, low: Any, high: Any) -> Condition:
    """Whether what is at a path lies between two values, both included.

    Raises:
        InvalidQuery: the two are of different types, or of one without an order.
    """
    if low is not None and high is not None and kind_of(low) != kind_of(high):
        raise InvalidQuery(f"between takes two values of one type, got {low!r} and {high!r}")
    return and_(compared(path, operator.ge, low), compared(path, operator.le, high))


def among(path: JSONPath, values: Any) -> Condition:
    """Whether what is at a path is one of these values, all of one type.

    Raises:
        InvalidQuery: no list, or one of several types or with None in it.
    """
    given = _listed("in_", values)
    if not given:
        return false()
    kinds = {_kind_in_list("in_", value) for value in given}
    if len(kinds) > 1:
        said = ", ".join(sorted(kinds))
        raise InvalidQuery(f"in_ takes values of one type, got {said}", hint="join two with or_()")
    if kinds == {Kind.TEXT}:
        return text(path).in_([storable_text(str.__str__(value)) for value in given])
    return Every([compared(path, operator.eq, value) for value in given], "OR")


def not_among(path: JSONPath, values: Any) -> Condition:
    """Whether it is of the type of these values, and none of them."""
    return not_(among(path, values)) if _listed("not_in", values) else true()


def has(path: JSONPath, values: Any, *, every: bool) -> Condition:
    """Whether an array at a path has any, or every one, of these scalars as elements.

    Raises:
        InvalidQuery: no list, or something in it that is no text, number or bool.
    """
    verb = "has_all" if every else "has_any"
    wanted = _listed(verb, values)
    for value in wanted:
        if _kind_in_list(verb, value) not in _SCALARS:
            raise InvalidQuery(f"{verb} takes text, numbers and bools, got {shown(value)}")
    return _has(path, wanted, every=every)


_SCALARS = frozenset({Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN})


def _has(path: JSONPath, wanted: Sequence[Any], *, every: bool) -> Condition:
    items = storable_json([*wanted])
    array = _container(path, items)
    everything = JSONCondition("has_all", path, container=array, pattern=_pattern(path, items))
    if every:
        return everything
    if not items:
        return not_(everything)
    singles = [_has(path, [item], every=True) for item in items]
    return JSONCondition(
        "has_any",
        path,
        container=array,
        pattern=_pattern(path, items),
        each=Every(singles, "OR"),
    )


def contained(path: JSONPath, value: Any) -> Condition:
    """Whether an object at a path holds these keys with these values, or an array these scalars.

    Raises:
        InvalidQuery: a list that holds dicts or lists.
        InvalidValue: what JSON cannot hold.
    """
    pattern = storable_json(value)
    if is_array(pattern):
        if any(isinstance(item, dict | list) for item in pattern):
            hint = "give the scalars that are elements; compare a whole list with =="
            raise InvalidQuery(f"contains takes a list of scalars, got {shown(value)}", hint=hint)
        return _has(path, pattern, every=True)
    if not is_object(pattern):
        raise InvalidQuery(f"contains takes text, a dict or a list, got {shown(value)}")
    parts = [_part(path.stepped(key), item) for key, item in pattern.items()]
    return JSONCondition(
        "contains",
        path,
        container=_container(path, pattern),
        pattern=_pattern(path, pattern),
        each=Every(parts, "AND", certain=True),
    )


def _part(path: JSONPath, value: Any) -> Condition:
    if value is None:
        return JSONCondition("null", path)
    if isinstance(value, dict | list):
        return contained(path, value)
    return compared(path, operator.eq, value)


def _container(path: JSONPath, value: Any) -> JSONRead:
    return JSONRead(path, "object" if isinstance(value, dict) else "array", path.type)


def _pattern(path: JSONPath, value: Any) -> ColumnElement[Any]:
    return _bound(path, storable_json(value), path.type)


def _bound(path: JSONPath, value: Any, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    name = str(getattr(path.document, "key", None) or "json")
    return Alternative(name, value, type_=kind, unique=True)


def _listed(verb: str, values: Any) -> list[Any]:
    if isinstance(values, list | tuple | set | frozenset):
        return [*values]
    hint = "as_string().in_(...) and the like take a subquery" if is_expression(values) else None
    raise InvalidQuery(f"{verb} takes a list, got {shown(values)}", hint=hint)


def _kind_in_list(verb: str, value: Any) -> Kind:
    if value is None:
        hint = "ask is_(None) beside it" if verb == "in_" else "contains([None]) asks for null"
        raise InvalidQuery(f"{verb} takes no None in its list", hint=hint)
    return kind_of(value)
