"""The first row of each value of a field: in a ranking, in an order, with a page and a count."""

from __future__ import annotations

import pytest
from sqlmodel import col

from agentorm import (
    RRF,
    Database,
    Field,
    InvalidQuery,
    UnknownField,
    Vector,
    repository,
    text_field,
    vector_field,
)
from tests.contract.chunks import LINE, Chunk, fill_chunks, ids
from tests.contract.models import Author, Contract, Doc, vector


@pytest.fixture
def chunks(db: Database) -> Database:
    fill_chunks(db)
    return db


def votes_of(rows: list[Chunk]) -> list[int]:
    return [row.votes for row in rows]


def test_the_nearest_of_each_group_comes(chunks: Database) -> None:
    hits = repository(Chunk, chunks).similar_to(LINE).best_per(Chunk.document).hits()
    assert [(hit.entity.id, hit.entity.document, hit.distance) for hit in hits] == [
        (1, "a", 1.0),
        (3, "b", 3.0),
        (4, None, 4.0),
        (7, "A", 7.0),
    ]
    assert (hits.exact, hits.complete) == (True, True)


def test_pages_and_counts_are_of_groups(chunks: Database) -> None:
    query = repository(Chunk, chunks).similar_to(LINE).best_per("document")
    assert ids(query.limit(2).all()) == [1, 3]
    assert ids(query.limit(2).offset(1).all()) == [3, 4]
    assert ids(query.offset(3).all()) == [7]
    assert ids(list(query.stream())) == [1, 3, 4, 7]
    assert ids(list(query.limit(2).offset(2).stream())) == [4, 7]
    assert (query.count(), query.exists()) == (4, True)
    assert query.limit(1).one().id == 1
    first = query.offset(1).first()
    assert first is not None
    assert first.id == 3


def test_filters_and_thresholds_come_first(chunks: Database) -> None:
    query = repository(Chunk, chunks).similar_to(LINE).best_per(Chunk.document)
    assert ids(query.where(Chunk.votes > 3).all()) == [1, 3, 6, 7]
    assert ids(query.max_distance(4).all()) == [1, 3, 4]
    assert ids(query.max_distance(4).limit(9).all()) == [1, 3, 4]
    assert query.max_distance(4).count() == 3
    assert query.max_distance(4).where(Chunk.votes > 5).count() == 1
    assert (query.where(Chunk.votes > 99).all(), query.where(Chunk.votes > 99).count()) == ([], 0)


def test_the_best_match_of_each_group_comes(chunks: Database) -> None:
    query = repository(Chunk, chunks).matching("green").best_per(Chunk.document)
    assert sorted(chunk.id or 0 for chunk in query.all()) == [7, 8]
    several = repository(Chunk, chunks).matching("blue").best_per(Chunk.document)
    found = several.hits()
    assert {hit.entity.document for hit in found} == {"a", "b", "c", None}
    assert [hit.text_score for hit in found] == sorted(
        (hit.text_score or 0.0 for hit in found), reverse=True
    )
    assert (several.count(), len(several.limit(2).all())) == (4, 2)
    every = {chunk.document: chunk.id for chunk in reversed(several.best_per("id").all())}
    assert {hit.entity.document: hit.entity.id for hit in found} == every


def test_the_first_of_each_group_in_an_order_comes(chunks: Database) -> None:
    query = repository(Chunk, chunks).order_by(col(Chunk.votes).desc()).best_per(Chunk.document)
    assert ids(query.all()) == [3, 9, 6, 8, 7]
    assert ids(query.limit(2).offset(1).all()) == [9, 6]
    assert ids(list(query.stream())) == [3, 9, 6, 8, 7]
    assert (query.count(), query.exists(), query.where(Chunk.votes > 99).exists()) == (
        5,
        True,
        False,
    )
    assert ids(query.where(Chunk.votes < 6).all()) == [1, 7, 5, 4]


def test_without_an_order_the_first_is_by_key(chunks: Database) -> None:
    query = repository(Chunk, chunks).best_per(Chunk.document)
    assert ids(query.all()) == [1, 3, 4, 7, 8]
    first = query.first()
    assert first is not None
    assert first.id == 1


def test_null_sorts_smallest_in_each_group(chunks: Database) -> None:
    by_document = repository(Chunk, chunks).order_by(col(Chunk.document)).best_per(Chunk.body)
    assert ids(by_document.all()) == [4, 6, 7, 1, 2, 5, 8]


def test_pages_are_of_groups(chunks: Database) -> None:
    rows = repository(Chunk, chunks)
    sorted_ones = rows.order_by(col(Chunk.votes).desc()).best_per(Chunk.document)
    for query, expected in (
        (sorted_ones, [3, 9, 6, 8, 7]),
        (rows.best_per(Chunk.document), [1, 3, 4, 7, 8]),
        (rows.similar_to(LINE).best_per(Chunk.document), [1, 3, 4, 7]),
    ):
        first = query.page(size=2)
        second = query.page(first.next, size=2)
        third = [] if second.next is None else [*query.page(second.next, size=2)]
        assert ids([*first, *second, *third]) == expected


