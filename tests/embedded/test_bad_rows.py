"""Rows that no index expects: the answers are right, by a longer way, or the error is clear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
from sqlalchemy import LargeBinary, delete, type_coerce, update
from sqlalchemy.orm import registry

from agentorm import HNSW, Database, DatabaseError, Entity, Field, Search, Vector, vector_field
from tests.embedded.oracle import QUESTIONS, rankers, searched
from tests.embedded.shelves import ByName, ByNumber, ByUid, filled, table_of

pytestmark = pytest.mark.engines("sqlite")
ByAnother = Callable[..., None]
MODELS = (ByNumber, ByName)


class Odd(Entity, registry=registry()):
    """What the others derive from."""


class WithoutNumbers(Odd, table=True):
    __table_args__: ClassVar = {"sqlite_with_rowid": False}
    name: str = Field(primary_key=True)
    n: int
    embedding: Vector | None = vector_field(4, default=None, index=HNSW())


class AllNamesTaken(Odd, table=True):
    """SQLite's own names for the number of a row are columns here."""

    rowid: str = Field(primary_key=True)
    inner: int = Field(default=4, sa_column_kwargs={"name": "_rowid_"})
    OID: int = 5
    n: int
    embedding: Vector | None = vector_field(4, default=None, index=HNSW())


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return request.param


def packed(*components: float) -> bytes:
    return np.array(components, "<f4").tobytes()


def written(model: Any, n: int, value: bytes) -> Any:
    """These bytes for some of the rows."""
    table = table_of(model)
    raw = type_coerce(value, LargeBinary())
    return update(table).where(table.c.n == n).values({table.c.embedding: raw})


@pytest.mark.parametrize("value", [b"", b"abc", packed(1, 2, 3), packed(1, 2, 3, 4, 5)])
def test_bytes_that_are_no_vector(
    shelves: Database, by_another: ByAnother, model: Any, value: bytes
) -> None:
    assert rankers(shelves, model) == {"embedded"}
    by_another(written(model, 3, value))
    with shelves.session() as session, pytest.raises(DatabaseError, match=r"vectors? "):
        QUESTIONS[0].of(model, session).hits()
    by_another(delete(table_of(model)).where(table_of(model).c.n == 3))
    assert rankers(shelves, model) == {"embedded"}


@pytest.mark.parametrize(
    "value",
    [
        packed(0, 0, 0, 0),
        packed(float("nan"), 0, 1, 2),
        packed(float("inf"), 0, 1, 2),
        packed(1, 0, float("-inf"), 2),
        packed(3e38, -3e38, 3e38, 3e38),
        packed(1e-40, 1e-42, 0, 1e-40),
    ],
    ids=["zero", "nan", "inf", "-inf", "huge", "tiny"],
)
def test_vectors_without_a_distance(
    shelves: Database, by_another: ByAnother, model: Any, value: bytes
) -> None:
    """The rows are those that SQLite gives without the index, and no warning comes of numpy."""
    by_another(written(model, 3, value))
    for question in QUESTIONS:
        with shelves.session() as session:
            query = question.of(model, session)
            found = [(hit.entity, hit.distance) for hit in query.hits()]
            wanted = [
                (hit.entity, hit.distance) for hit in query.tune(Search(ranker="exact")).hits()
            ]
            assert found == wanted


@pytest.mark.parametrize("odd", [WithoutNumbers, AllNamesTaken])
def test_rows_without_numbers(path: Any, odd: Any) -> None:
    with Database(f"sqlite:///{path}") as db:
        db.create_all(odd)
        filled(db, odd, range(20))
        assert rankers(db, odd) == {"native"}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_rows(path: Any, model: Any, count: int) -> None:
    with Database(f"sqlite:///{path}") as db:
        db.create_all(model)
        filled(db, model, range(count))
        assert rankers(db, model) == {"embedded"}


@pytest.mark.parametrize("first", [2**63 - 30, -(2**63), -15, 2**31 - 15, 2**53 - 15])
def test_numbers_of_any_size(path: Any, first: int) -> None:
    with Database(f"sqlite:///{path}") as db:
        db.create_all(ByNumber)
        filled(db, ByNumber, range(first, first + 30))
        assert rankers(db, ByNumber) == {"embedded"}


def test_rows_that_come_and_go(path: Any) -> None:
    with Database(f"sqlite:///{path}") as db:
        for _ in range(3):
            db.create_all(ByUid)
            assert rankers(db, ByUid) == {"embedded"}
            filled(db, ByUid, range(12))
            assert rankers(db, ByUid) == {"embedded"}
            with db.transaction() as session:
                session.connection().execute(delete(table_of(ByUid)))
                searched(ByUid, session, QUESTIONS[0])
            assert rankers(db, ByUid) == {"embedded"}
            db.drop_all(ByUid)
