"""Rows that are equally near come in the order of their keys, page by page, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agentorm import Database, repository
from tests.embedded.shelves import ByName, ByNumber, key_values, vector_of
from tests.filling import insert_rows

pytestmark = pytest.mark.engines("sqlite")


@pytest.mark.parametrize("model", [ByNumber, ByName])
@pytest.mark.parametrize("same", [[1.0, 2.0, 2.0, 4.0], [0.1, 0.3, -0.7, 1.9]])
def test_equal_vectors_page_by_page(shelves: Database, model: Any, same: list[float]) -> None:
    """A tenth of the rows has the very vector that is asked for."""
    numbers = range(100, 700)
    insert_rows(
        shelves,
        model,
        [
            {**key_values(model, i), "n": 0, "embedding": vector_of(i) if i % 10 else same}
            for i in numbers
        ],
    )
    key: Callable[[Any], Any] = lambda row: row.id if model is ByNumber else row.name  # noqa: E731
    query = repository(model, shelves).similar_to(same)
    pages = [query.limit(7).offset(skip).hits() for skip in range(0, 63, 7)]
    assert {hits.ranker for hits in pages} == {"embedded"}
    found = [key(hit.entity) for hits in pages for hit in hits if hit.distance < 1e-6]
    prefix = "" if model is ByNumber else "k"
    assert [str(one) for one in found] == [f"{prefix}{i}" for i in numbers if not i % 10]
