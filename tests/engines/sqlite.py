"""SQLite, which runs in the process of the tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from tests.engines.engine import Engine, Fresh


def inspect(url: str) -> str:
    return f"SQLite {sqlite3.sqlite_version}"


@contextmanager
def sandbox(url: str, worker: str) -> Generator[Fresh]:
    yield lambda folder: f"sqlite:///{(folder / 'test.db').as_posix()}"


SQLITE = Engine("sqlite", variable=None, serve=None, inspect=inspect, sandbox=sandbox)
