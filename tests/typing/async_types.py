"""What type checkers make of what is awaited: `assert_type`, read by mypy and pyright alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_type

from agentorm import (
    AsyncDatabase,
    AsyncQuery,
    AsyncRepository,
    Capabilities,
    Database,
    Entity,
    Explanation,
    Field,
    Hits,
    Page,
    Prepared,
    Repository,
    SyncQuery,
    Vector,
    Weighted,
    param,
    repository,
    vector_field,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession as PlainSession
    from sqlmodel.ext.asyncio.session import AsyncSession


class Letter(Entity):
    """No table: the type checkers alone read it."""

    id: int | None = Field(default=None, primary_key=True)
    topic: str
    embedding: Vector = vector_field(3)


def the_places(session: AsyncSession, plain: PlainSession, db: AsyncDatabase) -> None:
    assert_type(repository(Letter, session), AsyncRepository[Letter])
    assert_type(repository(Letter, plain), AsyncRepository[Letter])
    assert_type(repository(Letter, db), AsyncRepository[Letter])
    unbound = repository(Letter)
    assert_type(unbound, Repository[Letter])
    assert_type(unbound.on(db), AsyncRepository[Letter])
    assert_type(unbound.on(session), AsyncRepository[Letter])
    assert_type(unbound.on(plain), AsyncRepository[Letter])
    assert_type(unbound.limit(1).on(db), AsyncQuery[Letter])
    assert_type(unbound.limit(1).on(session), AsyncQuery[Letter])


def there_and_back(db: Database, awaited: AsyncDatabase) -> None:
    assert_type(repository(Letter, awaited).on(db), Repository[Letter])
    assert_type(repository(Letter, awaited).limit(1).on(db), SyncQuery[Letter])
    assert_type(repository(Letter, db).on(awaited), AsyncRepository[Letter])
    assert_type(repository(Letter, db).limit(1).on(awaited), AsyncQuery[Letter])


def the_verbs(letters: AsyncRepository[Letter]) -> None:
    ranked = letters.similar_to([1, 2, 3])
    assert_type(ranked, AsyncQuery[Letter])
    assert_type(ranked.where(Letter.topic == "x").limit(5).offset(2), AsyncQuery[Letter])
    assert_type(ranked.max_distance(0.5).min_score(0.5), AsyncQuery[Letter])
    assert_type(ranked.matching("x").fuse(Weighted((2, 1))), AsyncQuery[Letter])
    assert_type(letters.order_by(Letter.topic), AsyncQuery[Letter])


async def later(letters: list[Letter]) -> list[float]:
    return [len(letter.topic) for letter in letters]


async def what_is_looked_at_again(letters: AsyncRepository[Letter]) -> None:
    ranked = letters.similar_to([1, 2, 3])
    assert_type(ranked.rerank(later, depth=20), AsyncQuery[Letter])
    assert_type(ranked.rerank(lambda rows: [len(row.topic) for row in rows]), AsyncQuery[Letter])
    assert_type(ranked.diverse(), AsyncQuery[Letter])
    assert_type(letters.best_per("topic"), AsyncQuery[Letter])
    assert_type(await ranked.rerank(later).all(), list[Letter])


@dataclass
class Card:
    topic: str
    distance: float


async def cards_later(cards: list[Card]) -> list[float]:
    return [card.distance for card in cards]


async def what_is_read_into(letters: AsyncRepository[Letter], db: Database) -> None:
    cards = letters.similar_to([1, 2, 3]).into(Card)
    assert_type(cards, AsyncQuery[Card])
    assert_type(letters.into(Card), AsyncQuery[Card])
    assert_type(cards.limit(5).rerank(cards_later), AsyncQuery[Card])
    assert_type(await cards.all(), list[Card])
    assert_type(await cards.hits(), Hits[Card])
    assert_type(await cards.first(), Card | None)
    assert_type(await cards.page(), Page[Card])
    assert_type(cards.stream(), AsyncGenerator[Card])
    assert_type(cards.on(db), SyncQuery[Card])


async def the_endings(letters: AsyncRepository[Letter], query: AsyncQuery[Letter]) -> None:
    assert_type(await query.all(), list[Letter])
    assert_type(await query.hits(), Hits[Letter])
    assert_type(await query.page(None, size=5), Page[Letter])
    assert_type(await query.first(), Letter | None)
    assert_type(await query.one(), Letter)
    assert_type(await query.one_or_none(), Letter | None)
    assert_type(await query.count(), int)
    assert_type(await query.exists(), bool)
    assert_type(await query.explain(), Explanation)
    assert_type(query.stream(), AsyncGenerator[Letter])
    async for letter in letters.stream():
        assert_type(letter, Letter)
    for hit in await query.hits():
        assert_type(hit.entity, Letter)
        assert_type(hit.distance, float)


async def the_writes(letters: AsyncRepository[Letter], letter: Letter) -> None:
    assert_type(await letters.get(1), Letter | None)
    assert_type(await letters.get_many([1, 2]), list[Letter])
    assert_type(await letters.add(letter), Letter)
    assert_type(await letters.add_all([letter]), list[Letter])
    assert_type(await letters.upsert([letter], on=Letter.topic), list[Letter])
    assert_type(await letters.update(letter, topic="x"), Letter)
    assert_type(await letters.update_where(Letter.topic == "x", topic="y"), int)
    assert_type(await letters.delete_where(Letter.topic == "x"), int)
    await letters.delete(letter)


async def the_database(db: AsyncDatabase, work: Callable[[Database, int], str]) -> None:
    assert_type(db.session(), "AsyncSession")
    async with db.transaction() as session:
        assert_type(session, "AsyncSession")
    async with AsyncDatabase.from_env("sqlite://") as opened:
        assert_type(opened, AsyncDatabase)
    assert_type(await db.run_sync(work, 7), str)
    assert_type(await db.capabilities(), Capabilities)
    assert_type(await db.ping(), float)


async def what_is_refused(db: AsyncDatabase, work: Callable[[Database, int], str]) -> None:
    """Each comment is itself an error to mypy when it is not needed."""
    letters = repository(Letter, db)
    await letters.add("x")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    await db.run_sync(work, "7")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    AsyncDatabase(3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def what_is_prepared(
    letters: Repository[Letter], db: Database, later_db: AsyncDatabase, session: AsyncSession
) -> None:
    near = letters.similar_to(param("v")).where(Letter.topic == param("t")).limit(5)
    find, cards = near.prepared(), near.into(Card).prepared()
    assert_type(find, Prepared[Letter])
    assert_type(find(db, v=[1, 2, 3], t="x"), list[Letter])
    assert_type(find.hits(db, v=[1, 2, 3], t="x"), Hits[Letter])
    assert_type(find.first(db, v=[1, 2, 3], t="x"), Letter | None)
    assert_type(await find(later_db, v=[1, 2, 3], t="x"), list[Letter])
    assert_type(await find.hits(session, v=[1, 2, 3], t="x"), Hits[Letter])
    assert_type(await find.first(later_db, v=[1, 2, 3], t="x"), Letter | None)
    assert_type(cards, Prepared[Card])
    with db.session() as plain:
        assert_type(cards(plain, v=[1, 2, 3], t="x"), list[Card])
        assert_type(cards.hits(plain, v=[1, 2, 3], t="x"), Hits[Card])
        assert_type(cards.first(plain, v=[1, 2, 3], t="x"), Card | None)
    assert_type(await cards(session, v=[1, 2, 3], t="x"), list[Card])
    assert_type(await cards.hits(later_db, v=[1, 2, 3], t="x"), Hits[Card])
    assert_type(await cards.first(session, v=[1, 2, 3], t="x"), Card | None)
    bound = repository(Letter, later_db).limit(param("n")).prepared()
    assert_type(bound, Prepared[Letter])
    bound(5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    find.first()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
