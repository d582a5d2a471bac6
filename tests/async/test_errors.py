"""What goes wrong where statements are awaited is told in the same words."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from agentorm import (
    AsyncDatabase,
    AuthenticationFailed,
    ConnectionFailed,
    ConstraintViolation,
    Database,
    InvalidURL,
    InvalidValue,
    TableMissing,
    TransactionConflict,
    repository,
)
from tests.tasks import ROWS, Sheet, awaited, one_connection, rows_in, sheet, sheets

ROOT = Path(__file__).parents[2]
SERVERS = ("postgresql", "mariadb", "mysql")
BACKEND = {"postgresql": "SELECT pg_backend_pid()"}
KILL = {"postgresql": "SELECT pg_terminate_backend({})"}


async def refusal(db: AsyncDatabase) -> BaseException | None:
    async with db:
        (told,) = await asyncio.gather(repository(Sheet, db).count(), return_exceptions=True)
        return told if isinstance(told, BaseException) else None


def incomplete(title: str) -> Sheet:
    kind: Any = Sheet
    made: Sheet = kind(title=title)
    return made


def changed(url: str, **parts: Any) -> str:
    made = make_url(url)
    plain = made.set(drivername=made.get_backend_name(), **parts)
    return plain.render_as_string(hide_password=False)


@pytest.mark.engines(*SERVERS)
def test_a_server_that_is_not_there(url: str) -> None:
    async def scenario() -> None:
        told = await refusal(AsyncDatabase(changed(url, host="127.0.0.1", port=9)))
        assert type(told) is ConnectionFailed
        assert "check host, port and database of the URL" in str(told)

    asyncio.run(scenario())


@pytest.mark.engines(*SERVERS)
def test_a_database_that_is_not_there(url: str) -> None:
    told = asyncio.run(refusal(AsyncDatabase(changed(url, database="nowhere"))))
    assert type(told) is ConnectionFailed


@pytest.mark.engines("mariadb", "mysql")
def test_a_wrong_password(url: str) -> None:
    place = changed(url, username="nobody", password="secret")  # noqa: S106  # nobody's
    told = asyncio.run(refusal(AsyncDatabase(place)))
    assert type(told) is AuthenticationFailed
    assert "secret" not in str(told)


@pytest.mark.engines("postgresql")
def test_a_role_that_is_not_there(url: str) -> None:
    place = changed(url, username="nobody", password="secret")  # noqa: S106  # nobody's
    told = asyncio.run(refusal(AsyncDatabase(place)))
    assert type(told) is AuthenticationFailed
    assert "secret" not in str(told)


@pytest.mark.engines("sqlite")
def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    told = asyncio.run(refusal(AsyncDatabase(f"sqlite:///{tmp_path}/none/x.db")))
    assert type(told) is ConnectionFailed


def test_a_table_that_is_not_there(url: str) -> None:
    told = asyncio.run(refusal(awaited(url)))
    assert type(told) is TableMissing
    assert told.hint == "create the schema: db.create_all() or `alembic upgrade head`"


def test_a_key_that_is_taken(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            with pytest.raises(ConstraintViolation):
                await repository(Sheet, db).add(sheet("x", key=1))
            with pytest.raises(InvalidValue):
                await repository(Sheet, db).add_all([*sheets(1), incomplete("no vector")])
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


@pytest.mark.engines(*SERVERS)
def test_a_connection_that_breaks_is_told_and_replaced(filled: str, engine_name: str) -> None:
    asked = BACKEND.get(engine_name, "SELECT CONNECTION_ID()")
    kill = KILL.get(engine_name, "KILL {}")

    async def scenario() -> None:
        async with one_connection(filled) as db, awaited(filled) as other:
            with pytest.raises(ConnectionFailed):  # noqa: PT012  # the block raises at its end
                async with db.transaction() as session:
                    connection = await session.connection()
                    number = (await connection.execute(text(asked))).scalar_one()
                    async with other.engine.begin() as killing:
                        await killing.execute(text(kill.format(int(number))))
                    await repository(Sheet, session).count()
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


@pytest.mark.engines(*SERVERS)
def test_of_two_in_a_deadlock_one_is_told_to_try_again(filled: str) -> None:
    async def change(db: AsyncDatabase, both: asyncio.Barrier, *order: int) -> None:
        async with db.transaction() as session:
            rows = repository(Sheet, session)
            await rows.update_where(Sheet.id == order[0], n=-1)
            await both.wait()
            await rows.update_where(Sheet.id == order[1], n=-2)

    async def scenario() -> None:
        both = asyncio.Barrier(2)
        async with awaited(filled) as db:
            told = await asyncio.gather(
                change(db, both, 1, 2), change(db, both, 2, 1), return_exceptions=True
            )
            assert [type(error) for error in told if error] == [TransactionConflict]
            assert await repository(Sheet, db).where(Sheet.n < 0).count() == 2

    asyncio.run(scenario())


@pytest.mark.engines("sqlite")
def test_a_second_writer_is_told_to_try_again(filled: str) -> None:
    async def scenario() -> None:
        async with awaited(f"{filled}?timeout=0.2") as db, db.transaction():
            with pytest.raises(TransactionConflict):
                await asyncio.create_task(repository(Sheet, db).add(sheets(1)[0]))

    asyncio.run(scenario())


@pytest.mark.engines("mariadb", "mysql")
def test_the_character_set_of_the_url_cuts_nothing(filled: str) -> None:
    async def scenario() -> None:
        async with AsyncDatabase(changed(filled, query={"charset": "utf8"})) as db:
            added = await repository(Sheet, db).add(sheet("\U0001f600"))
            found = await repository(Sheet, db).where(Sheet.title == "\U0001f600").one()
            assert found.id == added.id

    asyncio.run(scenario())


@pytest.mark.engines("mariadb", "mysql")
@pytest.mark.filterwarnings("ignore:'utf8' is currently an alias")
def test_a_foreign_connection_of_a_smaller_character_set_is_refused(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as known:
            url = known.engine.url.set(query={"charset": "utf8"})
        engine = create_async_engine(url)
        async with AsyncSession(engine) as session:
            with pytest.raises(InvalidURL, match="write charset=utf8mb4 in the URL"):
                await repository(Sheet, session).count()
        await engine.dispose()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("postgresql+psycopg2://h/x", "psycopg2 is a synchronous driver; use Database"),
        ("mysql+pymysql://h/x", "mysql+pymysql is a synchronous driver; use Database"),
        ("mariadb+pymysql://h/x", "mariadb+pymysql is a synchronous driver; use Database"),
        ("sqlite+pysqlite:///x.db", "sqlite+pysqlite is a synchronous driver; use Database"),
        ("oracle://h/x", "no engine 'oracle'"),
        ("mysql+nothing://h/x", "no driver 'mysql+nothing'"),
    ],
)
def test_a_driver_that_does_not_await(where: str, problem: str) -> None:
    with pytest.raises((InvalidURL, ImportError)) as told:
        AsyncDatabase(where)
    assert problem in str(told.value) or "psycopg2" in str(told.value)


@pytest.mark.parametrize(
    "where", ["sqlite+aiosqlite:///x.db", "mysql+asyncmy://h/x", "postgresql+psycopg_async://h/x"]
)
def test_a_driver_that_awaits_is_not_for_a_database_that_blocks(where: str) -> None:
    with pytest.raises(InvalidURL, match="is an asynchronous driver; use AsyncDatabase"):
        Database(where)


@pytest.mark.parametrize(
    ("where", "driver"),
    [
        ("postgres://u@h/x", "postgresql+psycopg"),
        ("postgresql://u@h/x", "postgresql+psycopg"),
        ("postgresql+psycopg://u@h/x", "postgresql+psycopg"),
        ("mysql://u@h/x", "mysql+asyncmy"),
        ("mariadb://u@h/x", "mariadb+asyncmy"),
        ("mariadb+asyncmy://u@h/x", "mariadb+asyncmy"),
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite"),
    ],
)
def test_a_url_means_a_driver_that_awaits(where: str, driver: str) -> None:
    db = AsyncDatabase(where)
    assert db.engine.url.drivername == driver
    assert db.engine.dialect.is_async


@pytest.mark.engines("mariadb")
def test_a_url_of_mysql_reaches_mariadb(filled: str) -> None:
    async def scenario() -> None:
        place = make_url(filled).set(drivername="mysql")
        async with AsyncDatabase(place) as db:
            assert (await db.dialect()).name == "mariadb"
            found = await repository(Sheet, db).similar_to([1, 2, 3]).limit(3).hits()
            assert [hit.entity.n for hit in found] == [1, 2, 3]
            assert found.ranker == "native"

    asyncio.run(scenario())


def test_an_engine_with_a_pool_of_its_own(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as known:
            url = known.engine.url
        async with AsyncDatabase(create_async_engine(url, poolclass=NullPool)) as db:
            async with db.transaction() as session:
                await repository(Sheet, session).add_all(sheets(3))
            counts = await asyncio.gather(*(rows_in(db) for _ in range(3)))
            assert counts == [ROWS + 3] * 3

    asyncio.run(scenario())


MISSING = """
    import sys

    class Block:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == sys.argv[1]:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Block())
    from agentorm import AsyncDatabase, MissingDependency
    try:
        AsyncDatabase(sys.argv[2])
    except MissingDependency as error:
        print(error)
"""


@pytest.mark.parametrize(
    ("package", "where", "told"),
    [
        (
            "aiosqlite",
            "sqlite:///x.db",
            "'aiosqlite' is not installed; pip install 'agentorm[async]'",
        ),
        (
            "greenlet",
            "sqlite:///x.db",
            "'greenlet' is not installed; pip install 'agentorm[async]'",
        ),
        (
            "asyncmy",
            "mysql://u@h/x",
            "'asyncmy' is not installed; pip install 'agentorm[async-mysql]'",
        ),
        (
            "psycopg",
            "postgresql://u@h/x",
            "'psycopg' is not installed; pip install 'agentorm[async,postgresql]'",
        ),
    ],
)
def test_a_driver_that_is_not_installed(package: str, where: str, told: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(MISSING), package, where],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == (f"{told}\n", "")
