"""What SQLite needs around a migration: it changes many tables only by making them anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from agentorm.errors import InvalidQuery

_WHILE_MIGRATING = {"foreign_keys": 0, "busy_timeout": 60_000}


@contextmanager
def migrating(connection: Connection) -> Generator[None]:
    """Enforced foreign keys would delete what refers to a table that is made anew.

    SQLite changes that setting outside of a transaction only. It waits as long for another
    migration as the servers do.
    """
    if connection.in_transaction():
        raise InvalidQuery(
            "SQLite cannot migrate within a transaction that has begun",
            hint="give the migration a connection of its own: engine.connect()",
        )
    driver: Any = connection.connection.dbapi_connection
    before = {name: _pragma(driver, name)[0] for name in _WHILE_MIGRATING}
    try:
        for name, value in _WHILE_MIGRATING.items():
            _pragma(driver, f"{name} = {value}")
        yield
    finally:
        if not (connection.closed or connection.invalidated):
            for name, value in before.items():
                _pragma(driver, f"{name} = {value}")


def broken_references(connection: Connection) -> Counter[str]:
    """How many rows of each table refer to rows that are not there."""
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return Counter(str(table) for table, *_ in rows)


def _pragma(driver: Any, what: str) -> tuple[Any, ...]:
    cursor = driver.cursor()
    try:
        cursor.execute(f"PRAGMA {what}")
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row or ()
    finally:
        cursor.close()
