"""Rankings against the oracle: rows, distances, order, thresholds, pages and every ending.

An engine rounds: where the oracle says 1, it may say 1.00001, and two rows that near may change
places. So each row has a lowest and a highest distance, and the n-th hit one between the n-th
smallest of the lowest and of the highest.
"""

from __future__ import annotations

from collections.abc import Sequence
from gc import collect

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from agentorm import (
    Database,
    Hits,
    InvalidVector,
    Metric,
    MultipleResults,
    Repository,
    SyncQuery,
    Vector,
    repository,
)
from tests import strategies
from tests.property.models import KEYS, Note, Place, World
from tests.property.oracle import Key, Row, key_of, truth
from tests.property.oracle_vectors import Ranked, ranked, score
from tests.property.running import (
    examples_share_the_database,
    fewer_examples,
    key,
    keys,
    on_every_engine,
    paged,
    ranking,
    stored,
    table_of,
    values,
)
from tests.strategies import Case, Page

pytestmark = on_every_engine


def expected(case: Case) -> list[Ranked]:
    """The rows of the ranking, by the oracle."""
    passing = [r for r in case.rows if case.condition is None or truth(case.condition, r) is True]
    return ranked(passing, case.field, case.query, case.measured_by)


def check_order(hits: Hits[World]) -> None:
    order = [(hit.distance, key(hit.entity)) for hit in hits]
    assert order == sorted(order)


def check_hits(hits: Hits[World], rows: Sequence[Ranked], case: Case) -> None:
    """These are all the rows, each at its distance."""
    by_key = {key_of(found.row, KEYS[case.model]): found for found in rows}
    assert sorted(keys(hit.entity for hit in hits)) == sorted(by_key)
    lowest, highest = sorted(f.low for f in rows), sorted(f.high for f in rows)
    for hit, low, high in zip(hits, lowest, highest, strict=True):
        found = by_key[key(hit.entity)]
        assert found.low <= hit.distance <= found.high
        assert low <= hit.distance <= high
        assert hit.score == pytest.approx(score(hit.distance, case.measured_by), rel=1e-12)
        assert values(hit.entity, found.row) == found.row
    check_order(hits)


@fewer_examples
@given(strategies.cases())
def test_every_row_with_a_distance_is_found_at_it(world: Database, case: Case) -> None:
    rows = expected(case)
    with stored(world, (case.model, case.rows)) as session:
        query = ranking(case, session)
        hits = query.hits()
        check_hits(hits, rows, case)
        assert (hits.complete, hits.exact) == (True, True)
        assert hits.ranker == world.capabilities().rankers[Metric(case.measured_by)]
        found = keys(hits.entities)
        assert keys(query.all()) == found
        assert keys(query.stream()) == found
        assert query.count() == len(found)
        assert query.exists() == bool(found)


@examples_share_the_database
@given(strategies.cases(), strategies.pages)
def test_a_page_is_a_part_of_the_whole_in_every_ending(
    world: Database, case: Case, page: Page
) -> None:
    with stored(world, (case.model, case.rows)) as session:
        whole = ranking(case, session)
        query = paged(whole, page)
        part = page.of(keys(whole.all()))
        hits = query.hits()
        assert keys(hits.entities) == part
        assert hits.complete
        check_order(hits)
        assert keys(query.all()) == part
        assert keys(query.stream()) == part
        assert (query.count(), query.exists()) == (whole.count(), whole.exists())
        first = query.first()
        assert ([] if first is None else [key(first)]) == part[:1]
        if len(part) > 1:
            with pytest.raises(MultipleResults):
                query.one()
        if len(part) == 1:
            assert key(query.one()) == part[0]


