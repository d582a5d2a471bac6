"""What numpy makes of the rows of a scan."""

from __future__ import annotations

from agentorm import Entity, Field, Vector, repository, vector_field
from agentorm.rank.scan import measured


class Scanned(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(2, metric="l2")


def test_rows_that_are_all_gone_have_no_distances() -> None:
    ranking = repository(Scanned).similar_to([1, 2]).ranking
    assert ranking is not None
    assert measured([], ranking).tolist() == []
    assert measured([Vector([4, 6]).tobytes()], ranking).tolist() == [5.0]
