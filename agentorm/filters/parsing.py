"""From a filter document to the expression that a user would write."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import islice
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, not_, or_

from agentorm.errors import InvalidFilter, InvalidQuery, InvalidValue
from agentorm.filters.documents import JSONValues
from agentorm.filters.fields import FilterField, FilterFields
from agentorm.filters.grouping import joined
from agentorm.filters.limits import LARGEST_PLACE, STEPS, Budget, told
from agentorm.filters.operators import EQUALITY, OPERATORS, SYMBOLS, TEXT, Operator, Takes
from agentorm.filters.schema import operators_of
from agentorm.filters.values import as_array, as_object, text

Condition = ColumnElement[bool]
_GROUPS: dict[str, Callable[..., Any]] = {"and": and_, "or": or_}
_NODES = {"and", "or", "not"}
_COMPARISON = ("field", "op", "value", "path")
_FORMS = "{'and': [...]}, {'or': [...]}, {'not': ...} or {'field': ..., 'op': ..., 'value': ...}"
MISSING = object()


def parse_filter(
    model: type[Any], document: object, *, fields: Collection[Any] | None = None
) -> ColumnElement[bool]:
    """The condition that a filter document means: what `where` and any select take.

    A document is what `json.loads` gives: ``{"and": [...]}``, ``{"or": [...]}``, ``{"not": ...}``
    or ``{"field": name, "op": operator, "value": value}``. Every name is checked against the
    model, every value against the type of its field; names and values never become SQL text.

    Args:
        model: a mapped class.
        document: the filter.
        fields: the fields that may be named, by name or as ``Doc.title``; None for all.

    Raises:
        InvalidFilter: the document means nothing; `path` is where in it.
        InvalidQuery: `fields` has one that no filter compares.
        UnknownField: `fields` has one that the model does not.

    Example:
        ``parse_filter(Doc, {"field": "topic", "op": "in", "value": ["a", "b"]})`` is
        ``doc.topic IN (:topic_1, :topic_2)``.
    """
    return _Parser(FilterFields(model, fields), python=False).node(document, "$", 1)


def compared(model: type[Any], field: str, op: object, value: object = MISSING) -> Condition:
    """The condition of one field: the operator may be a symbol, the value Python's.

    Raises:
        InvalidFilter: it means nothing; `path` is where, as in a document of the three.
    """
    named = SYMBOLS.get(op, op) if isinstance(op, str) else op
    node = {"field": field, "op": named} | ({} if value is MISSING else {"value": value})
    return _Parser(FilterFields(model), python=True).node(node, "$", 1)


class _Parser:
    def __init__(self, fields: FilterFields, *, python: bool) -> None:
        self.fields, self.python = fields, python
        self.budget = Budget()
        self.json = JSONValues(self.budget, python=python)

    def node(self, given: object, path: str, depth: int) -> Condition:
        self.budget.take_node(depth, path)
        node = as_object(given)
        if node is None:
            raise InvalidFilter(f"expected {_FORMS}, got {told(given)}", path=path)
        _check_keys(node, path)
        for key in _NODES & node.keys():
            return self.group(key, node[key], f"{path}.{key}", depth)
        return self.comparison(node, path)

    def group(self, key: str, inner: object, path: str, depth: int) -> Condition:
        if key == "not":
            return not_(self.node(inner, path, depth + 1))
        nodes = as_array(inner)
        if not nodes:
            raise InvalidFilter(f"expected a list of 1 or more, got {told(inner)}", path=path)
        self.budget.leave_nodes(len(nodes), path)
        places = enumerate(nodes)
        return joined(_GROUPS[key], [self.node(x, f"{path}[{i}]", depth + 1) for i, x in places])

    def comparison(self, node: dict[str, Any], path: str) -> Condition:
        field, steps = self._place(node, path)
        operator = self._operator(node["op"], field, f"{path}.op")
        expression = field.expression
        before = self.budget.values
        try:
            for step in steps:
                expression = expression[step]
            value = self._value(node.get("value", MISSING), operator, field, path)
            self.budget.take_steps(len(steps) * max(1, before - self.budget.values), path)
            if operator.name in TEXT and isinstance(value, str):
                self.budget.check_pattern(value, f"{path}.value")
            made: Condition = operator.build(expression, value)
        except (InvalidQuery, InvalidValue) as error:
            if isinstance(error, InvalidFilter):
                raise
            raise InvalidFilter(error.message, path=path, hint=error.hint) from error
        return made

    def _place(self, node: dict[str, Any], path: str) -> tuple[FilterField, list[str | int]]:
        written = self._text(node["field"], f"{path}.field")
        name, *steps = written.split(".", STEPS + 1)
        field = self.fields.named(name, f"{path}.field")
        if "path" not in node and not steps:
            return field, []
        at = f"{path}.path" if "path" in node else f"{path}.field"
        if field.form is not None:
            raise InvalidFilter(f"{field.label} is no JSON field, it has no path", path=at)
        if "path" in node and steps:
            hint = "give all of it in 'path'"
            raise InvalidFilter("the path is given in the field's name too", path=at, hint=hint)
        given = as_array(node.get("path", steps))
        if given is None or len(given) > STEPS:
            raise InvalidFilter(f"expected a list of {STEPS} steps or fewer", path=at)
        if steps:
            return field, [self._text(step, at) for step in steps]
        return field, [self._step(step, f"{at}[{i}]") for i, step in enumerate(given)]

    def _step(self, step: Any, path: str) -> str | int:
        if type(step) is int and 0 <= step <= LARGEST_PLACE:
            return step
        if type(step) is not str:
            what = f"expected a key as text, or a place from 0 to {LARGEST_PLACE}"
            raise InvalidFilter(f"{what}, got {told(step)}", path=path)
        return self._text(step, path)

    def _text(self, given: Any, path: str) -> str:
        if type(given) is not str:
            raise InvalidFilter(f"expected text, got {told(given)}", path=path)
        self.budget.take_text(given, path)
        try:
            return text(given)
        except InvalidValue as error:
            raise InvalidFilter(error.problem, path=path) from None

    def _operator(self, name: Any, field: FilterField, path: str) -> Operator:
        fitting = operators_of(field)
        if type(name) is not str or name not in OPERATORS:
            symbol = SYMBOLS.get(name) if type(name) is str else None
            hint = f"write {symbol!r}" if symbol else f"{field.label} has {', '.join(fitting)}"
            raise InvalidFilter(f"unknown operator {told(name)}", path=path, hint=hint)
        if name not in fitting:
            hint = f"use one of {', '.join(fitting)}"
            raise InvalidFilter(f"{name!r} does not fit {field.label}", path=path, hint=hint)
        return OPERATORS[name]

    def _value(self, given: Any, operator: Operator, field: FilterField, path: str) -> Any:
        at = f"{path}.value"
        if operator.takes is Takes.FLAG:
            if given is not MISSING and type(given) is not bool:
                raise InvalidFilter(f"expected true or false, got {told(given)}", path=at)
            return given is not False
        if given is MISSING:
            what = f"{operator.name!r} needs a 'value': {operator.takes.value}"
            raise InvalidFilter(what, path=path)
        if operator.takes is not Takes.ONE:
            given = self._list(given, operator, at)
        elif given is None:
            raise _no_null(at)
        if field.form is None:
            return self.json.read(operator, given, at)
        if operator.takes is Takes.ONE:
            return self._one(given, operator, field, at)
        return [self._one(x, operator, field, f"{at}[{i}]") for i, x in enumerate(given)]

    def _list(self, given: Any, operator: Operator, path: str) -> list[Any]:
        if self.python and isinstance(given, set | frozenset):
            given = [*cast(set[Any], given)]
        if as_array(given, python=self.python) is None:
            what = f"expected {operator.takes.value}, got {told(given)}"
            raise InvalidFilter(what, path=path)
        if operator.takes is Takes.PAIR and len(given) != 2:
            what = f"expected {operator.takes.value}, got {len(given):,}"
            raise InvalidFilter(what, path=path)
        self.budget.take_values(len(given), path)
        return list(given)

    def _one(self, given: Any, operator: Operator, field: FilterField, path: str) -> Any:
        if given is None:
            raise _no_null(path)
        if isinstance(given, str):
            self.budget.take_text(given, path)
        assert field.form is not None
        try:
            value = field.form.take(given) if self.python else field.form.read(given)
            return field.form.chosen(value) if operator.name in EQUALITY else value
        except InvalidValue as error:
            problem = f"{field.label}: {error.problem}"
            raise InvalidFilter(problem, path=path, hint=error.hint) from None


def _check_keys(node: dict[Any, Any], path: str) -> None:
    """See that a node has the keys of one form, and no others."""
    keys = [*islice(node, len(_COMPARISON) + 1)]
    if all(type(key) is str for key in keys):
        if len(keys) == 1 and keys[0] in _NODES:
            return
        if 0 < len(keys) <= len(_COMPARISON) and set(keys) <= set(_COMPARISON):
            _check_there(set(keys), path)
            return
    found = ", ".join(map(told, keys)) or "none"
    raise InvalidFilter(f"expected {_FORMS}, got the keys {found}", path=path)


def _check_there(keys: set[str], path: str) -> None:
    for key in ("field", "op"):
        if key not in keys:
            raise InvalidFilter(f"{key!r} is missing", path=path, hint=f"write {_FORMS}")


def _no_null(path: str) -> InvalidFilter:
    hint = "use the operator is_null to find what has no value"
    return InvalidFilter("null compares with nothing", path=path, hint=hint)
