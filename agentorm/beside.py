"""What is kept beside an object of another library, and goes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def beside(owner: Any, name: str, make: Callable[[], T]) -> T:
    """What the object keeps under our name, made when it is first asked for.

    A weak dictionary would keep both for ever where the value knows its owner.
    """
    own: dict[str, Any] = owner.__dict__
    kept = own.get(name)
    if kept is None:
        kept = own.setdefault(name, make())
    found: T = kept
    return found
