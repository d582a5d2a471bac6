"""What a session keeps for its plans goes with it."""

from __future__ import annotations

import gc
from weakref import ReferenceType, ref

import pytest
from sqlmodel import Session

from agentorm import Database, Prepared, param, repository
from agentorm.switch import plans_switched
from tests.contract.models import Author, Doc, Tag


@pytest.mark.sync("the bridge keeps what it awaits")
def test_a_session_does_not_outlive_its_last_user(library: Database) -> None:
    find = repository(Doc).where(Doc.title == param("title")).prepared()
    gc.collect()
    gc.disable()
    try:
        left = [_used(library, find) for _ in range(2)]
        assert [session() for session in left] == [None, None]
    finally:
        gc.enable()


def _used(db: Database, find: Prepared[Doc]) -> ReferenceType[Session]:
    with db.session() as session:
        docs = repository(Doc, session)
        for number in (1, 2, 3):
            docs.add(Doc(id=number, title=f"t{number}"))
            assert docs.get(number) is not None
            assert [doc.id for doc in find(session, title=f"t{number}")] == [number]
        session.rollback()
        return ref(session)


@pytest.mark.engines("sqlite", "mariadb", "mysql")  # SQLAlchemy itself keeps PostgreSQL's dialects
@pytest.mark.sync("the bridge keeps what it awaits")
def test_an_engine_does_not_outlive_its_last_user(url: str) -> None:
    with plans_switched(on=True):  # SQLAlchemy's mappers keep the dialects that they wrote for
        left = _served(url)
    gc.collect()
    assert left() is None


def _served(url: str) -> ReferenceType[object]:
    with Database(url) as db:
        db.create_all(Author, Doc, Tag)
        with db.session() as session:
            docs = repository(Doc, session)
            for number in (1, 2, 3):
                docs.add(Doc(id=number, title=f"t{number}", n=7))
                assert docs.get(number) is not None
                assert len(docs.where(Doc.n == 7).all()) == number
            session.rollback()
        return ref(db.engine.dialect)
