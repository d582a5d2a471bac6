"""Pages and streams of text and of both rankings fused."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import Any

import pytest

from agentorm import (
    RRF,
    Database,
    Field,
    InvalidCursor,
    InvalidQuery,
    SlowPath,
    SyncQuery,
    Vector,
    Weighted,
    col,
    repository,
    text_field,
    vector_field,
)
from agentorm.endings import Endings
from agentorm.results import Hit, Page
from tests.contract.models import Contract, vector
from tests.contract.searched import fill, nearest

pytestmark = pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
FISH = [n for n in range(1, 31) if n % 3]


class PagedNote(Contract, table=True):
    """Two of three have the word, some twice; every fourth has no vector."""

    id: int | None = Field(default=None, primary_key=True)
    topic: str
    body: str = text_field(search="english")
    embedding: Vector | None = vector_field(2, metric="l2", default=None)


@pytest.fixture
def notes(db: Database) -> Database:
    db.create_all(PagedNote)
    repository(PagedNote, db).add_all(
        PagedNote(
            id=n,
            topic="ab"[n % 2],
            body=["meadow", "salmon", "salmon salmon"][n % 3] + " river",
            embedding=vector(n // 5, 0) if n % 4 else None,
        )
        for n in range(1, 31)
    )
    return db


def ids(rows: Iterable[PagedNote]) -> list[int | None]:
    return [row.id for row in rows]


def walked(query: Endings[PagedNote], size: int) -> list[Page[PagedNote]]:
    pages = [query.page(size=size)]
    while pages[-1].next is not None:
        pages.append(query.page(pages[-1].next, size=size))
    return pages


def hits_of(pages: list[Page[PagedNote]]) -> list[Hit[PagedNote]]:
    return [hit for page in pages for hit in page.hits or ()]


def numbers(hit: Hit[Any]) -> tuple[Any, ...]:
    distance = None if isnan(hit.distance) else hit.distance
    return hit.entity.id, distance, hit.score, hit.text_score, hit.fused_score


def by_text(db: Database) -> SyncQuery[PagedNote]:
    return repository(PagedNote, db).matching("salmon")


def fused(db: Database) -> SyncQuery[PagedNote]:
    return repository(PagedNote, db).similar_to([0, 0]).matching("salmon").fuse()


def test_pages_of_text_are_all_that_match(notes: Database) -> None:
    query = by_text(notes)
    whole, pages = query.hits(), walked(query, 6)
    assert sorted(ids(whole.entities), key=int) == FISH  # type: ignore[arg-type]
    assert [len(page) for page in pages] == [6, 6, 6, 2]
    assert [*map(numbers, hits_of(pages))] == [*map(numbers, whole)]
    assert [note for page in pages for note in page] == [*query.stream()]
    odd = query.where(PagedNote.topic == "b")
    assert [note.id for page in walked(odd, 4) for note in page] == ids(odd.all())


def test_a_stream_of_text_is_in_its_order(notes: Database) -> None:
    query = by_text(notes)
    hits = query.hits()
    order = [(-hit.score, hit.entity.id or 0) for hit in hits]
    assert order == sorted(order)
    with notes.session() as session:
        assert ids(query.on(session).stream()) == ids(hits.entities)
        assert ids(query.offset(3).limit(5).on(session).stream()) == ids(hits.entities)[3:8]
        stream = query.on(session).stream()
        assert next(stream).id == hits[0].entity.id
        stream.close()
        assert query.on(session).count() == len(FISH)


@pytest.mark.parametrize("fusion", [RRF(), Weighted((0.3, 0.7)), RRF(k=1, weights=(0, 1))], ids=str)
def test_pages_of_a_fusion_are_its_best(notes: Database, fusion: RRF | Weighted) -> None:
    query = fused(notes).fuse(fusion)
    whole, pages = query.limit(100).hits(), walked(query, 7)
    assert len(whole) == len({*range(1, 31)} - {12, 24})
    assert [*map(numbers, hits_of(pages))] == [*map(numbers, whole)]


def test_pages_of_a_fusion_end_at_its_depth(notes: Database) -> None:
    query = fused(notes).fuse(RRF(depth=10))
    best = ids(query.limit(10).all())
    assert [len(page) for page in walked(query, 4)] == [4, 4, 2]
    assert [note.id for page in walked(query, 5) for note in page] == best
    assert [note.id for page in walked(query, 50) for note in page] == best
    assert walked(query, 10)[0].next is None
    with pytest.raises(InvalidQuery, match="10"):
        query.limit(11).all()


def test_pages_of_a_fusion_keep_to_thresholds_and_filters(notes: Database) -> None:
    query = fused(notes).max_distance(3.5).where(col(PagedNote.id) != 7)
    pages = walked(query, 3)
    assert {note.id for page in pages for note in page} == {
        n for n in range(1, 20) if n % 4 and n != 7
    }
    assert all(hit.distance <= 3.5 for hit in hits_of(pages))


def test_a_stream_of_a_fusion_is_the_whole_of_it(notes: Database) -> None:
    query = fused(notes)
    assert ids(query.stream()) == ids(query.all())
    assert len(query.all()) == 28


def test_a_cursor_of_another_ranking_is_refused(notes: Database) -> None:
    cursor = fused(notes).page(size=2).next
    for other in (
        by_text(notes),
        fused(notes).fuse(RRF(k=61)),
        fused(notes).fuse(Weighted()),
        repository(PagedNote, notes).similar_to([0, 0]).matching("river").fuse(),
        repository(PagedNote, notes).similar_to([0, 1]).matching("salmon").fuse(),
    ):
        with pytest.raises(InvalidCursor, match="of another query"):
            other.page(cursor)


@pytest.mark.engines("postgresql")
def test_pages_that_do_without_an_index_are_announced_once(db: Database) -> None:
    fill(db)
    said = r"ranks SearchedGraph.embedding: pages are exact and the HNSW index does not serve them"
    with pytest.warns(SlowPath, match=said):
        page = nearest(db).page(size=3)
    assert page.hits is not None
    assert page.hits.exact
    assert len(nearest(db).page(page.next, size=3)) == 3
