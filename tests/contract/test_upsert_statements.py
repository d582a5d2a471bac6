"""How many statements an upsert of many rows takes, and what it does where it cannot be few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import UniqueConstraint, text
from sqlmodel import Session

from agentorm import ConstraintViolation, Database, Field, Vector, repository, vector_field
from agentorm.switch import plans_switched
from tests.contract.models import Contract, vector

MANY, FEW = 200, 12
QUESTIONS = text("SHOW SESSION STATUS LIKE 'Questions'")


class UpsertedPage(Contract, table=True):
    __table_args__ = (UniqueConstraint("path", name="the %path's `key`"),)
    id: int | None = Field(default=None, primary_key=True)
    path: str = Field(max_length=40)
    code: int | None = Field(default=None, unique=True)
    title: str | None = None
    n: int = 0
    embedding: Vector | None = vector_field(2, default=None)


class UpsertedPlace(Contract, table=True):
    shelf: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    note: str | None = None
    n: int = 0


@pytest.fixture(params=[True, False], ids=["direct", "orm"])
def pages(db: Database, request: pytest.FixtureRequest) -> Iterator[Database]:
    db.create_all(UpsertedPage, UpsertedPlace)
    with plans_switched(on=request.param):
        yield db


@pytest.fixture
def counted(engine_name: str, sent: list[str]) -> Callable[[Session, Callable[[], Any]], int]:
    """How many statements something takes, as the server counts them if it does."""

    def asked(session: Session) -> int:
        if engine_name not in {"mysql", "mariadb"}:
            return len(sent)
        return int(session.connection().execute(QUESTIONS).one()[1])

    def count(session: Session, work: Callable[[], Any]) -> int:
        before = asked(session)
        work()
        return asked(session) - before

    return count


def batch(start: int = 0, **values: Any) -> list[UpsertedPage]:
    """Every other page without a title, and each third without a vector."""
    return [
        UpsertedPage(
            path=f"/{n:03}",
            title=None if n % 2 else f"t{n}",
            embedding=None if n % 3 else vector(n, 1),
            **values,
        )
        for n in range(start, start + MANY)
    ]


@pytest.mark.parametrize("update", [None, ["n"], []], ids=str)
def test_many_rows_are_few_statements(
    pages: Database, counted: Callable[..., int], update: list[str] | None
) -> None:
    with pages.transaction() as session:
        rows = repository(UpsertedPage, session)
        rows.add_all(batch()[: MANY // 2])
        session.expunge_all()
        made: list[UpsertedPage] = []
        given = batch(n=3)
        took = counted(session, lambda: made.extend(rows.upsert(given, on="path", update=update)))
    assert took <= FEW
    assert [page.path for page in made] == [f"/{n:03}" for n in range(MANY)]
    new = MANY // 2
    assert [page.n for page in made] == [0 if update == [] else 3] * new + [3] * new
    assert {page.path: page for page in made} == {
        page.path: page for page in repository(UpsertedPage, pages).all()
    }


@pytest.mark.parametrize("update", [None, ["n"]], ids=str)
def test_a_key_of_two_columns_takes_few_too(
    pages: Database, counted: Callable[..., int], update: list[str] | None
) -> None:
    given = [UpsertedPlace(shelf="abcd"[n % 4], place=n, note="new", n=n) for n in range(MANY)]
    with pages.transaction() as session:
        rows = repository(UpsertedPlace, session)
        rows.add_all([UpsertedPlace(shelf="abcd"[n % 4], place=n, note="old") for n in range(9)])
        session.expunge_all()
        made: list[UpsertedPlace] = []
        took = counted(session, lambda: made.extend(rows.upsert(given, update=update)))
    assert took <= FEW
    assert [(row.shelf, row.place, row.n) for row in made] == [
        ("abcd"[n % 4], n, n) for n in range(MANY)
    ]
    assert [row.note for row in made[:10]] == [*(["old"] if update else ["new"]) * 9, "new"]


def test_entities_of_the_session_are_few_statements(
    pages: Database, counted: Callable[..., int]
) -> None:
    with pages.transaction() as session:
        rows = repository(UpsertedPage, session)
        held = rows.add_all(batch())
        made: list[UpsertedPage] = []
        given = batch(n=3)
        took = counted(session, lambda: made.extend(rows.upsert(given, on="path", update=["n"])))
        assert all(one is other for one, other in zip(held, made, strict=True))
    assert took <= FEW
    assert {page.n for page in held} == {3}


def test_one_row_that_another_key_holds_costs_a_few_more(
    pages: Database, counted: Callable[..., int]
) -> None:
    with pages.transaction() as session:
        rows = repository(UpsertedPage, session)
        rows.add_all([UpsertedPage(id=1001, path="/007"), UpsertedPage(id=1002, path="/008")])
        given = batch(n=3)
        given[7].id = 1002
        made: list[UpsertedPage] = []
        took = counted(session, lambda: made.extend(rows.upsert(given, on="path")))
    assert took <= 3 * FEW
    assert [(page.id, page.path, page.n) for page in made[7:9]] == [
        (1001, "/007", 3),
        (1002, "/008", 3),
    ]


def test_a_refusal_amid_many_rows_undoes_all(pages: Database) -> None:
    with pages.transaction() as session:
        rows = repository(UpsertedPage, session)
        first = rows.add(UpsertedPage(path="first", code=1))
        given = batch(n=3)
        given[150].code = 1
        with pytest.raises(ConstraintViolation):
            rows.upsert(given, on="path")
        assert rows.all() == [first]
    assert [page.path for page in repository(UpsertedPage, pages).all()] == ["first"]
