"""Upsert never touches another row than that of the named key, on every engine alike."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import UniqueConstraint

from agentorm import (
    ConstraintViolation,
    Database,
    Field,
    Repository,
    Vector,
    repository,
    vector_field,
)
from tests.contract.models import Contract, Pair, vector

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql")


class Member(Contract, table=True):
    """A generated key and two unique ones; the index of `email` is made before that of `nick`."""

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)
    nick: str = Field(unique=True)
    n: int = 0
    embedding: Vector | None = vector_field(2, default=None)


class Late(Contract, table=True):
    """A key of two columns whose order in the table is not that of the key."""

    __table_args__ = (UniqueConstraint("second", "first"),)
    id: int | None = Field(default=None, primary_key=True)
    first: str = Field(max_length=20)
    second: str = Field(max_length=20)
    code: str | None = Field(default=None, unique=True)


class OnlyKeys(Contract, table=True):
    """Nothing to overwrite: every column belongs to a key."""

    left: int = Field(primary_key=True)
    right: int = Field(primary_key=True)


Row = tuple[int | None, str, str, int]
OLD: list[Row] = [(1, "a@x", "a", 1), (2, "b@x", "b", 2), (3, "c@x", "c", 3)]


@pytest.fixture
def members(db: Database) -> Repository[Member]:
    db.create_all(Member)
    made = repository(Member, db)
    made.add_all([Member(email=f"{c}@x", nick=c, n=n) for n, c in enumerate("abc", start=1)])
    return made


def rows(members: Repository[Member]) -> list[Row]:
    return [(m.id, m.email, m.nick, m.n) for m in members.order_by(Member.id).all()]


def refused(members: Repository[Member], row: Member, on: str, **options: Any) -> None:
    with pytest.raises(ConstraintViolation):
        members.upsert([row], on=on, **options)
    assert rows(members) == OLD


def test_a_new_key_with_anothers_unique_value_is_refused(members: Repository[Member]) -> None:
    refused(members, Member(email="a@x", nick="new", n=9), "nick")
    refused(members, Member(email="new", nick="a", n=9), "email")
    refused(members, Member(id=7, email="a@x", nick="new", n=9), "id")
    refused(members, Member(id=7, email="new", nick="a", n=9), "id")


def test_a_new_key_with_anothers_primary_key_is_refused(members: Repository[Member]) -> None:
    refused(members, Member(id=1, email="new", nick="new", n=9), "nick")
    refused(members, Member(id=1, email="new", nick="new", n=9), "email")


def test_a_new_key_is_refused_whatever_is_overwritten(members: Repository[Member]) -> None:
    for update in ([], ["n"], ["email"], [Member.n, Member.embedding]):
        refused(members, Member(email="a@x", nick="new", n=9), "nick", update=update)
        refused(members, Member(id=1, email="new", nick="new", n=9), "nick", update=update)


def test_a_stored_key_may_not_take_anothers_unique_value(members: Repository[Member]) -> None:
    refused(members, Member(email="a@x", nick="b", n=9), "nick")
    refused(members, Member(email="b@x", nick="a", n=9), "email")
    refused(members, Member(id=2, email="a@x", nick="b", n=9), "id")
    refused(members, Member(id=2, email="b@x", nick="c", n=9), "id")


def test_a_value_that_is_not_overwritten_forbids_nothing(members: Repository[Member]) -> None:
    members.upsert([Member(email="a@x", nick="b", n=9)], on="nick", update=["n"])
    members.upsert([Member(email="c@x", nick="a", n=8)], on="email", update=["n"])
    assert rows(members) == [(1, "a@x", "a", 1), (2, "b@x", "b", 9), (3, "c@x", "c", 8)]


def test_a_stored_key_keeps_its_primary_key(members: Repository[Member]) -> None:
    (made,) = members.upsert([Member(id=9, email="b@x", nick="b", n=9)], on="nick")
    assert (made.id, made.n) == (2, 9)
    assert rows(members) == [OLD[0], (2, "b@x", "b", 9), OLD[2]]


def test_a_stored_key_with_anothers_primary_key_is_one_row(members: Repository[Member]) -> None:
    (made,) = members.upsert([Member(id=1, email="new", nick="b", n=9)], on="nick")
    assert (made.id, made.email, made.n) == (2, "new", 9)
    assert rows(members) == [OLD[0], (2, "new", "b", 9), OLD[2]]


def test_a_stored_key_with_two_others_is_refused(members: Repository[Member]) -> None:
    refused(members, Member(id=1, email="c@x", nick="b", n=9), "nick")
    refused(members, Member(id=1, email="b@x", nick="c", n=9), "email")


def test_a_refusal_amid_a_batch_undoes_the_batch(members: Repository[Member]) -> None:
    good = [Member(email=f"{n}@y", nick=f"y{n}", n=n) for n in range(150)]
    changed = [Member(email="b@x", nick="b", n=99)]
    for bad in (
        Member(email="a@x", nick="new"),
        Member(id=1, email="new", nick="new"),
        Member(email="a@x", nick="c"),
    ):
        batch = [*map(copied, good[:75]), *map(copied, changed), bad, *map(copied, good[75:])]
        with pytest.raises(ConstraintViolation):
            members.upsert(batch, on="nick")
        assert rows(members) == OLD


def copied(member: Member) -> Member:
    return Member(email=member.email, nick=member.nick, n=member.n)


def test_one_batch_may_not_hold_a_primary_key_twice(members: Repository[Member]) -> None:
    with pytest.raises(ConstraintViolation):
        members.upsert(
            [Member(id=9, email="x", nick="x"), Member(id=9, email="y", nick="y")], on="nick"
        )
    assert rows(members) == OLD


def test_a_mixed_batch_finds_each_row(members: Repository[Member]) -> None:
    made = members.upsert(
        [
            Member(id=3, email="b2", nick="b", n=20),
            Member(id=50, email="new", nick="new", n=50),
            Member(email="a2", nick="a", n=10),
            Member(id=3, email="c2", nick="c", n=30),
        ],
        on="nick",
    )
    assert [(m.id, m.n) for m in made] == [(2, 20), (50, 50), (1, 10), (3, 30)]
    assert rows(members) == [
        (1, "a2", "a", 10),
        (2, "b2", "b", 20),
        (3, "c2", "c", 30),
        (50, "new", "new", 50),
    ]


def test_the_message_of_a_refusal_speaks_of_a_key(members: Repository[Member]) -> None:
    for row in (Member(email="a@x", nick="new"), Member(id=1, email="new", nick="new")):
        with pytest.raises(ConstraintViolation, match=r"(?i)unique|duplicate|key"):
            members.upsert([row], on="nick")


@pytest.mark.parametrize("on", [["first", "second"], ["second", "first"]], ids=str)
@pytest.mark.parametrize("update", [None, [], ["code"]], ids=str)
def test_every_column_of_a_composite_key_decides(
    db: Database, on: list[str], update: list[str] | None
) -> None:
    db.create_all(Late)
    lates = repository(Late, db)
    lates.add(Late(id=1, first="f", second="s", code="c"))
    for row in (
        Late(id=1, first="f", second="other"),
        Late(id=1, first="other", second="s"),
        Late(id=1, first="other", second="other"),
        Late(first="f", second="other", code="c"),
        Late(first="other", second="s", code="c"),
    ):
        with pytest.raises(ConstraintViolation):
            lates.upsert([row], on=on, update=update)
        assert lates.all() == [Late(id=1, first="f", second="s", code="c")]


@pytest.mark.parametrize("on", [["kind", "slot"], ["slot", "kind"]], ids=str)
def test_a_composite_key_does_not_move_another_row(db: Database, on: list[str]) -> None:
    db.create_all(Pair)
    pairs = repository(Pair, db)
    old = Pair(shelf="a", place=1, kind="k", slot=1, note="old")
    pairs.add(old)
    for kind, slot in (("k", 2), ("j", 1)):
        for update in ([], ["note"], None):
            with pytest.raises(ConstraintViolation):
                pairs.upsert([Pair(shelf="a", place=1, kind=kind, slot=slot)], on=on, update=update)
            assert pairs.all() == [old]


def test_a_table_of_keys_alone(db: Database) -> None:
    db.create_all(OnlyKeys)
    keys = repository(OnlyKeys, db)
    given = [(1, 2), (2, 1), (1, 1), (1, 2)]
    for _ in range(2):
        made = keys.upsert([OnlyKeys(left=left, right=right) for left, right in given])
        assert [(row.left, row.right) for row in made] == given[:3]
    assert keys.count() == 3


def test_none_overwrites_a_value(members: Repository[Member]) -> None:
    members.upsert([Member(email="a@x", nick="a", embedding=vector(1, 2))], on="nick")
    assert members.where(Member.nick == "a").one().embedding == vector(1, 2)
    (made,) = members.upsert([Member(email="a@x", nick="a", embedding=None)], on="nick")
    assert made.embedding is None
    assert members.where(Member.nick == "a").one().embedding is None


@pytest.mark.untraced
def test_a_batch_of_two_thousand(members: Repository[Member]) -> None:
    given = [Member(email=f"{n}@y", nick=f"n{n}", n=n, embedding=vector(n, 1)) for n in range(2000)]
    first = members.upsert(given, on="nick")
    assert [m.n for m in first] == list(range(2000))
    assert len({m.id for m in first}) == 2000
    again = [Member(email=f"{n}@z", nick=f"n{n}", n=-n) for n in reversed(range(2000))]
    second = members.upsert(again, on="nick")
    assert [m.n for m in second] == [-n for n in reversed(range(2000))]
    assert [m.id for m in second] == [m.id for m in reversed(first)]
    assert members.count() == 2003
    assert rows(members)[:3] == OLD
