"""What comes between the calls of a plan, or out of the flush before one."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session, scoped_session

from agentorm import Database, DatabaseError, InvalidQuery, param, repository
from tests.contract.planned import Ware

pytestmark = pytest.mark.sync("a session as it is")
FIND: Any = repository(Ware).where(Ware.id == param("k")).prepared()


def warmed(session: Session) -> Session:
    for _ in range(3):
        assert repository(Ware, session).get(1) is not None
        assert len(FIND(session, k=1)) == 1
        repository(Ware, session).add(Ware(name="warm"))
    return session


def names(db: Database) -> set[str]:
    return {ware.name for ware in repository(Ware, db).all()}


def test_an_error_of_a_listener_to_flushes_is_raised(shop: Database) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("bad name")

    event.listen(Ware, "before_insert", refuse)
    try:
        with shop.session() as session:
            for _ in range(3):
                assert repository(Ware, session).get(1) is not None
                FIND(session, k=1)
            session.add(Ware(name="bad"))
            with pytest.raises(ValueError, match="bad name"):
                FIND(session, k=2)
    finally:
        event.remove(Ware, "before_insert", refuse)


def test_a_listener_that_comes_with_the_flush_hears_the_query(shop: Database) -> None:
    heard: list[str] = []

    def hear(conn: object, cursor: object, statement: str, *_: object) -> None:
        heard.append(statement)

    with shop.session() as session:
        warmed(session)
        event.listen(
            session,
            "after_flush",
            lambda *_: event.listen(shop.engine, "before_cursor_execute", hear),
        )
        try:
            session.add(Ware(name="new"))
            FIND(session, k=2)
        finally:
            event.remove(shop.engine, "before_cursor_execute", hear)
    assert [statement.startswith("SELECT") for statement in heard] == [True]


def test_the_transaction_of_the_connection_ends_beneath_the_session(shop: Database) -> None:
    with (
        shop.engine.connect() as connection,
        Session(connection, join_transaction_mode="rollback_only") as session,
    ):
        for _ in range(2):
            outer = connection.begin()
            warmed(session)
            repository(Ware, session).add(Ware(name="undone"))
            outer.rollback()
    assert names(shop) == {"apple", "bread", "cheese", "5%"}


def test_info_that_is_shared_leads_nobody_astray(shop: Database) -> None:
    with shop.session() as session:
        warmed(session)
        other = Session(shop.engine, info=session.info)
        found = repository(Ware, other).get(1)
        assert found in other
        assert found not in session
        assert [ware in other for ware in FIND(other, k=2)] == [True]
        other.close()


def test_a_key_that_comes_back_is_told_to_nobody(shop: Database) -> None:
    heard: list[object] = []

    def hear(target: Ware, context: object, attributes: Any) -> None:
        heard.append(attributes)

    event.listen(Ware, "refresh_flush", hear)
    try:
        with shop.session() as session:
            repository(Ware, session).add(Ware(name="a"))
            repository(Ware, session).add_all([Ware(name="b"), Ware(name="c")])
    finally:
        event.remove(Ware, "refresh_flush", hear)
    assert heard == []


def test_a_savepoint_that_has_failed_gives_no_row(shop: Database) -> None:
    with shop.session() as session:
        warmed(session)
        session.begin_nested()
        session.add(Ware(id=1, name="twice"))
        with pytest.raises(Exception, match=r"."):
            session.flush()
        with pytest.raises(DatabaseError, match="failed before"):
            repository(Ware, session).get(2)


def test_no_scoped_session_before_or_after(shop: Database) -> None:
    with shop.session() as session:
        warmed(session)
        factory: Any = lambda: session  # noqa: E731
        scoped: Any = scoped_session(factory)
        with pytest.raises(InvalidQuery, match="expected a Session"):
            FIND(scoped, k=1)


@pytest.mark.engines("sqlite")
def test_a_writer_that_had_to_wait_is_in_a_transaction_when_it_tries_again(shop: Database) -> None:
    from agentorm import TransactionConflict

    wares = repository(Ware, shop)
    with Database(shop.url.update_query_dict({"timeout": "0"})) as impatient:
        with impatient.session() as session:
            with shop.transaction() as writer:
                repository(Ware, writer).add(Ware(name="first"))
                with pytest.raises(TransactionConflict):
                    repository(Ware, session).update_where(Ware.id == 1, name="undone")
            repository(Ware, session).update_where(Ware.id == 1, name="undone")
            session.rollback()
        found = wares.get(1)
        assert found is not None
        assert found.name == "apple"
