"""The engines: one file each, found by SQLAlchemy's name for them.

Another package adds an engine by an entry point of the group ``agentorm.dialects`` whose name is
SQLAlchemy's name of the engine and whose object is a subclass of `Dialect`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from weakref import WeakKeyDictionary

from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect

from agentorm.dialects.base import ASIDE, CHANGES, IMMEDIATE, Dialect, Feature, Readable
from agentorm.dialects.mariadb import MariaDB
from agentorm.dialects.mysql import MySQL
from agentorm.dialects.postgresql import PostgreSQL
from agentorm.dialects.sqlite import SQLite

__all__ = [
    "ASIDE",
    "CHANGES",
    "IMMEDIATE",
    "Dialect",
    "Feature",
    "declared",
    "is_probed",
    "names",
    "of",
    "remember",
]

_BUILT_IN: tuple[type[Dialect], ...] = (SQLite, PostgreSQL, MariaDB, MySQL)
_probed: WeakKeyDictionary[SQLAlchemyDialect, Dialect] = WeakKeyDictionary()


def of(dialect: SQLAlchemyDialect) -> Dialect:
    """Our dialect behind SQLAlchemy's: as probed, or as declared before any connection.

    This is the one place that asks SQLAlchemy which engine it speaks to.
    """
    probed = _probed.get(dialect)
    if probed is not None:
        return probed
    return declared("mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name)


def remember(dialect: SQLAlchemyDialect, probed: Dialect) -> None:
    """From now on, `of` answers with what the probe of a real server found."""
    _probed[dialect] = probed


def is_probed(dialect: SQLAlchemyDialect) -> bool:
    """Whether a real server behind this dialect has been asked already."""
    return dialect in _probed


@cache
def declared(name: str) -> Dialect:
    """The dialect of that name; the generic one, which only scans, for an unknown engine."""
    return Readable() if name == Readable.name else _registry().get(name, Dialect)()


def names() -> tuple[str, ...]:
    """The engines that have a dialect, built in first."""
    return tuple(_registry())


@cache
def _registry() -> dict[str, type[Dialect]]:
    known = {built_in.name: built_in for built_in in _BUILT_IN}
    for entry in entry_points(group="agentorm.dialects"):
        known[entry.name] = entry.load()
    return known
