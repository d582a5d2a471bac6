"""Plans that are called again and again in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from agentorm import Database, DatabaseError, InvalidQuery, InvalidValue, param, repository
from agentorm.calling import MISSED
from agentorm.getting import kept_get
from agentorm.switch import plans_switched
from tests.contract.planned import Ware, loaded_as_switched


@dataclass
class WareCard:
    name: str
    n: int


FIND = repository(Ware).where(Ware.id == param("k")).prepared()
CARDS = repository(Ware).where(Ware.n >= param("n")).order_by(Ware.n).into(WareCard).prepared()


@pytest.mark.sync
def test_what_was_expunged_is_loaded_anew(shop: Database) -> None:
    with shop.session() as session:
        wares = repository(Ware, session)
        for _ in range(3):
            wares.get(1)
        before = wares.get(2)
        session.expunge_all()
        after = wares.get(2)
        assert after is not before
        assert after in session
        assert loaded_as_switched(after)


@pytest.mark.sync
def test_what_changes_in_the_session_is_seen(shop: Database) -> None:
    with shop.session() as session:
        wares = repository(Ware, session)
        for name in ("a", "b", "c"):
            ware = wares.get(1)
            assert ware is not None
            ware.name = name
            assert [w.name for w in FIND(session, k=1)] == [name]
            assert [card.name for card in CARDS(session, n=1)] == [name, "bread", "cheese", "5%"]
        session.add(Ware(id=5, name="new", n=5))
        found = wares.get(5)
        assert found is not None
        assert [card.name for card in CARDS(session, n=5)] == ["new"]
        session.delete(found)
        assert CARDS(session, n=5) == []
        assert wares.get(5) is None


@pytest.mark.sync
def test_savepoints_between_calls(shop: Database) -> None:
    with shop.session() as session:
        wares = repository(Ware, session)
        for _ in range(3):
            assert [w.name for w in FIND(session, k=1)] == ["apple"]
            with session.begin_nested() as savepoint:
                wares.update_where(Ware.id == 1, name="other")
                assert [w.name for w in FIND(session, k=1)] == ["other"]
                assert next(card.name for card in CARDS(session, n=1)) == "other"
                savepoint.rollback()
            assert next(card.name for card in CARDS(session, n=1)) == "apple"
            found = wares.get(1)
            assert found is not None
            assert found.name == "apple"


@pytest.mark.sync
def test_every_transaction_sees_what_others_committed(shop: Database) -> None:
    with shop.session() as session:
        for name in ("a", "b", "c"):
            with shop.transaction() as other:
                repository(Ware, other).update_where(Ware.id == 1, name=name)
            for _ in range(2):
                assert next(card.name for card in CARDS(session, n=1)) == name
                assert [w.name for w in FIND(session, k=1)] == [name]
            session.commit()


@pytest.mark.sync
def test_a_refused_value_is_refused_as_at_the_first_call(shop: Database) -> None:
    with shop.session() as session:
        for _ in range(3):
            assert len(CARDS(session, n=4)) == 1
            with pytest.raises(InvalidValue, match="does not fit into 64 bits"):
                CARDS(session, n=2**70)
            with pytest.raises(InvalidQuery, match="missing: n"):
                CARDS(session)
            with pytest.raises(InvalidQuery, match="unknown: m"):
                CARDS(session, n=1, m=2)
            with pytest.raises(InvalidValue):
                repository(Ware, session).get("x")


@pytest.mark.sync
@pytest.mark.engines("sqlite", "postgresql")
def test_an_error_of_the_engine_leaves_the_next_call_alone(shop: Database) -> None:
    with shop.session() as session:
        wares = repository(Ware, session)
        for _ in range(3):
            wares.get(1)
            CARDS(session, n=1)
        for call in (lambda: CARDS(session, n=1), lambda: wares.get(3)):
            session.connection().execute(text("ALTER TABLE ware RENAME TO ware_away"))
            with pytest.raises(DatabaseError, match="ware"):
                call()
            session.rollback()
            assert len(CARDS(session, n=1)) == 4
            wares.get(1)


@pytest.mark.sync
@pytest.mark.engines("sqlite")  # what a session keeps is the same on all
def test_a_session_keeps_no_end_of_calls(shop: Database) -> None:
    with plans_switched(on=True), shop.session() as session:
        for _ in range(600):
            find = repository(Ware).where(Ware.id == param("k")).prepared()
            for _ in range(3):
                assert [w.id for w in find(session, k=1)] == [1]
        kept: Any = [value for value in session.info.values() if isinstance(value, dict)]
        assert 0 < max(map(len, kept)) <= 501


@pytest.mark.sync
def test_a_get_that_is_kept_needs_its_transaction(shop: Database) -> None:
    with plans_switched(on=True), shop.session() as session:
        wares = repository(Ware, session)
        for _ in range(2):
            wares.get(1)
        session.expunge_all()
        get = kept_get(session, Ware)
        assert get is not None
        assert get(session, 1) is not MISSED
        session.commit()
        assert get(session, 1) is MISSED
