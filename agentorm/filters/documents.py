"""JSON values, as a filter compares them with what a JSON field holds."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from agentorm.errors import InvalidFilter, InvalidValue
from agentorm.filters import values
from agentorm.filters.limits import CONTAINED, DEPTH, Budget, told
from agentorm.filters.operators import EQUALITY, ORDER, Operator, Takes
from agentorm.json_values import step

_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "text",
    date: "a date",
    dict: "an object",
    list: "a list",
}
_COMPARED = ("a number", "text", "a date")
_SCALARS = (*_COMPARED, "a boolean")


class JSONValues:
    """Checks the values that a filter gives for a JSON field.

    Args:
        budget: the account of the filter's size.
        python: whether tuples, dates and instances of subclasses are among them.
    """

    def __init__(self, budget: Budget, *, python: bool) -> None:
        self.budget, self.python = budget, python

    def read(self, operator: Operator, given: Any, path: str) -> Any:
        """The value of an operator, in plain Python.

        Raises:
            InvalidFilter: it does not fit, or no engine can hold it.
        """
        if operator.takes is not Takes.ONE:
            return self._several(operator, given, path)
        value = self.copied(given, path)
        if operator.name in ORDER:
            _expect(_COMPARED, value, path)
        elif operator.name == "contains":
            _expect(("text", "a list", "an object"), value, path)
            _check_contained(value, path)
        elif operator.name not in EQUALITY:
            _expect(("text",), value, path)
        return value

    def _several(self, operator: Operator, given: list[Any], path: str) -> list[Any]:
        fitting = _COMPARED if operator.takes is Takes.PAIR else _SCALARS
        made: list[Any] = []
        for place, item in enumerate(given):
            value = self.copied(item, f"{path}[{place}]")
            _expect(fitting, value, f"{path}[{place}]")
            made.append(value)
        kinds = {_NAMES[type(value)] for value in made}
        if len(kinds) > 1 and operator.name not in {"has_any", "has_all"}:
            found = " and ".join(sorted(kinds))
            raise InvalidFilter(f"expected values of one type, got {found}", path=path)
        return made

    def copied(self, given: Any, path: str, depth: int = 1) -> Any:
        """A copy in plain Python of a value that every engine can hold.

        Raises:
            InvalidFilter: it is none, too deep, or too large.
        """
        if depth > DEPTH:
            raise InvalidFilter(f"values are nested at most {DEPTH} deep", path=path)
        value = values.plain(given) if self.python else given
        entries = values.as_object(value, python=self.python)
        if entries is not None:
            self.budget.take_values(len(entries), path)
            return {
                self._key(key, path): self.copied(item, path + _step(key), depth + 1)
                for key, item in entries.items()
            }
        items = values.as_array(value, python=self.python)
        if items is not None:
            self.budget.take_values(len(items), path)
            return [self.copied(x, f"{path}[{i}]", depth + 1) for i, x in enumerate(items)]
        return self._scalar(value, path)

    def _scalar(self, value: Any, path: str) -> Any:
        if value is None or type(value) is bool:
            return value
        if self.python and type(value) is date:
            return value
        try:
            if type(value) is not str:
                return values.number(value)
            self.budget.take_text(value, path)
            return values.text(value)
        except InvalidValue as error:
            if type(value) in {str, int, float}:
                raise InvalidFilter(error.problem, path=path) from None
        hint = "write it as text or as a number"
        hint = "compare with a date, or with text" if isinstance(value, datetime) else hint
        raise InvalidFilter(f"expected a JSON value, got {told(value)}", path=path, hint=hint)

    def _key(self, key: Any, path: str) -> str:
        if type(key) is not str:
            raise InvalidFilter(f"a key of an object is text, got {told(key)}", path=path)
        self.budget.take_text(key, path)
        try:
            return values.text(key)
        except InvalidValue as error:
            raise InvalidFilter(error.problem, path=path) from None


def _step(key: object) -> str:
    return step(key) if isinstance(key, str) else ""


def _expect(names: Collection[str], value: Any, path: str) -> None:
    if _NAMES[type(value)] in names:
        return
    hint = "use is_null to find what has no value" if value is None else None
    expected = [name for name in names if name != "a date"]
    what = " or ".join([", ".join(expected[:-1]), expected[-1]] if expected[1:] else expected)
    raise InvalidFilter(f"expected {what}, got {told(value)}", path=path, hint=hint)


def _check_contained(pattern: Any, path: str, depth: int = 1) -> None:
    """See that the lists of a pattern hold no containers, and that SQLite can parse it."""
    entries, items = values.as_object(pattern), values.as_array(pattern)
    if depth > CONTAINED and (entries is not None or items is not None):
        problem = f"an object that is contained is nested at most {CONTAINED} deep"
        raise InvalidFilter(problem, path=path, hint="compare what is at a path into it")
    for key, item in (entries or {}).items():
        _check_contained(item, path + step(key), depth + 1)
    for place, item in enumerate(items or ()):
        if _NAMES[type(item)] in {"an object", "a list"}:
            what = "a list that is contained holds text, numbers, booleans and null"
            raise InvalidFilter(f"{what}, got {told(item)}", path=f"{path}[{place}]")
