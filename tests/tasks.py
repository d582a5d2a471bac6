"""What the tests of concurrent tasks share: a table, and databases that are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.orm import registry

from agentorm import (
    AsyncDatabase,
    AsyncRepository,
    Database,
    Entity,
    Field,
    Vector,
    repository,
    vector_field,
)
from tests.filling import insert_rows

ROWS = 1200
ONE = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 5}
"""A pool of one connection: whoever loses it is found out by the next."""

SLEEPING = {
    "postgresql": "SELECT pg_sleep(0.3)",
    "mariadb": "SELECT SLEEP(0.3)",
    "mysql": "SELECT SLEEP(0.3)",
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1500000)"
    " SELECT max(n) FROM c",
}
"""For each engine a statement that takes its time."""


class Apart(Entity, registry=registry()):
    """What all of them derive from."""


class Sheet(Apart, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    n: int = 0
    embedding: Vector = vector_field(3)


def sheet(title: str, *, key: int | None = None) -> Sheet:
    return Sheet(id=key, title=title, embedding=Vector([1, 2, 3]))


def sheets(count: int, start: int = 0) -> list[Sheet]:
    return [
        Sheet(title=f"sheet {n}", n=n, embedding=Vector([1, n, 2]))
        for n in range(start, start + count)
    ]


def rows_of(session: Any) -> AsyncRepository[Sheet]:
    """The rows in a session of any awaited kind."""
    return AsyncRepository(model=Sheet, where_to_run=session)


def fill(url: str) -> None:
    """The table with so many rows."""
    with Database(url) as db:
        db.create_all(Sheet)
        insert_rows(db, Sheet, [row.model_dump(exclude={"id"}) for row in sheets(ROWS)])


def awaited(url: str, **engine_options: Any) -> AsyncDatabase:
    """The database of a URL that names a driver, awaited."""
    plain = make_url(url)
    place = plain.set(drivername=plain.get_backend_name())
    return AsyncDatabase(place, engine_options=engine_options)


@asynccontextmanager
async def one_connection(url: str) -> AsyncGenerator[AsyncDatabase]:
    async with awaited(url, **ONE) as db:
        yield db


async def turns(count: int) -> None:
    """Let the other tasks go on so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def rows_in(db: AsyncDatabase) -> int:
    """The rows, told by a connection that works."""
    async with asyncio.timeout(20):
        return await repository(Sheet, db).count()
