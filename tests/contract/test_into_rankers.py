"""Rows read into classes, whoever ranks them: the same hits as entities, and what is sent."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Any, NamedTuple

import pytest

from agentorm import (
    RRF,
    Database,
    Hit,
    Repository,
    Search,
    SyncQuery,
    Vector,
    cross_encoder,
    repository,
)
from tests.contract.chunks import LINE, Chunk, fill_chunks
from tests.contract.searched import (
    QUERY,
    SearchedGraph,
    builds_graphs,
    fill,
    indexed,
    truth,
)


class Ranked(NamedTuple):
    """What every ranking fills, and no key."""

    body: str
    distance: float = -1.0
    score: float = -1.0
    text_score: float | None = -1.0
    fused_score: float | None = -1.0


@dataclass
class Brief:
    votes: int
    id: int


@pytest.fixture
def chunks(db: Database) -> Repository[Chunk]:
    fill_chunks(db)
    return repository(Chunk, db)


def scores(hit: Hit[Any]) -> list[str]:
    """All that a hit is ranked by; PostgreSQL gives the scores of texts in single precision."""
    said = (hit.distance, hit.score, hit.text_score, hit.fused_score)
    return ["None" if value is None else f"{value:.6g}" for value in said]


def check_same(query: SyncQuery[Chunk], bodies: list[str]) -> None:
    """The hits of both, field by field."""
    cards, hits = query.into(Ranked).hits(), query.hits()
    assert [hit.entity.body for hit in cards] == [hit.entity.body for hit in hits] == bodies
    for card, hit in zip(cards, hits, strict=True):
        assert scores(card) == scores(hit)
        assert card.entity.score == card.score
        lacking = -1.0 if query.ranking is None else card.distance
        assert card.entity.distance == pytest.approx(lacking, nan_ok=True)
        assert card.entity.text_score == (-1.0 if query.text is None else card.text_score)
        assert card.entity.fused_score == (-1.0 if query.fusion is None else card.fused_score)
    assert (cards.exact, cards.complete) == (hits.exact, hits.complete)
    assert [card.body for card in query.into(Ranked).stream()] == bodies


def test_by_distance(chunks: Repository[Chunk]) -> None:
    near = chunks.similar_to(LINE).limit(3)
    check_same(near, ["red red red", "red", "blue"])
    check_same(near.offset(1).max_distance(3), ["red", "blue"])
    check_same(near.best_per(Chunk.document), ["red red red", "blue", "red blue"])


def test_by_text(chunks: Repository[Chunk]) -> None:
    check_same(chunks.matching("green"), ["green", "red blue green"])
    check_same(chunks.matching("green").best_per(Chunk.document).limit(1), ["green"])


def test_by_both(chunks: Repository[Chunk]) -> None:
    both = chunks.similar_to(LINE).matching("green").fuse(RRF(depth=3))
    check_same(both.limit(3), ["red red red", "green", "red"])
    check_same(both.best_per(Chunk.votes).limit(2), ["red red red", "green"])
    far = both.max_distance(7)
    check_same(far.limit(2), ["red red red", "green"])
    cards = both.limit(3).into(Ranked).all()
    assert isnan(cards[1].distance)
    assert cards[0].text_score is None


def test_a_scorer_is_given_entities_before(chunks: Repository[Chunk]) -> None:
    given: list[Any] = []

    def scored(rows: list[Chunk]) -> list[float]:
        given.extend(rows)
        return [row.votes for row in rows]

    query = chunks.similar_to(LINE).rerank(scored, depth=4).limit(2)
    assert query.into(Brief).all() == [Brief(9, 3), Brief(5, 1)]
    assert {type(row) for row in given} == {Chunk}
    check_same(query, ["blue", "red red red"])
    assert "whole rows are read: rerank() before into() scores entities" in (
        query.into(Brief).explain().notes
    )


def test_a_scorer_is_given_read_models_behind(chunks: Repository[Chunk], sent: list[str]) -> None:
    given: list[Any] = []

    def scored(rows: list[Brief]) -> list[float]:
        given.extend(rows)
        return [row.votes for row in rows]

    query = chunks.similar_to(LINE).into(Brief).rerank(scored, depth=4).limit(2)
    assert query.all() == [Brief(9, 3), Brief(5, 1)]
    assert given == [Brief(5, 1), Brief(3, 2), Brief(9, 3), Brief(1, 4)]
    assert not any("whole rows" in note for note in query.explain().notes)
    given.clear()
    sent.clear()
    assert [card.score for card in query.into(Ranked).all()] == [9.0, 5.0]
    assert given == [Brief(5, 1), Brief(3, 2), Brief(9, 3), Brief(1, 4)]
    assert all("document" not in one for one in sent)


def test_a_scorer_reads_a_field_of_the_read_model(chunks: Repository[Chunk]) -> None:
    def lengths(pairs: list[tuple[str, str]]) -> list[float]:
        return [len(passage) for _, passage in pairs]

    query = chunks.similar_to(LINE).into(Ranked).rerank(cross_encoder(lengths, "", "body"), depth=3)
    assert [card.body for card in query.all()] == ["red red red", "blue", "red"]


def test_what_is_spread(chunks: Repository[Chunk]) -> None:
    query = chunks.similar_to(LINE).diverse(0.5, depth=5).limit(2)
    entities = [row.id for row in query.all()]
    assert [card.id for card in query.into(Brief).all()] == entities == [1, 5]
    assert "vectors are read: diverse() compares them" in query.into(Brief).explain().notes
    votes = query.rerank(lambda rows: [row.votes for row in rows])
    assert [card.id for card in votes.into(Brief).all()] == [row.id for row in votes.all()]
    behind = query.into(Brief).rerank(lambda rows: [row.votes for row in rows])
    assert behind.all() == votes.into(Brief).all()


class Node(NamedTuple):
    topic: int
    distance: float


@builds_graphs
def test_an_index_finds_them(db: Database) -> None:
    fill(db)
    with indexed(db) as session:
        near = repository(SearchedGraph, session).similar_to(QUERY).tune(Search(ef=400)).limit(5)
        hits = near.into(Node).hits()
        assert (hits.exact, hits.complete, hits.ranker) == (False, True, "native")
        assert [hit.distance for hit in hits] == pytest.approx([d for d, _ in truth()[:5]])
        assert all(hit.entity.distance == hit.distance for hit in hits)
        assert {hit.entity.topic for hit in hits} <= {key % 200 for _, key in truth()[:6]}
        assert [card.distance for card in near.into(Node).all()] == [hit.distance for hit in hits]
        explained = near.into(Node).explain()
        assert explained.index == "ix_searchedgraph_embedding_hnsw"
        groups = near.best_per(SearchedGraph.topic)
        cards = groups.into(Node).hits()
        assert (cards.exact, cards.complete) == (False, True)
        assert len({hit.entity.topic for hit in cards}) == 5
        assert all(hit.entity.distance == hit.distance for hit in cards)


def test_vectors_can_be_read_too(chunks: Repository[Chunk]) -> None:
    @dataclass
    class Placed:
        embedding: Vector
        score: float

    assert chunks.similar_to(LINE).limit(1).into(Placed).all() == [Placed(Vector([1, 0]), 0.5)]