def test_what_is_sorted_by_another_table_is_paged(library: Database) -> None:
    authors = [Author(id=n, name=name) for n, name in enumerate("zyx", 1)]
    repository(Author, library).add_all(authors)
    topics = [(1, "a", 1), (2, "a", 3), (3, "b", 2), (4, None, 1), (5, "b", 3), (6, None, 2)]
    docs = repository(Doc, library)
    docs.add_all(Doc(id=n, title=str(n), topic=t, author_id=a) for n, t, a in topics)
    query = docs.join(Doc.author).order_by(Author.name).best_per(Doc.topic)
    assert [doc.id for doc in query.all()] == [2, 5, 6]
    first = query.page(size=2)
    assert [doc.id for doc in [*first, *query.page(first.next, size=2)]] == [2, 5, 6]
    assert query.where(Author.name != "x").count() == 3


def test_the_best_of_a_fusion_comes(chunks: Database) -> None:
    both = repository(Chunk, chunks).similar_to(LINE).matching("green").fuse()
    query = both.best_per(Chunk.document)
    assert ids(query.all()) == [7, 1, 8, 3, 4]
    assert ids(query.limit(2).offset(1).all()) == [1, 8]
    assert ids(list(query.stream())) == [7, 1, 8, 3, 4]
    assert (query.count(), query.exists(), query.where(Chunk.votes > 99).count()) == (5, True, 0)
    assert (query.max_distance(7).count(), ids(query.max_distance(7).all())) == (4, [7, 1, 3, 4])
    hits = query.limit(3).hits()
    assert [hit.fused_score for hit in hits] == [
        pytest.approx(1 / 67 + 1 / 61),
        pytest.approx(1 / 61),
        pytest.approx(1 / 62),
    ]
    assert [hit.text_score is None for hit in hits] == [False, True, False]
    assert (hits[1].distance, hits.ranker, hits.exact, hits.complete) == (1.0, "fusion", True, True)


def test_long_texts_are_told_apart_by_their_ends(chunks: Database) -> None:
    rows = repository(Chunk, chunks)
    rows.update_where(col(Chunk.id) <= 4, document="long " * 300)
    rows.update_where(col(Chunk.id) == 2, document="long " * 300 + "end")
    query = rows.best_per(Chunk.document)
    assert ids(query.where(col(Chunk.id) <= 5).all()) == [1, 2, 5]
    nearest = query.similar_to(LINE).where(col(Chunk.id) <= 5)
    assert (ids(nearest.all()), nearest.count()) == ([1, 2, 5], 3)
    assert {*ids(nearest.matching("red").fuse().all())} == {1, 2, 5}


class NamedLikeOurs(Contract, abstract=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: str
    body: str = text_field(search="simple")
    embedding: Vector = vector_field(2, metric="l2")


class TableFound(NamedLikeOurs, table=True):
    __tablename__ = "found"  # pyright: ignore[reportAssignmentType]


class TableBest(NamedLikeOurs, table=True):
    __tablename__ = "best"  # pyright: ignore[reportAssignmentType]


class TableFused(NamedLikeOurs, table=True):
    __tablename__ = "Fused"  # pyright: ignore[reportAssignmentType]


class TableFusedBest(NamedLikeOurs, table=True):
    __tablename__ = "fused_best"  # pyright: ignore[reportAssignmentType]


@pytest.mark.parametrize("model", [TableFound, TableBest, TableFused, TableFusedBest])
def test_a_table_may_have_any_name(db: Database, model: type[NamedLikeOurs]) -> None:
    db.create_all(model)
    rows = repository(model, db)
    for key, topic in enumerate("aab", 1):
        rows.add(model(id=key, topic=topic, body="red", embedding=vector(key, 0)))
    near, found = rows.similar_to(LINE), rows.matching("red")
    for query in (near, found, near.matching("red").fuse()):
        assert [row.id for row in query.all()] == [1, 2, 3]
        assert [row.id for row in query.best_per("topic").all()] == [1, 3]
        assert (query.count(), query.best_per("topic").count()) == (3, 2)


def test_legs_are_cut_before_they_are_grouped(chunks: Database) -> None:
    both = repository(Chunk, chunks).similar_to(LINE).matching("green").fuse(RRF(depth=2))
    assert ids(both.best_per(Chunk.document).limit(2).all()) == [1, 7]
    assert ids(both.best_per(Chunk.body).limit(1).offset(1).all()) == [7]
    assert ids(both.best_per(Chunk.document).limit(2).rerank(votes_of, depth=2).all()) == [1, 7]


def test_what_cannot_be_grouped_by_is_refused() -> None:
    with pytest.raises(InvalidQuery, match=r"^Doc\.meta is nothing to group by$"):
        repository(Doc).best_per(Doc.meta)
    with pytest.raises(InvalidQuery, match=r"^Doc\.embedding is nothing to group by$"):
        repository(Doc).best_per(Doc.embedding)
    with pytest.raises(UnknownField, match="Doc has no field 'topc'"):
        repository(Doc).best_per("topc")
    with pytest.raises(InvalidQuery, match="expected a field of Doc, got 3"):
        repository(Doc).best_per(3)
