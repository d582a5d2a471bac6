"""What `rolled_back` undoes, and what it refuses because it could not."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from agentorm import (
    HNSW,
    AsyncDatabase,
    ConstraintViolation,
    Database,
    DatabaseError,
    Entity,
    Field,
    InvalidQuery,
    SessionInUse,
    Vector,
    repository,
    vector_field,
)
from agentorm.testing import rolled_back


class UndoneNote(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(unique=True)
    embedding: Vector = vector_field(3, index=HNSW())


HAS_CHANGES = (
    "rolled_back() has one session at a time, and another has changes; "
    "let that one commit() or rollback() before the next one begins"
)


def note(title: str, *vector: float) -> UndoneNote:
    return UndoneNote(title=title, embedding=Vector(vector or (1, 0, 0)))


def titles(place: Database | Session) -> list[str]:
    return [n.title for n in repository(UndoneNote, place).order_by(UndoneNote.id).all()]


def add_in_a_transaction(db: Database, *names: str) -> None:
    with db.transaction() as session:
        for name in names:
            repository(UndoneNote, session).add(note(name))


@pytest.fixture
def kept(url: str) -> Iterator[Database]:
    """A database with one note, which is there again after each test."""
    options = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 1}
    with Database(url, engine_options=options) as database:
        database.create_all(UndoneNote)
        repository(UndoneNote, database).add(note("kept"))
        yield database
        assert titles(database) == ["kept"]


@pytest.fixture
def undone(kept: Database) -> Iterator[Database]:
    with rolled_back(kept) as database:
        yield database


def test_what_was_committed_in_any_way_is_undone(undone: Database) -> None:
    with undone.transaction() as session:
        repository(UndoneNote, session).add_all([note("a"), note("b")])
    with undone.session() as session:
        session.add(note("c"))
        session.commit()
        session.add(note("never"))
    repository(UndoneNote, undone).add(note("d"))
    repository(UndoneNote, undone).upsert([note("a", 0, 1, 0)], on=UndoneNote.title)
    repository(UndoneNote, undone).delete_where(UndoneNote.title == "kept")
    assert titles(undone) == ["a", "b", "c", "d"]
    nearest = repository(UndoneNote, undone).similar_to([0, 1, 0]).limit(1).hits()
    assert [(hit.entity.title, hit.distance) for hit in nearest] == [("a", 0.0)]


def test_transactions_roll_back_and_nest_as_ever(undone: Database) -> None:
    notes = repository(UndoneNote, undone)
    with undone.transaction() as session:
        repository(UndoneNote, session).add(note("outer"))
        with pytest.raises(ConstraintViolation):
            add_in_a_transaction(undone, "inner", "kept")
        notes.add(note("joined"))
    assert titles(undone) == ["kept", "outer", "joined"]
    with pytest.raises(ConstraintViolation):
        add_in_a_transaction(undone, "failed", "kept")
    with pytest.raises(ConstraintViolation):
        notes.add(note("kept"))
    assert titles(undone) == ["kept", "outer", "joined"]


def test_one_that_only_reads_does_not_disturb_one_that_writes(undone: Database) -> None:
    with undone.session() as reading:
        assert titles(reading) == ["kept"]
        with undone.transaction() as writing:
            assert titles(reading) == ["kept"]
            repository(UndoneNote, writing).add(note("new"))
        assert titles(reading) == ["kept", "new"]
    assert titles(undone) == ["kept", "new"]


def test_one_that_begins_first_may_end_first(undone: Database) -> None:
    reading = undone.session()
    with undone.transaction() as writing:
        assert titles(reading) == ["kept"]
        repository(UndoneNote, writing).add(note("new"))
    assert titles(reading) == ["kept", "new"]
    reading.close()
    assert titles(undone) == ["kept", "new"]


def pend(session: Session) -> None:
    session.add(note("pending"))


def send(session: Session) -> None:
    repository(UndoneNote, session).add(note("sent"))


def update(session: Session) -> None:
    repository(UndoneNote, session).update_where(UndoneNote.title == "kept", title="updated")


def by_sql(session: Session) -> None:
    session.connection().execute(text("UPDATE undonenote SET title = 'raw'"))


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (pend, ["kept", "pending"]),
        (send, ["kept", "sent"]),
        (update, ["updated"]),
        (by_sql, ["raw"]),
    ],
)
def test_no_other_begins_before_one_that_has_changes_ends(
    undone: Database, change: Callable[[Session], None], after: list[str]
) -> None:
    with undone.session() as writing, undone.session() as other:
        assert titles(writing) == ["kept"]
        change(writing)
        for place in (other, undone):
            with pytest.raises(InvalidQuery) as raised:
                titles(place)
            assert str(raised.value) == HAS_CHANGES
        writing.rollback()
        assert titles(other) == ["kept"]
        change(writing)
        writing.commit()
    assert titles(undone) == after


def test_threads_may_follow_one_another(undone: Database) -> None:
    for number in range(3):
        with ThreadPoolExecutor(1) as thread:
            thread.submit(add_in_a_transaction, undone, f"n{number}").result()
    assert titles(undone) == ["kept", "n0", "n1", "n2"]


def test_what_a_test_leaves_open_is_undone(kept: Database) -> None:
    with rolled_back(kept) as undone:
        session = undone.session()
        repository(UndoneNote, session).add(note("open"))
    assert titles(kept) == ["kept"]
    session.close()
    with pytest.raises(ConstraintViolation), rolled_back(kept) as undone:
        add_in_a_transaction(undone, "failed", "kept")
    assert titles(kept) == ["kept"]


def test_streams_are_read_within(undone: Database) -> None:
    repository(UndoneNote, undone).add_all([note(f"n{n}", 1, n, 0) for n in range(5)])
    stream = repository(UndoneNote, undone).order_by(UndoneNote.id).stream()
    assert next(stream).title == "kept"
    stream.close()
    with undone.session() as session:
        rows = repository(UndoneNote, session).similar_to([0, 1, 0]).stream()
        assert [row.title for row in rows] == ["n4", "n3", "n2", "n1", "kept", "n0"]


def test_the_schema_is_not_changed(undone: Database) -> None:
    for change in (undone.create_all, undone.drop_all):
        with pytest.raises(InvalidQuery) as raised:
            change(UndoneNote)
        assert str(raised.value) == (
            "rolled_back() cannot undo changes of the schema on every engine; "
            "create the tables before: rolled_back(db) after db.create_all()"
        )


def test_the_rest_of_a_database_is_there(undone: Database, kept: Database) -> None:
    assert undone.ping() < 1
    assert undone.dialect().name == undone.capabilities().engine
    with undone.trace() as trace:
        assert repository(UndoneNote, undone).count() == 1
    assert any("count(*)" in statement.sql for statement in trace.statements)
    assert undone.url == kept.url
    with undone:
        pass
    assert titles(undone) == ["kept"]
    with pytest.raises(InvalidQuery), rolled_back(undone):
        pass


@pytest.mark.parametrize("statement", ["COMMIT", "CREATE TABLE escaping_undone (id INTEGER)"])
@pytest.mark.engines("mariadb", "mysql")
def test_a_commit_by_sql_is_an_error_at_the_end(url: str, statement: str) -> None:
    def commit(database: Database) -> None:
        with rolled_back(database) as undone:
            undone.session().connection().exec_driver_sql(statement)

    with Database(url) as database:
        with pytest.raises(DatabaseError) as raised:
            commit(database)
        assert str(raised.value) == (
            "something was committed for good in rolled_back(); "
            "CREATE, ALTER and DROP do so on MySQL and MariaDB, and so does COMMIT as SQL"
        )


@pytest.mark.engines("postgresql")
def test_nothing_is_written_after_a_lost_connection(url: str) -> None:
    with Database(url) as database:
        database.create_all(UndoneNote)
        with rolled_back(database) as undone:
            repository(UndoneNote, undone).add(note("before"))
            with undone.session() as session, suppress(OperationalError):
                session.connection().exec_driver_sql(
                    "SELECT pg_terminate_backend(pg_backend_pid())"
                )
            with pytest.raises(DatabaseError, match=r"^the transaction has failed before"):
                repository(UndoneNote, undone).add(note("after"))
        assert titles(database) == []


@pytest.mark.engines("sqlite", "postgresql")
def test_a_table_made_by_sql_is_undone_where_the_engine_can(kept: Database) -> None:
    for _ in range(2):
        with rolled_back(kept) as undone, undone.transaction() as session:
            session.connection().exec_driver_sql("CREATE TABLE escaping_undone (id INTEGER)")


Task = Callable[[AsyncDatabase], Awaitable[None]]


@dataclass
class Awaited:
    url: str

    @asynccontextmanager
    async def undone(self) -> AsyncGenerator[AsyncDatabase]:
        plain = make_url(self.url)
        where = plain.set(drivername=plain.get_backend_name())
        async with AsyncDatabase(where) as database:
            await database.create_all(UndoneNote)
            notes = repository(UndoneNote, database)
            await notes.add(note("kept"))
            async with rolled_back(database) as undone:
                yield undone
            assert await awaited_titles(database) == ["kept"]

    def run(self, task: Task) -> None:
        async def within() -> None:
            async with self.undone() as undone:
                await task(undone)

        asyncio.run(within())


async def awaited_titles(place: AsyncDatabase) -> list[str]:
    return [n.title for n in await repository(UndoneNote, place).order_by(UndoneNote.id).all()]


@pytest.fixture
def awaited(url: str) -> Awaited:
    return Awaited(url)


def test_what_was_committed_is_undone_async(awaited: Awaited) -> None:
    async def task(undone: AsyncDatabase) -> None:
        async with undone.transaction() as session:
            await repository(UndoneNote, session).add_all([note("a"), note("b")])
            async with undone.transaction() as inner:
                assert inner is session
                await repository(UndoneNote, inner).add(note("c"))
        async with undone.session() as session:
            assert await repository(UndoneNote, session).count() == 4
            await repository(UndoneNote, undone).add(note("d"))
            session.add(note("e"))
            await session.commit()
        await repository(UndoneNote, undone).delete_where(UndoneNote.title == "kept")
        async with undone:
            pass
        assert await awaited_titles(undone) == ["a", "b", "c", "d", "e"]
        stream = repository(UndoneNote, undone).similar_to([1, 0, 0]).stream()
        assert [row.title async for row in stream] == ["a", "b", "c", "d", "e"]

    awaited.run(task)


def test_a_task_beside_one_that_writes_is_refused(awaited: Awaited) -> None:
    async def task(undone: AsyncDatabase) -> None:
        async with undone.transaction() as session:
            await repository(UndoneNote, session).add(note("new"))
            with pytest.raises(InvalidQuery) as raised:
                await asyncio.create_task(awaited_titles(undone))
            assert str(raised.value) == HAS_CHANGES
        assert await asyncio.create_task(awaited_titles(undone)) == ["kept", "new"]

    awaited.run(task)


def test_tasks_at_the_same_time_are_refused_or_served(awaited: Awaited) -> None:
    async def task(undone: AsyncDatabase) -> None:
        added = [repository(UndoneNote, undone).add(note(str(n))) for n in range(5)]
        answers = await asyncio.gather(*added, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert all(isinstance(error, SessionInUse | InvalidQuery) for error in refused), refused
        assert len(await awaited_titles(undone)) == 6 - len(refused)

    awaited.run(task)


def test_a_cancelled_test_is_undone(awaited: Awaited) -> None:
    async def run() -> None:
        written = asyncio.Event()

        async def cancelled() -> None:
            async with awaited.undone() as undone:
                await repository(UndoneNote, undone).add(note("new"))
                written.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(cancelled())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    with Database(awaited.url) as database:
        assert titles(database) == ["kept"]
