"""The nearest rows: true distances, thresholds, ties, pages, and rows that are in no ranking."""

from __future__ import annotations

from math import sqrt

import pytest

from agentorm import Database, InvalidVector, SlowPath, Vector, col, repository
from tests.contract.models import Doc, Pair, Picture, vector
from tests.engines import NAMES

pytestmark = pytest.mark.engines(*NAMES)

QUERY = [1, 2, 2]
COSINE = [("same", 0.0), ("double", 0.0), ("axis", 2 / 3), ("across", 1.0), ("opposite", 2.0)]
L2 = [
    ("same", 0.0),
    ("axis", sqrt(8)),
    ("double", 3.0),
    ("zero", 3.0),
    ("across", sqrt(18)),
    ("opposite", 6.0),
]
L1 = [
    ("same", 0.0),
    ("axis", 4.0),
    ("double", 5.0),
    ("zero", 5.0),
    ("across", 6.0),
    ("opposite", 10.0),
]
INNER_PRODUCT = [
    ("double", -18.0),
    ("same", -9.0),
    ("axis", -1.0),
    ("across", 0.0),
    ("zero", 0.0),
    ("opposite", 9.0),
]
EXPECTED = {"cosine": COSINE, "l2": L2, "l1": L1, "inner_product": INNER_PRODUCT}
SCORES = {
    "cosine": [1.0, 1.0, 1 / 3, 0.0, -1.0],
    "l2": [1.0, 1 / (1 + sqrt(8)), 0.25, 0.25, 1 / (1 + sqrt(18)), 1 / 7],
    "l1": [1.0, 0.2, 1 / 6, 1 / 6, 1 / 7, 1 / 11],
    "inner_product": [18.0, 9.0, 1.0, 0.0, 0.0, -9.0],
}
METRICS = pytest.mark.parametrize("metric", EXPECTED)


def close(distance: float) -> object:
    return pytest.approx(distance, rel=1e-5, abs=1e-6)


@METRICS
def test_the_distances_are_the_true_ones(ranked: Database, metric: str) -> None:
    hits = repository(Doc, ranked).similar_to(QUERY, metric=metric).hits()
    assert [hit.entity.title for hit in hits] == [title for title, _ in EXPECTED[metric]]
    assert [hit.distance for hit in hits] == [close(d) for _, d in EXPECTED[metric]]
    assert [hit.score for hit in hits] == [close(score) for score in SCORES[metric]]
    assert (hits.exact, hits.complete) == (True, True)


@METRICS
def test_every_ending_agrees(ranked: Database, metric: str) -> None:
    titles = [title for title, _ in EXPECTED[metric]]
    query = repository(Doc, ranked).similar_to(QUERY, metric=metric)
    assert [doc.title for doc in query.all()] == titles
    assert [doc.title for doc in query.stream()] == titles
    assert [doc.title for doc in query.limit(3).all()] == titles[:3]
    assert [doc.title for doc in query.offset(2).limit(2).all()] == titles[2:4]
    assert [doc.title for doc in query.offset(2).limit(2).stream()] == titles[2:4]
    assert [doc.title for doc in query.offset(4).all()] == titles[4:]
    assert query.offset(99).all() == []
    first = query.first()
    assert first is not None
    assert first.title == titles[0]
    assert query.limit(2).offset(1).count() == len(titles)


def test_the_metric_of_the_field_counts_unless_another_is_named(ranked: Database) -> None:
    docs = repository(Doc, ranked)
    assert [hit.distance for hit in docs.similar_to(QUERY).hits()] == [close(d) for _, d in COSINE]


