"""Joins, and thresholds without a limit, by plans and through SQLAlchemy's ORM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import aliased

from agentorm import Database, InvalidQuery, Repository, col, param, repository
from agentorm.switch import plans_switched
from tests.contract.planned import Maker, Ware, loaded_as_switched

Asked = Callable[[Repository[Ware]], Any]
MAKER = aliased(Maker)

JOINS: dict[str, tuple[Asked, list[int]]] = {
    "a relationship": (lambda w: w.join(Ware.maker), [1]),
    "with a condition": (lambda w: w.join(Ware.maker).where(Maker.name == "Ann", Ware.n > 0), [1]),
    "with another value": (lambda w: w.join(Ware.maker).where(Maker.name == "Bob", Ware.n > 0), []),
    "a class": (lambda w: w.join(Maker).where(Maker.name == "Ann"), [1]),
    "a class, on a condition": (lambda w: w.join(Maker, col(Maker.id) == Ware.n + 6), [1]),
    "a class, on another": (lambda w: w.join(Maker, col(Maker.id) == Ware.n + 5), [2]),
    "rows that multiply": (lambda w: w.join(Maker, col(Maker.id) > Ware.n).limit(2), [1, 2]),
    "an alias": (lambda w: w.join(MAKER, col(MAKER.id) == Ware.n + 4), [3]),
    "sorted by it": (lambda w: w.join(Ware.maker).order_by(Maker.name), [1]),
    "a list": (lambda w: w.join(Ware.maker).where(col(Maker.name).in_(["Ann", "Bob"])), [1]),
}
NEAR: dict[str, tuple[Asked, list[int]]] = {
    "as a distance": (lambda w: w.similar_to([1, 0, 0]).max_distance(1.5), [1, 2]),
    "as another distance": (lambda w: w.similar_to([1, 0, 0]).max_distance(1), [1]),
    "as a score": (lambda w: w.similar_to([1, 0, 0]).min_score(0.4), [1, 2]),
    "as both": (lambda w: w.similar_to([1, 0, 0]).min_score(0.4).max_distance(0.5), [1]),
    "with a condition": (
        lambda w: w.similar_to([1, 0, 0]).max_distance(9).where(Ware.n > 1),
        [2, 3],
    ),
    "joined": (lambda w: w.similar_to([1, 0, 0]).max_distance(9).join(Ware.maker), [1]),
}


def check(shop: Database, asked: dict[str, tuple[Asked, list[int]]], *, by_plan: bool) -> None:
    with shop.session() as session:
        for name, (ask, expected) in [*asked.items()] * 2:
            session.expunge_all()
            found = ask(repository(Ware, session)).all()
            assert [ware.n for ware in found] == expected, name
            assert not by_plan or loaded_as_switched(*found), name


def test_joins_give_their_rows_again_and_again(shop: Database) -> None:
    check(shop, JOINS, by_plan=True)


@pytest.mark.engines("sqlite", "postgresql")
def test_thresholds_are_sent_by_plans(shop: Database) -> None:
    check(shop, NEAR, by_plan=True)


@pytest.mark.engines("mariadb", "mysql")
@pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
def test_thresholds_give_their_rows_everywhere(shop: Database) -> None:
    check(shop, NEAR, by_plan=False)


@pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
def test_the_sql_is_what_the_orm_sends(shop: Database) -> None:
    sent: list[Any] = []
    event.listen(
        shop.engine, "before_cursor_execute", lambda *given: sent.append((given[2], given[3]))
    )
    with shop.session() as session:
        repository(Ware, session).count()
        for name, (ask, _) in (JOINS | NEAR).items():
            of: list[Any] = []
            for on in (True, False):
                sent.clear()
                with plans_switched(on=on):
                    ask(repository(Ware, session)).all()
                of.append([*sent])
            assert of[0] == of[1], name
            assert of[0], name


@pytest.mark.sync
def test_prepared_with_a_join(shop: Database) -> None:
    of = repository(Ware).join(Ware.maker).where(Maker.name == param("name")).prepared()
    with shop.session() as session:
        for name, expected in {"Ann": [1], "Bob": []}.items():
            for _ in range(2):
                assert [ware.n for ware in of(session, name=name)] == expected


def test_a_threshold_needs_a_ranking_with_plans_too(shop: Database) -> None:
    with pytest.raises(InvalidQuery):
        repository(Ware, shop).max_distance(1).all()
