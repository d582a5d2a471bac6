"""Which queries share a plan: those that differ in values alone, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from sqlalchemy import bindparam, event, func, literal, or_, select, text
from sqlalchemy.orm import Session

from agentorm import Database, InvalidValue, Repository, col, param, repository
from agentorm.plan import MOST_PLANS, plans_of
from agentorm.switch import plans_switched
from tests.contract.planned import Maker, Ware, wares

Asked = Callable[[Repository[Ware], int], Any]

SHAPES: dict[str, Asked] = {
    "all": lambda w, _: w.all(),
    "equal": lambda w, n: w.where(Ware.n == n).all(),
    "of another column": lambda w, n: w.where(Ware.id == n).all(),
    "by another operator": lambda w, n: w.where(Ware.n > n).all(),
    "two": lambda w, n: w.where(Ware.n == n, Ware.id == n + 1).all(),
    "two in one": lambda w, n: w.where(or_(col(Ware.n) == n, col(Ware.id) == n + 1)).all(),
    "none": lambda w, _: w.where(col(Ware.price).is_(None)).all(),
    "up": lambda w, n: w.where(Ware.n < n).order_by(Ware.name).all(),
    "down": lambda w, n: w.where(Ware.n < n).order_by(col(Ware.name).desc()).all(),
    "by a value": lambda w, n: w.order_by(func.abs(col(Ware.n) - n)).all(),
    "limit": lambda w, n: w.limit(n).all(),
    "page": lambda w, n: w.limit(n).offset(n).all(),
    "text": lambda w, n: w.where(cast("Any", text("n = :n").bindparams(n=n))).all(),
    "json": lambda w, n: w.where(Ware.meta["a"] == n).all(),
    "json as text": lambda w, n: w.where(Ware.meta["a"] == f"{n}").all(),
}
RANKED: dict[str, Asked] = {
    "nearest": lambda w, n: w.similar_to([n, 1, 0]).limit(n).all(),
    "hits of the same": lambda w, n: w.similar_to([n, 1, 0]).limit(n).hits(),
    "by another metric": lambda w, n: w.similar_to([n, 1, 0], metric="cosine").limit(n).all(),
    "filtered": lambda w, n: w.similar_to([n, 1, 0]).where(Ware.n > n).limit(n).all(),
}


@pytest.fixture
def stocked(db: Database) -> Iterator[Database]:
    """Four wares, and plans on."""
    with plans_switched(on=True):
        db.create_all(Maker, Ware)
        with db.transaction() as session:
            repository(Maker, session).add(Maker(id=7, name="Ann"))
            repository(Ware, session).add_all(wares())
        yield db


def plans_made(db: Database, session: Session, asked: Asked, *values: int) -> int:
    known = plans_of(db.engine.dialect)
    before = len(known)
    for value in values:
        asked(repository(Ware, session), value)
    return len(known) - before


def test_values_share_a_plan_and_shapes_do_not(stocked: Database) -> None:
    with stocked.session() as session:
        made = {
            name: plans_made(stocked, session, asked, 2, 3, 4) for name, asked in SHAPES.items()
        }
        assert made == dict.fromkeys(SHAPES, 1)
        again = {name: plans_made(stocked, session, asked, 1) for name, asked in SHAPES.items()}
        assert again == dict.fromkeys(SHAPES, 0)


@pytest.mark.engines("sqlite", "postgresql")
def test_vectors_share_a_plan_and_rankings_do_not(stocked: Database) -> None:
    with stocked.session() as session:
        made = {name: plans_made(stocked, session, asked, 2, 3) for name, asked in RANKED.items()}
    assert made == {"nearest": 1, "hits of the same": 0, "by another metric": 1, "filtered": 1}


@pytest.mark.sync("a session that blocks is held")
def test_a_prepared_query_makes_no_plan_for_a_value(stocked: Database) -> None:
    find = repository(Ware).where(Ware.n == param("n"), Ware.name != param("name")).prepared()
    with stocked.session() as session:
        find(session, n=1, name="")
        find(session, n=2, name="")
        known = plans_of(stocked.engine.dialect)
        before = len(known)
        for n in (1, 2, 3):
            assert [ware.n for ware in find(session, n=n, name="")] == [n]
        assert len(known) == before


@pytest.mark.engines("sqlite")
@pytest.mark.sync("threads have an engine to share")
def test_threads_make_no_more_plans_than_are_kept(stocked: Database) -> None:
    known = plans_of(stocked.engine.dialect)

    def look(first: int) -> set[str]:
        found: set[str] = set()
        with stocked.session() as session:
            for place in range(300):
                named = literal("bread").label(f"shape_{first + place}")
                found.update(
                    w.name for w in repository(Ware, session).where(Ware.name == named).all()
                )
        return found

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(look, (0, 150, 300, 450))] == [{"bread"}] * 4
    assert len(known) == MOST_PLANS


def test_a_value_that_two_conditions_share_is_not_two_values(stocked: Database) -> None:
    two = literal(2)
    with stocked.session() as session:
        rows = repository(Ware, session)
        for _ in range(2):
            assert [w.n for w in rows.where(Ware.n == two, Ware.id == two).all()] == [2]
            assert rows.where(Ware.n == literal(2), Ware.id == literal(3)).all() == []
            assert [w.n for w in rows.where(Ware.n == literal(3), Ware.id == literal(3)).all()] == [
                3
            ]


def test_values_that_a_subquery_is_given_afterwards(stocked: Database) -> None:
    same = select(col(Ware.id)).where(col(Ware.n) == bindparam("n", 1))
    with stocked.session() as session:
        rows = repository(Ware, session)
        for n in (2, 3, 2):
            later = same.params(n=n).scalar_subquery()
            assert [w.n for w in rows.where(Ware.id == later).all()] == [n]


@pytest.mark.sync("a session that blocks is held")
def test_one_parameter_of_two_types_is_checked_as_each(stocked: Database) -> None:
    find = repository(Ware).where(Ware.n <= param("x"), col(Ware.price) >= param("x")).prepared()
    with stocked.session() as session:
        for _ in range(3):
            assert [w.n for w in find(session, x=2)] == [2]
            for wrong in (2**70, 1.5, "x"):
                with pytest.raises(InvalidValue):
                    find(session, x=wrong)


def test_who_listens_to_statements_before_they_are_sql_is_told(stocked: Database) -> None:
    heard: list[object] = []

    def before(conn: object, element: object, *rest: object) -> None:
        heard.append(element)

    with stocked.session() as session:
        rows = repository(Ware, session)
        asked: list[Callable[[], object]] = [
            lambda: rows.get(1),
            lambda: rows.where(Ware.n == 2).all(),
            lambda: rows.add(Ware(name="nut")),
            lambda: rows.add_all([Ware(name="oat"), Ware(name="pea")]),
        ]
        for ask in asked * 2:
            session.expunge_all()
            ask()
            told = len(heard)
            event.listen(stocked.engine, "before_execute", before)
            session.expunge_all()
            ask()
            event.remove(stocked.engine, "before_execute", before)
            assert len(heard) > told
