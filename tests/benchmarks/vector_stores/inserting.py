"""Searches while another thread inserts rows, and whether these are found at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from time import perf_counter, sleep

import numpy as np

from tests.benchmarks.vector_stores.contenders.base import Hand, Opened
from tests.benchmarks.vector_stores.given import Ask, Floats, Row, row, unit

PER_SECOND = 100
K = 10
_EVERY, _NOISE, _SEED = 5, 0.01, 5


@dataclass(frozen=True)
class Meanwhile:
    """What happened at the same time.

    Attributes:
        searches: seconds of each.
        inserts: seconds of each.
        elapsed: seconds in all.
        fresh: the share of the rows that were found by the search begun after their insert; None
            where there was no time for one.
    """

    searches: tuple[float, ...]
    inserts: tuple[float, ...]
    elapsed: float
    fresh: float | None


def new_rows(queries: Floats, first: int, seconds: float) -> list[Row]:
    """Rows like the queries, with numbers from `first` on."""
    chance = np.random.default_rng(_SEED)
    count = int(PER_SECOND * seconds)
    noise = chance.standard_normal((count, queries.shape[1]), np.float32) * np.float32(_NOISE)
    return [row(first + n, v) for n, v in enumerate(unit(np.resize(queries, noise.shape) + noise))]


def meanwhile(
    opened: Opened, ef: int | None, queries: Floats, rows: Sequence[Row], seconds: float
) -> Meanwhile:
    """One thread inserts so many rows a second, or as many as it can, another searches."""
    searching, writing = opened.hand(writing=True), opened.hand(writing=True)
    inserted, times, over = list[Row](), list[float](), Event()

    def insert() -> None:
        began = perf_counter()
        for n, new in enumerate(rows):
            sleep(max(0.0, began + n / PER_SECOND - perf_counter()))
            if over.is_set():
                return
            start = perf_counter()
            writing.insert(new)
            times.append(perf_counter() - start)
            inserted.append(new)

    _searched(searching, [Ask(query, K, ef=ef) for query in queries[:_EVERY]])
    with ThreadPoolExecutor(1) as pool:
        began = perf_counter()
        writer = pool.submit(insert)
        try:
            searches, fresh = _while(writer, searching, inserted, ef, queries, began + seconds)
        finally:
            over.set()
        writer.result()
    elapsed = perf_counter() - began
    share = sum(fresh) / len(fresh) if fresh else None
    return Meanwhile(tuple(searches), tuple(times), elapsed, share)


def _while(
    writer: Future[None],
    hand: Hand,
    inserted: Sequence[Row],
    ef: int | None,
    queries: Floats,
    until: float,
) -> tuple[list[float], list[bool]]:
    way, times, fresh, n = next(iter(hand.ways.values())), list[float](), list[bool](), 0
    while perf_counter() < until and not (writer.done() and writer.exception()):
        n += 1
        newest = inserted[-1] if inserted and n % _EVERY == 0 else None
        ask = Ask(queries[n % len(queries)] if newest is None else newest.embedding, K, ef=ef)
        way.before()
        start = perf_counter()
        answer = way.search(ask)
        times.append(perf_counter() - start)
        if newest is not None:
            fresh.append(newest.id in way.ids(answer))
        way.after()
    return times, fresh


def _searched(hand: Hand, asks: Sequence[Ask]) -> None:
    way = next(iter(hand.ways.values()))
    for ask in asks:
        way.before()
        way.search(ask)
        way.after()
