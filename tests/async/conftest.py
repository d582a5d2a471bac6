"""An event loop for each test, and a table with rows."""

from __future__ import annotations

import pytest

from tests.tasks import fill

ANNOUNCED = (
    "ignore:.* does not compute .* here:agentorm.SlowPath",
    "ignore:SQLite's distance functions run in Python:agentorm.SlowPath",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """That a ranking takes the long way is not what is tested here."""
    for item in items:
        if item.path.parent.name == "async":
            for message in ANNOUNCED:
                item.add_marker(pytest.mark.filterwarnings(message))


@pytest.fixture
def filled(url: str) -> str:
    """The URL of a database with rows, on each engine in turn."""
    fill(url)
    return url
