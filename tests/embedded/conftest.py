"""What the tests of the index in the process share: it serves small tables too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Executable, text

from agentorm import Database
from agentorm.switch import indexes_switched
from tests.embedded.files import foreign_engine
from tests.embedded.shelves import ByName, ByNumber, filled


@pytest.fixture(autouse=True)
def always() -> Iterator[None]:
    with indexes_switched("always"):
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shelves.db"


@pytest.fixture
def shelves(path: Path) -> Iterator[Database]:
    """A file with 30 rows by number and 30 by name."""
    with Database(f"sqlite:///{path}") as db:
        db.create_all(ByNumber, ByName)
        filled(db, ByNumber, range(1, 31))
        filled(db, ByName, range(1, 31))
        yield db


@pytest.fixture
def by_another(path: Path) -> Callable[..., None]:
    """Runs statements as another program does, in one transaction."""

    def run(*statements: str | Executable) -> None:
        with foreign_engine(path).begin() as connection:
            for statement in statements:
                made = text(statement) if isinstance(statement, str) else statement
                connection.execute(made)

    return run
