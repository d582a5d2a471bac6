"""What each ending gives back, and what it raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agentorm import (
    Database,
    InvalidQuery,
    MultipleResults,
    NoResult,
    NotBound,
    Repository,
    col,
    repository,
)
from tests.contract.models import Doc, vector

UNBOUND: dict[str, Callable[[Repository[Doc]], object]] = {
    "all": lambda docs: docs.all(),
    "first": lambda docs: docs.first(),
    "one": lambda docs: docs.one(),
    "one_or_none": lambda docs: docs.one_or_none(),
    "count": lambda docs: docs.count(),
    "exists": lambda docs: docs.exists(),
    "stream": lambda docs: docs.stream(),
    "explain": lambda docs: docs.explain(),
    "page": lambda docs: docs.page(),
    "hits": lambda docs: docs.similar_to([1, 2, 3]).hits(),
    "get": lambda docs: docs.get(1),
    "get_many": lambda docs: docs.get_many([1]),
    "add": lambda docs: docs.add(Doc(title="x")),
    "add_all": lambda docs: docs.add_all([Doc(title="x")]),
    "upsert": lambda docs: docs.upsert([Doc(title="x")]),
    "update_where": lambda docs: docs.update_where(Doc.title == "x", n=1),
    "delete_where": lambda docs: docs.delete_where(Doc.title == "x"),
}


@pytest.fixture
def docs(library: Database) -> Repository[Doc]:
    made = repository(Doc, library)
    made.add_all(Doc(id=n, title=f"t{n}", n=n % 3) for n in range(1, 8))
    return made


def test_all_gives_a_list(docs: Repository[Doc]) -> None:
    assert docs.where(Doc.n == 1).all() == [docs.get(1), docs.get(4), docs.get(7)]
    assert docs.where(Doc.n == 9).all() == []


def test_first_gives_a_row_or_none(docs: Repository[Doc]) -> None:
    assert docs.order_by(col(Doc.id).desc()).first() == docs.get(7)
    assert docs.where(Doc.n == 1).offset(1).first() == docs.get(4)
    assert docs.where(Doc.n == 9).first() is None


def test_one_gives_the_only_row(docs: Repository[Doc]) -> None:
    assert docs.where(Doc.title == "t3").one() == docs.get(3)
    assert docs.where(Doc.title == "t3").one_or_none() == docs.get(3)
    assert docs.limit(1).one() == docs.get(1)
    assert docs.offset(6).one() == docs.get(7)


def test_one_refuses_none_and_several(docs: Repository[Doc]) -> None:
    with pytest.raises(NoResult, match="no Doc passes the query"):
        docs.where(Doc.n == 9).one()
    with pytest.raises(MultipleResults, match="more than one Doc passes the query"):
        docs.where(Doc.n == 1).one()
    with pytest.raises(MultipleResults):
        docs.limit(5).one_or_none()
    assert docs.where(Doc.n == 9).one_or_none() is None


def test_count_ignores_order_limit_and_offset(docs: Repository[Doc]) -> None:
    assert docs.count() == 7
    assert docs.where(Doc.n == 1).order_by(Doc.title).limit(1).offset(2).count() == 3
    assert docs.where(Doc.n == 9).count() == 0


def test_exists_ignores_limit_and_offset(docs: Repository[Doc]) -> None:
    assert docs.where(Doc.n == 1).exists() is True
    assert docs.where(Doc.n == 1).limit(1).offset(50).exists() is True
    assert docs.where(Doc.n == 9).exists() is False


def test_hits_need_a_ranking(docs: Repository[Doc], sent: list[str]) -> None:
    with pytest.raises(InvalidQuery, match=r"hits\(\) needs a ranking; begin with similar_to"):
        docs.limit(3).hits()
    assert sent == []


@pytest.mark.parametrize("ending", UNBOUND)
def test_an_unbound_query_says_how_to_bind_it(ending: str) -> None:
    with pytest.raises(NotBound, match=rf"^{ending}\(\) has nowhere to run; bind the query first"):
        UNBOUND[ending](repository(Doc))


@pytest.mark.parametrize("ending", ["update", "delete"])
def test_an_unbound_repository_says_how_to_bind_it(library: Database, ending: str) -> None:
    stored = repository(Doc, library).add(Doc(title="x"))
    with pytest.raises(NotBound, match=rf"^{ending}\(\) has nowhere to run"):
        getattr(repository(Doc), ending)(stored)


def test_a_query_is_bound_later_and_to_several_places(library: Database) -> None:
    query = repository(Doc).where(Doc.n == 1).order_by(Doc.title)
    repository(Doc).on(library).add_all([Doc(title="b", n=1), Doc(title="a", n=1)])
    assert [doc.title for doc in query.on(library).all()] == ["a", "b"]
    with library.transaction() as session:
        repository(Doc, session).add(Doc(title="0", n=1))
        assert [doc.title for doc in query.on(session).all()] == ["0", "a", "b"]
        session.rollback()
    assert query.on(library).count() == 2


@pytest.mark.parametrize("place", [None, "sqlite://", 7], ids=str)
def test_a_query_is_bound_to_a_session_or_a_database(place: Any) -> None:
    expected = r"expected a Session or a Database, got \w+; repository\(Model, session\)"
    with pytest.raises(InvalidQuery, match=expected):
        repository(Doc).on(place)


def test_rows_of_one_session_are_one_object(library: Database) -> None:
    with library.transaction() as session:
        docs = repository(Doc, session)
        doc = docs.add(Doc(title="x", embedding=vector(1, 0, 0)))
        found: list[object] = [
            docs.get(doc.id),
            docs.one(),
            docs.first(),
            docs.get_many([doc.id])[0],
            docs.similar_to([1, 0, 0]).all()[0],
            docs.similar_to([1, 0, 0]).limit(1).hits()[0].entity,
            next(iter(docs.stream())),
        ]
        assert all(row is doc for row in found)


def test_endings_see_what_is_pending_in_the_session(library: Database) -> None:
    with library.transaction() as session:
        docs = repository(Doc, session)
        session.add(Doc(id=5, title="pending", embedding=vector(1, 0, 0)))
        assert docs.count() == 1
        session.add(Doc(id=6, title="second", embedding=vector(0, 1, 0)))
        assert docs.get(6) is not None
        session.add(Doc(id=7, title="third", embedding=vector(0, 0, 1)))
        assert [doc.id for doc in docs.similar_to([0, 0, 1]).all()] == [7, 5, 6]
        session.add(Doc(id=8, title="fourth"))
        assert docs.where(Doc.title == "fourth").exists()


def test_rows_stay_readable_when_their_session_is_over(docs: Repository[Doc]) -> None:
    rows = [docs.where(Doc.title == "t3").one(), docs.get(3), list(docs.stream())[2]]
    assert [row.title for row in rows if row] == ["t3", "t3", "t3"]
