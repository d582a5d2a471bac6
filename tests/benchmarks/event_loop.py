"""How long a call keeps the event loop from others: ``python -m tests.benchmarks.event_loop URL``.

The URL names no driver. Another task takes every turn that it can get, and notes the CPU time of
this thread from one to the next: what the call, the driver and SQLAlchemy did in between.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
import warnings
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy.orm import registry

from agentorm import (
    AsyncDatabase,
    AsyncQuery,
    Entity,
    Field,
    SlowPath,
    Vector,
    repository,
    vector_field,
)

DIMENSIONS, BATCH = 384, 2000


class Timed(Entity, registry=registry()):
    """What the benchmark's table derives from."""


class TimedDoc(Timed, table=True):
    id: int | None = Field(default=None, primary_key=True)
    n: int
    embedding: Vector = vector_field(DIMENSIONS)


async def beat(steps: list[float]) -> None:
    before = time.thread_time()
    while True:
        await asyncio.sleep(0)
        now = time.thread_time()
        steps.append(now - before)
        before = now


async def measured(act: Callable[[], Awaitable[Any]]) -> tuple[float, list[float]]:
    steps: list[float] = []
    gc.collect()
    gc.freeze()  # a collection of what the benchmark itself holds is no step of the call
    other = asyncio.create_task(beat(steps))
    await asyncio.sleep(0)
    began = time.perf_counter()
    await act()
    seconds = time.perf_counter() - began
    other.cancel()
    return seconds, sorted(steps)


async def drain_of(query: AsyncQuery[TimedDoc]) -> None:
    async for _ in query.stream():
        pass


def made(count: int, start: int = 0) -> list[TimedDoc]:
    vectors = np.random.default_rng(start).normal(size=(count, DIMENSIONS)).astype(np.float32)
    return [TimedDoc(n=start + i, embedding=Vector(v)) for i, v in enumerate(vectors)]


async def main(url: str, rows: int) -> None:
    async with AsyncDatabase(url) as db:
        await db.drop_all(TimedDoc)
        await db.create_all(TimedDoc)
        docs = repository(TimedDoc, db)
        for start in range(0, rows, BATCH):
            await docs.add_all(made(min(BATCH, rows - start), start))
        query = np.random.default_rng(rows).normal(size=DIMENSIONS)
        new = made(5000, rows)
        acts: dict[str, Callable[[], Awaitable[Any]]] = {}
        for metric in ("cosine", "inner_product"):
            ranking = docs.similar_to(query, metric=metric)
            acts |= {
                f"{metric}, limit 10": ranking.limit(10).hits,
                f"{metric}, limit 1000": ranking.limit(1000).hits,
                f"{metric}, count": ranking.count,
                f"{metric}, no limit": ranking.hits,
                f"{metric}, stream": partial(drain_of, ranking),
            }
        acts |= {
            "all": docs.all,
            "stream": partial(drain_of, docs.where()),
            "add_all of 5000": partial(docs.add_all, new),
        }
        print(f"{db.sync_database.engine.dialect.name}, {rows} x {DIMENSIONS}, CPU ms of a step")
        print(f"{'':24}{'all':>8}{'longest':>9}{'next':>7}{'next':>7}{'p99':>7}{'steps':>8}")
        for name, act in acts.items():
            if name != "add_all of 5000":
                await act()
            seconds, steps = await measured(act)
            top = [f"{step * 1000:.1f}" for step in steps[:-4:-1]]
            p99 = f"{steps[int(len(steps) * 0.99)] * 1000:.2f}"
            print(
                f"{name:24}{seconds * 1000:8.0f}{top[0]:>9}{top[1]:>7}{top[2]:>7}"
                f"{p99:>7}{len(steps):8}"
            )
        await db.drop_all(TimedDoc)


if __name__ == "__main__":
    warnings.simplefilter("ignore", SlowPath)
    given = sys.argv[1:]
    asyncio.run(main(given[0], int(given[1]) if len(given) > 1 else 20_000))
