"""Queries that are made once: what they give and what they refuse, by plans and by the ORM."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import BigInteger, bindparam, or_

from agentorm import (
    AnyOf,
    Database,
    DimensionMismatch,
    InvalidQuery,
    InvalidValue,
    InvalidVector,
    MeanOf,
    Vector,
    col,
    param,
    repository,
)
from tests.contract.planned import Ware, loaded_as_switched

NAMED = repository(Ware).where(Ware.name == param("name"), Ware.n >= param("least")).prepared()
NEAR = repository(Ware).similar_to(param("v")).where(Ware.n < param("n")).limit(2).prepared()
PAGE = repository(Ware).order_by(Ware.n).limit(param("size")).offset(param("skip")).prepared()


@pytest.mark.sync
def test_every_call_takes_its_own_values(shop: Database) -> None:
    with shop.session() as session:
        for _ in range(3):
            assert [w.n for w in NAMED(session, name="apple", least=1)] == [1]
            assert NAMED(session, name="apple", least=2) == []
            assert [w.n for w in NAMED(session, name="5%", least=0)] == [4]
            assert [w.name for w in NEAR(session, v=[1, 0, 0], n=9)] == ["apple", "bread"]
            assert [w.name for w in NEAR(session, v=[0, 1, 0], n=2)] == ["apple"]
            assert [w.n for w in PAGE(session, size=2, skip=1)] == [2, 3]
            assert [w.n for w in PAGE(session, size=1, skip=0)] == [1]


@pytest.mark.sync
def test_a_plan_loads_the_rows_of_every_call(shop: Database) -> None:
    for _ in range(3):
        with shop.session() as session:
            assert loaded_as_switched(*NAMED(session, name="apple", least=1))
            session.expunge_all()
            assert loaded_as_switched(*NAMED(session, name="apple", least=1))
        assert loaded_as_switched(*NAMED(shop, name="apple", least=1))


@pytest.mark.sync
def test_hits_have_distance_and_score(shop: Database) -> None:
    with shop.session() as session:
        for _ in range(3):
            hits = NEAR.hits(session, v=[1, 0, 0], n=9)
            found = [(hit.entity.name, hit.distance, hit.score) for hit in hits]
            assert found == [
                ("apple", 0.0, 1.0),
                ("bread", pytest.approx(2**0.5), pytest.approx(1 / (1 + 2**0.5))),
            ]
            assert (hits.exact, hits.complete) == (True, True)


@pytest.mark.sync
def test_examples_of_other_kinds_than_a_vector(shop: Database) -> None:
    with shop.session() as session:
        for _ in range(3):
            apple = NAMED(session, name="apple", least=1)[0]
            several = AnyOf([Vector([0, 1, 0]), Vector([1, 0, 0])])
            assert [w.name for w in NEAR(session, v=several, n=9)] == ["apple", "bread"]
            same = [Vector([0, 0, 2])] * 2
            assert NEAR(session, v=MeanOf(same), n=9)[0].name == "cheese"
            assert [w.name for w in NEAR(session, v=apple, n=9)] == ["bread", "cheese"]
            assert NEAR(session, v=[0, 0, 2], n=9)[0].name == "cheese"


@pytest.mark.sync
def test_one_parameter_stands_in_several_places(shop: Database) -> None:
    both = or_(Ware.n == param("x"), Ware.id == param("x"))
    find = repository(Ware).where(both).limit(param("x")).prepared()
    with shop.session() as session:
        for x, found in ((1, [1]), (4, [4]), (3, [3]), (9, [])):
            assert [w.n for w in find(session, x=x)] == found


@pytest.mark.sync
def test_a_database_takes_calls_too(shop: Database) -> None:
    for _ in range(2):
        assert [w.n for w in NAMED(shop, name="apple", least=1)] == [1]
        first = NEAR.first(shop, v=[0, 1, 0], n=9)
        assert first is not None
        assert first.name == "bread"


@pytest.mark.sync
def test_a_value_that_is_known_when_it_is_sent(shop: Database) -> None:
    known = [1]
    now = bindparam(None, callable_=lambda: known[0], type_=BigInteger())
    find = repository(Ware).where(Ware.n == now, Ware.name != param("other")).prepared()
    with shop.session() as session:
        found: list[list[str]] = []
        for known[0] in (1, 2, 1, 3, 2):
            found.append([w.name for w in find(session, other="")])
    assert found == [["apple"], ["bread"], ["apple"], ["cheese"], ["bread"]]


@pytest.mark.sync
def test_what_is_pending_is_found(shop: Database) -> None:
    with shop.session() as session:
        for n in range(10, 14):
            session.add(Ware(name="new", n=n))
            assert [w.n for w in NAMED(session, name="new", least=n)] == [n]


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "missing": ({"name": "apple"}, InvalidQuery, "missing: least"),
    "unknown": ({"name": "apple", "least": 1, "x": 2}, InvalidQuery, "unknown: x"),
    "none": ({}, InvalidQuery, "missing: name, least"),
    "too large": ({"name": "a", "least": 2**70}, InvalidValue, "does not fit into 64 bits"),
    "no text": ({"name": "a\0", "least": 1}, InvalidValue, "text holds NUL"),
}


@pytest.mark.sync
@pytest.mark.parametrize("case", REFUSED)
def test_refused_values(shop: Database, case: str) -> None:
    values, kind, message = REFUSED[case]
    with shop.session() as session:
        NAMED(session, name="apple", least=1)
        for _ in range(3):
            with pytest.raises(kind, match=message):
                NAMED(session, **values)
            assert len(NAMED(session, name="apple", least=1)) == 1


@pytest.mark.sync
def test_refused_vectors_and_pages(shop: Database) -> None:
    angle = repository(Ware).similar_to(param("v"), metric="cosine").limit(1).prepared()
    with shop.session() as session:
        for _ in range(3):
            angle(session, v=[1, 0, 0])
            with pytest.raises(InvalidVector, match="no direction"):
                angle(session, v=[0, 0, 0])
            with pytest.raises(DimensionMismatch, match="expected a vector of 3 dimensions, got 2"):
                NEAR(session, v=[1, 0], n=1)
            with pytest.raises(InvalidVector):
                NEAR(session, v="no vector", n=1)
            with pytest.raises(InvalidVector):
                NEAR(session, v=None, n=1)
            for size, skip in ((0, 0), (1, -1), (1.5, 0), (True, 0), (None, 0)):
                with pytest.raises(InvalidQuery, match=r"limit|offset"):
                    PAGE(session, size=size, skip=skip)
            PAGE(session, size=1, skip=0)
            NEAR(session, v=[1, 0, 0], n=1)


@pytest.mark.sync
def test_nowhere_to_run(shop: Database) -> None:
    for place in (None, shop.engine, "session"):
        with pytest.raises(InvalidQuery, match="expected a Session or a Database"):
            NAMED(place, name="apple", least=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


@pytest.mark.sync
def test_a_query_that_waits_for_parameters_says_so_at_every_ending(shop: Database) -> None:
    with shop.session() as session:
        rows = repository(Ware, session)
        waiting = rows.where(Ware.n == param("n"))
        near = waiting.similar_to([1, 0, 0])
        endings: list[Callable[[], object]] = [
            waiting.all,
            waiting.first,
            waiting.one_or_none,
            waiting.count,
            waiting.exists,
            lambda: list(waiting.stream()),
            lambda: waiting.page(size=2),
            waiting.join(Ware.maker).all,
            near.limit(2).hits,
            near.count,
            lambda: list(near.stream()),
            rows.limit(param("n")).all,
            rows.similar_to(param("n")).limit(1).hits,
            rows.order_by(col(Ware.n) * param("n")).all,
            lambda: rows.delete_where(Ware.n == param("n")),
            lambda: rows.update_where(Ware.id == param("n"), name="x"),
        ]
        for ending in endings:
            with pytest.raises(InvalidQuery, match=r"waits for .* n; find = query\.prepared"):
                ending()


def test_what_it_shows() -> None:
    assert repr(NAMED) == (
        "SyncQuery(Ware).where(ware.name = :name).where(ware.n >= :least).prepared()"
    )
    assert repr(NEAR) == (
        "SyncQuery(Ware).similar_to(param('v'), on=Ware.place, metric='l2')"
        ".where(ware.n < :n).limit(2).prepared()"
    )
    assert repr(PAGE).endswith(".limit(param('size')).offset(param('skip')).prepared()")


@pytest.mark.sync
def test_threads_share_one(shop: Database) -> None:
    def asked(n: int) -> list[list[int]]:
        with shop.session() as session:
            calls = (NAMED(session, name="apple", least=n % 3) for _ in range(5))
            return [[w.n for w in found] for found in calls]

    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(asked, range(12))]
    assert answers == [[[1] if n % 3 < 2 else []] * 5 for n in range(12)]
