"""Rows scored anew by a callable, and what it may be and give."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from agentorm import Database, InvalidQuery, InvalidScores, cross_encoder, repository
from tests.contract.chunks import LINE, Chunk, fill_chunks, ids
from tests.contract.planned import notes_on_serving


@pytest.fixture
def chunks(db: Database) -> Database:
    fill_chunks(db)
    return db


def votes(rows: list[Chunk]) -> list[float]:
    return [row.votes for row in rows]


def test_the_scores_sort_the_rows(chunks: Database) -> None:
    query = repository(Chunk, chunks).similar_to(LINE).rerank(votes)
    hits = query.hits()
    assert [(hit.entity.id, hit.score, hit.distance) for hit in hits] == [
        (3, 9.0, 3.0),
        (9, 8.0, 9.0),
        (6, 7.0, 6.0),
        (1, 5.0, 1.0),
        (7, 4.0, 7.0),
        (2, 3.0, 2.0),
        (5, 2.0, 5.0),
        (4, 1.0, 4.0),
    ]
    assert (hits.exact, hits.complete) == (True, True)
    assert ids(list(query.stream())) == [3, 9, 6, 1, 7, 2, 5, 4]


def test_only_the_best_rows_are_scored(chunks: Database) -> None:
    given: list[list[int | None]] = []

    def noted(rows: list[Chunk]) -> list[float]:
        given.append(ids(rows))
        return votes(rows)

    query = repository(Chunk, chunks).similar_to(LINE).rerank(noted, depth=4)
    assert ids(query.all()) == [3, 1, 2, 4]
    assert ids(query.limit(2).all()) == [3, 1]
    assert ids(query.limit(2).offset(2).all()) == [2, 4]
    assert ids(query.offset(3).all()) == [4]
    assert query.offset(4).all() == []
    assert given == [[1, 2, 3, 4]] * 5


def test_every_ending_works(chunks: Database) -> None:
    query = repository(Chunk, chunks).similar_to(LINE).rerank(votes, depth=1)
    assert query.one().id == 1
    found = query.first()
    assert found is not None
    assert found.id == 1
    assert query.offset(1).first() is None
    assert (query.count(), query.exists()) == (8, True)
    assert query.where(Chunk.votes == 9).one().id == 3
    assert query.where(Chunk.votes == 99).one_or_none() is None


def test_ties_stay_as_they_were(chunks: Database) -> None:
    query = repository(Chunk, chunks).similar_to([9, 0]).rerank(lambda rows: [1] * len(rows))
    assert ids(query.all()) == [9, 7, 6, 5, 4, 3, 2, 1]


def test_a_text_ranking_is_scored_anew(chunks: Database) -> None:
    hits = repository(Chunk, chunks).matching("blue").rerank(votes).hits()
    assert [(hit.entity.id, hit.score) for hit in hits] == [
        (3, 9.0),
        (9, 8.0),
        (6, 7.0),
        (8, 6.0),
        (4, 1.0),
    ]
    assert all(hit.text_score is not None for hit in hits)
    assert hits.ranker == "text"


def test_one_of_each_group_is_scored(chunks: Database) -> None:
    query = repository(Chunk, chunks).rerank(votes).similar_to(LINE).best_per(Chunk.document)
    assert ids(query.all()) == [3, 1, 7, 4]
    assert ids(query.rerank(votes, depth=2).all()) == [3, 1]


def test_nothing_found_is_nothing_to_score(chunks: Database) -> None:
    def never(rows: list[Chunk]) -> list[float]:
        raise AssertionError(rows)

    query = repository(Chunk, chunks).similar_to(LINE).rerank(never)
    assert query.where(Chunk.votes == 99).all() == []


SCORES: dict[str, Callable[[list[int]], Any]] = {
    "integers": lambda given: given,
    "tuple": tuple,
    "float32": lambda given: np.array(given, np.float32),
    "int8": lambda given: np.array(given, np.int8),
    "decimals": lambda given: [Decimal(one) for one in given],
    "fractions": lambda given: [Fraction(one, 3) for one in given],
    "scalars": lambda given: [np.float16(one) for one in given],
}


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.engines("sqlite")
def test_numbers_of_any_kind_are_scores(chunks: Database, kind: str) -> None:
    made = SCORES[kind]
    near = repository(Chunk, chunks).similar_to(LINE)
    query = near.rerank(lambda rows: made([row.votes for row in rows]), depth=3)
    assert ids(query.all()) == [3, 1, 2]
    assert all(type(hit.score) is float for hit in query.hits())


BAD: dict[str, tuple[Any, str]] = {
    "too few": ([1, 2], "expected 3 scores, one for each row, got 2"),
    "too many": (np.zeros(4), "expected 3 scores, one for each row, got 4"),
    "none": (None, "expected 3 scores in a sequence, got NoneType"),
    "number": (1.5, "expected 3 scores in a sequence, got float"),
    "text": ("abc", "expected 3 scores in a sequence, got str"),
    "mapping": ({1: 1}, "expected 3 scores in a sequence, got dict"),
    "set": ({1, 2, 3}, "expected 3 scores in a sequence, got set"),
    "iterator": (iter([1, 2, 3]), "expected 3 scores in a sequence, got list_iterator"),
    "texts": (["1", "2", "3"], "a score is a number, got '1' for row 0"),
    "missing": ([1, None, 2], "a score is a number, got None for row 1"),
    "flags": ([1, 2, True], "a score is a number, got True for row 2"),
    "complex": ([1, 2j, 3], "a score is a number, got 2j for row 1"),
    "rows": (np.zeros((3, 1)), r"a score is a number, got array\(\[0\.\]\) for row 0"),
    "nan": ([1, 2, float("nan")], "a score is a finite number, got nan for row 2"),
    "infinite": (np.array([1, np.inf, 0]), r"a score is a finite number, got .*inf.* for row 1"),
    "huge": ([10**400, 1, 2], "a score is a finite number, got 1000.* for row 0"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.engines("sqlite")
def test_anything_else_is_refused(chunks: Database, kind: str) -> None:
    given, message = BAD[kind]
    query = repository(Chunk, chunks).similar_to(LINE).rerank(lambda _: given, depth=3)
    with pytest.raises(InvalidScores, match=f"^{message}"):
        query.all()


def test_errors_of_the_scorer_pass_through(chunks: Database) -> None:
    class ModelError(Exception):
        pass

    def failing(rows: list[Chunk]) -> list[float]:
        raise ModelError(len(rows))

    with chunks.session() as session:
        rows = repository(Chunk, session)
        rows.add(Chunk(id=10, body="x"))
        with pytest.raises(ModelError, match=r"^8$") as caught:
            rows.similar_to(LINE).rerank(failing).all()
        assert caught.value.__cause__ is None
        assert rows.count() == 10
        session.commit()
    assert repository(Chunk, chunks).count() == 10
    with pytest.raises(ModelError):
        repository(Chunk, chunks).similar_to(LINE).rerank(failing).hits()


async def by_votes(rows: list[Chunk]) -> list[float]:
    return votes(rows)


def test_an_async_scorer_is_awaited(chunks: Database, driver: str) -> None:
    rows: Any = repository(Chunk, chunks).similar_to(LINE)
    query = rows.rerank(by_votes, depth=3)
    if driver == "async":
        assert ids(query.all()) == [3, 1, 2]
        return
    with pytest.raises(InvalidQuery, match=r"^an async scorer on a query that is not awaited"):
        query.all()


def test_a_page_beyond_the_depth_is_refused(chunks: Database) -> None:
    query = repository(Chunk, chunks).similar_to(LINE).rerank(votes, depth=4)
    message = r"^limit and offset reach 5 rows, and rerank\(\) the best 4; rerank\(..., depth=5\)$"
    for ending in (query.limit(5).all, query.limit(3).offset(2).hits, query.limit(5).count):
        with pytest.raises(InvalidQuery, match=message):
            ending()
    assert len(query.limit(4).all()) == 4


def test_cursors_go_as_far_as_the_depth(chunks: Database) -> None:
    query = repository(Chunk, chunks).similar_to(LINE).rerank(votes, depth=4)
    first = query.page(size=3)
    assert (ids([*first]), first.next is None) == ([3, 1, 2], False)
    second = query.page(first.next, size=3)
    assert (ids([*second]), second.next) == ([4], None)
    whole = query.page(size=4)
    assert (ids([*whole]), whole.next) == ([3, 1, 2, 4], None)


def test_a_scorer_needs_a_ranking(chunks: Database) -> None:
    rows = repository(Chunk, chunks)
    for query in (rows.rerank(votes), rows.order_by(Chunk.id).rerank(votes)):
        for ending in (query.all, query.count, query.exists, query.first, query.explain):
            with pytest.raises(InvalidQuery, match=r"^rerank\(\) without a ranking; begin with"):
                ending()


def test_what_is_looked_at_is_explained(chunks: Database) -> None:
    explained = repository(Chunk, chunks).similar_to(LINE).rerank(votes).limit(3).explain()
    assert notes_on_serving(explained)[-1] == "re-ranked: the first 50 rows"
    assert len(explained.statements) in {1, 2}


@pytest.mark.engines("sqlite")
def test_pairs_of_texts_are_scored(chunks: Database) -> None:
    pairs: list[tuple[str, str]] = []

    def predict(given: list[tuple[str, str]]) -> list[float]:
        pairs.extend(given)
        return [len(passage) for _, passage in given]

    near = repository(Chunk, chunks).similar_to(LINE)
    by_field = near.rerank(cross_encoder(predict, "sky", Chunk.body), depth=3)
    assert ids(by_field.all()) == [1, 3, 2]
    assert pairs == [("sky", "red red red"), ("sky", "red"), ("sky", "blue")]
    by_name = near.rerank(cross_encoder(predict, "sky", "document"), depth=4)
    by_text = near.rerank(cross_encoder(predict, "sky", lambda row: "x" * row.votes), depth=3)
    assert ids(by_name.all()) == [1, 2, 3, 4]
    assert pairs[-1] == ("sky", "")
    assert ids(by_text.all()) == [3, 1, 2]


def test_what_is_no_scorer_is_refused_at_once() -> None:
    rows = repository(Chunk).similar_to(LINE)
    with pytest.raises(InvalidQuery, match=r"^rerank takes a callable, got 'votes'; rerank\("):
        rows.rerank("votes")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    for depth in (0, -1, 1.5, True, None):
        with pytest.raises(InvalidQuery, match=r"^depth takes an integer of 1 or more, got "):
            rows.rerank(votes, depth=depth)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidQuery, match=r"^a passage is a field or a callable, got 3"):
        cross_encoder(len, "x", 3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
