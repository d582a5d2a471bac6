"""Rows that changed since are no reason to overlook nearer ones that did not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert

from agentorm import Database, Vector, repository
from tests.embedded.oracle import Question, rankers, searched
from tests.embedded.shelves import ByName, ByNumber, filled, key_values, table_of

pytestmark = pytest.mark.engines("sqlite")
FAR = [-400.0, 300.0, -200.0, 100.0]


@pytest.mark.parametrize("model", [ByNumber, ByName])
def test_changed_rows_that_pass_a_filter(shelves: Database, model: Any) -> None:
    """Few of the nearest pass; those that changed do, and are far."""
    filled(shelves, model, range(100, 1_000))
    rows = repository(model, shelves)
    rows.update_where(model.n >= 0, n=5)
    rows.update_where(table_of(model).c.embedding == Vector(FAR), n=5)
    with shelves.transaction() as session:
        for number in (107, 333, 555, 700):
            condition = [table_of(model).c[k] == v for k, v in key_values(model, number).items()]
            repository(model, session).update_where(*condition, n=0)
    assert rankers(shelves, model) <= {"embedded", "native"}
    with shelves.session() as session:
        repository(model, session).add_all(
            model(**key_values(model, number), n=0, embedding=FAR) for number in range(2_000, 2_005)
        )
        searched(model, session, Question([1.0, 2.0, 3.0, 4.0], size=4, below=1))


def test_rows_that_another_program_replaced(
    shelves: Database, by_another: Callable[..., None]
) -> None:
    """Without `recursive_triggers` no trigger hears of the rows that went."""
    replaced = insert(table_of(ByName)).prefix_with("OR REPLACE")
    assert rankers(shelves, ByName) == {"embedded"}
    near = [{"name": f"k{i}", "n": 1, "embedding": [1.0, 2.0, 3.0, 4.0]} for i in range(1, 11)]
    far = [{**row, "embedding": FAR} for row in near]
    by_another(replaced.values(near))
    shelves.indexes().rebuild(ByName, "embedding")
    by_another(replaced.values(far))
    with shelves.session() as session:
        searched(ByName, session, Question([1.0, 2.0, 3.0, 4.0], size=4))
