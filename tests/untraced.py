"""Tests that coverage does not look at: what they run many times, others run once.

On Python 3.11 being traced takes as long again as running. pytest-cov's own mark for this,
`no_cover`, does nothing in the workers of xdist, where it starts coverage twice.

Of the workers, which all import all tests, the first alone is traced at that.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest

FIRST = "gw0"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None]:
    with nullcontext() if os.environ.get("PYTEST_XDIST_WORKER", FIRST) == FIRST else _untraced():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    with _traced_or_not(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    with _traced_or_not(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    with _traced_or_not(item):
        return (yield)


def _traced_or_not(item: pytest.Item) -> AbstractContextManager[None]:
    return nullcontext() if item.get_closest_marker("untraced") is None else _untraced()


@contextmanager
def _untraced() -> Generator[None]:
    here, in_threads = sys.gettrace(), threading.gettrace()
    if type(here).__module__.partition(".")[0] != "coverage":  # a debugger is welcome
        yield
        return
    threading.settrace(None)
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(here)
        threading.settrace(in_threads)