@fewer_examples
@given(strategies.cases(), st.integers(1, 3))
def test_pages_put_together_are_the_whole(world: Database, case: Case, size: int) -> None:
    with stored(world, (case.model, case.rows)) as session:
        query = ranking(case, session)
        steps = range(0, len(case.rows) + 1, size)
        found = [hit for skip in steps for hit in query.limit(size).offset(skip).hits()]
        whole = query.hits()
        assert keys(hit.entity for hit in found) == keys(whole.entities)
        assert [hit.distance for hit in found] == [hit.distance for hit in whole]


@fewer_examples
@given(strategies.cases(), st.data())
def test_a_threshold_at_the_very_distance_of_a_hit_keeps_it(
    world: Database, case: Case, data: st.DataObject
) -> None:
    with stored(world, (case.model, case.rows)) as session:
        query = ranking(case, session)
        whole = query.hits()
        limit = data.draw(st.sampled_from([hit.distance for hit in whole] or [0.0]))
        near = [key(hit.entity) for hit in whole if hit.distance <= limit]
        check_endings(query.max_distance(limit), near)
        page = data.draw(strategies.pages)
        part = paged(query.max_distance(limit), page)
        assert keys(part.all()) == keys(part.stream()) == page.of(near)


def check_endings(query: SyncQuery[World], wanted: list[Key]) -> None:
    assert keys(query.hits().entities) == wanted
    assert keys(query.all()) == wanted
    assert keys(query.stream()) == wanted
    assert query.count() == len(wanted)
    assert query.exists() == bool(wanted)


@fewer_examples
@given(strategies.cases(), st.data())
def test_a_threshold_by_distance_or_score_keeps_the_rows_within_it(
    world: Database, case: Case, data: st.DataObject
) -> None:
    rows = expected(case)
    limit = data.draw(thresholds(rows, case))
    must = {key_of(found.row, KEYS[case.model]) for found in rows if found.high < limit}
    may = {key_of(found.row, KEYS[case.model]) for found in rows if found.low <= limit}
    with stored(world, (case.model, case.rows)) as session:
        query = ranking(case, session)
        for near in (query.max_distance(limit), query.min_score(score(limit, case.measured_by))):
            found = keys(near.hits().entities)
            assert must <= set(found) <= may
            assert found == keys(near.all()) == keys(near.stream())
            assert near.count() == len(found)
            assert near.exists() == bool(found)
            assert keys(near.limit(2).all()) == found[:2]


@st.composite
def thresholds(draw: st.DrawFn, rows: list[Ranked], case: Case) -> float:
    """At a row's distance or somewhere near, as far as a score can say it too."""
    found = draw(st.sampled_from([row.distance for row in rows] or [0.5]))
    limit = found * draw(st.sampled_from([1.0, 0.5, 2.0, 0.999]))
    if case.measured_by == "inner_product":
        return limit
    return min(max(limit, 0.0), 2.0) if case.measured_by == "cosine" else max(limit, 0.0)


@examples_share_the_database
@given(strategies.cases(), st.data())
def test_of_two_thresholds_both_must_hold(world: Database, case: Case, data: st.DataObject) -> None:
    rows = expected(case)
    one, other = data.draw(thresholds(rows, case)), data.draw(thresholds(rows, case))
    with stored(world, (case.model, case.rows)) as session:
        query = ranking(case, session)
        by_distance = keys(query.max_distance(one).all())
        by_score = keys(query.min_score(score(other, case.measured_by)).all())
        both = query.max_distance(one).min_score(score(other, case.measured_by))
        assert keys(both.all()) == [k for k in by_distance if k in by_score]
        assert both.count() == len(both.all())


@fewer_examples
@given(strategies.cases(filtered=False))
def test_of_rows_with_one_vector_the_smaller_key_comes_first(world: Database, case: Case) -> None:
    same = [{**row, case.field: case.query} for row in case.rows]
    with stored(world, (case.model, same)) as session:
        found = keys(ranking(case, session).limit(5).all())
    assert found == sorted(key_of(row, KEYS[case.model]) for row in same)[:5]


