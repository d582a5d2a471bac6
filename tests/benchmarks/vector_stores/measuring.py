"""How searches are timed: everybody in turn, some in a row, of which the first does not count."""

from __future__ import annotations

import gc
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from tests.benchmarks.vector_stores.contenders.base import Way
from tests.benchmarks.vector_stores.given import BUCKETS, Ask, Floats
from tests.benchmarks.vector_stores.truth import Truth

IN_A_ROW = 10
_FEWEST = 2


@dataclass(frozen=True)
class Trial:
    """What is asked of one contender.

    Attributes:
        buckets: those of which rows pass.
        ef: how far a graph is searched; None where that is not told.
    """

    way: Way
    k: int
    buckets: int = BUCKETS
    ef: int | None = None

    def ask(self, query: Floats) -> Ask:
        """For this query."""
        return Ask(query, self.k, None if self.buckets == BUCKETS else self.buckets, self.ef)


@dataclass
class Sample:
    """What came.

    Attributes:
        seconds: of each search.
        answers: the ids that each gave.
    """

    seconds: list[float] = field(default_factory=list[float])
    answers: list[list[int]] = field(default_factory=list[list[int]])

    def add(self, trial: Trial, query: Floats, *, counts: bool) -> None:
        """One search, and what it gave."""
        ask, way = trial.ask(query), trial.way
        way.before()
        began = perf_counter()
        answer = way.search(ask)
        took = perf_counter() - began
        if counts:
            self.seconds.append(took)
            self.answers.append([*map(int, way.ids(answer))])
        del answer
        way.after()


def measured(trials: Mapping[str, Trial], queries: Floats, seconds: float) -> dict[str, Sample]:
    """Every contender's answers to the queries, or to as many as it answers in that time.

    A turn is some queries in a row, after one that does not count, for the contender before has
    left its own data in the processor's caches. The order of the turns is random.
    """
    samples = {name: Sample() for name in trials}
    gc.collect()
    gc.freeze()
    for start in range(0, len(queries), IN_A_ROW):
        turn = queries[start : start + IN_A_ROW]
        for name in random.sample([*trials], len(trials)):
            sample = samples[name]
            if start < _FEWEST * IN_A_ROW or sum(sample.seconds) <= seconds:
                _turn(trials[name], sample, turn)
    gc.unfreeze()
    return samples


def _turn(trial: Trial, sample: Sample, queries: Floats) -> None:
    gc.collect()
    sample.add(trial, queries[-1], counts=False)
    for query in queries:
        sample.add(trial, query, counts=True)


def recall(truth: Truth, trial: Trial, answers: Sequence[Sequence[int]]) -> float:
    """The mean share of the true nearest that came."""
    expected = truth.expected(trial.k, trial.buckets)
    found = [truth.found(query, ids, trial.k, trial.buckets) for query, ids in enumerate(answers)]
    return sum(found) / (expected * len(found))


def reaching(
    trial: Trial, efs: Sequence[int], truth: Truth, queries: Floats, wanted: float
) -> int | None:
    """The least of these `ef` that finds as many as wanted; None where none does."""
    for ef in sorted({*efs}):
        tuned = Trial(trial.way, trial.k, trial.buckets, ef)
        sample = Sample()
        for query in queries:
            sample.add(tuned, query, counts=True)
        if recall(truth, tuned, sample.answers) >= wanted:
            return ef
    return None
