"""Searches by 1, 4 and 16 threads, each with a session or connection of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from threading import Barrier
from time import perf_counter

from tests.benchmarks.vector_stores.given import Floats
from tests.benchmarks.vector_stores.measuring import Trial

COUNTS = (1, 4, 16)
Counted = dict[int, list[float]]


def per_second(
    teams: dict[str, Sequence[Trial]], queries: Floats, seconds: float, rounds: int
) -> dict[str, Counted]:
    """For each contender and number of threads the searches per second, a number a round."""
    found = {name: {count: list[float]() for count in COUNTS} for name in teams}
    turns = [(name, count) for name in teams for count in COUNTS]
    for _ in range(rounds):
        for name, count in random.sample(turns, len(turns)):
            found[name][count].append(_counted(teams[name][:count], queries, seconds))
    return found


def _counted(trials: Sequence[Trial], queries: Floats, seconds: float) -> float:
    """Searches per second of these threads together."""
    together = Barrier(len(trials))

    def search(place: int) -> tuple[int, float]:
        trial, done = trials[place], 0
        asked = cycle(islice(cycle(queries), place, place + len(queries)))
        together.wait()
        began = perf_counter()
        while (took := perf_counter() - began) < seconds or not done:
            ask = trial.ask(next(asked))
            trial.way.before()
            trial.way.search(ask)
            trial.way.after()
            done += 1
        return done, took

    with ThreadPoolExecutor(len(trials)) as pool:
        counted = [*pool.map(search, range(len(trials)))]
    return sum(done / took for done, took in counted)
