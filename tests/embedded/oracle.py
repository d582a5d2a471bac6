"""What a search must find: all rows read by plain SQL in its own transaction, and measured here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import LargeBinary, select, type_coerce
from sqlmodel import Session

from agentorm import Database, Hits, Metric, SyncQuery, repository
from tests.embedded.shelves import table_of

TOLERANCE = 1e-5
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Question:
    """What is looked for.

    Attributes:
        below: only rows whose `n` is less; None for all.
    """

    vector: Sequence[float]
    size: int
    skip: int = 0
    below: int | None = None

    def of(self, model: type[Any], session: Session) -> SyncQuery[Any]:
        query = repository(model, session).similar_to(list(self.vector), on="embedding")
        if self.below is not None:
            query = query.where(model.n < self.below)
        return query.limit(self.size).offset(self.skip)


@dataclass(frozen=True)
class Truth:
    """Every row that has a distance: its key and that, nearest first.

    Attributes:
        slack: how far an engine that sums in float32 may be off, for each.
    """

    keys: list[Key]
    distances: NDArray[np.float64]
    slack: NDArray[np.float64]


class Everything:
    """All rows that a session sees with a vector, read without any ranking in SQL."""

    def __init__(self, model: type[Any], session: Session) -> None:
        session.flush()
        table = table_of(model)
        keys, vector = [*table.primary_key.columns], type_coerce(table.c.embedding, LargeBinary)
        made = select(*keys, table.c.n, vector)
        every: list[Any] = [*session.connection().execute(made)]
        self._rows = [row for row in every if row[-1] is not None]
        self._metric = _metric(model)

    def truth(self, question: Question) -> Truth:
        """Those that pass, nearest first."""
        rows = self._rows
        if question.below is not None:
            rows = [row for row in rows if row[-2] < question.below]
        vectors = np.frombuffer(b"".join([row[-1] for row in rows]), "<f4").astype(np.float64)
        vectors = vectors.reshape(len(rows), len(question.vector))
        query = np.asarray(question.vector, np.float64)
        distances, slack = _measured(vectors, query, self._metric)
        order = np.argsort(distances, kind="stable")
        order = order[~np.isnan(distances[order])]
        return Truth([tuple(rows[i][:-2]) for i in order], distances[order], slack[order])


def truth(model: type[Any], session: Session, question: Question) -> Truth:
    """What a search of this question must find."""
    return Everything(model, session).truth(question)


def _metric(model: type[Any]) -> Metric:
    (index,) = [index for index in table_of(model).indexes if "agentorm_metric" in index.info]
    metric: Metric = index.info["agentorm_metric"]
    return metric


def _measured(
    vectors: NDArray[np.float64], query: NDArray[np.float64], metric: Metric
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    if metric is Metric.L2:
        found = np.linalg.norm(vectors - query, axis=1)
        return found, TOLERANCE * np.maximum(found, 1)
    products = vectors @ query
    if metric is Metric.INNER_PRODUCT:
        return -products, TOLERANCE * np.maximum(lengths, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - products / lengths, np.full(len(vectors), TOLERANCE)


def key_of(entity: object) -> Key:
    return tuple(getattr(entity, str(column.name)) for column in table_of(type(entity)).primary_key)


def check_rows(hits: Hits[Any], true: Truth, question: Question) -> None:
    """No row is invented, stale, twice, out of order or one of too few."""
    places = {key: i for i, key in enumerate(true.keys)}
    found = [key_of(hit.entity) for hit in hits]
    assert len(set(found)) == len(found), f"a row comes twice: {found}"
    assert [key for key in found if key not in places] == [], "rows that are not there"
    for key, hit in zip(found, hits, strict=True):
        i = places[key]
        assert abs(hit.distance - true.distances[i]) <= true.slack[i], f"{key} has another distance"
    distances = [hit.distance for hit in hits]
    assert distances == sorted(distances)
    there = len(true.keys[question.skip : question.skip + question.size])
    assert len(found) == there, f"{len(found)} rows came of {there}"


def check_nearest(hits: Hits[Any], true: Truth, question: Question) -> None:
    """The rows are the nearest there are, but for those that are as far."""
    check_rows(hits, true, question)
    page = slice(question.skip, question.skip + question.size)
    wanted, slack = true.distances[page], true.slack[page]
    for hit, distance, off in zip(hits, wanted, slack, strict=True):
        assert abs(hit.distance - distance) <= 2 * off, "a nearer row is missing"


def searched(model: type[Any], session: Session, question: Question) -> Hits[Any]:
    """The answer of the index, found to be the nearest rows."""
    hits = question.of(model, session).hits()
    check_nearest(hits, truth(model, session, question), question)
    return hits


def recall(hits: Hits[Any], true: Truth, question: Question) -> float:
    """Which share of the nearest came, those as far as the last of them counted as well."""
    wanted = true.distances[question.skip : question.skip + question.size]
    if not len(wanted):
        return 1.0
    farthest = wanted[-1] + 2 * TOLERANCE * max(1.0, abs(wanted[-1]))
    return sum(hit.distance <= float(farthest) for hit in hits) / len(wanted)


QUESTIONS = (
    Question([1.0, 0.5, -1.0, 0.25], size=3),
    Question([-3.0, 1.0, 2.0, 1.0], size=5, skip=2),
    Question([0.5, 0.5, 2.0, -1.0], size=4, below=2),
    Question([0.0, -1.0, 0.0, 0.0], size=100),
    Question([0.0, 0.0, 1.0, 0.0], size=100, below=1),
)


def rankers(db: Database, model: type[Any]) -> set[str]:
    """Who answers some questions, each as it must be."""
    with db.session() as session:
        return {searched(model, session, question).ranker for question in QUESTIONS}


def rough_rankers(db: Database, model: type[Any]) -> set[str]:
    """The same of a table so large that near rows may be missed."""
    found: set[str] = set()
    with db.session() as session:
        everything = Everything(model, session)
        for question in QUESTIONS:
            hits = question.of(model, session).hits()
            check_rows(hits, everything.truth(question), question)
            found.add(hits.ranker)
    return found
