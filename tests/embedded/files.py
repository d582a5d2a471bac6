"""A database file as other programs open and copy it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine

from agentorm.dialects.sqlite_vec import best_way


def foreign_engine(path: Path) -> Engine:
    """Python's driver with SQLite's own settings, as another program has them."""
    arguments = {"timeout": 0}
    return create_engine(
        f"sqlite:///{path}", poolclass=NullPool, connect_args=arguments, module=best_way().module
    )


def copied(source: Path, target: Path) -> None:
    """By SQLite's own backup, over all that is there."""
    module = best_way().module
    with closing(module.connect(source)) as read, closing(module.connect(target)) as written:
        read.backup(written)
