"""Whole questions to made-up rows: a filter, a ranking, a threshold, an order and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.property import json_leaves, pools
from tests.property.conditions import OPERATORS, And, As, CompareFields, Condition, Not, Or
from tests.property.json_leaves import Node, chance, mostly
from tests.property.oracle import Row, Sort, key_of, truth
from tests.property.oracle_vectors import LENGTHLESS, Ranked, ranked, score
from tests.property.rows import rows as rows_by_lot
from tests.property.shapes import Shape
from tests.strategies import Components, Page, of_field

FEWEST_ROWS, MOST_ROWS = 4, 8
QUESTIONS, LEAVES = 2, 9
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
    """What is asked of the rows of a model; all of it at once.

    The condition may be given as a filter document, if there is one that says it.
    """

    condition: Condition | None
    as_document: bool
    ranking: Ranking | None
    sorts: tuple[Sort, ...]
    page: Page


@dataclass(frozen=True)
class Whole:
    """Rows of a model, what is asked of them, and leaves whose truth for each row is looked at."""

    shape: Shape
    rows: list[Row]
    leaves: tuple[Condition, ...]
    questions: tuple[Question, ...]

    def __repr__(self) -> str:
        rows = "".join(f"\n    {row}" for row in self.rows)
        questions = "".join(f"\n    {question}" for question in self.questions)
        leaves = "".join(f"\n    {leaf}" for leaf in self.leaves)
        made = f"{self.shape}, rows:{rows or ' none'}\n  leaves:{leaves}"
        return f"{made}\n  questions:{questions}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001  # as Hypothesis calls it
        printer.text(repr(self))


themes = st.integers(0, len(pools.THEMES) - 1)
sizes = st.sampled_from((*[MOST_ROWS] * 9, 2, 1, 0))


def passing(rows: Sequence[Row], condition: Condition | None) -> list[Row]:
    return [row for row in rows if condition is None or truth(condition, row) is True]


@st.composite
def wholes(draw: DrawFn, shapes: Sequence[Shape]) -> Whole:
    shape = draw(st.sampled_from(shapes))
    drawn = draw(_rows(shape, draw(themes)))[: draw(sizes)]
    rows = list({key_of(row, shape.keys): row for row in drawn}.values())
    known = json_leaves.nodes(shape, rows)
    leaves = tuple(_leaf(draw, shape, known) for _ in range(draw(st.integers(0, LEAVES))))
    count = draw(st.integers(1, QUESTIONS))
    questions = tuple(_question(draw, shape, rows, known) for _ in range(count))
    return Whole(shape, rows, leaves, questions)


@cache
def _rows(shape: Shape, theme: int) -> SearchStrategy[list[Row]]:
    made = st.sampled_from(rows_by_lot(shape, theme))
    return st.lists(made, min_size=FEWEST_ROWS, max_size=MOST_ROWS)


def _question(draw: DrawFn, shape: Shape, rows: list[Row], known: Sequence[Node]) -> Question:
    condition = _tree(draw, shape, known, 3) if mostly(draw) else None
    as_document = condition is not None and chance(draw)
    ranks = draw(st.booleans())
    if not (ranks and shape.vectors):
        return Question(condition, as_document, None, _orders(draw, shape, known), draw(pages))
    ranking = _ranking(draw, shape, rows)
    left = ranked(passing(rows, condition), ranking.field, ranking.vector, ranking.metric)
    ranking = replace(ranking, threshold=_threshold(draw, shape, ranking, left))
    return Question(condition, as_document, ranking, (), draw(pages))


def _tree(draw: DrawFn, shape: Shape, known: Sequence[Node], depth: int) -> Condition:
    kind = draw(st.integers(0, 5)) if depth else 0
    if kind <= 2:
        return _leaf(draw, shape, known)
    if kind == 3:
        return Not(_tree(draw, shape, known, depth - 1))
    parts = tuple(_tree(draw, shape, known, depth - 1) for _ in range(draw(st.integers(1, 3))))
    return And(parts) if kind == 4 else Or(parts)


def _leaf(draw: DrawFn, shape: Shape, known: Sequence[Node]) -> Condition:
    if shape.documents and mostly(draw):
        return json_leaves.leaf(draw, shape, known)
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


def _orders(draw: DrawFn, shape: Shape, known: Sequence[Node]) -> tuple[Sort, ...]:
    """Some fields or places to sort by, NULL where it belongs or where it is put."""
    names = draw(_names(shape))
    sorts = [Sort(name, draw(st.booleans()), draw(nulls)) for name in names]
    if shape.documents and chance(draw):
        path = json_leaves.path_of(draw, shape, known)
        kind = draw(st.sampled_from(tuple(json_leaves.KINDS)))
        sorts.insert(0, Sort(As(path, kind), draw(st.booleans()), draw(nulls)))
    return tuple(sorts)


@cache
def _names(shape: Shape) -> SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(shape.scalars)), max_size=2, unique=True)


nulls = st.sampled_from([None, None, "first", "last"])
pages = st.builds(
    Page, st.sampled_from((None, None, 1, 2, 3, MOST_ROWS + 2)), st.sampled_from((0, 0, 1, 3))
)
