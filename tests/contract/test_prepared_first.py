"""The first row of a query that is made once: what it is, and that no other is read."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from agentorm import Database, InvalidQuery, InvalidVector, col, param, repository
from tests.contract.chunks import Chunk, fill_chunks
from tests.engines import NAMES

pytestmark = [pytest.mark.engines(*NAMES), pytest.mark.usefixtures("switched")]


class Voted(NamedTuple):
    id: int
    votes: int


class Away(NamedTuple):
    id: int
    distance: float


POPULAR = repository(Chunk).where(Chunk.votes >= param("least")).order_by(col(Chunk.votes).desc())
NEAR = repository(Chunk).similar_to(param("v")).where(Chunk.votes >= param("least"))


@pytest.fixture
def chunks(db: Database) -> Database:
    fill_chunks(db)
    return db


@pytest.mark.sync("a session that blocks is held")
@pytest.mark.parametrize("limit", [None, 1, 3])
def test_the_first_row_alone_is_read(chunks: Database, limit: int | None) -> None:
    popular = (POPULAR if limit is None else POPULAR.limit(limit)).prepared()
    near = (NEAR if limit is None else NEAR.limit(limit)).prepared()
    for _ in range(3):
        with chunks.session() as session:
            asked: list[Any] = [
                popular.first(session, least=0),
                popular.first(session, least=0),
                popular.first(session, least=10),
                near.first(session, v=[8.6, 0], least=9),
                near.first(session, v=[8.6, 0], least=8),
                near.first(session, v=[1.2, 0], least=0),
            ]
            assert [None if row is None else row.id for row in asked] == [3, 3, None, 3, 9, 1]
            read: list[Any] = [*session.identity_map.values()]
            assert {row.id for row in read} == {1, 3, 9}


@pytest.mark.sync("a session that blocks is held")
def test_the_first_row_after_those_left_out(chunks: Database) -> None:
    skipping = POPULAR.offset(param("skip")).prepared()
    paged = POPULAR.limit(param("size")).offset(2).prepared()
    with chunks.session() as session:
        for _ in range(3):
            rows = [skipping.first(session, least=5, skip=skip) for skip in (0, 1, 4, 5)]
            assert [None if row is None else row.id for row in rows] == [3, 9, 1, None]
            third = paged.first(session, least=0, size=4)
            assert third is not None
            assert third.id == 6
            with pytest.raises(InvalidQuery):
                paged.first(session, least=0, size=0)


@pytest.mark.sync("a session that blocks is held")
def test_the_first_row_as_a_class_of_the_callers(chunks: Database) -> None:
    voted, away = POPULAR.into(Voted).prepared(), NEAR.into(Away).limit(2).prepared()
    with chunks.session() as session:
        for _ in range(3):
            assert voted.first(session, least=0) == (3, 9)
            assert voted.first(session, least=10) is None
            assert away.first(session, v=[4, 0], least=2) == (3, 1.0)
            assert away.first(session, v=[9, 0], least=0) == (9, 0.0)


@pytest.mark.sync("a session that blocks is held")
def test_what_does_not_fit_is_refused_as_by_a_call(chunks: Database) -> None:
    near = NEAR.prepared()
    with chunks.session() as session:
        for _ in range(3):
            with pytest.raises(InvalidQuery, match="missing: least"):
                near.first(session, v=[0, 0])
            with pytest.raises(InvalidQuery, match="unknown: more"):
                near.first(session, v=[0, 0], least=0, more=1)
            with pytest.raises(InvalidVector):
                near.first(session, v=[0, float("nan")], least=0)
            found = near.first(session, v=[0, 0], least=0)
            assert found is not None
            assert found.id == 1
