"""Sessions and engines of every make: plans and statements of our own run there as the ORM does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, StaticPool, create_engine, event, inspect
from sqlalchemy.orm import Session

from agentorm import AgentORMError, Database, Prepared, TableMissing, col, param, repository
from tests.contract.planned import Maker, Ware, loaded_as_switched

pytestmark = [
    pytest.mark.sync("engines and sessions of one's own block"),
    pytest.mark.filterwarnings("ignore:SQLite's distance functions:agentorm.SlowPath"),
]
NAMED = repository(Ware).where(Ware.name == param("name")).prepared()
ASKED: list[Callable[[Session], Any]] = [
    lambda s: repository(Ware, s).get(2),
    lambda s: repository(Ware, s).where(Ware.n == 2).first(),
    lambda s: repository(Ware, s).where(Ware.n == 2).one(),
    lambda s: NAMED(s, name="bread")[0],
]
"""Ways to the bread."""


@pytest.fixture
def engine(shop: Database) -> Iterator[Engine]:
    """An engine of one's own, of the same database."""
    made = create_engine(shop.engine.url)
    yield made
    made.dispose()


def warm(session: Session) -> None:
    """From here on, all of them go the shortest way they can."""
    for asked in ASKED * 3:
        assert asked(session).name == "bread"
    session.expunge_all()


def names(session: Session, *, least: int = 0) -> list[str]:
    return [ware.name for ware in repository(Ware, session).where(Ware.n >= least).all()]


@contextmanager
def without(session: Session, name: str) -> Generator[None]:
    """Within, a ware of this name is there that was not before, and is gone behind it."""
    savepoint = session.begin_nested()
    repository(Ware, session).add(Ware(name=name, n=90))
    yield
    savepoint.rollback()
    assert NAMED(session, name=name) == []


def test_without_a_transaction(shop: Database) -> None:
    apart = shop.engine.execution_options(isolation_level="AUTOCOMMIT")
    with Session(apart) as session, Session(apart) as other:
        warm(session)
        for n in (91, 92, 93):
            made = repository(Ware, session).add(Ware(name=f"new {n}", n=n))
            assert repository(Ware, other).get(made.id) is not made
            assert names(other, least=91)[-1] == f"new {n}"
            assert [w.n for w in NAMED(other, name=f"new {n}")] == [n]


def test_savepoints_that_are_rolled_back(engine: Engine) -> None:
    with Session(engine) as session:
        warm(session)
        wares = repository(Ware, session)
        for _ in range(3):
            with without(session, "nut"):
                warm(session)
                assert names(session, least=90) == ["nut"]
                with without(session, "oat"):
                    assert names(session, least=90) == ["nut", "oat"]
                assert names(session, least=90) == ["nut"]
            assert names(session, least=90) == []
            warm(session)
        bread = wares.get(2)
        assert bread is not None
        with session.begin_nested():
            wares.update(bread, name="roll")
            assert wares.where(Ware.name == "roll").one() is bread
        assert NAMED(session, name="roll") == [bread]
        session.rollback()
        warm(session)


def test_what_a_savepoint_read_is_forgotten_with_it(engine: Engine) -> None:
    with Session(engine) as session:
        for asked in ASKED:
            warm(session)
            savepoint = session.begin_nested()
            bread = asked(session)
            bread.n = 77
            session.flush()
            savepoint.rollback()
            assert inspect(bread).expired
            assert asked(session) is bread
            assert bread.n == 2
            session.expunge_all()


@pytest.mark.parametrize("mode", ["rollback_only", "create_savepoint"])
def test_a_session_on_a_connection(shop: Database, mode: Any) -> None:
    with shop.engine.connect() as connection, connection.begin() as outer:
        for n in (91, 92):
            with Session(connection, join_transaction_mode=mode) as session:
                warm(session)
                repository(Ware, session).add(Ware(name="new", n=n))
                assert names(session, least=91)[-1] == "new"
                session.commit()
                warm(session)
        outer.rollback()
    with shop.session() as session:
        assert names(session, least=91) == []


def test_each_class_in_the_database_it_is_bound_to(shop: Database) -> None:
    elsewhere = create_engine("sqlite://", poolclass=StaticPool)
    Database(elsewhere).create_all(Maker)
    with Session(binds={Ware: shop.engine, Maker: elsewhere}) as session:
        warm(session)
        for n in (1, 2, 3):
            assert repository(Maker, session).get(n) is None
            repository(Maker, session).add(Maker(id=n, name=f"m{n}"))
            assert [m.id for m in repository(Maker, session).where(Maker.id == n).all()] == [n]
            warm(session)
        assert repository(Maker, session).get(7) is None
        session.commit()
        assert repository(Maker, session).get(3) is not None
    with shop.session() as session:
        assert [maker.name for maker in repository(Maker, session).all()] == ["Ann"]
    elsewhere.dispose()


