"""What is said once: that a query takes the long way, and why."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from agentorm.errors import SlowPath, warn_caller
from agentorm.rank.base import Run

_announced: WeakKeyDictionary[Engine, set[str]] = WeakKeyDictionary()


def say_once(message: str, run: Run) -> None:
    """Warn once for each engine and reason."""
    known = _announced.setdefault(run.connection.engine, set())
    if message not in known:
        known.add(message)
        warn_caller(SlowPath(message))
