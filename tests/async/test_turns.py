"""Others go on meanwhile: long work is done in steps, between which other tasks get their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from agentorm import AsyncDatabase, Vector, repository
from agentorm.rank import scan
from tests.tasks import ROWS, Sheet, awaited, sheets

Act = Callable[[AsyncDatabase], Awaitable[Any]]


def count(db: AsyncDatabase) -> Awaitable[Any]:
    return repository(Sheet, db).similar_to([1, 2, 3], metric="inner_product").count()


def rank(db: AsyncDatabase) -> Awaitable[Any]:
    ranking = repository(Sheet, db).similar_to([1, 2, 3], metric="inner_product")
    return ranking.limit(3).all()


@pytest.mark.engines("mariadb", "mysql")
@pytest.mark.parametrize("act", [count, rank], ids=lambda act: act.__name__)
def test_others_have_turns_between_the_chunks_of_a_ranking(
    filled: str, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk is measured in a turn of its own."""
    monkeypatch.setattr(scan, "_CHUNK_BYTES", 100 * 530)
    measured: list[int] = []
    beats = 0
    distances: Any = vars(scan)["distances"]

    def noting(rows: Any, vector: Vector, metric: Any) -> Any:
        measured.append(beats)
        return distances(rows, vector, metric)

    monkeypatch.setattr(scan, "distances", noting)

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    async def scenario() -> None:
        async with awaited(filled) as db:
            other = asyncio.create_task(beat())
            await act(db)
            other.cancel()

    asyncio.run(scenario())
    assert len(measured) >= ROWS / 100
    assert len(set(measured)) == len(measured)


def test_others_have_turns_between_the_chunks_of_a_stream(filled: str) -> None:
    """Three chunks, the last of them not full."""
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    async def scenario() -> None:
        async with awaited(filled) as db:
            taken: set[int] = set()
            other = asyncio.create_task(beat())
            async for _ in repository(Sheet, db).order_by(Sheet.n).stream():
                taken.add(beats)
            other.cancel()
            assert len(taken) == 3

    asyncio.run(scenario())


def test_many_tasks_rank_and_write_at_once(filled: str) -> None:
    async def work(db: AsyncDatabase, number: int) -> int:
        if number % 4 == 0:
            await repository(Sheet, db).add(sheets(1, 10_000 + number)[0])
        query = np.random.default_rng(number).normal(size=3)
        return len(await repository(Sheet, db).similar_to(query).limit(5).all())

    async def scenario() -> None:
        async with awaited(filled, pool_size=4, max_overflow=0) as db:
            found = await asyncio.gather(*(work(db, number) for number in range(40)))
            assert found == [5] * 40
            assert await repository(Sheet, db).count() == ROWS + 10

    asyncio.run(scenario())
