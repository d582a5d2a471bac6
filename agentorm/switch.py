"""The switches of the fast ways: plans and direct writes, and the index in the process."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

_OFF = frozenset({"off", "0", "no", "false"})
_state = {"on": os.environ.get("AGENTORM_PLANS", "on").casefold() not in _OFF}
_indexes = {"asked": os.environ.get("AGENTORM_INDEX", "on").casefold()}


def plans_are_on() -> bool:
    """Whether queries and writes may go past SQLAlchemy's ORM, to the same effect.

    ``AGENTORM_PLANS=off`` in the environment of the process sends all through the ORM, to tell
    whether a surprise comes from there.
    """
    return _state["on"]


def indexes_are_on() -> bool:
    """Whether an index in the process may serve.

    ``AGENTORM_INDEX=off`` in the environment of the process has the engine rank every row.
    """
    return _indexes["asked"] not in _OFF


def indexes_serve_always() -> bool:
    """Whether they serve tables too that are ranked sooner without: ``AGENTORM_INDEX=always``."""
    return _indexes["asked"] == "always"


@contextmanager
def indexes_switched(to: str) -> Generator[None]:
    """Within, they are ``on``, ``off`` or used ``always``, in the whole process."""
    before = _indexes["asked"]
    _indexes["asked"] = to
    try:
        yield
    finally:
        _indexes["asked"] = before


@contextmanager
def plans_switched(*, on: bool) -> Generator[None]:
    """Within, they are on or off, in the whole process."""
    before = _state["on"]
    _state["on"] = on
    try:
        yield
    finally:
        _state["on"] = before
