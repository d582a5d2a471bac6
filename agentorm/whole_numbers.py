"""Whole numbers that queries are given."""

from __future__ import annotations

from operator import index as as_integer
from typing import Any

from agentorm.errors import InvalidQuery


def whole(name: str, value: Any, *, at_least: int) -> int:
    """The value as an integer that every engine holds.

    Raises:
        InvalidQuery: it is none, or too small.
    """
    try:
        number = as_integer(value)
    except TypeError:
        number = at_least - 1
    if isinstance(value, bool) or number < at_least or number >= 2**63:
        raise InvalidQuery(f"{name} takes an integer of {at_least} or more, got {value!r}")
    return number
