"""What a ranking without an index holds in memory, however short the vectors are."""

from __future__ import annotations

import tracemalloc

import pytest
from sqlalchemy import text

from agentorm import Database, Field, Vector, repository, vector_field
from tests.contract.models import Contract

pytestmark = pytest.mark.engines("mysql")

ROWS, MOST = 60_000, 16 << 20
FILL = """
INSERT INTO {table} ({key}, embedding)
WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
SELECT {value}, STRING_TO_VECTOR(CONCAT('[', n, ',1,2]')) FROM numbers
"""


class ShortKey(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(3)


class KeyOfText(Contract, table=True):
    name: str = Field(primary_key=True, max_length=64)
    embedding: Vector = vector_field(3)


def filled(db: Database, table: str, key: str, value: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text(f"SET SESSION cte_max_recursion_depth = {ROWS}"))
        connection.execute(text(FILL.format(table=table, key=key, value=value, rows=ROWS)))


@pytest.mark.parametrize("named", [False, True], ids=["by number", "by name"])
@pytest.mark.untraced
def test_a_ranking_of_60_000_short_vectors_stays_within_16_megabytes(
    db: Database, *, named: bool
) -> None:
    model = KeyOfText if named else ShortKey
    db.create_all(model)
    key, value = ("name", "CONCAT('a key of 38 characters, filled: ', n)") if named else ("id", "n")
    filled(db, "keyoftext" if named else "shortkey", key, value)
    nearest = repository(model, db).similar_to([0, 1, 2], metric="l1").limit(5)
    assert [hit.distance for hit in nearest.hits()] == [1.0, 2.0, 3.0, 4.0, 5.0]
    tracemalloc.start()
    try:
        assert len(nearest.hits()) == 5
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST
