"""Rows by their keys, of every kind that a key can be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from agentorm import Database, Field, InvalidValue, Repository, repository
from tests.contract.models import Contract, Doc, Mood, Pair


class ByMoment(Contract, table=True):
    key: datetime = Field(primary_key=True)


class Chapter(Contract, table=True):
    """A key of three kinds."""

    book: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    mood: Mood = Field(primary_key=True)
    title: str


UTC_NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


def test_a_key_of_several_columns(db: Database) -> None:
    db.create_all(Pair)
    pairs = repository(Pair, db)
    pairs.add_all([Pair(shelf="a", place=1), Pair(shelf="a", place=2), Pair(shelf="b", place=1)])
    assert pairs.get(("a", 2)) == Pair(shelf="a", place=2)
    assert pairs.get(["b", 1]) == Pair(shelf="b", place=1)
    assert pairs.get(("b", 2)) is None
    found = pairs.get_many([("b", 1), ("c", 1), ("a", 1)])
    assert [(pair.shelf, pair.place) for pair in found] == [("b", 1), ("a", 1)]


def test_a_key_of_several_kinds(db: Database) -> None:
    db.create_all(Chapter)
    chapters = repository(Chapter, db)
    key = (UUID(int=5), date(2024, 1, 1), Mood.calm)
    other = (UUID(int=5), date(2024, 1, 2), Mood.angry)
    for made in (key, other):
        book, day, mood = made
        chapters.add(Chapter(book=book, day=day, mood=mood, title=str(day)))
    row = chapters.get(key)
    assert row is not None
    assert row.title == "2024-01-01"
    assert [row.title for row in chapters.get_many([other, key])] == ["2024-01-02", "2024-01-01"]


def test_a_moment_is_a_key_in_any_zone(db: Database) -> None:
    db.create_all(ByMoment)
    moments = repository(ByMoment, db)
    moments.add(ByMoment(key=UTC_NOON))
    tokyo = UTC_NOON.astimezone(timezone(timedelta(hours=9)))
    assert moments.get(tokyo) == ByMoment(key=UTC_NOON)
    assert moments.get_many([tokyo, UTC_NOON.replace(tzinfo=None)]) == [ByMoment(key=UTC_NOON)] * 2


def test_zero_is_a_key_and_generated_keys_go_on(library: Database) -> None:
    docs = repository(Doc, library)
    assert docs.add(Doc(id=0, title="zero")).id == 0
    assert docs.add(Doc(title="next")).id == 1
    zero = docs.get(0)
    assert zero is not None
    assert zero.title == "zero"


@pytest.fixture
def docs(library: Database) -> Repository[Doc]:
    made = repository(Doc, library)
    made.add_all(Doc(id=n, title=str(n)) for n in range(1, 8))
    return made


@pytest.fixture
def many(library: Database) -> Repository[Doc]:
    """More rows than one statement asks for."""
    made = repository(Doc, library)
    made.add_all(Doc(id=n, title=str(n)) for n in range(1, 1201))
    return made


def test_get_gives_the_row_or_none(docs: Repository[Doc]) -> None:
    assert docs.get(7) == docs.where(Doc.title == "7").one()
    assert docs.get(7777) is None


def test_get_many_keeps_the_order_and_leaves_out_what_is_not_there(docs: Repository[Doc]) -> None:
    found = docs.get_many([3, 99_999, 1, 2])
    assert [doc.id for doc in found] == [3, 1, 2]
    assert [doc.id for doc in docs.get_many([2, 2, 1])] == [2, 2, 1]
    assert docs.get_many([]) == []


@pytest.mark.untraced
def test_get_many_takes_more_keys_than_a_statement_has_parameters(many: Repository[Doc]) -> None:
    keys = list(range(70_000, 0, -1))
    assert [doc.id for doc in many.get_many(keys)] == list(range(1200, 0, -1))


def test_get_many_sends_one_statement_for_a_few_keys(
    docs: Repository[Doc], sent: list[str]
) -> None:
    sent.clear()
    docs.get_many(range(1, 400))
    assert len(sent) == 1


def test_no_keys_need_no_statement(docs: Repository[Doc], sent: list[str]) -> None:
    sent.clear()
    assert docs.get_many([]) == []
    assert sent == []


def test_a_key_is_converted_as_its_field_would(docs: Repository[Doc]) -> None:
    assert docs.get("7") == docs.get(7)
    assert docs.get_many(["7"]) == [docs.get(7)]


@pytest.mark.parametrize("key", [None, (), (1, 2), "x", 1.5, 2**63], ids=str)
def test_what_is_no_key_is_refused_before_any_sql(
    docs: Repository[Doc], sent: list[str], key: Any
) -> None:
    sent.clear()
    with pytest.raises(InvalidValue, match=r"Doc"):
        docs.get(key)
    with pytest.raises(InvalidValue, match=r"Doc"):
        docs.get_many([1, key])
    assert sent == []


@pytest.mark.parametrize("key", ["a", ("a",), ("a", 1, 2), ("a", None), ("a", "x")], ids=str)
def test_half_a_key_is_refused(db: Database, key: Any) -> None:
    db.create_all(Pair)
    with pytest.raises(InvalidValue, match=r"Pair"):
        repository(Pair, db).get(key)