def added(session: Session) -> object:
    return repository(Ware, session).add(Ware(name="x"))


def test_tables_of_another_schema_are_not_those_of_this_one(engine: Engine) -> None:
    with Session(engine) as session:
        warm(session)
    astray = engine.execution_options(schema_translate_map={None: "nowhere"})
    for asked in [*ASKED, added]:
        for _ in range(2):
            with Session(astray) as session, pytest.raises(AgentORMError, match="nowhere"):
                asked(session)


@pytest.mark.engines("sqlite", "postgresql")
def test_tables_that_a_schema_lacks_are_missing(engine: Engine, engine_name: str) -> None:
    schema = {"sqlite": "temp", "postgresql": "pg_temp"}[engine_name]
    with Session(engine) as session:
        warm(session)
        session.commit()
        session.connection(execution_options={"schema_translate_map": {None: schema}})
        with pytest.raises(TableMissing):
            repository(Ware, session).where(Ware.n == 2).all()


@pytest.mark.parametrize(
    "options", [{"logging_token": "here"}, {"stream_results": True}, {"compiled_cache": None}]
)
def test_connections_with_options(engine: Engine, options: dict[str, Any]) -> None:
    for made in (Session(engine.execution_options(**options)), Session(engine)):
        with made as session:
            session.connection(execution_options=options)
            warm(session)
            assert names(session, least=2) == ["bread", "cheese", "5%"]


@pytest.mark.engines("mysql", "mariadb")
def test_a_transaction_of_two_phases(engine: Engine) -> None:
    with Session(engine, twophase=True) as session:
        warm(session)
        repository(Ware, session).add(Ware(name="new", n=91))
        assert names(session, least=90) == ["new"]
        session.prepare()
        session.commit()
        assert names(session, least=90) == ["new"]


def test_an_engine_that_logs_tells_every_statement(
    shop: Database, caplog: pytest.LogCaptureFixture
) -> None:
    loud = create_engine(shop.engine.url, echo=True)
    logging.getLogger("sqlalchemy.engine.Engine").propagate = True
    with Session(loud) as session:
        warm(session)
        for asked in ASKED:
            caplog.clear()
            asked(session)
            told = [record.message for record in caplog.records]
            assert len([text for text in told if "FROM ware" in text]) == 1
            assert any(
                "generated in" in text or "cached" in text or "raw sql" in text for text in told
            )
            session.expunge_all()
    loud.dispose()


def _note(seen: list[str], name: str, *given: object) -> None:
    seen.append(name)


def test_a_pool_that_is_listened_to(engine: Engine) -> None:
    seen: list[str] = []
    for name in ("checkout", "checkin", "reset"):
        event.listen(engine, name, partial(_note, seen, name))
    for _ in range(2):
        with Session(engine) as session:
            warm(session)
    assert seen == ["checkout", "reset", "checkin"] * 2


def test_a_connection_that_is_invalidated_in_its_transaction(engine: Engine) -> None:
    with Session(engine) as session:
        for asked in ASKED:
            warm(session)
            session.connection().invalidate()
            for _ in range(2):
                with pytest.raises(AgentORMError, match="roll the session back"):
                    asked(session)
            session.rollback()
            warm(session)


def test_a_connection_that_is_detached_or_closed_is_not_used_again(engine: Engine) -> None:
    with Session(engine) as session:
        for end in (session.commit, session.rollback, session.close, session.reset):
            warm(session)
            end()
            warm(session)
            bread = ASKED[0](session)
            assert loaded_as_switched(bread)


@pytest.mark.engines("sqlite")
def test_placeholders_by_name(shop: Database) -> None:
    named = create_engine(shop.engine.url, paramstyle="named")
    with Session(named) as session:
        warm(session)
        wares = repository(Ware, session)
        one, *more = [Ware(name=f"new {n}", n=n) for n in (91, 92, 93)]
        wares.add(one)
        wares.add_all(more)
        assert names(session, least=91) == ["new 91", "new 92", "new 93"]
    named.dispose()


def test_one_prepared_query_on_several_engines(shop: Database, engine: Engine) -> None:
    elsewhere = create_engine("sqlite://", poolclass=StaticPool)
    Database(elsewhere).create_all(Maker, Ware)
    with Session(elsewhere) as other:
        repository(Ware, other).add(Ware(id=9, name="bread", n=9))
        other.commit()
    find: Prepared[Ware] = repository(Ware).where(col(Ware.name) == param("x")).prepared()
    for _ in range(3):
        for place, n in ((shop.engine, 2), (elsewhere, 9), (engine, 2)):
            with Session(place) as session:
                for _ in range(3):
                    assert [ware.n for ware in find(session, x="bread")] == [n]
    elsewhere.dispose()