def test_more_rows_than_are_read_at_once(world: Database) -> None:
    """Chunks hold 4096 keys in a scan and 500 rows in a stream; the first in order come last."""
    places = [(0.0 if n == 7 else 0.5 + n % 50, f"{n:04}") for n in reversed(range(4700))]
    rows: list[Row] = [
        {"name": name, "size": 1, "embedding": Vector([place])} for place, name in places
    ]
    wanted = [(name,) for _, name in sorted(places)]
    assert wanted[:3] == [("0007",), ("0000",), ("0050",)]
    with world.session() as session:
        session.connection().execute(insert(table_of(Place)), rows)
        query = repository(Place, session).similar_to([0.0])
        assert keys(query.stream()) == wanted
        assert keys(query.all()) == wanted
        assert keys(query.limit(5).offset(1).all()) == wanted[1:6]
        assert keys(query.limit(700).offset(600).all()) == wanted[600:1300]
        assert query.count() == 4700
        assert query.max_distance(0.5).count() == 95
        session.rollback()


def test_rows_in_one_direction_are_sorted_by_key_where_their_distance_is_one(
    world: Database,
) -> None:
    """Summed in float32, their distances are a hair below or above zero."""
    direction = [1.3545970556258886, 1.177966182383311, -0.9098131673999311]
    rows: list[Row] = [
        {**ZERO, "id": n, "embedding": [x * length for x in direction]}
        for n, length in enumerate((1, 2, 3, 0.7, 11, 0.3), start=1)
    ]
    with stored(world, (Note, rows)) as session:
        query = repository(Note, session).similar_to(direction)
        hits = query.hits()
        assert all(0.0 <= hit.distance < 1e-6 for hit in hits)
        assert [(hit.distance, hit.entity.id) for hit in hits] == sorted(
            (hit.distance, hit.entity.id) for hit in hits
        )
        pages = [query.limit(2).offset(skip).all() for skip in (0, 2, 4)]
        assert keys(note for page in pages for note in page) == keys(hits.entities)


ZERO: Row = {"id": 1, "title": "x", "month": 1, "done": True, "embedding": [0, -0.0, 0]}


def test_a_stored_zero_vector_is_near_to_nothing_by_cosine(world: Database) -> None:
    with stored(world, (Note, [ZERO])) as session:
        notes = repository(Note, session)
        nearest = notes.similar_to([1, 0, 0])
        assert (nearest.all(), nearest.count(), nearest.exists()) == ([], 0, False)
        (hit,) = notes.similar_to([0, 0, 0], metric="l2").hits()
        assert hit.distance == 0.0


@pytest.mark.parametrize("zero", [[0, 0, 0], [-0.0, 0, 0]])
def test_nothing_is_near_to_a_zero_vector_by_cosine(zero: list[float]) -> None:
    with pytest.raises(InvalidVector, match=r"Note\.embedding: a zero vector has no direction"):
        repository(Note).similar_to(zero)


@pytest.mark.parametrize("vector", [None, [1, 0, 0]], ids=["plain", "ranking"])
def test_a_stream_closed_early_ends_the_query(world: Database, vector: list[float] | None) -> None:
    """An open server-side cursor is a ResourceWarning, which fails the test."""
    rows = [{**ZERO, "id": n, "embedding": [1, n, 0]} for n in (1, 2, 3)]
    with stored(world, (Note, rows)) as session:
        notes: Repository[Note] | SyncQuery[Note] = repository(Note, session)
        stream = iter((notes if vector is None else notes.similar_to(vector)).stream())
        assert next(stream).id == 1
        stream.close()
        del stream
        collect()


def test_a_stream_ends_the_query_at_the_rows_without_a_distance(world: Database) -> None:
    rows = [{**ZERO, "id": n, "embedding": [1, n, 0] if n < 3 else None} for n in (1, 2, 3, 4)]
    with stored(world, (Note, rows)) as session:
        nearest = repository(Note, session).similar_to([1, 0, 0])
        assert keys(nearest.stream()) == [(1,), (2,)]
        collect()
