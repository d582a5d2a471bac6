"""The schema from within a program, and from wherever a run was cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect, select, text

from agentorm import (
    AsyncDatabase,
    Database,
    InvalidQuery,
    InvalidURL,
    SchemaMismatch,
    Vector,
    memory,
    repository,
)
from agentorm.memory.tables import setting

STATEMENTS = ("ALTER", "CREATE", "INSERT", "DELETE", "DROP")


def tables(db: Database) -> set[str]:
    with db.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def test_up_down_up_and_checked(db: Database) -> None:
    assert memory.current(db) is None
    memory.upgrade(db)
    assert memory.current(db) == "0001"
    memory.check(db)
    memory.downgrade(db, "base")
    assert (memory.current(db), tables(db)) == (None, {"agentorm_version"})
    memory.upgrade(db, "0001")
    memory.upgrade(db)
    memory.check(db)


@pytest.mark.engines("postgresql-without-pgvector", "mariadb-10.11")
def test_servers_without_vectors_have_the_schema_too(db: Database) -> None:
    memory.upgrade(db)
    memory.check(db)
    with db.transaction() as session:
        page = memory.Document(uri="a", chunks=[a_chunk()])
        session.add(memory.Source(uri="a", documents=[page]))
    assert repository(memory.Chunk, db).one().embedding == a_chunk().embedding
    memory.downgrade(db, "base")


def test_vectors_can_be_stored_at_once(db: Database) -> None:
    db.ping()  # a connection that knows no vectors yet
    memory.upgrade(db)
    page = memory.Document(uri="a", chunks=[a_chunk()])
    with db.transaction() as session:
        session.add(memory.Source(uri="a", documents=[page]))
    assert repository(memory.Chunk, db).one().embedding == a_chunk().embedding


def a_chunk() -> memory.Chunk:
    vector = Vector([0.5] * 384)
    return memory.Chunk(position=0, text="", hash=memory.text_hash(""), embedding=vector)


def test_tables_of_create_all_are_taken_over(db: Database) -> None:
    db.create_all(memory.Source, memory.Document, memory.Chunk)
    with db.transaction() as session:
        session.add(memory.Source(uri="kept"))
    memory.upgrade(db)
    memory.check(db)
    assert repository(memory.Source, db).one().uri == "kept"


def test_what_else_the_database_holds_is_not_looked_at(db: Database) -> None:
    with db.engine.begin() as connection:
        for name in ("document", "alembic_version", "chunk"):
            connection.execute(text(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)"))
    memory.upgrade(db)
    memory.check(db)
    memory.downgrade(db, "base")
    assert tables(db) == {"agentorm_version", "document", "alembic_version", "chunk"}


def test_a_schema_that_is_behind_or_differs_is_an_error(db: Database) -> None:
    with pytest.raises(SchemaMismatch, match="Target database is not up to date"):
        memory.check(db)
    memory.upgrade(db)
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE agentorm_source ADD COLUMN more INTEGER"))
    with pytest.raises(SchemaMismatch, match="remove_column"):
        memory.check(db)


def test_an_unknown_revision_is_refused(db: Database) -> None:
    with pytest.raises(InvalidQuery, match="Can't locate revision identified by '9999'"):
        memory.upgrade(db, "9999")


def test_an_unknown_engine_has_no_script() -> None:
    with pytest.raises(InvalidURL, match="no engine 'oracle'"):
        memory.sql("oracle")


def test_the_script_is_that_of_the_command() -> None:
    assert memory.sql("postgresql").startswith("BEGIN;\n\nCREATE TABLE agentorm_version")


def test_it_runs_on_an_async_database(url: str) -> None:
    async def upgraded() -> None:
        async with AsyncDatabase(url.replace("+pymysql", "")) as db:
            await db.run_sync(memory.upgrade)
            await db.run_sync(memory.check)
            async with db.transaction() as session:
                page = memory.Document(uri="a", chunks=[a_chunk()])
                session.add(memory.Source(uri="a", documents=[page]))
            await db.run_sync(lambda sync: memory.downgrade(sync, "base"))

    asyncio.run(upgraded())


def test_a_run_that_was_cut_off_anywhere_can_be_run_again(db: Database) -> None:
    """Each statement fails once: the run after it goes on, and ends at the same schema."""
    db.prepare_for_vectors()
    with counting(db.engine) as written:
        memory.upgrade(db)
    memory.downgrade(db, "base")
    for number in range(len(written) - 1):  # the version table is there by now
        with failing(db.engine, number), pytest.raises(RuntimeError, match="cut off"):
            memory.upgrade(db)
        memory.upgrade(db)
        memory.check(db)
        with failing(db.engine, number % 4), pytest.raises(RuntimeError, match="cut off"):
            memory.downgrade(db, "base")
        memory.downgrade(db, "base")
        assert tables(db) == {"agentorm_version"}


def test_the_first_run_of_all_may_be_cut_off_too(db: Database) -> None:
    with failing(db.engine, 1), pytest.raises(RuntimeError, match="cut off"):
        memory.upgrade(db)
    memory.upgrade(db)
    memory.check(db)


def test_where_the_schema_is_transactional_nothing_is_left_behind(
    db: Database, engine_name: str
) -> None:
    db.prepare_for_vectors()
    with failing(db.engine, 4), pytest.raises(RuntimeError, match="cut off"):
        memory.upgrade(db)
    if engine_name in {"mysql", "mariadb"}:
        assert tables(db) == {"agentorm_setting", "agentorm_version"}
    else:
        assert tables(db) == set()


@contextmanager
def counting(engine: Engine) -> Generator[list[str]]:
    written: list[str] = []

    def listen(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith(STATEMENTS):
            written.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield written
    finally:
        event.remove(engine, "before_cursor_execute", listen)


@contextmanager
def failing(engine: Engine, number: int) -> Generator[None]:
    """The statement of that number that changes something is not executed."""
    left = [number]

    def listen(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith(STATEMENTS):
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("cut off")

    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", listen)


def test_the_dimension_is_recorded(db: Database) -> None:
    memory.upgrade(db)
    with db.engine.connect() as connection:
        assert connection.execute(select(setting)).all() == [("dimensions", "384")]
