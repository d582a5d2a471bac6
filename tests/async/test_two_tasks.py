"""Two tasks and one session: the second is refused at once, the first goes on unharmed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.ext.asyncio import AsyncSession as PlainSession
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from agentorm import AsyncDatabase, InvalidQuery, SessionInUse, repository
from tests.tasks import (
    ONE,
    ROWS,
    SLEEPING,
    Sheet,
    awaited,
    one_connection,
    rows_in,
    rows_of,
    sheet,
    sheets,
    turns,
)

Sessions = Callable[[AsyncDatabase], Any]
Act = Callable[[], Awaitable[Any]]


def own_session(db: AsyncDatabase) -> Any:
    return db.session()


def own_transaction(db: AsyncDatabase) -> Any:
    return db.transaction()


@asynccontextmanager
async def of_an_unknown_engine(db: AsyncDatabase, kind: type[Any]) -> AsyncGenerator[Any]:
    engine: AsyncEngine = create_async_engine(db.engine.url, **ONE)
    try:
        async with kind(engine, expire_on_commit=False) as session:
            yield session
        async with PlainSession(engine) as after:
            assert await repository(Sheet, after).count() == ROWS
    finally:
        await engine.dispose()


def session_of_sqlmodel(db: AsyncDatabase) -> Any:
    return of_an_unknown_engine(db, AsyncSession)


def session_of_sqlalchemy(db: AsyncDatabase) -> Any:
    return of_an_unknown_engine(db, PlainSession)


KINDS = [own_session, own_transaction, session_of_sqlmodel, session_of_sqlalchemy]


def acts(session: Any, engine: str) -> dict[str, Act]:
    """What a task may do with a session."""
    rows = rows_of(session)
    ask: Any = session.exec if hasattr(session, "exec") else session.execute

    async def drain() -> int:
        return sum([1 async for _ in rows.stream()])

    async def flush() -> None:
        session.add(extra := sheets(1, 7)[0])
        try:
            await session.flush()
        finally:
            session.expunge(extra)

    async def autoflush() -> None:
        session.add(extra := sheets(1, 7)[0])
        try:
            await ask(select(Sheet.id))
        finally:
            session.expunge(extra)

    async def commit() -> None:
        await session.commit()

    return {
        "sleep": lambda: ask(STATEMENTS[engine]),
        "count": rows.count,
        "rank": rows.similar_to([1, 2, 3]).limit(3).all,
        "drain": drain,
        "get": lambda: rows.get(3),
        "add": lambda: rows.add(sheets(1)[0]),
        "add_all": lambda: rows.add_all(sheets(300)),
        "upsert": lambda: rows.upsert([sheet("x", key=1)]),
        "update_where": lambda: rows.update_where(Sheet.n == 1, title="x"),
        "exec": lambda: ask(select(Sheet.id)),
        "flush": flush,
        "autoflush": autoflush,
        "commit": commit,
    }


DONE: dict[str, Callable[[Any], bool]] = {
    "rank": lambda found: [found_one.n for found_one in found] == [1, 2, 3],
    "drain": lambda count: count == ROWS,
    "add_all": lambda added: all(one.id for one in added),
}
DIRECT = ["exec", "flush", "autoflush", "commit"]
SECOND = ["count", "rank", "drain", "get", "add", "add_all", "upsert", "update_where", *DIRECT]
EARLY = ["count", "get", "update_where", "exec", "commit"]
PLAIN = {"exec", "commit"}
REFUSAL = (
    "another task uses this session, and a session serves one at a time; "
    "give each task its own: db.session(), or repository(Model, db)"
)
STATEMENTS = {engine: text(told) for engine, told in SLEEPING.items()}
PAIRS = {(first, second) for first in DONE for second in SECOND}
_WARNS = {("add_all", "flush"), ("add_all", "autoflush")}  # session.add() within a flush
_UNDOES = {("add_all", "commit")}  # SQLAlchemy's commit within a flush
UNFIT: dict[Sessions, set[tuple[str, str]]] = {
    own_session: _WARNS,
    session_of_sqlalchemy: _WARNS | _UNDOES,
}


async def refused(act: Act) -> BaseException | None:
    (told,) = await asyncio.gather(act(), return_exceptions=True)
    return told


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_all_is_refused_while_a_statement_is_awaited(
    filled: str, engine_name: str, kind: Sessions
) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db, kind(db) as session:
            assert await rows_of(session).count() == ROWS
            known = acts(session, engine_name)
            first = asyncio.ensure_future(known["sleep"]())
            await turns(1)
            told = {second: await refused(known[second]) for second in SECOND}
            assert not first.done()
            assert {second: type(error) for second, error in told.items()} == dict.fromkeys(
                SECOND, SessionInUse
            )
            assert len((await first).all()) == 1
            assert await rows_of(session).count() == ROWS
            await session.rollback()

    asyncio.run(scenario())


@pytest.mark.untraced
@pytest.mark.parametrize("kind", UNFIT, ids=lambda kind: kind.__name__)
def test_the_second_task_is_refused(filled: str, engine_name: str, kind: Sessions) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db:
            for first, second in PAIRS - UNFIT[kind]:
                async with kind(db) as session:
                    assert await rows_of(session).count() == ROWS
                    known = acts(session, engine_name)
                    before = asyncio.ensure_future(known[first]())
                    await turns(1)
                    told = await refused(known[second])
                    assert isinstance(told, SessionInUse), (first, second, told)
                    assert DONE[first](await before), (first, second)
                    added = 300 if first == "add_all" else 0
                    assert await rows_of(session).count() == ROWS + added
                    await session.rollback()
            assert await rows_in(db) == ROWS

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", UNFIT, ids=lambda kind: kind.__name__)
def test_all_is_refused_while_the_first_connects(
    filled: str, engine_name: str, kind: Sessions
) -> None:
    """SQLAlchemy refuses what is its own, if it is asked before any ending."""

    async def scenario() -> None:
        for first in ("rank", "exec", "add_all"):
            async with awaited(filled) as db, kind(db) as session:
                known = acts(session, engine_name)
                before = asyncio.ensure_future(known[first]())
                await turns(1)
                told = {second: await refused(known[second]) for second in EARLY}
                assert {second: type(error) for second, error in told.items()} == {
                    second: told[second].__class__
                    if second in PLAIN and isinstance(told[second], InvalidRequestError)
                    else SessionInUse
                    for second in EARLY
                }
                await before
                await session.rollback()
                assert await rows_of(session).count() == ROWS

    asyncio.run(scenario())


def test_the_message_says_the_way_out(filled: str) -> None:
    async def scenario() -> None:
        async with awaited(filled) as db, db.session() as session:
            rows = repository(Sheet, session)
            got = await asyncio.gather(rows.count(), rows.count(), return_exceptions=True)
            assert [str(found) for found in got] == [
                "1200",
                REFUSAL,
            ]

    asyncio.run(scenario())


def test_one_task_after_the_other_is_fine(filled: str) -> None:
    async def scenario() -> None:
        async with awaited(filled) as db, db.session() as session:
            rows = repository(Sheet, session)
            for _ in range(3):
                assert await asyncio.create_task(rows.count()) == ROWS
            with pytest.raises(InvalidQuery):
                await asyncio.create_task(rows.hits())
            assert await asyncio.create_task(rows.count()) == ROWS

    asyncio.run(scenario())


def test_a_rollback_by_another_task_is_refused(filled: str, engine_name: str) -> None:
    async def scenario() -> None:
        async with one_connection(filled) as db, db.session() as session:
            rows = repository(Sheet, session)
            await rows.add(sheets(1)[0])
            asked = asyncio.ensure_future(acts(session, engine_name)["sleep"]())
            await turns(1)
            with pytest.raises(SessionInUse):
                await session.rollback()
            await asked
            assert await rows.count() == ROWS + 1

    asyncio.run(scenario())


def test_connections_of_its_own_for_each_task(filled: str) -> None:
    async def scenario() -> None:
        async with awaited(filled) as db:
            rows = repository(Sheet, db)
            counts = await asyncio.gather(*(rows.count() for _ in range(12)))
            assert counts == [ROWS] * 12

    asyncio.run(scenario())
