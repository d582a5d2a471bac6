"""What is read without ``await`` and needs SQL says so, and leaves the session as it was."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import defer, selectinload
from sqlmodel.ext.asyncio.session import AsyncSession

from agentorm import AsyncDatabase, Database, NotLoaded
from agentorm.loading import explain_loads
from tests.contract.operas import ACTS, COMPOSER, Building, Opera, Room, compose, refusal

# loaders are typed for SQLAlchemy's own annotations
_Opera: Any = Opera
Task = Callable[[AsyncSession], Awaitable[None]]
EXPIRED = "Opera is not loaded; it expired; read it again: await session.refresh(...)"


@pytest.fixture
def run(db: Database, url: str) -> Callable[[Task], None]:
    """Runs a task in a session whose statements are awaited."""
    compose(db)
    db.create_all(Building, Room)

    async def within(task: Task) -> None:
        plain = make_url(url)
        awaited = AsyncDatabase(plain.set(drivername=plain.get_backend_name()))
        async with awaited, AsyncSession(awaited.engine) as session:
            await task(session)

    return lambda task: asyncio.run(within(task))


def test_an_unloaded_relationship_names_the_remedy(run: Callable[[Task], None]) -> None:
    async def task(session: AsyncSession) -> None:
        found = await session.get_one(Opera, 1)
        assert refusal(lambda: found.composer) == COMPOSER
        assert refusal(lambda: found.acts) == ACTS
        await session.refresh(found, ["composer"])
        assert found.composer is not None
        assert found.composer.name == "Mozart"

    run(task)


def test_what_was_loaded_is_readable(run: Callable[[Task], None]) -> None:
    async def task(session: AsyncSession) -> None:
        loaded = await session.get_one(Opera, 1, options=[selectinload(_Opera.composer)])
        await session.close()
        assert loaded.composer is not None
        assert loaded.composer.name == "Mozart"
        assert refusal(lambda: loaded.acts) == ACTS

    run(task)


def test_expired_values_are_read_again_by_refresh(run: Callable[[Task], None]) -> None:
    async def task(session: AsyncSession) -> None:
        found = await session.get_one(Opera, 1)
        await session.commit()
        assert refusal(lambda: found.title) == EXPIRED
        assert refusal(lambda: found.composer) == EXPIRED
        await session.refresh(found)
        assert found.title == "Figaro"
        session.expire(found, ["title"])
        assert refusal(lambda: found.title) == (
            "Opera.title is not loaded; "
            "it expired; read it again: await session.refresh(..., ['title'])"
        )
        await session.refresh(found, ["title"])
        assert found.title == "Figaro"

    run(task)


def test_columns_that_were_left_out_say_so(run: Callable[[Task], None]) -> None:
    async def task(session: AsyncSession) -> None:
        explain_loads(session.sync_session)
        found = await session.get_one(Opera, 1, options=[defer(_Opera.title)])
        assert refusal(lambda: found.title) == (
            "a column of Opera is not loaded; ask for it in the query: .options(undefer(...)), "
            "or read it now: await session.refresh(..., [its name])"
        )
        await session.refresh(found, ["title"])
        assert found.title == "Figaro"

    run(task)


def test_relationships_that_load_by_themselves_cannot(run: Callable[[Task], None]) -> None:
    author = (
        "Opera.author is not loaded; load it with the query: .options(selectinload(Opera.author))"
    )

    async def task(session: AsyncSession) -> None:
        explain_loads(session.sync_session)
        found = await session.get_one(Opera, 1)
        assert refusal(lambda: found.author) == author

        def name() -> str | None:
            return found.author.name if found.author else None

        assert await session.run_sync(lambda _: name()) == "Mozart"
        assert name() == "Mozart"

    run(task)


def test_plain_classes_say_so_too(run: Callable[[Task], None]) -> None:
    rooms = (
        "Building.rooms is not loaded; "
        "load it with the query: .options(selectinload(Building.rooms))"
    )

    async def task(session: AsyncSession) -> None:
        explain_loads(session.sync_session)
        session.add(Building(rooms=[Room(), Room()]))
        await session.flush()
        session.expunge_all()
        building = await session.get_one(Building, 1)
        assert refusal(lambda: building.rooms) == rooms
        session.expire(building)
        assert refusal(lambda: building.id).startswith("a column of Building is not loaded; ")
        await session.refresh(building, ["id", "rooms"])
        assert len(building.rooms) == 2

    run(task)


def test_what_is_changed_and_not_flushed_survives(run: Callable[[Task], None]) -> None:
    async def task(session: AsyncSession) -> None:
        explain_loads(session.sync_session)
        explain_loads(session.sync_session)
        found = await session.get_one(Opera, 1)
        found.title = "Le nozze di Figaro"
        with pytest.raises(NotLoaded):
            _ = found.author
        await session.commit()
        await session.refresh(found)
        assert found.title == "Le nozze di Figaro"

    run(task)
