"""The tables of the made-up rows."""

from __future__ import annotations

import pytest

from agentorm import Database
from tests.property.models import MODELS, Leaf


def pytest_itemcollected(item: pytest.Item) -> None:
    """Being traced doubles the time of a hundred examples; contract tests run the same lines."""
    item.add_marker(pytest.mark.untraced)


@pytest.fixture
def world(db: Database) -> Database:
    """A database with empty tables, on each engine in turn."""
    db.create_all(*MODELS)
    return db


@pytest.fixture
def leaves(db: Database) -> Database:
    """The same with indexes that not every engine can have."""
    db.create_all(*MODELS, Leaf)
    return db
