"""Nine chunks of three documents and of none, along a line: what is looked at again."""

from __future__ import annotations

from agentorm import Database, Field, Vector, repository, text_field, vector_field
from tests.contract.models import Contract, vector

LINE = [0.0, 0.0]


class Chunk(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    document: str | None = None
    body: str = text_field(search="simple")
    votes: int = 0
    embedding: Vector | None = vector_field(2, default=None, metric="l2")


ROWS: list[tuple[int, str | None, str, int, list[float] | None]] = [
    (1, "a", "red red red", 5, [1, 0]),
    (2, "a", "red", 3, [2, 0]),
    (3, "b", "blue", 9, [3, 0]),
    (4, None, "red blue", 1, [4, 0]),
    (5, "b", "red red", 2, [5, 0]),
    (6, None, "blue", 7, [6, 0]),
    (7, "A", "green", 4, [7, 0]),
    (8, "c", "red blue green", 6, None),
    (9, "a", "blue", 8, [9, 0]),
]
"""(key, document, body, votes, embedding)"""


def fill_chunks(db: Database) -> None:
    """The rows, and their table."""
    db.create_all(Chunk)
    repository(Chunk, db).add_all(
        Chunk(
            id=key,
            document=document,
            body=body,
            votes=votes,
            embedding=None if at is None else vector(*at),
        )
        for key, document, body, votes, at in ROWS
    )


def ids(rows: list[Chunk]) -> list[int | None]:
    return [row.id for row in rows]
