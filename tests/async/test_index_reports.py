"""The reports of vector indexes by a database whose statements are awaited."""

from __future__ import annotations

import asyncio

import pytest

from agentorm import HNSW, AsyncDatabase, Entity, Field, Vector, repository, vector_field


class AwaitedDoc(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: Vector = vector_field(3, index=HNSW())


@pytest.mark.engines("sqlite")
def test_reports_are_awaited(url: str) -> None:
    told: list[str] = []

    async def scenario() -> None:
        async with AsyncDatabase(url) as db:
            await db.create_all(AwaitedDoc)
            async with db.transaction() as session:
                await repository(AwaitedDoc, session).add(AwaitedDoc(title=Vector([1, 0, 0])))
            indexes = await db.indexes(AwaitedDoc)
            told.append(indexes[0].state)
            await indexes.rebuild(AwaitedDoc)
            told.extend([report.state for report in await db.indexes(AwaitedDoc)])
            await indexes.drop(AwaitedDoc)
            told.append((await db.indexes(AwaitedDoc))[0].serves)
            told.extend([str(len(indexes)), repr(indexes)[:12], str(indexes).split()[0]])

    asyncio.run(scenario())
    assert told == ["not built yet", "current", "none", "1", "AsyncIndexes", "table"]
