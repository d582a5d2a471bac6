"""Cancelled anywhere: the pool hands out what works, and what was written is all or nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import anyio
import pytest
from sqlalchemy import text

from agentorm import AsyncDatabase, repository
from tests.tasks import (
    ROWS,
    SLEEPING,
    Sheet,
    awaited,
    one_connection,
    rows_in,
    sheets,
    turns,
)

MANY = 250
Act = Callable[[AsyncDatabase], Awaitable[Any]]
Way = Callable[[Awaitable[Any], int], Awaitable[bool]]


async def rank(db: AsyncDatabase) -> None:
    assert len(await repository(Sheet, db).similar_to([1, 2, 3]).limit(5).hits()) == 5


async def stream(db: AsyncDatabase) -> None:
    async with aclosing(repository(Sheet, db).stream()) as rows:
        assert len([row async for row in rows]) >= ROWS


async def add_all(db: AsyncDatabase) -> None:
    await repository(Sheet, db).add_all(sheets(MANY, ROWS))


async def transaction(db: AsyncDatabase) -> None:
    async with db.transaction() as session:
        rows = repository(Sheet, session)
        await rows.add_all(sheets(MANY - 1, ROWS))
        await repository(Sheet, db).add(sheets(1, ROWS)[0])


async def nested(db: AsyncDatabase) -> None:
    async with db.transaction():
        rows = repository(Sheet, db)
        await rows.add_all(sheets(MANY, ROWS))
        with suppress(ZeroDivisionError):
            async with db.transaction():
                await rows.add_all(sheets(2, ROWS))
                raise ZeroDivisionError


async def session_commit(db: AsyncDatabase) -> None:
    async with db.session() as session:
        await repository(Sheet, session).add_all(sheets(MANY, ROWS))
        await session.commit()


async def create(db: AsyncDatabase) -> None:
    await db.create_all(Sheet)


ACTS = [rank, stream, add_all, transaction, nested, session_commit, create]


async def once(act: Awaitable[Any], after: int) -> bool:
    task = asyncio.ensure_future(act)
    await turns(after)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return task.cancelled()


async def twice(act: Awaitable[Any], after: int) -> bool:
    task = asyncio.ensure_future(act)
    await turns(after)
    for _ in range(2):
        task.cancel()
        await turns(2)
    with suppress(asyncio.CancelledError):
        await task
    return task.cancelled()


async def again_and_again(act: Awaitable[Any], after: int) -> bool:
    """As anyio does until the scope is left."""

    async def cancel(scope: anyio.CancelScope) -> None:
        await turns(after)
        scope.cancel()

    scope = anyio.CancelScope()
    other = asyncio.create_task(cancel(scope))
    with scope:
        await act
    await other
    return scope.cancelled_caught


@pytest.mark.parametrize("way", [once, twice, again_and_again], ids=lambda way: way.__name__)
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_a_cancelled_task_leaves_nothing_behind(
    filled: str, act: Act, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "sqlalchemy.pool")  # it tells what it throws away

    async def scenario() -> int:
        cancelled = 0
        async with one_connection(filled) as db, awaited(filled) as other:
            await rows_in(db)
            for after in STEPS:
                cancelled += await way(act(db), after)
                assert await rows_in(db) in {ROWS, ROWS + MANY}, after
                async with asyncio.timeout(5):  # no lock is left
                    await repository(Sheet, other).update_where(Sheet.n == 1, title="x")
                    await repository(Sheet, other).delete_where(Sheet.n >= ROWS)
        return cancelled

    assert asyncio.run(scenario()) > 0


STEPS = [0, 1, 2, 3, 5, 7, 10, 14, 20, 28]


def test_a_cancelled_connecting_is_made_good(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            await rows_in(db)
            for after in STEPS:
                await db.dispose()
                await once(rows_in(db), after)
                assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_a_cancelled_dispose_comes_to_its_end(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            for after in range(4):
                assert await rows_in(db) == ROWS
                await once(db.dispose(), after)

    asyncio.run(scenario())


def test_a_timeout_ends_a_long_statement(filled: str, engine_name: str) -> None:
    statement = {"sqlite": SLEEPING["sqlite"].replace("1500000", "50000000")}.get(
        engine_name, SLEEPING[engine_name].replace("0.3", "20")
    )

    async def scenario() -> None:
        async with one_connection(filled) as db:
            loop = asyncio.get_running_loop()
            began = loop.time()
            with pytest.raises(TimeoutError):  # noqa: PT012  # the block raises at its end
                async with asyncio.timeout(0.1), db.session() as session:
                    connection = await session.connection()
                    await connection.execute(text(statement))
            assert await rows_in(db) == ROWS
            assert loop.time() - began < 5

    asyncio.run(scenario())


def test_waiting_for_a_connection_lets_others_go_on(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db, db.session() as session:
            await repository(Sheet, session).count()
            waiting = asyncio.create_task(rows_in(db))
            await turns(50)
            assert not waiting.done()
            await session.close()
            assert await waiting == ROWS

    asyncio.run(scenario())


def test_who_waits_for_a_connection_can_be_cancelled(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            async with db.session() as session:
                await repository(Sheet, session).count()
                for _ in range(3):
                    assert await once(rows_in(db), 5)
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())
