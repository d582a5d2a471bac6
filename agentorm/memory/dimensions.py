"""How many components the vectors of agentorm.memory have: as asked for, and as recorded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, Executable, delete, insert, select

from agentorm.dialects import ASIDE
from agentorm.errors import InvalidValue, SchemaMismatch
from agentorm.memory.tables import setting

VARIABLE = "AGENTORM_DIMENSIONS"
DEFAULT = 384
MOST_INDEXED = 2000
"""How many dimensions a vector index takes on every engine that has one."""
_NAME = "dimensions"
_RECORDED = select(setting.c.value).where(setting.c.name == _NAME).execution_options(**ASIDE)


@cache
def dimensions() -> int:
    """How many components a vector has: ``AGENTORM_DIMENSIONS``, 384 without it.

    Read once, so that models and migrations agree for as long as a process lives.

    Raises:
        InvalidValue: the variable holds anything but a number from 1 on.

    Example:
        With ``AGENTORM_DIMENSIONS=768`` the column of the chunks is, on PostgreSQL,
        ``embedding VECTOR(768) NOT NULL``.
    """
    given = os.environ.get(VARIABLE, "").strip() or str(DEFAULT)
    if given.isascii() and given.isdigit() and int(given) > 0:
        return int(given)
    raise InvalidValue(
        f"expected how many components a vector has, got {given!r}",
        field=VARIABLE,
        hint=f"set a number as {DEFAULT}",
    )


def recording() -> Sequence[Executable]:
    """The statements that record the dimension, whatever was recorded before."""
    row = {"name": _NAME, "value": str(dimensions())}
    return delete(setting).where(setting.c.name == _NAME), insert(setting).values(row)


def recorded(connection: Connection) -> str | None:
    """The dimension that is recorded, None without one."""
    return connection.execute(_RECORDED).scalar_one_or_none()


def check_recorded(connection: Connection) -> None:
    """See that the tables were made for vectors of the dimension that is asked for.

    Raises:
        SchemaMismatch: they were made for another, or do not say for which.
    """
    found = recorded(connection)
    if found is None:
        raise SchemaMismatch(
            f"expected vectors of {dimensions()} dimensions, and {setting.name} names none",
            hint="complete the schema: `alembic upgrade head`, or agentorm.memory.upgrade(db)",
        )
    compare(found)


def compare(found: str) -> None:
    """See that a recorded dimension is the one that is asked for.

    Raises:
        SchemaMismatch: it is another.
    """
    if found != str(expected := dimensions()):
        raise SchemaMismatch(
            f"expected vectors of {expected} dimensions, and this database was made for {found}",
            hint=f"set {VARIABLE}={found}; to embed everything anew instead, downgrade to base"
            f" with {found} and upgrade with {expected}",
        )
