"""The same reads by 1, 4 and 16 threads, each with a session or connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from agentorm import Database, repository
from tests.benchmarks.price.measuring import RAW, Step, Steps
from tests.benchmarks.price.peers.ours import OURS
from tests.benchmarks.price.peers.raw import nearest_sql, selecting
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.tables import COLUMNS, PriceRow
from tests.benchmarks.price.works import SEARCH_10, THREADS, THREADS_SEARCH

COUNTS = (1, 4, 16)


@dataclass(frozen=True)
class Hand:
    """What one thread works with: reads by key, searches, and the transaction around them."""

    get: Callable[[int], object]
    search: Callable[[Any], object]
    begin: Callable[[], object]
    end: Callable[[], object]


def by_threads(contender: str, count: int) -> str:
    """A contender's name in the report; the raw driver's by one thread is the baseline."""
    if (contender, count) == (RAW, 1):
        return RAW
    return f"{contender}, {count} thread{'s' * (count > 1)}"


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """Each contender with each number of threads."""
    most = max(COUNTS)
    options = {"pool_size": most, "max_overflow": most}
    db = stack.enter_context(Database(place.db.url, engine_options=options))
    teams = {
        RAW: [_raw(place, stack) for _ in range(most)],
        OURS: [_ours(place, db, stack) for _ in range(most)],
    }
    return {
        by_threads(name, count): _steps(place, hands[:count], stack)
        for name, hands in teams.items()
        for count in COUNTS
    }


def _steps(place: Place, hands: Sequence[Hand], stack: ExitStack) -> dict[str, Step]:
    pool = stack.enter_context(ThreadPoolExecutor(len(hands)))

    def step(
        reads: Sequence[Sequence[Any]], read: Callable[[Hand], Callable[[Any], object]]
    ) -> Step:
        def run() -> None:
            done = pool.map(_all_of, map(read, hands), reads)
            assert len([*done]) == len(hands)

        return Step(run, lambda: [hand.begin() for hand in hands], lambda: [h.end() for h in hands])

    keys = place.keys[: THREADS.repeats]
    steps = {THREADS.name: step(_dealt(keys, len(hands)), lambda hand: hand.get)}
    if place.searched is not None and place.driver.nearest is not None:
        asked = (*place.queries,) * (THREADS_SEARCH.repeats // len(place.queries))
        steps[THREADS_SEARCH.name] = step(_dealt(asked, len(hands)), lambda hand: hand.search)
    return steps


def _dealt(all_: Sequence[Any], count: int) -> list[Sequence[Any]]:
    return [all_[start::count] for start in range(count)]


def _all_of(read: Callable[[Any], object], asked: Sequence[Any]) -> None:
    for one in asked:
        read(one)


def _raw(place: Place, stack: ExitStack) -> Hand:
    connection = stack.enter_context(closing(place.driver.connect(place.db)))
    cursor, encode = place.driver.cursor(connection), place.driver.encode
    by_key = selecting(place, COLUMNS, "WHERE id = {mark}")
    near, marks = nearest_sql(place, SEARCH_10) or ("", 0)

    def get(key: int) -> None:
        cursor.execute(by_key, (key,))
        cursor.fetchone()

    def search(query: Any) -> None:
        cursor.execute(near, (encode(query),) * marks)
        cursor.fetchall()

    def begin() -> None:
        cursor.execute("BEGIN" if place.driver.begin is not None else "SELECT 1")
        for setting in place.driver.looking.get(SEARCH_10.rows, ()):
            cursor.execute(setting)

    return Hand(get, search, begin, connection.rollback)


def _ours(place: Place, db: Database, stack: ExitStack) -> Hand:
    session = stack.enter_context(db.session())
    rows = repository(PriceRow, session)
    searched: Any = repository(place.searched or PriceRow, session)

    def search(query: Any) -> None:
        searched.similar_to(query).limit(SEARCH_10.rows).hits()

    def end() -> None:
        session.rollback()
        session.expunge_all()

    return Hand(rows.get, search, session.connection, end)
