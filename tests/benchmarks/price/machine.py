"""Where a run took place, and with which versions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from tests.benchmarks.index_recall.results import memory, processor

PACKAGES = (
    "SQLAlchemy", "sqlmodel", "pydantic", "numpy", "psycopg", "PyMySQL", "aiosqlite", "asyncmy",
    "pgvector", "sqlite-vec", "msgspec", "peewee", "advanced-alchemy", "Django",
)  # fmt: skip


def header(rounds: str, packages: Sequence[str] = PACKAGES) -> tuple[str, ...]:
    """The machine, the versions, and how long was measured."""
    found = [told for package in packages if (told := _version(package))]
    own = f"agentorm {version('agentorm')}, Python {python_version()}"
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory()}",
        f"{own}, SQLite {sqlite3.sqlite_version}",
        ", ".join(found),
        rounds,
    )


def _version(package: str) -> str | None:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return None
