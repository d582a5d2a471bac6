"""JSON values that every engine can hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from typing import Any

from typing_extensions import TypeIs

from agentorm.errors import InvalidValue
from agentorm.storable import storable_integer, storable_text

DEEPEST = 31
"""As deep as MariaDB reads; the other engines go further."""


def storable_json(value: object, *, inside: tuple[int, ...] = ()) -> Any:
    """A copy in plain dicts and lists, if every engine can hold it; a tuple becomes a list.

    Args:
        value: None, bool, int of 64 bits, finite float, str, and dicts, lists and tuples of them.
        inside: the ids of the containers that are to hold it, outermost first.

    Raises:
        InvalidValue: it is something else, holds itself, or is nested more than 31 deep. The
            error's `field` is the place within the value, as ``["a"][0]``.

    Example:
        >>> storable_json({"a": (1, 2)})
        {'a': [1, 2]}
    """
    kind = type(value)
    if kind in _SCALARS:
        return _SCALARS[kind](value)
    if is_object(value):
        inside = _entered(value, inside)
        return {storable_key(key): storable_item(key, item, inside) for key, item in value.items()}
    if is_array(value):
        inside = _entered(value, inside)
        return [storable_item(place, item, inside) for place, item in enumerate(value)]
    return _storable_subclass(value)


def is_object(value: object) -> TypeIs[dict[Any, Any]]:
    """Whether it becomes a JSON object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeIs[list[Any] | tuple[Any, ...]]:
    """Whether it becomes a JSON array."""
    return isinstance(value, list | tuple)


def _entered(container: object, inside: tuple[int, ...]) -> tuple[int, ...]:
    if id(container) in inside:
        raise InvalidValue("a JSON value cannot hold itself")
    if len(inside) >= DEEPEST:
        raise InvalidValue(f"JSON is nested at most {DEEPEST} deep")
    return (*inside, id(container))


def storable_item(key: str | int, item: Any, inside: tuple[int, ...]) -> Any:
    """The same for what a container holds under a key; the error's `field` starts with it."""
    try:
        return storable_json(item, inside=inside)
    except InvalidValue as error:
        place = step(key) + (error.field or "")
        raise InvalidValue(error.problem, field=place, hint=error.hint) from None


def storable_key(key: Any) -> str:
    """The key of a JSON object as plain text.

    Raises:
        InvalidValue: it is no text, or none that every engine can hold.
    """
    if not isinstance(key, str):
        raise InvalidValue(f"a key of a JSON object is text, got {key!r}")
    return storable_text(str.__str__(key))


def step(key: str | int) -> str:
    """One step of a path into a JSON value: ``["a"]`` or ``[0]``."""
    return f"[{json.dumps(key)}]"


def _storable_subclass(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(str.__str__(value))
    if isinstance(value, int):
        return storable_integer(int(value))
    if isinstance(value, float):
        return _finite(float(value))
    raise InvalidValue(f"{type(value).__name__} is not JSON", hint="convert it to text or numbers")


def _itself(value: Any) -> Any:
    return value


def _finite(value: float) -> float:
    if not isfinite(value):
        raise InvalidValue(f"{_NAMES[str(value)]} is not finite")
    return value


_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_SCALARS: dict[type, Callable[[Any], Any]] = {
    type(None): _itself,
    bool: _itself,
    int: storable_integer,
    float: _finite,
    str: storable_text,
}
