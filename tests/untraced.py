"""Tests that coverage does not look at: what they run many times, others run once.

On Python 3.11 being traced takes as long again as running. pytest-cov's own mark for this,
`no_cover`, does nothing in the workers of xdist, where it starts coverage twice.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """The fixtures are traced: they may be the first to do what is done once."""
    if item.get_closest_marker("untraced") is None:
        return (yield)
    with _untraced():
        return (yield)


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
