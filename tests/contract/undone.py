"""A transaction that fails at its end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress

from sqlmodel import Session

from agentorm import Database


class Failure(Exception):
    """What the user's own code raised."""


@contextmanager
def undone(db: Database) -> Generator[Session]:
    """A transaction whose body raises after all that is done within."""
    with suppress(Failure), db.transaction() as session:
        yield session
        raise Failure
