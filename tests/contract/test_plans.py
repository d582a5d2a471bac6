"""Queries by plans and through SQLAlchemy's ORM: the same answers, errors and events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    and_,
    bindparam,
    event,
    func,
    inspect,
    literal,
    literal_column,
    or_,
    true,
)
from sqlalchemy.orm import Session

from agentorm import (
    AnyOf,
    ConnectionFailed,
    Database,
    InvalidQuery,
    InvalidValue,
    Repository,
    TableMissing,
    Vector,
    col,
    param,
    repository,
)
from agentorm.plan import MOST_PLANS
from agentorm.recent import Recent
from agentorm.switch import plans_switched
from tests.contract.planned import Maker, Ware, is_by_plan

Asked = Callable[[Repository[Ware]], Any]

SHAPES: dict[str, tuple[Asked, list[str]]] = {
    "equal": (lambda w: w.where(Ware.n == 2), ["bread"]),
    "twice the same": (lambda w: w.where(Ware.n == 2, Ware.id == 2), ["bread"]),
    "less": (lambda w: w.where(Ware.n < 3).order_by(col(Ware.n).desc()), ["bread", "apple"]),
    "none": (lambda w: w.where(col(Ware.price).is_(None)), ["cheese"]),
    "equal to none": (lambda w: w.where(Ware.price == None), ["cheese"]),  # noqa: E711
    "list": (lambda w: w.where(col(Ware.name).in_(["apple", "5%"])), ["apple", "5%"]),
    "like": (lambda w: w.where(col(Ware.name).like("%e%")), ["apple", "bread", "cheese"]),
    "percent": (lambda w: w.where(Ware.name == "5%"), ["5%"]),
    "between": (lambda w: w.where(col(Ware.n).between(2, 3)), ["bread", "cheese"]),
    "or": (
        lambda w: w.where(or_(col(Ware.n) == 1, and_(col(Ware.n) == 4, true()))),
        ["apple", "5%"],
    ),
    "columns": (lambda w: w.where(Ware.n == Ware.id), ["apple", "bread", "cheese", "5%"]),
    "function": (lambda w: w.where(func.length(Ware.name) == 6), ["cheese"]),
    "literal": (lambda w: w.where(Ware.n + literal(1) == 3), ["bread"]),
    "text": (lambda w: w.where(literal_column("n = 3", Boolean())), ["cheese"]),
    "a bound value": (lambda w: w.where(Ware.n == bindparam("x", 3)), ["cheese"]),
    "a late value": (lambda w: w.where(Ware.n == bindparam("x", callable_=lambda: 3)), ["cheese"]),
    "json": (lambda w: w.where(Ware.meta["a"] == 2), ["bread"]),
    "page": (lambda w: w.order_by(Ware.name).limit(2).offset(1), ["apple", "bread"]),
    "rest": (lambda w: w.offset(3), ["5%"]),
    "nearest": (lambda w: w.similar_to([0, 1, 0]).limit(1), ["bread"]),
    "another nearest": (lambda w: w.similar_to([0, 0, 1]).limit(1), ["cheese"]),
    "near": (lambda w: w.similar_to([0, 0, 2]).max_distance(0.5), ["cheese"]),
    "by another metric": (lambda w: w.similar_to([1, 1, 5], metric="cosine").limit(1), ["cheese"]),
}


@pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
def test_every_shape_gives_its_rows_again_and_again(
    shop: Database, subtests: pytest.Subtests
) -> None:
    with shop.session() as session:
        for name, (asked, expected) in SHAPES.items():
            with subtests.test(name):
                for _ in range(3):
                    session.expunge_all()
                    found = asked(repository(Ware, session)).all()
                    assert [ware.name for ware in found] == expected


def test_values_are_taken_behind_the_flush(shop: Database) -> None:
    with shop.session() as session:
        makers = repository(Maker, session)
        makers.all()
        new = Maker(name="dairy")
        session.add_all([new, Ware(name="milk", maker=new)])
        found = repository(Ware, session).where(col(Ware.maker) == new).all()
        assert [ware.name for ware in found] == ["milk"]
        session.rollback()


@pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
def test_one_vector_given_twice_is_not_two_for_others(shop: Database) -> None:
    one, other = Vector([1, 0, 0]), Vector([0, 1, 0])
    with shop.session() as session:
        near = repository(Ware, session)
        twice = near.similar_to(AnyOf([one, one])).limit(2).hits()
        both = near.similar_to(AnyOf([one, other])).limit(2).hits()
    assert [(hit.entity.name, hit.distance) for hit in both] == [("apple", 0.0), ("bread", 0.0)]
    assert twice[0].entity.name == "apple"
    assert twice[1].distance == pytest.approx(2**0.5)


@pytest.mark.sync("a class of awaited sessions of one's own is another matter")
def test_a_session_that_gets_and_runs_in_its_own_way_is_asked(shop: Database) -> None:
    seen: list[str] = []

    class Own(Session):
        def get(self, *args: Any, **options: Any) -> Any:
            seen.append("get")
            return super().get(*args, **options)

        def execute(self, *args: Any, **options: Any) -> Any:
            seen.append("execute")
            return super().execute(*args, **options)

    with Own(shop.engine) as session:
        for _ in range(2):
            repository(Ware, session).get(1)
            repository(Ware, session).where(Ware.n == 2).all()
    assert seen.count("get") == 2
    assert seen.count("execute") >= 2


@pytest.mark.sync("an awaited engine is wrapped in the same way")
def test_who_listens_to_the_engine_that_options_wrap_is_told(shop: Database) -> None:
    sent: list[str] = []
    wrapped = shop.engine.execution_options(logging_token="wrapped")  # noqa: S106
    with Session(wrapped) as session:
        wares = repository(Ware, session)
        wares.where(Ware.n == 2).all()
        event.listen(shop.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
        wares.where(Ware.n == 3).all()
        wares.get(4)
    assert len([sql for sql in sent if "FROM ware" in sql]) == 2


@pytest.mark.untraced
def test_a_refusal_of_the_engine_is_the_same_error(shop: Database) -> None:
    with shop.session() as session:
        wares = repository(Ware, session)
        wares.where(Ware.n == 2).all()
        wares.get(1)
        session.rollback()
    shop.drop_all(Ware)
    ways: list[Asked] = [lambda w: w.where(Ware.n == 2).all(), lambda w: w.get(3)]
    for asked in ways:
        with shop.session() as session, pytest.raises(TableMissing) as raised:
            asked(repository(Ware, session))
        assert raised.value.__cause__ is not None


def test_a_value_that_is_none_of_its_column_is_refused(shop: Database) -> None:
    with shop.session() as session:
        wares = repository(Ware, session)
        for wrong in ("x", 2.5, 2**64):
            with pytest.raises(InvalidValue):
                wares.where(
                    Ware.n == bindparam("n", wrong, type_=inspect(Ware).columns.n.type)
                ).all()
        assert [ware.name for ware in wares.where(Ware.n == 2).all()] == ["bread"]


def test_a_parameter_without_a_value_is_refused(shop: Database) -> None:
    with pytest.raises(InvalidQuery, match="prepared"):
        repository(Ware, shop).where(Ware.n == param("n")).all()


def test_a_savepoint_that_is_rolled_back_takes_what_was_read(shop: Database) -> None:
    with shop.transaction() as session:
        wares = repository(Ware, session)
        apple = wares.get(1)
        assert apple is not None
        with suppress(ZeroDivisionError), shop.transaction():
            wares.update(apple, name="pear")
            assert wares.where(Ware.name == "pear").one() is apple
            raise ZeroDivisionError
        assert wares.where(Ware.name == "apple").one() is apple
        assert apple.name == "apple"


@pytest.mark.sync("threads have an engine to share")
def test_threads_share_plans(shop: Database) -> None:
    find = repository(Ware).where(Ware.n == param("n")).prepared()
    found: list[list[str]] = []

    def look() -> None:
        with shop.session() as session:
            rows = (find(session, n=n) for n in (1, 2, 3, 4) * 10)
            found.extend([ware.name for ware in part] for part in rows)

    threads = [Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 160
    assert {tuple(names) for names in found} == {("apple",), ("bread",), ("cheese",), ("5%",)}


def test_plans_that_were_not_used_for_longest_are_forgotten() -> None:
    plans: Recent[str] = Recent(MOST_PLANS)
    for key in range(MOST_PLANS):
        plans.keep(key, "none")
    assert plans.get(0) == "none"
    plans.keep("one more", "none")
    assert plans.get(0) == "none"
    assert plans.get(1) is None


@pytest.mark.sync("PostgreSQL, MariaDB and MySQL end a connection when they are told to")
@pytest.mark.engines("postgresql", "mariadb", "mysql")
@pytest.mark.untraced
def test_a_connection_that_is_lost_is_replaced(shop: Database, engine_name: str) -> None:
    own, end = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
    }.get(engine_name, ("SELECT connection_id()", "KILL {}"))
    with shop.session() as session:
        wares = repository(Ware, session)
        assert wares.get(1) is not None
        number = int(session.connection().exec_driver_sql(own).scalar_one())
        with shop.engine.connect() as other:
            other.exec_driver_sql(end.format(number))
        with pytest.raises(ConnectionFailed):
            wares.where(Ware.n == 2).all()
        session.rollback()
        assert [ware.name for ware in wares.where(Ware.n == 2).all()] == ["bread"]


def test_a_class_of_one_table_is_loaded_by_plans_alone(shop: Database) -> None:
    with shop.session() as session, plans_switched(on=True):
        repository(Ware, session).where(Ware.n == 1).all()
        session.expunge_all()
        (apple,) = repository(Ware, session).where(Ware.n == 1).all()
        assert is_by_plan(apple)
