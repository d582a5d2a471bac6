"""Whole questions against the oracle: rows, order, distances, pages, counts.

An engine rounds, so a row has a lowest and a highest distance, and near a threshold it may be
kept or not. Where all sums are exact the two are one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from sqlalchemy import ColumnElement, delete, select
from sqlmodel import Session

from agentorm import Database, Hits, SyncQuery, repository
from agentorm.filters import parse_filter
from agentorm.switch import indexes_switched
from tests.engines import ENGINES
from tests.property.conditions import in_sql
from tests.property.documents import NoDocument, document_of
from tests.property.models import MODELS, World
from tests.property.oracle import key_of, ordered, truth
from tests.property.oracle_vectors import Ranked, ranked, score
from tests.property.questions import Question, Ranking, Threshold, Whole, passing, wholes
from tests.property.random_models import INDEXED, RANDOM, SPARSE
from tests.property.running import every_example, few_examples, paged, sort_keys, stored
from tests.property.shapes import FIXED, Shape

pytestmark = pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
REDUCED = [engine.name for engine in ENGINES if engine.reduced]


@pytest.fixture
def universe(db: Database) -> Database:
    """Tables of the fixed models and of the random ones."""
    db.create_all(*MODELS, *(shape.model for shape in RANDOM))
    return db


@pytest.fixture
def sparse(db: Database) -> Database:
    """Tables that one engine alone can have."""
    db.create_all(*(shape.model for shape in SPARSE))
    return db


@every_example
@given(wholes((*RANDOM, *FIXED)))
def test_every_answer_is_that_of_the_oracle(universe: Database, whole: Whole) -> None:
    check(universe, whole)


@pytest.mark.engines(*REDUCED)
@few_examples
@given(wholes((*RANDOM, *FIXED)))
def test_every_answer_is_that_of_the_oracle_on_less(universe: Database, whole: Whole) -> None:
    check(universe, whole)


@pytest.mark.engines("postgresql")
@few_examples
@given(wholes(SPARSE))
def test_every_answer_is_that_of_the_oracle_with_sparse_vectors(
    sparse: Database, whole: Whole
) -> None:
    check(sparse, whole)


@pytest.fixture
def indexed(db: Database) -> Iterator[Database]:
    """Tables whose indexes serve, however small they are."""
    db.create_all(*(shape.model for shape in INDEXED))
    with indexes_switched("always"):
        yield db


@pytest.mark.engines("sqlite")
@few_examples
@given(wholes(INDEXED))
def test_every_answer_is_that_of_the_oracle_by_the_index_in_the_process(
    indexed: Database, whole: Whole
) -> None:
    """Of the rows that are committed, and with as many that are not."""
    half, whole = len(whole.rows) // 2, served(whole)
    model: type[World] = whole.shape.model
    repository(model, indexed).add_all(model(**row) for row in whole.rows[:half])
    try:
        with stored(indexed, (model, whole.rows[half:])) as session:
            check_answers(session, whole, exactly=False)
    finally:
        with indexed.transaction() as session:
            session.connection().execute(delete(model))


def served(whole: Whole) -> Whole:
    """The same, but for what would keep an index from serving."""
    return replace(whole, questions=tuple(_served(each, whole.shape) for each in whole.questions))


def _served(question: Question, shape: Shape) -> Question:
    ranking = question.ranking
    if ranking is None or not any(ranking.vector):
        return question
    declared = shape.vectors[ranking.field].metric
    near = ranking.threshold if ranking.metric == declared else None
    asked = replace(ranking, metric=declared, named=False, threshold=near)
    size = 3 if question.page.size is None else question.page.size
    return replace(question, ranking=asked, page=replace(question.page, size=size))


def check(db: Database, whole: Whole) -> None:
    with stored(db, (whole.shape.model, whole.rows)) as session:
        check_answers(session, whole)


def check_answers(session: Session, whole: Whole, *, exactly: bool = True) -> None:
    check_leaves(whole, session)
    for number, question in enumerate(whole.questions):
        rows = passing(whole.rows, question.condition)
        query = asked(whole.shape, question, session)
        if question.ranking is None:
            check_rows(query, whole.shape, question, rows)
        else:
            hits = check_ranking(query, whole.shape, question, question.ranking, rows)
            assert (hits.complete, hits.exact) == (True, True) or not exactly, question
        assert number or query.exists() == bool(query.count()), question


def check_leaves(whole: Whole, session: Session) -> None:
    """Whether each condition by itself is true, false or unknown, for each row."""
    shape = whole.shape
    if not (whole.leaves and whole.rows):
        return
    keys = [getattr(shape.model, name) for name in shape.keys]
    made = [in_sql(shape.model, leaf).label(f"leaf{n}") for n, leaf in enumerate(whole.leaves)]
    given = {
        tuple(row[: len(keys)]): row[len(keys) :]
        for row in session.connection().execute(select(*keys, *made))
    }
    for row in whole.rows:
        for leaf, value in zip(whole.leaves, given[key_of(row, shape.keys)], strict=True):
            found = None if value is None else bool(value)
            assert found is truth(leaf, row), (leaf, row)


def asked(shape: Shape, question: Question, session: Session) -> SyncQuery[World]:
    """The question as a user would put it."""
    query: SyncQuery[World] = paged(repository(shape.model, session).offset(0), question.page)
    if question.condition is not None:
        query = query.where(condition(shape, question))
    ranking = question.ranking
    if ranking is None:
        return query.order_by(*sort_keys(shape.model, question.sorts))
    metric = ranking.metric if ranking.named else None
    query = query.similar_to(ranking.vector, on=ranking.field, metric=metric)
    if ranking.threshold is None:
        return query
    verb: SyncQuery[World] = getattr(query, ranking.threshold.verb)(ranking.threshold.given)
    return verb


def condition(shape: Shape, question: Question) -> ColumnElement[bool]:
    assert question.condition is not None
    if question.as_document:
        with suppress(NoDocument):
            return parse_filter(shape.model, document_of(question.condition, shape))
    return in_sql(shape.model, question.condition)


def check_rows(
    query: SyncQuery[World], shape: Shape, question: Question, rows: list[dict[str, object]]
) -> None:
    wanted = [key_of(row, shape.keys) for row in ordered(rows, question.sorts, shape.keys)]
    assert found(query.all(), shape) == question.page.of(wanted), question
    assert query.count() == len(wanted), question


def found(entities: Sequence[World], shape: Shape) -> list[tuple[object, ...]]:
    return [key_of(vars(entity), shape.keys) for entity in entities]


def check_ranking(
    query: SyncQuery[World],
    shape: Shape,
    question: Question,
    ranking: Ranking,
    rows: list[dict[str, object]],
) -> Hits[World]:
    may = ranked(rows, ranking.field, ranking.vector, ranking.metric)
    must = may
    if (near := ranking.threshold) is not None:
        bits = shape.vectors[ranking.field].dimension
        kept = [(row, is_kept(row, near, ranking.metric, bits)) for row in may]
        must = [row for row, answer in kept if answer is True]
        may = [row for row, answer in kept if answer is not False]
    hits = query.hits()
    count = query.count()
    assert len(must) <= count <= len(may), question
    assert len(hits) == len(question.page.of([None] * count)), question
    check_hits(hits, shape, ranking, must, may, question)
    return hits


def is_kept(row: Ranked, near: Threshold, metric: str, bits: int) -> bool | None:
    """Whether the row is near enough; None where that hangs on the engine's rounding."""
    by_score = near.verb == "min_score"
    if row.low == row.high:
        given = score(row.distance, metric, bits)
        return given >= near.given if by_score else row.distance <= near.given
    slack = 1e-9 * (1 + abs(near.distance)) if by_score else 0.0
    if row.high < near.distance - slack:
        return True
    return False if row.low > near.distance + slack else None


def check_hits(
    hits: Hits[World],
    shape: Shape,
    ranking: Ranking,
    must: Sequence[Ranked],
    may: Sequence[Ranked],
    question: Question,
) -> None:
    """Each at its distance, in order, none twice, and the first of what there is."""
    by_key = {key_of(r.row, shape.keys): r for r in may}
    lowest, highest = sorted(r.low for r in may), sorted(r.high for r in must)
    order = [(hit.distance, key_of(vars(hit.entity), shape.keys)) for hit in hits]
    assert order == sorted(set(order)), question
    for place, (hit, (distance, key)) in enumerate(
        zip(hits, order, strict=True), question.page.skip
    ):
        row = by_key[key]
        assert row.low <= distance <= row.high, (question, row)
        assert lowest[place] <= distance, question
        assert place >= len(highest) or distance <= highest[place], question
        bits = shape.vectors[ranking.field].dimension
        assert hit.score == pytest.approx(score(distance, ranking.metric, bits), rel=1e-12)
