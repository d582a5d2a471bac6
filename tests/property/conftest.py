"""The tables of the made-up rows."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from agentorm import Database
from tests.drivers import REDUCED, fewer_examples
from tests.property.models import MODELS, Leaf

PART_OF_REDUCED = 5


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """A server that can do less takes the ways that another takes too."""
    assert isinstance(item, pytest.Function)
    callspec = getattr(item, "callspec", None)
    if callspec is None or callspec.params.get("engine_name") not in REDUCED:
        return (yield)
    with fewer_examples(item, PART_OF_REDUCED):
        return (yield)


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
