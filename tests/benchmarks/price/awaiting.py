"""The same reads by drivers that are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import registry

from agentorm import AsyncDatabase, repository
from tests.benchmarks.price.measuring import RAW, Step, Steps
from tests.benchmarks.price.peers.ours import OURS
from tests.benchmarks.price.peers.raw import selecting
from tests.benchmarks.price.peers.sqlalchemy_types import Tables
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.tables import COLUMNS, PriceRow
from tests.benchmarks.price.works import ASYNC_FIFTY, ASYNC_GET, FIFTY

ORM = "SQLAlchemy ORM"
Read = Callable[[int], Awaitable[object]]


@dataclass(frozen=True)
class Reads:
    """What one contender awaits.

    Attributes:
        get: a row by its key.
        fifty: the fifty rows after a key.
        begin: what begins the transaction.
        end: what ends it.
        close: what closes the connection.
    """

    get: Read
    fifty: Read
    begin: Callable[[], Awaitable[object]]
    end: Callable[[], Awaitable[object]]
    close: Callable[[], Awaitable[object]]


async def _aiosqlite(place: Place) -> tuple[Any, Any]:
    module = import_module("aiosqlite")
    connection = await module.connect(place.db.url.database, isolation_level=None)
    return connection, connection.execute_fetchall


async def _psycopg(place: Place) -> tuple[Any, Any]:
    module = import_module("psycopg")
    arguments, options = place.db.engine.dialect.create_connect_args(place.db.url)
    connection = await module.AsyncConnection.connect(*arguments, **options)
    return connection, _fetching(connection.cursor(binary=True))


async def _asyncmy(place: Place) -> tuple[Any, Any]:
    module, url = import_module("asyncmy"), place.db.url
    where = {"host": url.host, "port": url.port, "user": url.username, "database": url.database}
    connection = await module.connect(**where, password=url.password or "", charset="utf8mb4")
    return connection, _fetching(connection.cursor())


def _fetching(cursor: Any) -> Any:
    async def fetch(sql: str, parameters: tuple[object, ...] = ()) -> Any:
        await cursor.execute(sql, parameters)
        return await cursor.fetchall()

    return fetch


CONNECTED: Mapping[str, Callable[[Place], Awaitable[tuple[Any, Any]]]] = {
    "sqlite": _aiosqlite,
    "postgresql": _psycopg,
    "mariadb": _asyncmy,
    "mysql": _asyncmy,
}
"""By the name of the dialect: a connection, and what sends a statement and fetches its rows."""


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """Connections and sessions held for the whole run, on one event loop."""
    runner = stack.enter_context(asyncio.Runner())
    db = AsyncDatabase(_without_driver(place))
    stack.callback(lambda: runner.run(db.dispose()))
    teams = {
        RAW: runner.run(_raw(place)),
        OURS: _ours(db),
        ORM: _orm(place, db, stack),
    }
    for reads in teams.values():
        stack.callback(runner.run, _closing(reads))
    return {name: _steps(place, runner, reads) for name, reads in teams.items()}


def _without_driver(place: Place) -> Any:
    return place.db.url.set(drivername=place.engine)


async def _closing(reads: Reads) -> None:
    await reads.close()


def _steps(place: Place, runner: asyncio.Runner, reads: Reads) -> dict[str, Step]:
    async def gets() -> None:
        for key in place.keys[: ASYNC_GET.repeats]:
            await reads.get(key)

    async def fifties() -> None:
        for start in ASYNC_FIFTY.starts:
            await reads.fifty(start)

    async def begin() -> None:
        await reads.begin()

    async def end() -> None:
        await reads.end()

    def step(run: Callable[[], Any]) -> Step:
        return Step(
            lambda: runner.run(run()), lambda: runner.run(begin()), lambda: runner.run(end())
        )

    return {ASYNC_GET.name: step(gets), ASYNC_FIFTY.name: step(fifties)}


async def _raw(place: Place) -> Reads:
    connection, fetch = await CONNECTED[place.engine](place)
    by_key = selecting(place, COLUMNS, "WHERE id = {mark}")
    fifty = selecting(place, COLUMNS, "WHERE id > {mark} ORDER BY id LIMIT 50")
    begin = "BEGIN" if place.driver.begin is not None else "SELECT 1"

    async def close() -> None:
        closed = connection.close()
        if closed is not None:
            await closed

    return Reads(
        get=lambda key: fetch(by_key, (key,)),
        fifty=lambda start: fetch(fifty, (start,)),
        begin=lambda: fetch(begin),
        end=connection.rollback,
        close=close,
    )


def _held(session: Any, get: Read, fifty: Read) -> Reads:
    async def end() -> None:
        await session.rollback()
        session.expunge_all()

    return Reads(get, fifty, session.connection, end, session.close)


def _ours(db: AsyncDatabase) -> Reads:
    session = db.session()
    rows = repository(PriceRow, session)

    async def fifty(start: int) -> None:
        await rows.where(PriceRow.id > start).order_by(PriceRow.id).limit(FIFTY.rows).all()

    return _held(session, rows.get, fifty)


def _orm(place: Place, db: AsyncDatabase, stack: ExitStack) -> Reads:
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    mapping = registry()
    stack.callback(mapping.dispose)
    model: Any = type("AsyncRow", (), {})
    mapping.map_imperatively(model, Tables(place).read)
    engine = create_async_engine(db.url)
    session = AsyncSession(engine, expire_on_commit=False)

    async def get(key: int) -> None:
        await session.get(model, key)

    async def fifty(start: int) -> None:
        made = select(model).where(model.id > start).order_by(model.id).limit(FIFTY.rows)
        (await session.execute(made)).scalars().all()

    async def close() -> None:
        await session.close()
        await engine.dispose()

    return replace(_held(session, get, fifty), close=close)
