"""How many of the true nearest a search finds, and how long it takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from agentorm import Database, Hits, Search, SyncQuery, Vector, repository
from tests.benchmarks.index_recall.models import BUCKETS, RecallText
from tests.benchmarks.texts import Texts

K = 10
WARMING = 100
FEWEST = 5
TIE = 1e-6
"""What differs by less is as near."""


@dataclass(frozen=True)
class Filter:
    """What rows a search is restricted to: those in the first buckets.

    Attributes:
        buckets: how many of them pass; all, without a filter.
        indexed: the condition is on the column that has an index.
    """

    buckets: int
    indexed: bool = False

    @property
    def share(self) -> float:
        return self.buckets / BUCKETS

    def conditions(self, model: type[RecallText]) -> list[Any]:
        if self.buckets == BUCKETS:
            return []
        column: Any = model.indexed_bucket if self.indexed else model.bucket
        return [column < self.buckets]


SHARES = (BUCKETS, 100, 10, 1)
FILTERS = (
    *(Filter(buckets) for buckets in SHARES),
    *(Filter(buckets, indexed=True) for buckets in SHARES[1:]),
)


@dataclass(frozen=True)
class Setting:
    """How a search is tuned, by its name in the report."""

    name: str
    search: Search | None = None

    def tuned(self, query: SyncQuery[Any]) -> SyncQuery[Any]:
        return query if self.search is None else query.tune(self.search)


@dataclass(frozen=True)
class Measured:
    """One setting of one index behind one filter.

    Attributes:
        recall: the mean share of the true nearest among those returned.
        rows: the fewest rows that a search returned.
        expected: as many as there are, k at most.
        exact: the share of the answers that call themselves exact.
        p50: milliseconds of a search, the median; `p95` likewise.
        wall: seconds of all searches together.
        wrong: what no index may do: fewer rows, a wrong order, a row that the filter excludes.
    """

    engine: str
    index: str
    setting: str
    share: float
    filter_indexed: bool
    queries: int
    recall: float
    rows: int
    expected: int
    exact: float
    p50: float
    p95: float
    wall: float
    wrong: tuple[str, ...]


class Truth:
    """The distances of all rows to all queries, by numpy in float64."""

    def __init__(self, given: Texts) -> None:
        rows = given.embeddings.astype(np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        asked = np.array([np.asarray(query, np.float64) for query in given.queries])
        asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        self.distances: NDArray[np.float64] = 1 - asked @ rows.T
        self._buckets = np.arange(len(rows)) % BUCKETS

    def expected(self, place: Filter) -> int:
        return min(K, int((self._buckets < place.buckets).sum()))

    def farthest(self, place: Filter, query: int) -> float:
        """The distance of the last of the true nearest."""
        passing = self.distances[query][self._buckets < place.buckets]
        return float(np.partition(passing, self.expected(place) - 1)[: self.expected(place)].max())


@dataclass(frozen=True)
class Trial:
    """The searches of one table by the library, with one setting behind one filter."""

    db: Database
    model: type[RecallText]
    setting: Setting
    place: Filter
    tolerance: float

    def run(self, session: Session, vector: Vector) -> Hits[Any]:
        rows, where = repository(self.model, session), self.place.conditions(self.model)
        return self.setting.tuned(rows.similar_to(vector).where(*where).limit(K)).hits()


@dataclass
class _Sample:
    """What a trial has given so far."""

    times: list[float] = field(default_factory=list[float])
    answers: list[Hits[Any]] = field(default_factory=list[Hits[Any]])

    def add(self, trial: Trial, session: Session, vector: Vector) -> None:
        """One more answer, by a transaction of its own."""
        began = perf_counter()
        hits = trial.run(session, vector)
        self.times.append(perf_counter() - began)
        self.answers.append(hits)
        session.expunge_all()
        session.rollback()


def measured(
    trials: Sequence[Trial], index: str, given: Texts, truth: Truth, seconds: float
) -> list[Measured]:
    """Search with each query by each of the trials, and judge what comes back."""
    with trials[0].db.session() as session:
        _interleaved(trials, session, given.queries[:WARMING], seconds / 4, fewest=1)
        samples = _interleaved(trials, session, given.queries, seconds, fewest=FEWEST)
    return [_summary(*each, index, truth) for each in zip(trials, samples, strict=True)]


def _interleaved(
    trials: Sequence[Trial],
    session: Session,
    queries: Sequence[Vector],
    seconds: float,
    *,
    fewest: int,
) -> list[_Sample]:
    """In random order, so that other work on the machine burdens all alike."""
    samples = [_Sample() for _ in trials]
    for vector in queries:
        for place in random.sample(range(len(trials)), len(trials)):
            sample = samples[place]
            if sum(sample.times) <= seconds or len(sample.times) < fewest:
                sample.add(trials[place], session, vector)
    return samples


def _summary(trial: Trial, sample: _Sample, index: str, truth: Truth) -> Measured:
    place, expected, answers = trial.place, truth.expected(trial.place), sample.answers
    judged = [_judged(hits, trial, truth, n) for n, hits in enumerate(answers)]
    milliseconds = np.array(sample.times) * 1e3
    return Measured(
        engine=trial.db.dialect().name,
        index=index,
        setting=trial.setting.name,
        share=place.share,
        filter_indexed=place.indexed,
        queries=len(answers),
        recall=sum(found for found, _ in judged) / (expected * len(judged)),
        rows=min(map(len, answers)),
        expected=expected,
        exact=sum(hits.exact for hits in answers) / len(answers),
        p50=float(np.percentile(milliseconds, 50)),
        p95=float(np.percentile(milliseconds, 95)),
        wall=sum(sample.times),
        wrong=tuple(dict.fromkeys(wrong for _, each in judged for wrong in each)),
    )


def _judged(hits: Hits[Any], trial: Trial, truth: Truth, query: int) -> tuple[int, list[str]]:
    """How many of the true nearest are there, counting ties, and what is wrong with the rows."""
    keys = [hit.entity.id for hit in hits]
    told = np.array([hit.distance for hit in hits])
    true = truth.distances[query][keys]
    place, expected = trial.place, truth.expected(trial.place)
    farthest = truth.farthest(place, query)
    found = int((true <= farthest + TIE).sum())
    faults = {
        f"{len(keys)} rows instead of {expected}": len(keys) != expected,
        "a row twice": len({*keys}) != len(keys),
        "not sorted by distance": bool((np.diff(told) < 0).any()),
        "a distance that is not the true one": bool((np.abs(told - true) > trial.tolerance).any()),
        "a row that the filter excludes": any(key % BUCKETS >= place.buckets for key in keys),
        "called exact, and a near row is missing": hits.exact
        and bool((true > farthest + trial.tolerance).any()),
    }
    return min(found, expected), [fault for fault, is_so in faults.items() if is_so]
