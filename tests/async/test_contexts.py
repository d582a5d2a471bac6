"""Which transaction a call is in, when tasks, threads, generators and event loops are about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import pytest

from agentorm import AsyncDatabase, ConstraintViolation, Database, NotBound, repository
from tests.tasks import ROWS, Sheet, awaited, one_connection, rows_in, sheet, sheets, turns


class Undo(Exception):
    """What the tests leave a transaction by."""


def test_a_transaction_within_one_is_a_savepoint(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            async with db.transaction() as session:
                await repository(Sheet, session).add_all(sheets(1))
                with suppress(Undo):
                    async with db.transaction() as inner:
                        assert inner is session
                        await repository(Sheet, inner).add_all(sheets(10))
                        async with db.transaction() as innermost:
                            assert innermost is session
                            await repository(Sheet, db).add_all(sheets(100))
                        assert await rows_in(db) == ROWS + 111
                        raise Undo
                assert await rows_in(db) == ROWS + 1
            assert await rows_in(db) == ROWS + 1

    asyncio.run(scenario())


def test_an_error_of_the_engine_within_a_savepoint_leaves_the_rest(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            async with db.transaction() as session:
                rows = repository(Sheet, session)
                await rows.add_all(sheets(1))
                with pytest.raises(ConstraintViolation):
                    async with db.transaction():
                        await rows.add(sheet("again", key=1))
                await rows.add_all(sheets(2))
            assert await rows_in(db) == ROWS + 3

    asyncio.run(scenario())


def test_what_is_bound_to_the_database_joins_the_transaction_of_its_task(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            rows = repository(Sheet, db)
            with suppress(Undo):
                async with db.transaction():
                    await rows.add_all(sheets(3))
                    assert await rows.count() == ROWS + 3
                    assert len([row async for row in rows.stream()]) == ROWS + 3
                    assert await rows.delete_where(Sheet.n >= 0) == ROWS + 3
                    assert await rows.first() is None
                    raise Undo
            assert await rows.count() == ROWS

    asyncio.run(scenario())


def test_a_task_begun_within_has_its_own(filled: str) -> None:
    """It sees what is committed, whichever way it was begun."""

    async def scenario() -> None:
        async with awaited(filled) as db:
            rows = repository(Sheet, db)
            async with db.transaction() as session:
                await rows.add_all(sheets(3))
                assert await asyncio.create_task(rows.count()) == ROWS
                assert [*await asyncio.gather(rows.count(), rows.count())] == [ROWS, ROWS]
                async with asyncio.TaskGroup() as group:
                    counted = group.create_task(rows.count())
                assert counted.result() == ROWS
                assert await rows.count() == ROWS + 3
                assert await repository(Sheet, session).count() == ROWS + 3

    asyncio.run(scenario())


def test_a_task_begun_within_can_have_a_transaction_of_its_own(
    filled: str, engine_name: str
) -> None:
    if engine_name == "sqlite":
        pytest.skip("SQLite has one writer at a time")

    async def another(db: AsyncDatabase) -> None:
        async with db.transaction():
            await repository(Sheet, db).add_all(sheets(10))

    async def scenario() -> None:
        async with awaited(filled) as db:
            with suppress(Undo):
                async with db.transaction() as session:
                    await repository(Sheet, session).add_all(sheets(1))
                    await asyncio.create_task(another(db))
                    raise Undo
            assert await rows_in(db) == ROWS + 10

    asyncio.run(scenario())


def test_a_thread_begun_within_has_its_own(filled: str) -> None:
    async def scenario() -> None:
        with Database(filled) as plain:
            async with awaited(filled) as db, db.transaction():
                await repository(Sheet, db).add_all(sheets(3))
                assert await asyncio.to_thread(repository(Sheet, plain).count) == ROWS
                assert await rows_in(db) == ROWS + 3

    asyncio.run(scenario())


def test_a_blocking_transaction_is_not_that_of_a_task_or_thread_begun_within(filled: str) -> None:
    async def scenario() -> None:
        with Database(filled) as plain, plain.transaction():
            rows = repository(Sheet, plain)
            rows.add_all(sheets(3))

            async def count() -> int:
                return rows.count()

            assert await asyncio.to_thread(rows.count) == ROWS
            assert await asyncio.create_task(count()) == ROWS
            assert rows.count() == ROWS + 3

    asyncio.run(scenario())


def test_two_databases_have_transactions_of_their_own(filled: str) -> None:
    async def scenario() -> None:
        async with awaited(filled) as one, awaited(filled) as other:
            async with one.transaction():
                await repository(Sheet, one).add_all(sheets(3))
                assert await rows_in(other) == ROWS
            assert await rows_in(other) == ROWS + 3

    asyncio.run(scenario())


def test_the_session_of_one_transaction_is_not_that_of_the_next(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            async with db.transaction() as first:
                pass
            async with db.transaction() as second:
                assert first is not second
            assert not first.in_transaction()

    asyncio.run(scenario())


def test_a_generator_shares_its_transaction_with_who_draws_it(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:

            async def adding() -> AsyncGenerator[int]:
                async with db.transaction():
                    for one in sheets(2):
                        await repository(Sheet, db).add(one)
                        yield await rows_in(db)

            seen = [(inside, await rows_in(db)) async for inside in adding()]
            assert seen == [(ROWS + 1, ROWS + 1), (ROWS + 2, ROWS + 2)]
            assert await rows_in(db) == ROWS + 2

    asyncio.run(scenario())


def test_one_event_loop_after_the_other(filled: str) -> None:
    db = awaited(filled, pool_size=2)

    async def scenario() -> int:
        async with db:
            async with db.transaction() as session:
                await repository(Sheet, session).add(sheets(1)[0])
            return sum(await asyncio.gather(rows_in(db), rows_in(db)))

    assert [asyncio.run(scenario()) for _ in range(3)] == [2 * (ROWS + n) for n in (1, 2, 3)]


def test_a_database_of_memory_is_shared_by_its_connections() -> None:
    async def scenario() -> None:
        async with AsyncDatabase("sqlite://") as db, AsyncDatabase("sqlite://") as another:
            await db.create_all(Sheet)
            await another.create_all(Sheet)
            async with db.session() as session, db.session() as beside:
                await repository(Sheet, session).add_all(sheets(3))
                await session.commit()
                assert await repository(Sheet, beside).count() == 3
            assert [*await asyncio.gather(rows_in(db), rows_in(db), rows_in(another))] == [3, 3, 0]

    asyncio.run(scenario())


def test_a_query_is_bound_to_what_awaits(filled: str) -> None:
    async def scenario() -> None:
        async with awaited(filled) as db:
            query = repository(Sheet).where(Sheet.n < 3).order_by(Sheet.n)
            assert [one.n for one in await query.on(db).all()] == [0, 1, 2]
            async with db.session() as session:
                assert await query.on(session).count() == 3
                assert (await query.on(session).limit(1).one()).n == 0
            with pytest.raises(NotBound, match=r"all\(\) has nowhere to run"):
                query.all()

    asyncio.run(scenario())


def test_what_a_function_is_given_needs_no_await(filled: str) -> None:
    def work(db: Database, count: int) -> int:
        with db.transaction() as session:
            repository(Sheet, session).add_all(sheets(count))
            with db.transaction():
                repository(Sheet, db).delete_where(Sheet.n < 2)
        return repository(Sheet, db).count()

    async def scenario() -> None:
        async with one_connection(filled) as db:
            assert await db.run_sync(work, 10) == ROWS + 6
            async with db.transaction():
                assert await db.run_sync(work, count=0) == ROWS + 6
            task = asyncio.create_task(db.run_sync(work, 2))
            await turns(1)
            assert await task == ROWS + 6

    asyncio.run(scenario())
