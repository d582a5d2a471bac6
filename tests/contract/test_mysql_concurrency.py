"""Upserts beside other transactions: what comes back is stored, and a deadlock undoes all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from agentorm import (
    Database,
    DatabaseError,
    TransactionConflict,
    repository,
)
from tests.contract.models import Doc

pytestmark = pytest.mark.engines("postgresql", "mariadb", "mysql", "mariadb-10.11")

THREADS, TURNS, KEYS = 4, 6, 40
among_threads = pytest.mark.sync("an event loop and its connections belong to one thread")


@pytest.fixture
def other(library: Database) -> Iterator[Database]:
    """The same database over connections of its own."""
    with type(library)(library.url) as second:
        yield second


def state(db: Database) -> list[tuple[str, str | None, int]]:
    return [(doc.title, doc.topic, doc.n) for doc in repository(Doc, db).order_by(Doc.title).all()]


@pytest.mark.parametrize("update", [None, ["n"], [], ["embedding"]], ids=str)
@pytest.mark.parametrize(("n", "theirs"), [(1, 7), (7, 7), (1, 1)])
def test_what_comes_back_is_stored_though_the_snapshot_is_older(
    library: Database, other: Database, update: list[str] | None, n: int, theirs: int
) -> None:
    repository(Doc, library).add(Doc(title="a", topic="old", n=1))
    with library.session() as session:
        docs = repository(Doc, session)
        assert docs.count() == 1
        repository(Doc, other).update_where(Doc.title == "a", topic="theirs", n=theirs)
        try:
            (made,) = docs.upsert([Doc(title="a", topic="mine", n=n)], on="title", update=update)
        except TransactionConflict:
            session.rollback()
            assert state(library) == [("a", "theirs", theirs)]
            return
        session.commit()
    topic = "mine" if update is None else "theirs"
    expected = ("a", topic, n if update is None or "n" in update else theirs)
    assert state(library) == [expected]
    assert (made.title, made.topic, made.n) == expected


@pytest.mark.parametrize("update", [None, []], ids=str)
def test_what_another_has_inserted_since_the_snapshot_comes_back(
    library: Database, other: Database, update: list[str] | None
) -> None:
    with library.session() as session:
        docs = repository(Doc, session)
        assert docs.count() == 0
        (theirs,) = repository(Doc, other).add_all([Doc(title="a", topic="theirs", n=1)])
        try:
            (made,) = docs.upsert([Doc(title="a", topic="mine", n=2)], on="title", update=update)
        except TransactionConflict:
            session.rollback()
            assert state(library) == [("a", "theirs", 1)]
            return
        session.commit()
    assert made.id == theirs.id
    expected = ("a", "mine", 2) if update is None else ("a", "theirs", 1)
    assert state(library) == [expected]
    assert (made.title, made.topic, made.n) == expected


def test_what_another_has_deleted_since_the_snapshot_is_inserted(
    library: Database, other: Database
) -> None:
    repository(Doc, library).add(Doc(title="a", topic="old", n=1))
    with library.session() as session:
        docs = repository(Doc, session)
        (old,) = docs.all()
        repository(Doc, other).delete_where(Doc.title == "a")
        try:
            (made,) = docs.upsert([Doc(title="a", topic="mine", n=2)], on="title")
        except TransactionConflict:
            session.rollback()
            assert state(library) == []
            return
        assert made.id != old.id
        session.commit()
    assert state(library) == [("a", "mine", 2)]
    assert repository(Doc, library).one().id == made.id


def upserting(db: Database, *, fresh: bool, conflicts: list[str]) -> None:
    """Every thread writes every key, each in an order of its own, until each batch is in."""
    start = threading.Barrier(THREADS)

    def work(thread: int) -> None:
        docs = repository(Doc, db)
        start.wait()
        for turn in range(TURNS):
            shift = (7 * thread + turn) % KEYS
            own = [f"new {thread} {turn} {i}" for i in range(5)] if fresh else []
            names = [f"key {(i + shift) % KEYS}" for i in range(KEYS)][:: 1 - 2 * (thread % 2)]
            batch = [*own, *names]
            while True:
                rows = [Doc(title=t, n=thread, topic=str(turn), author_id=None) for t in batch]
                try:
                    made = docs.upsert(rows, on=Doc.title)
                except TransactionConflict as conflict:
                    conflicts.append(str(conflict))
                    continue
                assert [(doc.title, doc.n, doc.topic) for doc in made] == [
                    (title, thread, str(turn)) for title in batch
                ]
                break

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


@among_threads
@pytest.mark.parametrize("fresh", [False, True], ids=["the same keys", "with new keys"])
def test_threads_lose_no_row_and_write_no_wrong_one(library: Database, *, fresh: bool) -> None:
    conflicts: list[str] = []
    upserting(library, fresh=fresh, conflicts=conflicts)
    rows = state(library)
    shared = [row for row in rows if row[0].startswith("key")]
    assert sorted(title for title, _, _ in shared) == sorted(f"key {i}" for i in range(KEYS))
    assert {topic for _, topic, _ in shared} == {str(TURNS - 1)}
    assert len({n for _, _, n in shared}) == 1
    assert len(rows) - KEYS == (THREADS * TURNS * 5 if fresh else 0)
    assert all(title.split()[1] == str(n) for title, _, n in rows if title.startswith("new"))


def deadlock(db: Database, keys: list[Any]) -> list[BaseException]:
    """Two transactions, each of which waits for what the other has; the errors and their wakes."""
    both_hold_one, errors = threading.Barrier(2), list[BaseException]()

    def work(order: list[Any]) -> None:
        with db.session() as session:
            docs = repository(Doc, session)
            docs.add(Doc(title=f"made beside {order[0]}"))
            docs.update_where(Doc.id == order[0], n=1)
            both_hold_one.wait()
            try:
                docs.update_where(Doc.id == order[1], n=2)
            except DatabaseError as error:
                errors.append(error)
                for again in (docs.count, lambda: docs.add(Doc(title="after")), session.commit):
                    try:
                        again()
                    except BaseException as refusal:  # noqa: BLE001
                        errors.append(refusal)
                session.rollback()
                assert docs.where(Doc.title == "after").count() == 0
                return
            session.commit()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [keys, keys[::-1]]))
    return errors


@among_threads
@pytest.mark.engines("mariadb", "mysql", "mariadb-10.11")
def test_a_deadlock_is_a_conflict_and_the_session_refuses_to_go_on(library: Database) -> None:
    a, b = repository(Doc, library).add_all([Doc(title="a"), Doc(title="b")])
    conflict, *refusals = deadlock(library, [a.id, b.id])
    assert type(conflict) is TransactionConflict
    assert "nothing was written: repeat the transaction" in str(conflict)
    assert len(refusals) == 3
    for refusal in refusals[:2]:
        assert isinstance(refusal, DatabaseError)
        assert "roll the session back, then begin anew" in str(refusal)
    stored = state(library)
    assert [n for _, _, n in stored[:2]] in ([1, 2], [2, 1])
    assert len([title for title, _, _ in stored if title.startswith("made beside")]) == 1


@among_threads
@pytest.mark.engines("mariadb", "mysql", "mariadb-10.11")
def test_a_deadlock_within_a_savepoint_undoes_the_whole_transaction(library: Database) -> None:
    a, b = repository(Doc, library).add_all([Doc(title="a"), Doc(title="b")])
    both_hold_one = threading.Barrier(2)

    def work(order: tuple[int | None, int | None]) -> str:
        first = ""
        try:
            with library.transaction() as session:
                docs = repository(Doc, session)
                docs.add(Doc(title=f"beside {order[0]}"))
                docs.update_where(Doc.id == order[0], n=1)
                both_hold_one.wait()
                try:
                    docs.upsert([Doc(id=order[1], title=f"by {order[0]}")])
                except TransactionConflict as conflict:
                    first = str(conflict)
                else:
                    return "stored"
                docs.add(Doc(title="must not be stored"))
        except DatabaseError as refusal:
            return f"{first} | {refusal}"
        return "went on"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(work, [(a.id, b.id), (b.id, a.id)]), key=len)
    assert outcomes[0] == "stored"
    assert "nothing was written: repeat the transaction" in outcomes[1]
    assert "roll the session back, then begin anew" in outcomes[1]
    titles = [title for title, _, _ in state(library)]
    assert len([title for title in titles if title.startswith("beside")]) == 1
    assert "must not be stored" not in titles
    assert len(titles) == 3


@pytest.mark.engines("mariadb", "mysql")
@pytest.mark.parametrize("savepoint", [False, True], ids=["plain", "within a savepoint"])
def test_a_lock_that_is_not_given_in_time_is_a_conflict(
    library: Database, other: Database, *, savepoint: bool
) -> None:
    repository(Doc, library).add_all([Doc(title="a"), Doc(title="b")])
    with other.session() as holding, library.session() as session:
        repository(Doc, holding).update_where(Doc.title == "a", n=5)
        session.connection().execute(text("SET innodb_lock_wait_timeout = 1"))
        docs, started = repository(Doc, session), time.monotonic()
        docs.update_where(Doc.title == "b", n=9)
        with (
            pytest.raises(TransactionConflict, match="nothing was written"),
            session.begin_nested() if savepoint else nullcontext(),
        ):
            docs.update_where(Doc.title == "a", n=7)
        assert time.monotonic() - started < 10
        with suppress(DatabaseError, SQLAlchemyError):
            session.commit()
        session.rollback()
        holding.rollback()
        session.connection().execute(text("SET innodb_lock_wait_timeout = DEFAULT"))
    assert state(library) == [("a", None, 0), ("b", None, 9 if savepoint else 0)]
