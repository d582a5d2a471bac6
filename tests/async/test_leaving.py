"""A block that is left while another task still works in it; and one that is left by an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NoReturn

import anyio
import pytest

from agentorm import AsyncDatabase, ClosedSession, Database, SessionInUse, repository
from tests.tasks import ONE, ROWS, Sheet, awaited, one_connection, rows_in, rows_of, sheets, turns


class Stumble(Exception):
    """What the tests leave a block by."""


async def stumble(after: int) -> NoReturn:
    await turns(after)
    raise Stumble


def session_of(db: AsyncDatabase) -> Any:
    return db.session()


def transaction_of(db: AsyncDatabase) -> Any:
    return db.transaction()


BLOCKS = [session_of, transaction_of]
Block = Callable[[AsyncDatabase], Any]


@pytest.mark.parametrize("after", [0, 2, 6])
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
def test_the_other_tasks_of_a_gather_that_failed_harm_nothing(
    filled: str, block: Block, after: int
) -> None:
    """`asyncio.gather` leaves them running, and the block is left under them."""

    async def scenario() -> None:
        async with one_connection(filled) as db:
            for write in (False, True):
                begun: list[asyncio.Future[Any]] = []
                streams: list[AsyncGenerator[Sheet]] = []
                with pytest.raises(Stumble):  # noqa: PT012  # the block raises at its end
                    async with block(db) as session:
                        rows = rows_of(session)
                        streams.append(rows.stream())
                        adding = rows.add_all(sheets(300)) if write else anext(streams[0])
                        begun.append(asyncio.ensure_future(adding))
                        await asyncio.gather(*begun, stumble(after))
                await asyncio.wait(begun)
                assert isinstance(begun[0].exception(), ClosedSession | SessionInUse | None)
                await streams[0].aclose()
                assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_a_transaction_does_not_commit_under_another_task(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            begun: list[asyncio.Task[Any]] = []
            with pytest.raises(SessionInUse):  # noqa: PT012  # the block raises at its end
                async with db.transaction() as session:
                    rows = rows_of(session)
                    await rows.add(sheets(1)[0])
                    begun.append(asyncio.create_task(rows.similar_to([1, 2, 3]).all()))
                    await turns(1)
            await asyncio.wait(begun)
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_a_task_group_waits_before_the_transaction_ends(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            async with db.transaction() as session, asyncio.TaskGroup() as group:
                first = group.create_task(rows_of(session).add_all(sheets(300)))
            assert len(first.result()) == 300
            assert await rows_in(db) == ROWS + 300

    asyncio.run(scenario())


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
def test_an_error_undoes_what_was_not_committed(filled: str, block: Block) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            with pytest.raises(Stumble):  # noqa: PT012  # the block raises at its end
                async with block(db) as session:
                    await rows_of(session).add_all(sheets(3))
                    raise Stumble
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
def test_a_timeout_undoes_what_was_not_committed(filled: str, block: Block) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            with pytest.raises(TimeoutError):  # noqa: PT012  # the block raises at its end
                async with asyncio.timeout(0.2), block(db) as session:
                    await rows_of(session).add_all(sheets(3))
                    await asyncio.sleep(30)
            assert await rows_in(db) == ROWS
            with anyio.move_on_after(0.2):
                async with block(db) as session:
                    await rows_of(session).add_all(sheets(3))
                    await anyio.sleep(30)
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_a_generator_that_is_closed_undoes_its_transaction(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:

            async def adding() -> AsyncGenerator[Sheet]:
                async with db.transaction() as session:
                    for one in sheets(3):
                        yield await rows_of(session).add(one)

            made = adding()
            assert (await anext(made)).id
            await made.aclose()
            assert await rows_in(db) == ROWS
            assert [one.n async for one in adding()] == [0, 1, 2]
            assert await rows_in(db) == ROWS + 3

    asyncio.run(scenario())


def test_an_abandoned_generator_gives_its_connection_back(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:

            async def adding() -> AsyncGenerator[Sheet]:
                async with db.transaction() as session:
                    yield await rows_of(session).add(sheets(1)[0])

            async for _ in adding():
                break
            await turns(2)
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_a_stack_leaves_its_blocks_in_order(filled: str) -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(one_connection(filled))
            session = await stack.enter_async_context(db.transaction())
            nested = await stack.enter_async_context(db.transaction())
            assert nested is session
            await rows_of(session).add_all(sheets(2))
        async with awaited(filled) as db:
            assert await rows_in(db) == ROWS + 2

    asyncio.run(scenario())


def test_a_dependency_that_is_left_in_another_task(filled: str) -> None:
    """As test clients and some frameworks do with what a fixture or dependency yields."""

    @asynccontextmanager
    async def dependency(db: AsyncDatabase) -> AsyncGenerator[Any]:
        async with db.transaction() as session:
            yield session

    async def scenario() -> None:
        async with one_connection(filled) as db:
            made = dependency(db)
            session = await asyncio.create_task(made.__aenter__())
            await rows_of(session).add(sheets(1)[0])
            await asyncio.create_task(made.__aexit__(None, None, None))
            assert await rows_in(db) == ROWS + 1

    asyncio.run(scenario())


def test_a_lost_connection_does_not_hide_the_error(filled: str, engine_name: str) -> None:
    if engine_name == "sqlite":
        pytest.skip("SQLite has no connection to lose")
    told = {"postgresql": "SELECT pg_terminate_backend({})"}.get(engine_name, "KILL {}")
    asked = {"postgresql": "SELECT pg_backend_pid()"}.get(engine_name, "SELECT CONNECTION_ID()")

    async def scenario() -> None:
        async with one_connection(filled) as db:
            with pytest.raises(Stumble):  # noqa: PT012  # the block raises at its end
                async with db.transaction() as session:
                    connection = await session.connection()
                    number = (await connection.exec_driver_sql(asked)).scalar_one()
                    with Database(filled) as other, other.engine.begin() as killer:
                        killer.exec_driver_sql(told.format(int(number)))
                    raise Stumble
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_the_loop_ends_while_a_transaction_is_open(filled: str) -> None:
    async def scenario(db: AsyncDatabase, inside: asyncio.Event) -> None:
        async with db.transaction() as session:
            await rows_of(session).add(sheets(1)[0])
            inside.set()
            await asyncio.sleep(60)

    async def main() -> None:
        db, inside = awaited(filled, **ONE), asyncio.Event()
        task = asyncio.create_task(scenario(db, inside))
        await inside.wait()
        task.cancel()
        await turns(1)
        await db.dispose()

    asyncio.run(main())
    with Database(filled) as db:
        assert repository(Sheet, db).count() == ROWS
