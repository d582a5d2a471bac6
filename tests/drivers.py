"""Which drivers a test of a database runs with: one that blocks, and one that awaits.

An item of the second kind runs as a whole, fixtures too, in a task of its own event loop and in
SQLAlchemy's bridge from sync to async; its `db` is that of `tests.awaiting`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import hypothesis
import pytest
from _pytest.runner import runtestprotocol
from sqlalchemy.util.concurrency import greenlet_spawn

from tests.engines import ENGINES

DRIVERS = ("sync", "async")
FOLDERS = {"contract", "property"}
TRACED = ("sqlite", "mysql")  # one that ranks, one that scans
TRACED_IN = {"async": ("sqlite",)}
MOST_AWAITED = 200
EXAMPLES = "_hypothesis_internal_use_settings"  # where Hypothesis keeps a test's settings
REDUCED = {engine.name for engine in ENGINES if engine.reduced}


def pytest_report_header() -> str:
    return f"drivers: {', '.join(_wanted())}"


def _wanted() -> tuple[str, ...]:
    given = os.environ.get("AGENTORM_DRIVERS", "")
    wanted = tuple(name.strip() for name in given.split(",") if name.strip())
    if unknown := set(wanted) - set(DRIVERS):
        raise pytest.UsageError(f"AGENTORM_DRIVERS: {unknown.pop()!r} is not sync or async")
    return wanted or DRIVERS


def parametrize(metafunc: pytest.Metafunc, engines: list[Any]) -> None:
    """Each engine with each kind of driver, for a test that takes `db`; else each engine."""
    if not all(isinstance(name, str) for name in engines):
        metafunc.parametrize("engine_name", engines)
        return
    node = metafunc.definition
    takes_driver = "driver" in metafunc.fixturenames
    twice = (
        takes_driver and node.path.parent.name in FOLDERS and not node.get_closest_marker("sync")
    )
    traced = _traced(engines, node.path.parent.name)
    pairs = [
        pytest.param(
            name, *[driver] * takes_driver, id=_id(name, driver), marks=_marks(name, driver, traced)
        )
        for name in engines
        for driver in (_wanted() if twice and name not in REDUCED else DRIVERS[:1])
    ]
    metafunc.parametrize(("engine_name", "driver")[: 1 + takes_driver], pairs)


def _id(name: str, driver: str) -> str:
    return name if driver == "sync" else f"{name}-async"


def _marks(name: str, driver: str, traced: Sequence[str]) -> Sequence[pytest.MarkDecorator]:
    return () if driver == "sync" and name in traced else (pytest.mark.untraced,)


def _traced(names: Sequence[str], folder: str) -> Sequence[str]:
    """Being traced doubles the time, and a test has the same lines on most of its engines."""
    return [name for name in TRACED_IN.get(folder, TRACED) if name in names] or names


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if not isinstance(item, pytest.Function) or not _is_awaited(item):
        return None
    hooks = item.ihook
    hooks.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    with fewer_examples(item, 4, MOST_AWAITED), asyncio.Runner() as loop:
        loop.run(greenlet_spawn(runtestprotocol, item, nextitem=nextitem))
    hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _is_awaited(item: pytest.Function) -> bool:
    return hasattr(item, "callspec") and item.callspec.params.get("driver") == "async"


@contextmanager
def fewer_examples(item: pytest.Function, part: int, most: int | None = None) -> Generator[None]:
    """One of so many: what another driver or server makes of the same values is the matter."""
    usual = getattr(item.obj, EXAMPLES, None)
    if usual is None:
        yield
        return
    count = max(1, min(usual.max_examples // part, most or usual.max_examples))
    fewer = hypothesis.settings(usual, max_examples=count)
    setattr(item.obj, EXAMPLES, fewer)
    try:
        yield
    finally:
        setattr(item.obj, EXAMPLES, usual)
