"""Streams that are awaited: left early, interleaved, handed on, and small in memory."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from contextlib import aclosing

import numpy as np
import pytest
from sqlalchemy.orm import registry

from agentorm import (
    AgentORMError,
    AsyncDatabase,
    Database,
    Entity,
    Field,
    InvalidQuery,
    SessionInUse,
    Vector,
    repository,
    vector_field,
)
from tests.contract.models import STREAMS_ALONE
from tests.tasks import ROWS, Sheet, awaited, one_connection, rows_in, sheets, turns


class Interrupted(Exception):
    """What the reader of a stream fails by."""


class Long(Entity, registry=registry()):
    """What the table of long vectors derives from."""


class LongVector(Long, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(384)


def test_a_stream_that_is_closed_early_leaves_the_session_free(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db, db.session() as session:
            rows = repository(Sheet, session)
            for query in (rows, rows.order_by(Sheet.n), rows.similar_to([1, 2, 3])):
                async with aclosing(query.stream()) as stream:
                    async for _ in stream:
                        break
                assert await rows.count() == ROWS

    asyncio.run(scenario())


def test_a_stream_of_the_database_gives_its_connection_back(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            rows = repository(Sheet, db)
            for query in (rows, rows.similar_to([1, 2, 3])):
                async with aclosing(query.stream()) as stream:
                    await anext(stream)
                assert await rows_in(db) == ROWS
                async for _ in query.stream():
                    break
                assert await rows_in(db) == ROWS
                assert len([row async for row in query.stream()]) == ROWS
                assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_a_stream_that_is_left_open_ends_in_its_own_time(filled: str) -> None:
    """The event loop closes it; the session refuses or serves meanwhile, and is whole after."""

    async def scenario() -> None:
        async with one_connection(filled) as db, db.session() as session:
            rows = repository(Sheet, session)
            for pause in range(12):
                async for _ in rows.stream():
                    break
                await turns(pause)
                (found,) = await asyncio.gather(rows.count(), return_exceptions=True)
                assert found == ROWS or isinstance(found, InvalidQuery), found
                await asyncio.sleep(0.05)
                assert await rows.count() == ROWS

    asyncio.run(scenario())


def test_an_error_of_the_reader_ends_the_stream(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            with pytest.raises(Interrupted):  # noqa: PT012  # the block raises at its end
                async with aclosing(repository(Sheet, db).stream()) as stream:
                    async for _ in stream:
                        raise Interrupted
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_two_streams_side_by_side(filled: str, engine_name: str) -> None:
    async def scenario() -> None:
        async with awaited(filled) as db:
            ordered = repository(Sheet, db).order_by(Sheet.n)
            async with aclosing(ordered.stream()) as one, aclosing(ordered.stream()) as other:
                pairs = [(row.n, (await anext(other)).n) async for row in one]
            assert pairs == [(n, n) for n in range(ROWS)]
            async with db.session() as session:
                ordered = ordered.on(session)
                async with aclosing(ordered.stream()) as one, aclosing(ordered.stream()) as other:
                    await anext(one)
                    if engine_name in STREAMS_ALONE:
                        with pytest.raises(InvalidQuery, match="a stream is open"):
                            await anext(other)
                    else:
                        assert (await anext(other)).n == 0

    asyncio.run(scenario())


def test_a_stream_is_read_by_another_task(filled: str) -> None:
    """As a streaming response is, after the function that made it has returned."""

    async def scenario() -> None:
        async with one_connection(filled) as db:
            stream = repository(Sheet, db).where(Sheet.n < 700).order_by(Sheet.n).stream()

            async def read(count: int) -> list[int]:
                return [(await anext(stream)).n for _ in range(count)]

            read_by = [await asyncio.create_task(read(350)) for _ in range(2)]
            assert [*read_by[0], *read_by[1]] == [*range(700)]
            await asyncio.create_task(stream.aclose())
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_two_tasks_cannot_read_one_stream(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            async with aclosing(repository(Sheet, db).stream()) as stream:
                got = await asyncio.gather(anext(stream), anext(stream), return_exceptions=True)
                assert [type(row) for row in got] == [Sheet, RuntimeError]
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


def test_a_commit_under_a_stream(filled: str, engine_name: str) -> None:
    """PostgreSQL ends the cursor with its transaction; MySQL and MariaDB cannot send it."""

    async def scenario() -> None:
        async with one_connection(filled) as db, db.session() as session:
            rows = repository(Sheet, session)
            read = 0
            async with aclosing(rows.stream()) as stream:
                await anext(stream)
                if engine_name in STREAMS_ALONE:
                    with pytest.raises(InvalidQuery, match="a stream is open"):
                        await session.commit()
                    read = len([row async for row in stream])
                    assert read == ROWS - 1
                else:
                    await session.commit()
                    try:
                        read = len([row async for row in stream])
                        assert read == ROWS - 1
                    except AgentORMError:
                        assert engine_name == "postgresql"
            await session.rollback()
            assert await rows.count() == ROWS

    asyncio.run(scenario())


def test_the_second_task_is_refused_while_a_chunk_comes_over(filled: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db, db.session() as session:
            rows = repository(Sheet, session)
            stream = rows.stream()
            first = asyncio.ensure_future(anext(stream))
            await turns(1)
            with pytest.raises(SessionInUse):
                await rows.add_all(sheets(1))
            assert isinstance(await first, Sheet)
            await stream.aclose()
            assert await rows.count() == ROWS

    asyncio.run(scenario())


def test_memory_stays_small(url: str) -> None:
    """4,000 x 384 are 6 MB of numbers alone."""
    rng = np.random.default_rng(7)
    with Database(url) as plain:
        plain.create_all(LongVector)
        for _ in range(4):
            vectors = rng.normal(size=(1000, 384)).astype(np.float32)
            repository(LongVector, plain).add_all(
                [LongVector(embedding=Vector(vector)) for vector in vectors]
            )

    async def scenario(db: AsyncDatabase) -> tuple[int, int]:
        rows = repository(LongVector, db)
        count = before = 0
        async for _ in rows.stream():
            if count == 0:
                gc.collect()
                tracemalloc.reset_peak()
                before, _peak = tracemalloc.get_traced_memory()
            count += 1
        return count, tracemalloc.get_traced_memory()[1] - before

    async def main() -> tuple[int, int]:
        async with awaited(url) as db:
            await repository(LongVector, db).limit(1).all()
            tracemalloc.start()
            try:
                return await scenario(db)
            finally:
                tracemalloc.stop()

    count, grown = asyncio.run(main())
    assert count == 4_000
    assert grown < 4_000_000
