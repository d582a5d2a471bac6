"""What the tests of the index in the process share: it serves small tables too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentorm.switch import indexes_switched


@pytest.fixture(autouse=True)
def always() -> Iterator[None]:
    with indexes_switched("always"):
        yield
