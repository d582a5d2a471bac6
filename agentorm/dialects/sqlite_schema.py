"""What SQLite needs around a migration: it changes many tables only by making them anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from agentorm.errors import InvalidQuery


@contextmanager
def migrating(connection: Connection) -> Generator[None]:
    """Enforced foreign keys would delete what refers to a table that is made anew.

    SQLite changes that setting outside of a transaction only.
    """
    if connection.in_transaction():
        raise InvalidQuery(
            "SQLite cannot migrate within a transaction that has begun",
            hint="give the migration a connection of its own: engine.connect()",
        )
    cursor: Any = connection.connection.cursor()
    cursor.execute("PRAGMA foreign_keys")
    (enforced,) = cursor.fetchone()
    cursor.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        if enforced and not (connection.closed or connection.invalidated):
            cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()


def broken_references(connection: Connection) -> Counter[str]:
    """How many rows of each table refer to rows that are not there."""
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return Counter(str(table) for table, *_ in rows)
