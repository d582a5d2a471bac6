"""Rows read into classes of the caller's: every kind of them, by every ending."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

import pytest

from agentorm import Database, InvalidQuery, MultipleResults, NoResult, Repository, col, repository
from tests.contract.cards import KINDS, Card, FrozenCard, ModelCard, told
from tests.contract.chunks import LINE, Chunk, fill_chunks
from tests.engines import NAMES

pytestmark = pytest.mark.engines(*NAMES)


@dataclass
class Plain:
    body: str
    id: int


class Scored(NamedTuple):
    votes: int
    score: float


@pytest.fixture
def chunks(db: Database) -> Repository[Chunk]:
    fill_chunks(db)
    return repository(Chunk, db)


@pytest.mark.parametrize("kind", KINDS)
def test_every_ending_of_a_ranking_gives_every_kind(
    chunks: Repository[Chunk], kind: type[Any]
) -> None:
    query = chunks.similar_to(LINE).where(Chunk.votes > 4).into(kind)
    near = [(1, "red red red", 1.0), (3, "blue", 3.0), (6, "blue", 6.0), (9, "blue", 9.0)]
    cards = query.all()
    assert [told(card) for card in cards] == near
    assert {type(card) for card in cards} == {kind}
    hits = query.limit(2).hits()
    assert [(told(hit.entity), hit.distance) for hit in hits] == [(near[0], 1.0), (near[1], 3.0)]
    assert [hit.score for hit in hits] == [0.5, 0.25]
    assert (hits.complete, hits.exact) == (True, True)
    assert [told(card) for card in query.stream()] == near
    first = query.first()
    assert first is not None
    assert told(first) == near[0]
    assert told(query.where(Chunk.id == 3).one()) == near[1]
    found = query.where(Chunk.id == 9).one_or_none()
    assert found is not None
    assert told(found) == near[3]
    page = query.page(size=3)
    assert [told(card) for card in page] == near[:3]
    assert page.hits is not None
    assert [told(hit.entity) for hit in page.hits] == near[:3]
    assert [told(card) for card in query.page(page.next, size=3)] == near[3:]
    assert (query.count(), query.exists()) == (4, True)


def test_every_ending_without_a_ranking(chunks: Repository[Chunk]) -> None:
    query = chunks.where(col(Chunk.document) == "a").order_by(col(Chunk.votes).desc()).into(Plain)
    cards = [Plain("blue", 9), Plain("red red red", 1), Plain("red", 2)]
    assert query.all() == cards
    assert list(query.stream()) == cards
    assert query.first() == cards[0]
    assert query.limit(2).offset(1).all() == cards[1:]
    assert query.where(Chunk.id == 2).one() == cards[2]
    assert query.where(Chunk.id == 3).one_or_none() is None
    page = query.page(size=2)
    assert ([*page], page.hits) == (cards[:2], None)
    assert [*query.page(page.next, size=2)] == cards[2:]
    assert (query.count(), query.exists()) == (3, True)
    with pytest.raises(InvalidQuery, match="hits"):
        query.hits()
    with pytest.raises(NoResult, match="no Chunk passes the query"):
        query.where(Chunk.id == 3).one()
    with pytest.raises(MultipleResults):
        query.one()


def test_the_order_of_the_calls_does_not_matter(chunks: Repository[Chunk]) -> None:
    first = chunks.into(Card).limit(1).where(Chunk.votes > 5).similar_to(LINE)
    last = chunks.similar_to(LINE).where(Chunk.votes > 5).limit(1).into(Card)
    assert first.all() == last.all() == [Card(3, "blue", 3.0)]
    assert last.into(Scored).all() == [Scored(9, 0.25)]


def test_one_of_each_group_is_read(chunks: Repository[Chunk]) -> None:
    plain = chunks.order_by(Chunk.votes).best_per(Chunk.body).into(Plain)
    assert [card.id for card in plain.all()] == [4, 5, 2, 7, 1, 8, 6]
    assert (plain.count(), plain.all()[0]) == (7, Plain("red blue", 4))
    ranked = chunks.similar_to(LINE).best_per(Chunk.document).into(Card)
    assert [(card.id, card.distance) for card in ranked.all()] == [
        (1, 1.0),
        (3, 3.0),
        (4, 4.0),
        (7, 7.0),
    ]
    assert ranked.count() == 4


def test_a_default_stands_in_for_what_no_ranking_gives(chunks: Repository[Chunk]) -> None:
    @dataclass
    class Maybe:
        id: int
        distance: float = inf
        text_score: float | None = None
        fused_score: float = -2.0
        label: str = "none"

    assert chunks.where(Chunk.id == 1).into(Maybe).all() == [Maybe(1)]
    near = chunks.similar_to(LINE).limit(1).into(Maybe)
    assert near.all() == [Maybe(1, 1.0)]
    assert near.hits()[0].entity == Maybe(1, 1.0)
    matched = chunks.matching("green").into(Maybe).hits()
    assert {hit.entity.distance for hit in matched} == {inf}
    assert [hit.entity.text_score for hit in matched] == [hit.text_score for hit in matched]


def test_a_ranking_that_is_not_there_is_missed_by_every_ending(chunks: Repository[Chunk]) -> None:
    query = chunks.into(Card)
    for ending in (query.all, query.first, query.count, query.explain, query.page):
        with pytest.raises(InvalidQuery, match=r"Card\.distance comes from a ranking"):
            ending()
    with pytest.raises(InvalidQuery, match=r"Card\.distance comes .* similar_to\(vector\) gives"):
        chunks.matching("red").into(Card).all()


def test_a_validated_model_is_given_what_it_asks_for(chunks: Repository[Chunk]) -> None:
    card = chunks.similar_to(LINE).limit(1).into(ModelCard).one()
    assert card.model_dump() == {"id": 1, "body": "red red red", "distance": 1.0, "notes": []}
    assert card.model_dump(by_alias=True)["text"] == "red red red"
    assert card == ModelCard(id=1, text="red red red", distance=1.0)
    other = chunks.similar_to(LINE).limit(2).into(ModelCard).all()[1]
    assert card.notes is not other.notes


def test_frozen_ones_can_be_looked_up(chunks: Repository[Chunk]) -> None:
    cards = chunks.similar_to(LINE).limit(2).into(FrozenCard).all()
    assert {*cards} == {FrozenCard(1.0, 1, "red red red"), FrozenCard(2.0, 2, "red")}
