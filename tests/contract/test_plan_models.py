"""Models of many kinds: loaded and written with plans as through SQLAlchemy's ORM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from agentorm import Database, Prepared, param, repository
from agentorm.models import key_columns, mapper_of
from agentorm.switch import plans_switched
from tests.contract.planned import is_by_plan
from tests.contract.unusual import CASES, Case

pytestmark = pytest.mark.parametrize("name", CASES)
Find = Callable[[Session, Case], list[Any]]


def prepared(case: Case) -> Prepared[Any]:
    columns = key_columns(case.model)
    conditions = [column == param(f"key_{i}") for i, column in enumerate(columns)]
    return repository(case.model).where(*conditions).prepared()


def by_prepared(session: Session, case: Case) -> list[Any]:
    find, found = prepared(case), list[Any]()
    for key in case.keys * 2:
        parts: tuple[Any, ...] = key if isinstance(key, tuple) else (key,)  # pyright: ignore[reportUnknownVariableType]
        found += find(session, **{f"key_{i}": part for i, part in enumerate(parts)})
    return found[: len(case.keys)]


def nearest(session: Session, case: Case) -> list[Any]:
    hits = repository(case.model, session).similar_to([1, 0]).limit(9).hits()
    return [hit.entity for hit in hits]


WAYS: dict[str, Find] = {
    "get": lambda s, case: [repository(case.model, s).get(key) for key in case.keys],
    "all": lambda s, case: repository(case.model, s).all(),
    "first": lambda s, case: [repository(case.model, s).first()],
    "prepared": by_prepared,
    "nearest": nearest,
}


def ways_of(case: Case) -> list[Find]:
    ranked = "place" in mapper_of(case.model).column_attrs
    return [way for name, way in WAYS.items() if ranked or name != "nearest"]


def told(entity: Any) -> dict[str, Any]:
    """All that SQLAlchemy knows of an entity."""
    state = inspect(entity)
    return {
        "class": type(entity),
        "values": {
            name: _named(value)
            for name, value in state.dict.items()
            if name != state.manager.STATE_ATTR
        },
        "key": (state.key, state.identity_token),
        "committed": (state.modified, dict(state.committed_state)),
        "expired": (state.expired, state.expired_attributes, state.unloaded),
        "loaded with": (state.load_options, state.persistent, state.pending, state.callables),
    }


def _named(value: Any) -> Any:
    if isinstance(value, list):
        return [_named(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    state = inspect(value, raiseerr=False)
    return value if state is None else state.key


@pytest.fixture
def case(db: Database, name: str) -> Case:
    """The rows of this name, stored."""
    case = CASES[name]
    db.create_all(case.model, *case.beside)
    with Session(db.engine) as session:
        session.add_all(case.rows())
        session.commit()
    return case


def test_rows_are_what_they_are_through_the_orm(db: Database, case: Case) -> None:
    for way in ways_of(case):
        by: dict[bool, Any] = {}
        for on in (True, False):
            with plans_switched(on=on), db.session() as session:
                for _ in range(3):
                    session.expunge_all()
                    found = way(session, case)
                    by[on] = [told(one) for one in found]
                    assert [case.look(one) for one in found] == case.seen[: len(found)]
        assert by[True] == by[False]


@pytest.mark.sync("the same plans")
def test_plans_load_what_they_can(db: Database, case: Case) -> None:
    with plans_switched(on=True), db.session() as session:
        repository(case.model, session).all()
        session.expunge_all()
        assert {is_by_plan(one) for one in repository(case.model, session).all()} == {case.planned}


@pytest.mark.sync("a flush is a flush")
def test_changes_are_written_as_ever(db: Database, case: Case) -> None:
    names = [
        c.key for c in mapper_of(case.model).column_attrs if c.columns[0].type.python_type is str
    ]
    loose = [name for name in names if name in {"name", "title", "first"}]
    for on in (True, False) if loose else ():
        with plans_switched(on=on), db.session() as session:
            for _ in range(2):
                one = repository(case.model, session).get(case.keys[0])
                assert one is not None
                setattr(one, loose[0], f"new {on}")
                session.commit()
        with db.session() as session:
            again = repository(case.model, session).get(case.keys[0])
            assert getattr(again, loose[0]) == f"new {on}"


@pytest.mark.sync("what awaits is written by the same statements")
@pytest.mark.parametrize("at_once", [True, False])
def test_rows_are_written_as_by_a_flush(db: Database, name: str, *, at_once: bool) -> None:
    case = CASES[name]
    db.create_all(case.model, *case.beside)
    by: dict[bool, Any] = {}
    for on in (True, False):
        made = [row for row in case.rows() if type(row) is case.model]
        with plans_switched(on=on), db.session() as session:
            rows = repository(case.model, session)
            if at_once:
                rows.add_all(made)
            else:
                for one in made:
                    rows.add(one)
            states = [told(one) for one in made]
            session.expunge_all()
            by[on] = states, [case.look(one) for one in rows.all()]
            session.rollback()
    assert by[True] == by[False]
    assert len(by[True][1]) == len(made)
