"""Distance and text as one ranking: rows, order, scores, thresholds, filters and endings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf, isnan, nan
from typing import TypeAlias

import pytest

from agentorm import (
    RRF,
    Database,
    Field,
    Hits,
    InvalidQuery,
    MultipleResults,
    SyncQuery,
    Vector,
    Weighted,
    col,
    repository,
    text_field,
    vector_field,
)
from tests.contract.models import Contract, vector

pytestmark = pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")


class FusedNote(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: str
    body: str = text_field(search="english")
    embedding: Vector | None = vector_field(2, metric="l2", default=None)


ROWS = [
    (1, "a", "river hill", vector(1, 0)),
    (2, "a", "river river", vector(2, 0)),
    (3, "b", "stone hill", vector(3, 0)),
    (4, "b", "meadow hill", vector(4, 0)),
    (5, "a", "river hill", None),
    (6, "b", "meadow hill", None),
]


@pytest.fixture
def notes(db: Database) -> Database:
    db.create_all(FusedNote)
    repository(FusedNote, db).add_all(
        FusedNote(id=key, topic=topic, body=body, embedding=embedding)
        for key, topic, body, embedding in ROWS
    )
    return db


def hybrid(db: Database) -> SyncQuery[FusedNote]:
    return repository(FusedNote, db).similar_to([0, 0]).matching("river").fuse()


Found: TypeAlias = list[tuple[int | None, float | None, float]]


def ids(rows: Iterable[FusedNote]) -> list[int | None]:
    return [row.id for row in rows]


def found(hits: Hits[FusedNote]) -> Found:
    """Keys, distances and fused scores."""
    for hit in hits:
        assert hit.score == hit.fused_score
    distances = (None if isnan(hit.distance) else hit.distance for hit in hits)
    return [
        (hit.entity.id, distance, hit.score) for hit, distance in zip(hits, distances, strict=True)
    ]


def test_a_row_gets_something_for_its_place_in_each_ranking(notes: Database) -> None:
    hits = hybrid(notes).hits()
    assert found(hits) == [
        (1, 1.0, 1 / 61 + 1 / 62),
        (2, 2.0, 1 / 61 + 1 / 62),
        (3, 3.0, 1 / 63),
        (5, None, 1 / 63),
        (4, 4.0, 1 / 64),
    ]
    assert [hit.entity.id for hit in hits if hit.text_score is None] == [3, 4]
    assert (hits.exact, hits.complete, hits.ranker) == (True, True, "fusion")


def test_weights_and_k(notes: Database) -> None:
    query = hybrid(notes)
    assert found(query.fuse(RRF(k=1, weights=(2, 0.5))).hits()) == [
        (1, 1.0, 2 / 2 + 0.5 / 3),
        (2, 2.0, 2 / 3 + 0.5 / 2),
        (3, 3.0, 2 / 4),
        (4, 4.0, 2 / 5),
        (5, None, 0.5 / 4),
    ]


def test_a_weight_of_nothing_leaves_the_rows_there(notes: Database) -> None:
    query = hybrid(notes)
    assert [hit.score for hit in query.fuse(RRF(weights=(0, 1))).hits()] == [
        1 / 61,
        1 / 62,
        1 / 63,
        0.0,
        0.0,
    ]
    assert ids(query.fuse(RRF(weights=(0, 1))).all()) == [2, 1, 5, 3, 4]
    assert ids(query.fuse(RRF(weights=(1, 0))).all()) == [1, 2, 3, 4, 5]


def test_scores_are_brought_to_one_range(notes: Database) -> None:
    """By l2 the scores are 1/2, 1/3, 1/4 and 1/5."""
    hits = hybrid(notes).fuse(Weighted((0.75, 0.25))).hits()
    low, range_ = 1 / 5, 1 / 2 - 1 / 5
    scores = {hit.entity.id: hit.score for hit in hits}
    assert scores == pytest.approx(
        {
            1: 0.75 + 0.25 * _text_part(hits, 1),
            2: 0.75 * (1 / 3 - low) / range_ + 0.25,
            3: 0.75 * (1 / 4 - low) / range_,
            4: 0.0,
            5: 0.25 * _text_part(hits, 5),
        },
        rel=1e-6,
    )
    assert list(scores.values()) == sorted(scores.values(), reverse=True)


def _text_part(hits: Hits[FusedNote], key: int) -> float:
    scores = {hit.entity.id: hit.text_score for hit in hits if hit.text_score is not None}
    assert scores.keys() == {1, 2, 5}
    return (scores[key] - min(scores.values())) / (max(scores.values()) - min(scores.values()))


def test_equal_scores_are_all_the_best(notes: Database) -> None:
    query = repository(FusedNote, notes).similar_to([0, 0]).matching("meadow").fuse(Weighted())
    assert [(hit.entity.id, hit.score) for hit in query.where(col(FusedNote.id) > 3).hits()] == [
        (4, 1.0),
        (6, 0.5),
    ]


def test_a_limit_cuts_both_rankings_at_the_depth(notes: Database) -> None:
    query = hybrid(notes).fuse(RRF(depth=2))
    assert found(query.limit(2).hits()) == [(1, 1.0, 1 / 61 + 1 / 62), (2, 2.0, 1 / 61 + 1 / 62)]
    assert ids(query.limit(1).offset(1).all()) == [2]
    far = repository(FusedNote, notes).similar_to([5, 0]).matching("river").fuse(RRF(depth=2))
    assert found(far.limit(2).hits()) == [(2, None, 1 / 61), (4, 1.0, 1 / 61)]
    assert ids(far.all()) == [2, 1, 4, 3, 5]
    assert ids(far.offset(1).all()) == [1, 4, 3, 5]


def test_filters_hold_for_both(notes: Database) -> None:
    query = hybrid(notes).where(FusedNote.topic == "a")
    assert ids(query.all()) == [1, 2, 5]
    assert ids(query.limit(2).offset(1).all()) == [2, 5]
    assert query.count() == 3
    assert hybrid(notes).where(FusedNote.topic == "c").all() == []


def test_thresholds_hold_for_both(notes: Database) -> None:
    """The fifth matches and has no vector, so no distance is within."""
    for query in (hybrid(notes).max_distance(2), hybrid(notes).min_score(1 / 3)):
        assert ids(query.all()) == ids(query.stream()) == [1, 2]
        assert ids(query.limit(5).all()) == [1, 2]
        assert (query.count(), query.exists()) == (2, True)
    far = repository(FusedNote, notes).similar_to([4, 0]).matching("river").fuse().max_distance(2)
    assert found(far.limit(9).hits()) == [
        (2, 2.0, 1 / 63 + 1 / 61),
        (4, 0.0, 1 / 61),
        (3, 1.0, 1 / 62),
    ]


def test_a_threshold_holds_before_the_text_is_cut_at_the_depth(notes: Database) -> None:
    query = repository(FusedNote, notes).similar_to([4, 0]).matching("meadow stone")
    query = query.max_distance(0.5).fuse(RRF(depth=1))
    (hit,) = query.limit(1).hits()
    assert (hit.entity.id, hit.score) == (4, 2 / 61)


def test_endings(notes: Database) -> None:
    query = hybrid(notes)
    whole = [1, 2, 3, 5, 4]
    assert ids(query.all()) == ids(query.stream()) == whole
    assert ids(query.limit(2).offset(2).stream()) == ids(query.limit(2).offset(2).all()) == [3, 5]
    assert (query.count(), query.exists(), query.limit(1).count()) == (5, True, 5)
    first = query.first()
    assert first is not None
    assert first.id == 1
    with pytest.raises(MultipleResults):
        query.one()
    assert query.where(FusedNote.body == "nothing").one_or_none() is None
    assert not query.where(FusedNote.body == "nothing").exists()
    assert query.where(col(FusedNote.id) == 5).one().id == 5


def test_nothing_found_by_one_of_both(notes: Database) -> None:
    notes_of = repository(FusedNote, notes)
    assert ids(notes_of.similar_to([0, 0]).matching("desert").fuse().all()) == [1, 2, 3, 4]
    without = notes_of.similar_to([0, 0]).matching("river").fuse().where(FusedNote.id == 5)
    assert [(hit.entity.id, hit.score) for hit in without.limit(3).hits()] == [(5, 1 / 61)]


BAD: dict[str, Callable[[], object]] = {
    "two weights": lambda: RRF(weights=(1, 2, 3)),  # type: ignore[arg-type]
    "got 'ab'": lambda: Weighted(weights="ab"),  # type: ignore[arg-type]
    "0 or more, got \\(-1, 2\\)": lambda: RRF(weights=(-1, 2)),
    "0 or more, got \\(nan, 2\\)": lambda: Weighted(weights=(nan, 2)),
    "0 or more, got \\(1, inf\\)": lambda: RRF(weights=(1, inf)),
    "0 or more, got \\(True, 2\\)": lambda: RRF(weights=(True, 2)),
    "both are 0": lambda: Weighted(weights=(0, 0)),
    "above 0, got 0": lambda: RRF(k=0),
    "above 0, got nan": lambda: RRF(k=nan),
    "0 or more, got \\(1000": lambda: RRF(weights=(10**400, 1)),
    "above 0, got 1000": lambda: RRF(k=10**400),
    "0 or more, got \\(5e-324": lambda: RRF(weights=(5e-324, 1)),
    "above 0, got 5e-324; what is not 0 lies from 1e-100": lambda: RRF(k=5e-324),
    "1 or more, got 9223372036854775808": lambda: RRF(depth=2**63),
    "above 0, got 'x'": lambda: RRF(k="x"),  # type: ignore[arg-type]
    "1 or more, got 0": lambda: RRF(depth=0),
    "1 or more, got 1.5": lambda: Weighted(depth=1.5),  # type: ignore[arg-type]
    "1 or more, got True": lambda: Weighted(depth=True),
}


@pytest.mark.parametrize("problem", BAD)
def test_values_that_mean_nothing_are_refused_at_once(problem: str) -> None:
    with pytest.raises(InvalidQuery, match=problem):
        BAD[problem]()


def test_a_fusion_takes_two_rankings() -> None:
    notes = repository(FusedNote)
    vectors, words = notes.similar_to([1, 2]), notes.matching("river")
    for query, problem in (
        (vectors.fuse(), r"matching\(text\) is missing"),
        (words.fuse(), r"similar_to\(vector\) is missing"),
        (notes.fuse(), r"similar_to\(vector\) is missing"),
        (vectors.matching("river"), "two rankings"),
    ):
        with pytest.raises(InvalidQuery, match=problem):
            query.statement()
    with pytest.raises(InvalidQuery, match="takes RRF or Weighted, got 60"):
        vectors.fuse(60)  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery, match="limit 60 and offset 41 reach beyond the depth 100"):
        vectors.matching("river").fuse().limit(60).offset(41).statement()
    both = vectors.matching("river").fuse(RRF(depth=20))
    for beyond in (both.diverse(), both.rerank(lambda rows: [1.0] * len(rows))):
        with pytest.raises(InvalidQuery, match=r"looks at 50 rows, beyond the depth 20 of the fu"):
            beyond.sql("sqlite")
    with pytest.raises(InvalidQuery, match="a ranking has its own order"):
        vectors.matching("river").fuse().order_by(FusedNote.topic)


def test_a_refused_query_reaches_no_engine(notes: Database, sent: list[str]) -> None:
    sent.clear()
    query = hybrid(notes).limit(101)
    endings: list[Callable[[], object]] = [query.all, query.hits, query.count, query.explain]
    endings += [query.exists, lambda: [*query.stream()]]
    for ending in endings:
        with pytest.raises(InvalidQuery, match=r"depth 100.*fuse\(RRF\(depth=101\)\)"):
            ending()
    assert not [made for made in sent if "fusednote" in made]


def test_it_is_written_as_it_was_asked() -> None:
    query = repository(FusedNote).similar_to([1, 2]).matching("river").fuse().limit(3)
    assert "fuse(RRF(k=60, weights=(1.0, 1.0), depth=100)).limit(3)" in repr(query)
