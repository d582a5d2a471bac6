"""The same through an engine whose statements are awaited, as ``connection.run_sync`` gives it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from agentorm import HNSW
from agentorm.urls import url_of
from tests.migrations.harness import Project
from tests.migrations.shapes import TITLES, fill, kept, shaped, vectors

BEFORE, AFTER = shaped(), shaped(3, index=HNSW(m=8, ef_construction=32))


def migrate(project: Project) -> None:
    project.revise(BEFORE)
    project.upgrade()
    with project.rows() as connection:
        fill(connection, BEFORE)
    project.revise(AFTER)
    project.upgrade()
    assert project.difference(AFTER) == ""
    with project.rows() as connection:
        assert kept(connection, AFTER) == TITLES
        assert vectors(connection, AFTER) == [[0, 0, 0], [0, 0, 0]]
    wider = shaped(4, index=HNSW())
    project.revise(wider)
    project.upgrade()
    assert project.difference(wider) == ""
    project.downgrade()
    project.downgrade()
    assert project.difference(BEFORE) == ""
    with project.rows() as connection:
        assert kept(connection, BEFORE) == TITLES


@pytest.mark.parametrize("batch", [False, True])
def test_migrations_on_an_awaited_connection(url: str, tmp_path: Path, *, batch: bool) -> None:
    project = Project(tmp_path / "p", url, render_as_batch=batch)
    awaited = url_of(url, lambda dialect: dialect.async_driver)
    if awaited.get_driver_name() in {"pymysql", "pysqlite"}:
        names = {"pymysql": "asyncmy", "pysqlite": "aiosqlite"}
        driver = names[awaited.get_driver_name()]
        awaited = awaited.set(drivername=f"{awaited.get_backend_name()}+{driver}")

    def on(connection: Connection) -> None:
        with project.on(connection):
            migrate(project)

    async def run() -> None:
        engine = create_async_engine(awaited, poolclass=NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(on)
        await engine.dispose()

    asyncio.run(run())
