"""The switch of the fast ways: compiled plans and direct writes. It is on."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

_OFF = frozenset({"off", "0", "no", "false"})
_state = {"on": os.environ.get("AGENTORM_PLANS", "on").casefold() not in _OFF}


def plans_are_on() -> bool:
    """Whether queries and writes may go past SQLAlchemy's ORM, to the same effect.

    ``AGENTORM_PLANS=off`` in the environment of the process sends all through the ORM, to tell
    whether a surprise comes from there.
    """
    return _state["on"]


@contextmanager
def plans_switched(*, on: bool) -> Generator[None]:
    """Within, they are on or off, in the whole process."""
    before = _state["on"]
    _state["on"] = on
    try:
        yield
    finally:
        _state["on"] = before
