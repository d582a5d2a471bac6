"""Entities that plans load are those that SQLAlchemy's ORM loads: the same tests, with both."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, inspect, select, text
from sqlalchemy.orm import Session, selectinload

from agentorm import Database, NotLoaded, Vector, repository
from agentorm.switch import plans_switched
from tests.contract.planned import Maker, Ware, is_by_plan, loaded_as_switched

WAYS: dict[str, Callable[[Session], Ware | None]] = {
    "get": lambda s: repository(Ware, s).get(1),
    "all": lambda s: repository(Ware, s).where(Ware.name == "apple").all()[0],
    "first": lambda s: repository(Ware, s).first(),
    "hits": lambda s: repository(Ware, s).similar_to([1, 0, 0]).limit(1).hits()[0].entity,
    "execute": lambda s: s.execute(select(Ware).where(Ware.id == 1)).scalar_one(),  # type: ignore[arg-type]
}
"""Ways to the same row."""


def warmed(db: Database) -> Session:
    """A session in which a get goes the shortest way already."""
    session = db.session()
    assert [repository(Ware, session).get(key) for key in (97, 98, 99)] == [None] * 3
    return session


def apple(session: Session) -> Ware:
    found = repository(Ware, session).get(1)
    assert found is not None
    return found


def test_one_row_is_one_object_however_it_is_asked_for(shop: Database) -> None:
    for name, first in WAYS.items():
        with warmed(shop) as session:
            one = first(session)
            assert all(way(session) is one for way in WAYS.values()), name


def test_a_row_that_comes_twice_is_one_object(shop: Database) -> None:
    with shop.session() as session:
        rows = repository(Ware, session)
        assert rows.all()[0] is rows.all()[0] is rows.get(1)
        several = rows.similar_to([1, 0, 0]).limit(3)
        assert [a is b for a, b in zip(several.all(), several.all(), strict=True)] == [True] * 3


def test_a_change_that_is_not_written_is_kept(shop: Database) -> None:
    with shop.session() as session, session.no_autoflush:
        one = apple(session)
        one.name = "pear"
        assert all(way(session) is one for way in WAYS.values())
        assert one.name == "pear"
        assert session.is_modified(one)


def test_the_state_is_that_which_the_orm_leaves(shop: Database) -> None:
    for name, way in WAYS.items():
        with warmed(shop) as session:
            one = way(session)
            assert one is not None
            state = inspect(one)
            assert state.key == (Ware, (1,), None), name
            assert (state.identity_token, state.committed_state) == (None, {})
            assert (state.expired_attributes, state.expired) == (set(), False)
            assert (state.modified, state.load_options) == (False, ())
            assert state.session is session
            assert state.unloaded == {"maker"}
            flags = "transient", "pending", "persistent", "detached", "deleted", "was_deleted"
            assert [flag for flag in flags if getattr(state, flag)] == ["persistent"]
            assert session.identity_map[state.key] is one
            assert one.__pydantic_fields_set__ == set()
            assert one.__pydantic_extra__ is None
            assert one.__pydantic_private__ is None


def test_plans_load_where_they_are_on(shop: Database) -> None:
    with shop.session() as session:
        assert loaded_as_switched(*repository(Ware, session).all())


def test_plans_get_where_they_are_on(shop: Database) -> None:
    with warmed(shop) as session:
        assert loaded_as_switched(apple(session))
    with shop.session() as session:
        assert loaded_as_switched(apple(session))
    found = repository(Ware, shop).get(1)
    assert found is not None
    assert loaded_as_switched(found)
    assert repository(Ware, shop).get(97) is None


def test_refresh_and_expiry_read_again(shop: Database) -> None:
    for refresh in (Session.refresh, Session.expire):
        with warmed(shop) as session:
            one = apple(session)
            session.execute(text("UPDATE ware SET name = 'pear', n = 9 WHERE id = 1"))
            assert one.name == "apple"
            refresh(session, one)
            assert (one.name, one.n) == ("pear", 9)


def test_an_expired_entity_is_filled_by_the_next_query(shop: Database) -> None:
    for name, way in WAYS.items():
        with warmed(shop) as session:
            one = apple(session)
            session.execute(text("UPDATE ware SET price = 7.5 WHERE id = 1"))
            session.expire(one)
            assert way(session) is one, name
            assert one.price == 7.5
            assert inspect(one).expired_attributes <= {"maker"}


def test_one_expired_attribute_is_filled_and_a_change_beside_it_kept(shop: Database) -> None:
    for name, way in WAYS.items():
        with warmed(shop) as session, session.no_autoflush:
            one = apple(session)
            session.execute(text("UPDATE ware SET price = 7.5, n = 8 WHERE id = 1"))
            one.name = "pear"
            session.expire(one, ["price"])
            assert way(session) is one, name
            assert (one.name, one.price, one.n) == ("pear", 7.5, 1)


def test_changes_are_flushed_and_rolled_back(shop: Database) -> None:
    with warmed(shop) as session:
        one = apple(session)
        one.n += 10
        one.place = Vector([0, 0, 9])
        assert set(inspect(one).committed_state) == {"n", "place"}
        assert repository(Ware, session).where(Ware.n == 11).all() == [one]
        session.rollback()
        assert inspect(one).expired
        assert (one.n, one.place) == (1, Vector([1, 0, 0]))


def test_json_is_tracked_at_depth(shop: Database) -> None:
    for way in WAYS.values():
        with warmed(shop) as session:
            one = way(session)
            assert one is not None
            one.meta["b"][1]["c"] += 1
            assert session.is_modified(one)
            session.commit()
    with shop.session() as session:
        assert apple(session).meta == {"a": 1, "b": [1, {"c": 1 + len(WAYS)}]}


def test_an_expunged_entity_is_read_anew(shop: Database) -> None:
    with warmed(shop) as session:
        one = apple(session)
        session.expunge(one)
        assert inspect(one).detached
        assert apple(session) is not one
        with pytest.raises(NotLoaded, match="maker"):
            _ = one.maker
        assert one.name == "apple"


def test_an_entity_is_read_anew_when_all_are_expunged(shop: Database) -> None:
    for name, way in WAYS.items():
        with warmed(shop) as session:
            held = [one for one in (way(session), way(session)) if one is not None]
            session.expunge_all()
            assert way(session) is not held[0], name
            assert way(session) is way(session), name


def test_merge_copies_onto_the_loaded_entity(shop: Database) -> None:
    with shop.session() as session:
        away = apple(session)
        session.expunge(away)
        away.name = "pear"
        one = apple(session)
        assert session.merge(away) is one
        assert one.name == "pear"


def test_a_deleted_row_is_gone(shop: Database) -> None:
    with warmed(shop) as session:
        one = apple(session)
        session.delete(one)
        assert repository(Ware, session).get(1) is one  # not deleted before the flush
        session.flush()
        assert repository(Ware, session).get(1) is None
        assert inspect(one).deleted
        session.rollback()
        assert apple(session) is one


def test_a_loaded_entity_is_pickled_and_added_again(shop: Database) -> None:
    with warmed(shop) as session:
        one = apple(session)
        away = pickle.loads(pickle.dumps(one))  # noqa: S301
    assert inspect(away).detached
    assert (away.name, away.place, away.meta) == (one.name, one.place, one.meta)
    with shop.session() as session:
        session.add(away)
        away.meta["a"] = 5
        assert repository(Ware, session).get(1) is away
        session.commit()
    with shop.session() as session:
        assert apple(session).meta["a"] == 5


def test_a_loaded_entity_is_copied_and_dumped(shop: Database) -> None:
    with warmed(shop) as session:
        one = apple(session)
        for made in (copy.copy(one), copy.deepcopy(one), one.model_copy()):
            assert (made.name, made.place, made.meta) == ("apple", one.place, one.meta)
        assert one.model_dump(exclude={"place", "meta"}) == {
            "id": 1,
            "name": "apple",
            "n": 1,
            "price": 0.5,
            "maker_id": 7,
        }
        assert one == copy.copy(one)


def test_relationships_load_when_asked_for(shop: Database) -> None:
    with warmed(shop) as session:
        one = apple(session)
        with pytest.raises(NotLoaded) as refused:
            _ = one.maker
        assert str(refused.value).startswith("Ware.maker is not loaded; load it with the query")
        again = repository(Ware, session).options(selectinload(Ware.maker)).all()  # type: ignore[arg-type]
        assert again[0] is one
        assert one.maker is not None
        assert one.maker.name == "Ann"
        assert repository(Maker, session).get(7) is one.maker


@pytest.mark.sync
def test_nobody_keeps_what_nobody_holds(shop: Database) -> None:
    with warmed(shop) as session:
        held = [weakref.ref(one) for one in repository(Ware, session).all()]
        held.append(weakref.ref(apple(session)))
        gc.collect()
        assert [ref() for ref in held] == [None] * 5
        assert len(session.identity_map) == 0
        one = apple(session)
        one.n = 5  # a change is kept
        del one
        gc.collect()
        session.commit()
        assert apple(session).n == 5


def test_a_session_that_ends_leaves_its_entities_detached(shop: Database) -> None:
    session = warmed(shop)
    one = apple(session)
    session.close()
    assert inspect(one).detached
    with warmed(shop) as other:
        assert apple(other) is not one
        assert [inspect(ware).session is other for ware in repository(Ware, other).all()] == [
            True
        ] * 4


LISTENERS: dict[str, tuple[Callable[[Session], Any], str]] = {
    "class": (lambda _: Ware, "load"),
    "session": (lambda session: session, "loaded_as_persistent"),
    "sessions": (lambda _: Session, "loaded_as_persistent"),
    "query": (lambda session: session, "do_orm_execute"),
    "queries": (lambda _: Session, "do_orm_execute"),
}


@pytest.mark.parametrize("target", LISTENERS)
def test_who_listens_is_told_and_who_has_stopped_is_not(shop: Database, target: str) -> None:
    heard: list[object] = []

    def listener(*given: object) -> None:
        heard.append(target)

    find, name = LISTENERS[target]
    with warmed(shop) as session:
        rows = repository(Ware, session)
        for asked in (lambda: rows.get(1), rows.where(Ware.id == 1).all):
            asked()
            session.expunge_all()
            event.listen(find(session), name, listener)
            try:
                asked()
            finally:
                event.remove(find(session), name, listener)
            session.expunge_all()
            asked()
            session.expunge_all()
    assert len(heard) == 2


def test_refresh_events_are_told_of_what_is_read_again(shop: Database) -> None:
    heard: list[object] = []

    def refreshed(target: Ware, context: Any, names: Any) -> None:
        heard.append((target.id, None if names is None else sorted(names)))

    event.listen(Ware, "refresh", refreshed)
    try:
        with warmed(shop) as session:
            one = apple(session)
            session.expire(one, ["price"])
            repository(Ware, session).all()
            session.refresh(one)
    finally:
        event.remove(Ware, "refresh", refreshed)
    assert heard[0] == (1, ["maker", "price"])
    assert len(heard) == 2


def test_switched_off_nothing_is_planned(shop: Database) -> None:
    with shop.session() as session, plans_switched(on=False):
        assert not any(map(is_by_plan, repository(Ware, session).all()))
