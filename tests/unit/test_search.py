"""How a ranking is to search: what is refused, and that queries keep it."""

from __future__ import annotations

from typing import Any

import pytest

from agentorm import Entity, Field, InvalidQuery, Search, Vector, repository, vector_field


class TunedDoc(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(3)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"ef": 0}, "ef is an integer from 1 to 1000, got 0"),
        ({"ef": 1001}, "ef is an integer from 1 to 1000, got 1001"),
        ({"ef": 1.0}, "ef is an integer from 1 to 1000, got 1.0"),
        ({"ef": True}, "ef is an integer from 1 to 1000, got True"),
        ({"ef": "40"}, "ef is an integer from 1 to 1000, got '40'"),
        ({"probes": 0}, "probes is an integer from 1 to 32768, got 0"),
        ({"probes": 32769}, "probes is an integer from 1 to 32768, got 32769"),
        ({"ranker": "fast"}, "expected the ranker 'exact' or none, got 'fast'"),
        ({"ranker": 1}, "expected the ranker 'exact' or none, got 1"),
    ],
)
def test_what_no_engine_takes_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        Search(**given)
    assert str(refused.value).startswith(problem)


def test_the_limits_are_taken() -> None:
    assert Search(ef=1, probes=1) == Search(1, 1, None)
    assert Search(ef=1000, probes=32768, ranker="exact").is_exact


def test_a_query_keeps_the_last_one() -> None:
    query = repository(TunedDoc).similar_to([1, 2, 3])
    tuned = query.tune(Search(ef=7)).tune(Search(probes=3))
    assert (query.search, tuned.search) == (Search(), Search(probes=3))
    assert ".tune(Search(ef=None, probes=3, ranker=None))" in repr(tuned)
    assert "tune" not in repr(query)


def test_something_else_is_refused() -> None:
    with pytest.raises(InvalidQuery, match=r"tune takes a Search, got 100; tune\(Search\(ef=200\)"):
        repository(TunedDoc).tune(100)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
