"""Rows that are near and unlike those before them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import defer

from agentorm import Database, InvalidQuery, repository
from tests.contract.chunks import LINE, Chunk, fill_chunks, ids
from tests.contract.planned import notes_on_serving


@pytest.fixture
def chunks(db: Database) -> Database:
    fill_chunks(db)
    return db


def test_what_resembles_a_row_before_waits(chunks: Database) -> None:
    query = repository(Chunk, chunks).similar_to(LINE)
    assert ids(query.diverse(1).all()) == [1, 2, 3, 4, 5, 6, 7, 9]
    assert ids(query.diverse(0.5).all()) == [1, 9, 5, 3, 2, 7, 4, 6]
    assert ids(query.diverse(0.25).all()) == [1, 9, 5, 3, 7, 2, 4, 6]
    assert ids(query.diverse(0).all()) == [1, 9, 5, 3, 7, 2, 4, 6]
    assert ids(query.diverse(0.75, depth=4).all()) == [1, 2, 4, 3]


def test_rows_without_vectors_stay_as_they_were(chunks: Database) -> None:
    both = repository(Chunk, chunks).similar_to(LINE).matching("red").fuse()
    assert ids(both.where(Chunk.id == 8).diverse().all()) == [8]


def test_scores_stay_what_they_were(chunks: Database) -> None:
    hits = repository(Chunk, chunks).similar_to(LINE).diverse(depth=4).limit(3).hits()
    assert [(hit.entity.id, hit.distance, hit.score) for hit in hits] == [
        (1, 1.0, 0.5),
        (4, 4.0, 0.2),
        (2, 2.0, 1 / 3),
    ]


def test_pages_go_as_far_as_the_depth(chunks: Database) -> None:
    query = repository(Chunk, chunks).similar_to(LINE).diverse(0, depth=4)
    every = [1, 4, 2, 3]
    assert ids(query.all()) == every
    assert ids(query.limit(2).all()) == every[:2]
    assert ids(query.limit(2).offset(1).all()) == every[1:3]
    assert ids(list(query.stream())) == every
    assert (query.count(), query.exists()) == (8, True)
    message = r"^limit and offset reach 5 rows, and diverse\(\) the best 4; diverse\(..., depth=5\)"
    with pytest.raises(InvalidQuery, match=message):
        query.limit(5).all()


def test_rows_are_spread_after_they_are_scored_anew(chunks: Database) -> None:
    near = repository(Chunk, chunks).similar_to(LINE)
    scored = near.diverse(1, depth=3).rerank(lambda rows: [row.votes for row in rows], depth=4)
    assert ids(scored.all()) == [3, 1, 2]
    hits = scored.diverse(0.5, depth=4).hits()
    assert [(hit.entity.id, hit.score) for hit in hits] == [(3, 9.0), (1, 5.0), (2, 3.0), (4, 1.0)]


def test_a_row_without_a_vector_is_like_no_other(chunks: Database) -> None:
    both = repository(Chunk, chunks).similar_to(LINE).matching("green").fuse()
    hits = both.diverse(0, depth=4).hits()
    assert [(hit.entity.id, hit.entity.embedding is None) for hit in hits] == [
        (7, False),
        (8, True),
        (1, False),
        (2, False),
    ]


def test_vectors_that_are_not_loaded_are_read_at_once(chunks: Database, sent: list[str]) -> None:
    deferred: Any = defer(Chunk.embedding)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with chunks.session() as session:
        sent.clear()
        query = repository(Chunk, session).similar_to(LINE).options(deferred).diverse(0)
        found = query.limit(3).all()
        assert ids(found) == [1, 9, 5]
        assert len([one for one in sent if "embedding" in one]) <= 3
        assert all("embedding" not in inspect(row).dict for row in found)


def test_nothing_found_is_nothing_to_spread(chunks: Database) -> None:
    rows = repository(Chunk, chunks)
    assert rows.similar_to(LINE).where(Chunk.votes > 99).diverse().all() == []
    both = rows.similar_to(LINE).matching("green").fuse().diverse()
    assert ids(both.where(Chunk.id == 8).all()) == [8]


def test_it_takes_vectors(chunks: Database) -> None:
    rows = repository(Chunk, chunks)
    for query in (
        rows.diverse(),
        rows.matching("red").diverse(),
        rows.order_by(Chunk.id).diverse(),
    ):
        with pytest.raises(InvalidQuery, match=r"^diverse\(\) without vectors; begin with"):
            query.diverse().all()


@pytest.mark.parametrize("given", [-0.1, 1.1, float("nan"), float("inf"), "1", None, True])
def test_a_number_out_of_range_is_refused_at_once(given: Any) -> None:
    with pytest.raises(InvalidQuery, match=r"^lambda_ is a number from 0 to 1, got "):
        repository(Chunk).similar_to(LINE).diverse(given)


def test_what_is_looked_at_is_explained_too(chunks: Database) -> None:
    explained = repository(Chunk, chunks).similar_to(LINE).diverse(depth=7).limit(3).explain()
    assert notes_on_serving(explained)[-1] == "spread by their vectors: the first 7 rows"