def test_ties_come_by_key(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add_all(Doc(id=n, title=str(n), embedding=vector(1, 0, 0)) for n in (7, 3, 9, 1, 5))
    assert [doc.id for doc in docs.similar_to([1, 1, 0]).all()] == [1, 3, 5, 7, 9]
    assert [doc.id for doc in docs.similar_to([1, 1, 0]).limit(3).all()] == [1, 3, 5]
    assert [doc.id for doc in docs.similar_to([1, 1, 0]).limit(2).offset(2).all()] == [5, 7]


def test_ties_come_by_every_part_of_the_key(db: Database) -> None:
    db.create_all(Pair)
    keys = [("b", 1), ("a", 10), ("a", 9), ("B", 2), ("é", 1)]
    repository(Pair, db).add_all(Pair(shelf=s, place=p, embedding=vector(1, 1)) for s, p in keys)
    pairs = repository(Pair, db).similar_to([0, 0]).limit(5).all()
    assert [(pair.shelf, pair.place) for pair in pairs] == [
        ("B", 2),
        ("a", 9),
        ("a", 10),
        ("b", 1),
        ("é", 1),
    ]


def test_rows_without_a_vector_are_in_no_ranking(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add_all([Doc(title="none"), Doc(title="zero", embedding=vector(0, 0, 0))])
    query = docs.similar_to(QUERY)
    assert (query.all(), query.count(), query.exists(), query.first()) == ([], 0, False, None)
    assert [doc.title for doc in docs.similar_to(QUERY, metric="l2").all()] == ["zero"]


def test_a_zero_query_is_refused_by_cosine_alone(ranked: Database) -> None:
    docs = repository(Doc, ranked)
    with pytest.raises(InvalidVector, match=r"Doc\.embedding: a zero vector has no direction"):
        docs.similar_to([0, 0, 0])
    hits = docs.similar_to([0, 0, 0], metric="l2").limit(2).hits()
    assert [(hit.entity.title, hit.distance) for hit in hits] == [("zero", 0.0), ("axis", 1.0)]
    assert docs.similar_to([0, 0, 0], metric="inner_product").count() == 6


@METRICS
def test_max_distance_keeps_what_is_nearer(ranked: Database, metric: str) -> None:
    limit = EXPECTED[metric][2][1] + 0.01
    titles = [title for title, distance in EXPECTED[metric] if distance <= limit]
    query = repository(Doc, ranked).similar_to(QUERY, metric=metric).max_distance(limit)
    assert [doc.title for doc in query.all()] == titles
    assert [doc.title for doc in query.limit(9).all()] == titles
    assert [doc.title for doc in query.limit(2).all()] == titles[:2]
    assert [doc.title for doc in query.offset(1).limit(9).all()] == titles[1:]
    assert [doc.title for doc in query.stream()] == titles
    assert (query.count(), query.exists()) == (len(titles), True)


@METRICS
def test_min_score_is_the_same_threshold(ranked: Database, metric: str) -> None:
    lowest = SCORES[metric][2] - 0.001
    titles = [t for (t, _), s in zip(EXPECTED[metric], SCORES[metric], strict=True) if s >= lowest]
    query = repository(Doc, ranked).similar_to(QUERY, metric=metric).min_score(lowest)
    assert [doc.title for doc in query.all()] == titles
    assert query.limit(9).count() == len(titles)


def test_thresholds_include_their_own_value(ranked: Database) -> None:
    by_l2 = repository(Doc, ranked).similar_to(QUERY, metric="l2")
    assert [doc.title for doc in by_l2.max_distance(0).all()] == ["same"]
    assert [doc.title for doc in by_l2.max_distance(3).all()] == ["same", "axis", "double", "zero"]
    assert [doc.title for doc in by_l2.min_score(0.25).limit(9).all()] == [
        "same",
        "axis",
        "double",
        "zero",
    ]
    assert [doc.title for doc in by_l2.min_score(1).all()] == ["same"]


def test_of_two_thresholds_the_stricter_counts(ranked: Database) -> None:
    query = repository(Doc, ranked).similar_to(QUERY, metric="l2")
    assert query.max_distance(3).min_score(1).count() == 1
    assert query.max_distance(0).min_score(0.01).count() == 1


def test_a_threshold_that_nothing_passes_gives_nothing(ranked: Database) -> None:
    query = repository(Doc, ranked).similar_to([9, 9, 9], metric="l2").max_distance(0.5)
    assert (query.all(), query.count(), query.exists()) == ([], 0, False)
    assert len(query.limit(3).hits()) == 0


def test_filters_hold_for_every_row_of_a_ranking(ranked: Database) -> None:
    query = repository(Doc, ranked).similar_to(QUERY).where(col(Doc.n) >= 2)
    assert [doc.title for doc in query.limit(2).all()] == ["axis", "across"]
    assert query.where(Doc.title != "axis").count() == 2


def test_a_model_with_several_vectors_ranks_by_the_one_named(db: Database) -> None:
    db.create_all(Picture)
    pictures = repository(Picture, db)
    pictures.add_all(
        [
            Picture(id=1, caption=vector(1, 0), pixels=vector(0, 0, 0, 9)),
            Picture(id=2, caption=vector(3, 0), pixels=vector(0, 0, 0, 1)),
        ]
    )
    by_caption = pictures.similar_to([2, 0], on=Picture.caption).hits()
    by_pixels = pictures.similar_to([0, 0, 0, 8], on="pixels").hits()
    assert [(hit.entity.id, hit.distance) for hit in by_caption] == [(2, -6.0), (1, -2.0)]
    assert [(hit.entity.id, hit.distance) for hit in by_pixels] == [(1, 1.0), (2, 7.0)]
    assert by_caption[0].entity.pixels == Vector([0, 0, 0, 1])


@pytest.mark.parametrize("scale", [1e-15, 1e-9, 1e9, 1e15], ids=str)
def test_a_direction_does_not_depend_on_the_length(library: Database, scale: float) -> None:
    docs = repository(Doc, library)
    docs.add_all(
        [
            Doc(title="near", embedding=vector(scale, scale, 0)),
            Doc(title="far", embedding=vector(0, scale, scale)),
        ]
    )
    hits = docs.similar_to([1, 1, 0]).hits()
    assert [hit.entity.title for hit in hits] == ["near", "far"]
    assert [hit.distance for hit in hits] == [close(0.0), close(0.5)]


@pytest.mark.parametrize("metric", ["l2", "l1", "inner_product"])
def test_distances_of_large_vectors_are_finite(library: Database, metric: str) -> None:
    docs = repository(Doc, library)
    docs.add_all(
        [
            Doc(title="far", embedding=vector(3e15, 0, 0)),
            Doc(title="farther", embedding=vector(-3e15, 0, 0)),
        ]
    )
    expected = {"l2": [2e15, 4e15], "l1": [2e15, 4e15], "inner_product": [-3e30, 3e30]}
    hits = docs.similar_to([1e15, 0, 0], metric=metric).hits()
    assert [hit.entity.title for hit in hits] == ["far", "farther"]
    assert [hit.distance for hit in hits] == [close(d) for d in expected[metric]]


def test_a_small_inner_product_of_long_vectors_is_true_for_their_lengths(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add(Doc(title="x", embedding=vector(100, 0.001, 0)))
    hits = docs.similar_to([0, 100, 0], metric="inner_product").hits()
    assert [hit.distance for hit in hits] == [pytest.approx(-0.1, abs=1e-6 * 100 * 100)]


@pytest.mark.engines("postgresql-without-pgvector")
def test_the_long_way_is_announced_once_for_each_database(ranked: Database) -> None:
    docs = repository(Doc, ranked)
    with pytest.warns(SlowPath, match=r"does not compute cosine here.* Doc\.embedding are"):
        docs.similar_to(QUERY).limit(1).hits()
    docs.similar_to(QUERY).limit(2).all()
    with pytest.warns(SlowPath, match=r"does not compute l2 here.* Doc\.embedding are read"):
        docs.similar_to(QUERY, metric="l2").count()
    assert docs.similar_to(QUERY).limit(1).hits().ranker == "scan"


@pytest.mark.engines("sqlite", "postgresql")
def test_the_engine_ranks_where_it_can(ranked: Database) -> None:
    hits = repository(Doc, ranked).similar_to(QUERY).limit(2).hits()
    assert hits.ranker == "native"
    assert repr(hits) == "<2 hits, exact, by the native ranker>"
    assert [doc.title for doc in hits.entities] == ["same", "double"]
    assert [hit.entity.title for hit in hits[1:]] == ["double"]
