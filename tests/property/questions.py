"""Whole questions to made-up rows: a filter, a ranking, a threshold, an order and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.property import pools
from tests.property.conditions import OPERATORS, And, CompareFields, Condition, Not, Or
from tests.property.oracle import Key, Row, Sort, key_of, truth
from tests.property.oracle_vectors import LENGTHLESS, Ranked, ranked, score
from tests.property.shapes import Shape
from tests.strategies import Components, Page, of_field

MOST_ROWS = 6
QUESTIONS = 3
SHRUNK, WIDENED = 0.999, 1.001
METRICS_OF_RANGE = {"cosine": (0.0, 2.0), "jaccard": (0.0, 1.0), "l2": (0.0, 1e9), "l1": (0.0, 1e9)}


@dataclass(frozen=True)
class Threshold:
    """``max_distance`` or ``min_score``; `distance` is what either means."""

    verb: str
    given: float
    distance: float


@dataclass(frozen=True)
class Ranking:
    field: str
    metric: str
    named: bool
    vector: Components
    threshold: Threshold | None = None


@dataclass(frozen=True)
class Question:
    """What is asked of the rows of a model; all of it at once."""

    condition: Condition | None
    ranking: Ranking | None
    sorts: tuple[Sort, ...]
    page: Page


@dataclass(frozen=True)
class Whole:
    """Rows of a model, and what is asked of them."""

    shape: Shape
    rows: list[Row]
    questions: tuple[Question, ...]

    def __repr__(self) -> str:
        rows = "".join(f"\n    {row}" for row in self.rows)
        questions = "".join(f"\n    {question}" for question in self.questions)
        return f"{self.shape}, rows:{rows or ' none'}\n  questions:{questions}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001  # as Hypothesis calls it
        printer.text(repr(self))


def passing(rows: Sequence[Row], condition: Condition | None) -> list[Row]:
    return [row for row in rows if condition is None or truth(condition, row) is True]


@st.composite
def wholes(draw: DrawFn, shapes: Sequence[Shape]) -> Whole:
    shape = draw(st.sampled_from(shapes))
    rows = draw(rows_of(shape))
    count = draw(st.integers(1, QUESTIONS))
    return Whole(shape, rows, tuple(_question(draw, shape, rows) for _ in range(count)))


@cache
def rows_of(shape: Shape) -> SearchStrategy[list[Row]]:
    row = {name: scalar.stored for name, scalar in shape.scalars.items()}
    for name, vector in shape.vectors.items():
        pool = st.sampled_from(pools.vectors(vector.dimension, vector.kind))
        row[name] = st.one_of(pool, pool, pool, st.none()) if vector.nullable else pool
    for name, held in shape.documents.items():
        row[name] = documents(held, nullable=name in shape.nullable)

    def key(made: Row) -> Key:
        return key_of(made, shape.keys)

    return st.lists(st.fixed_dictionaries(row), max_size=MOST_ROWS, unique_by=key)


def documents(held: str, *, nullable: bool) -> SearchStrategy[Any]:
    """Objects under few keys, or arrays."""
    values = st.sampled_from(pools.VALUES)
    made: SearchStrategy[Any] = st.lists(values, max_size=3)
    if held == "object":
        keys = st.one_of(st.sampled_from("ab"), st.sampled_from(pools.KEYS))
        few = st.dictionaries(keys, values, min_size=1, max_size=3)
        made = st.one_of(st.sampled_from(pools.OBJECTS), few)
    return st.one_of(made, made, made, st.none()) if nullable else made


def _question(draw: DrawFn, shape: Shape, rows: list[Row]) -> Question:
    condition = _tree(draw, shape, rows, 3) if draw(st.integers(0, 4)) else None
    ranks = draw(st.booleans())
    if not (ranks and shape.vectors):
        return Question(condition, None, draw(orders(shape)), draw(pages))
    ranking = _ranking(draw, shape, rows)
    left = ranked(passing(rows, condition), ranking.field, ranking.vector, ranking.metric)
    ranking = replace(ranking, threshold=_threshold(draw, shape, ranking, left))
    return Question(condition, ranking, (), draw(pages))


def _tree(draw: DrawFn, shape: Shape, rows: list[Row], depth: int) -> Condition:
    kind = draw(st.integers(0, 5)) if depth else 0
    if kind <= 2:
        return _leaf(draw, shape, rows)
    if kind == 3:
        return Not(_tree(draw, shape, rows, depth - 1))
    parts = tuple(_tree(draw, shape, rows, depth - 1) for _ in range(draw(st.integers(1, 3))))
    return And(parts) if kind == 4 else Or(parts)


def _leaf(draw: DrawFn, shape: Shape, rows: list[Row]) -> Condition:
    return draw(plain_leaves(shape))


@cache
def plain_leaves(shape: Shape) -> SearchStrategy[Condition]:
    made = [of_field(name, scalar) for name, scalar in shape.scalars.items()]
    for one, other in shape.pairs:
        operators = st.sampled_from(sorted(OPERATORS))
        made.append(st.builds(CompareFields, st.just(one), operators, st.just(other)))
    return st.one_of(made)


def _ranking(draw: DrawFn, shape: Shape, rows: list[Row]) -> Ranking:
    name = draw(st.sampled_from(sorted(shape.vectors)))
    vector = shape.vectors[name]
    named = draw(st.booleans())
    metric = draw(st.sampled_from(vector.metrics)) if named else vector.metric
    known = [row[name] for row in rows if row[name] is not None]
    pool = pools.vectors(vector.dimension, vector.kind)
    if metric in LENGTHLESS:  # a zero vector has no direction and is refused
        known, pool = [one for one in known if any(one)], pool[1:]
    made = st.sampled_from(pool)
    query = draw(st.one_of(made, st.sampled_from(known)) if known else made)
    return Ranking(name, metric, named, query)


def _threshold(
    draw: DrawFn, shape: Shape, ranking: Ranking, rows: Sequence[Ranked]
) -> Threshold | None:
    """At the distance of a row or near it, within what the metric has."""
    verb = draw(st.sampled_from((None, None, "max_distance", "min_score")))
    if verb is None:
        return None
    near = draw(st.sampled_from(sorted({row.distance for row in rows}) or [0.5]))
    limit = near * draw(st.sampled_from((1.0, SHRUNK, WIDENED, 0.5)))
    metric, vector = ranking.metric, shape.vectors[ranking.field]
    least, most = METRICS_OF_RANGE.get(metric, (-1e18, 1e18))
    if metric == "hamming":
        least, most = 0.0, float(vector.dimension)
    limit = min(max(limit, least), most)
    given = limit if verb == "max_distance" else score(limit, metric, vector.dimension)
    return Threshold(verb, given, limit)


@cache
def orders(shape: Shape) -> SearchStrategy[tuple[Sort, ...]]:
    """Some fields to sort by, NULL where it belongs or where it is put."""
    sort = st.builds(
        Sort,
        st.sampled_from(sorted(shape.scalars)),
        st.booleans(),
        st.sampled_from([None, None, "first", "last"]),
    )
    return st.lists(sort, max_size=2, unique_by=lambda sort: sort.field).map(tuple)


pages = st.builds(
    Page, st.sampled_from((None, None, 1, 2, 3, MOST_ROWS + 2)), st.sampled_from((0, 0, 1, 3))
)
