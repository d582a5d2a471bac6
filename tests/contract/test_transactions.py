"""Transactions: all or nothing, savepoints when nested, and one per call on a database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import inspect

from agentorm import (
    ConstraintViolation,
    Database,
    DatabaseError,
    TransactionConflict,
    repository,
)
from tests.contract.models import Doc
from tests.contract.undone import undone

THREADS = 2
among_threads = pytest.mark.sync("an event loop and its connections belong to one thread")


def titles(db: Database) -> list[str]:
    return [doc.title for doc in repository(Doc, db).order_by(Doc.title).all()]


def test_a_transaction_commits_on_success(library: Database) -> None:
    with library.transaction() as session:
        repository(Doc, session).add(Doc(title="a"))
        session.add(Doc(title="b"))
    assert titles(library) == ["a", "b"]


def test_a_transaction_rolls_back_on_an_exception(library: Database) -> None:
    for error in (ValueError("mine"), KeyboardInterrupt("stop")):
        with pytest.raises(type(error), match=str(error)):
            add_and_raise(library, error)
    assert titles(library) == []


def add_and_raise(db: Database, error: BaseException) -> None:
    with db.transaction() as session:
        repository(Doc, session).add(Doc(title="a"))
        raise error


def test_a_commit_that_is_refused_is_an_error_of_the_tree(library: Database) -> None:
    repository(Doc, library).add(Doc(title="a"))
    with pytest.raises(ConstraintViolation), library.transaction() as session:
        session.add_all([Doc(title="b"), Doc(title="a")])
    assert titles(library) == ["a"]


def test_a_nested_transaction_is_a_savepoint_of_the_same_session(library: Database) -> None:
    with library.transaction() as outer:
        repository(Doc, outer).add(Doc(title="a"))
        with library.transaction() as inner:
            assert inner is outer
            repository(Doc, inner).add(Doc(title="b"))
        assert titles(library) == ["a", "b"]
    assert titles(library) == ["a", "b"]


def test_a_nested_transaction_is_undone_alone(library: Database) -> None:
    kept, lost = Doc(title="kept"), Doc(title="lost")
    with library.transaction() as session:
        repository(Doc, session).add(kept)
        with undone(library):
            repository(Doc, library).add(lost)
            kept.topic = "undone too"
        assert kept.topic is None
        state: Any = inspect(lost)
        assert state.transient
        repository(Doc, session).add(Doc(title="more"))
    assert titles(library) == ["kept", "more"]


def test_the_outer_transaction_decides(library: Database) -> None:
    with undone(library), library.transaction() as inner:
        repository(Doc, inner).add(Doc(title="a"))
    assert titles(library) == []


def test_transactions_are_nested_deeply(library: Database) -> None:
    def descend(depth: int) -> None:
        with library.transaction() as session:
            repository(Doc, session).add(Doc(title=str(depth)))
            if depth == 7:
                raise LookupError
            try:
                descend(depth + 1)
            except LookupError:
                if depth == 4:
                    return
                raise

    descend(0)
    assert titles(library) == ["0", "1", "2", "3", "4"]


def test_each_call_on_a_database_is_its_own_transaction(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add(Doc(title="a"))
    with library.session() as other:
        assert repository(Doc, other).count() == 1
    with pytest.raises(ConstraintViolation):
        docs.add(Doc(title="a"))
    docs.add(Doc(title="b"))
    assert titles(library) == ["a", "b"]


def test_calls_on_a_database_join_its_open_transaction(library: Database) -> None:
    docs = repository(Doc, library)
    with undone(library) as session:
        doc = docs.add(Doc(title="a"))
        assert doc in session
        assert docs.get(doc.id) is doc
        assert docs.count() == 1
        with pytest.raises(ConstraintViolation):
            docs.add(Doc(title="a"))
        assert docs.count() == 1
    assert titles(library) == []


def test_two_databases_have_separate_transactions(library: Database) -> None:
    with type(library)(library.url) as second, library.transaction() as session:
        assert repository(Doc, second).count() == 0
        repository(Doc, session).add(Doc(title="a"))
        with second.session() as other:
            assert repository(Doc, other).count() == 0
    assert titles(library) == ["a"]


def test_an_open_session_is_no_open_transaction(library: Database) -> None:
    with library.session() as session:
        assert repository(Doc, session).count() == 0
        repository(Doc, library).add(Doc(title="a"))
    assert titles(library) == ["a"]


@among_threads
def test_a_thread_has_a_transaction_of_its_own(library: Database) -> None:
    def count() -> int:
        return repository(Doc, library).count()

    with library.transaction() as session, ThreadPoolExecutor(1) as pool:
        repository(Doc, session).add(Doc(title="a"))
        assert pool.submit(count).result() == 0
        assert count() == 1


def test_a_transaction_may_be_committed_within(library: Database) -> None:
    with undone(library) as session:
        repository(Doc, session).add(Doc(title="a"))
        session.commit()
        repository(Doc, session).add(Doc(title="b"))
    assert titles(library) == ["a"]


def test_a_broken_transaction_says_what_to_do(library: Database) -> None:
    with library.session() as session:
        docs = repository(Doc, session)
        docs.add(Doc(title="a"))
        session.add(Doc(title="a"))
        with pytest.raises(ConstraintViolation):
            docs.count()
        with pytest.raises(DatabaseError, match="roll the session back, then begin anew"):
            docs.count()
        session.rollback()
        assert docs.count() == 0


@among_threads
def test_two_threads_upsert_the_same_rows(library: Database) -> None:
    start = threading.Barrier(THREADS)

    def work(n: int) -> None:
        docs = repository(Doc, library)
        start.wait()
        for turn in range(20):
            rows = [Doc(title=f"t{i}", n=n, topic=str(turn)) for i in range(25)]
            assert {row.n for row in docs.upsert(rows, on=Doc.title)} == {n}

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    docs = repository(Doc, library).all()
    assert len(docs) == 25
    assert {doc.topic for doc in docs} == {"19"}


@among_threads
def test_two_threads_upsert_the_same_rows_in_different_orders(library: Database) -> None:
    start = threading.Barrier(THREADS)

    def work(n: int) -> None:
        docs = repository(Doc, library)
        start.wait()
        for _ in range(20):
            rows = [Doc(title=f"t{i}", n=n) for i in range(50)]
            docs.upsert(rows if n else rows[::-1], on=Doc.title)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    assert repository(Doc, library).count() == 50


@among_threads
@pytest.mark.engines("postgresql")
def test_a_deadlock_is_a_conflict_to_repeat(library: Database) -> None:
    a, b = repository(Doc, library).add_all([Doc(title="a"), Doc(title="b")])
    both_hold_one = threading.Barrier(THREADS)

    def work(ids: tuple[int | None, int | None]) -> str:
        try:
            with library.transaction() as session:
                docs = repository(Doc, session)
                docs.update_where(Doc.id == ids[0], n=1)
                both_hold_one.wait()
                docs.update_where(Doc.id == ids[1], n=2)
        except TransactionConflict as conflict:
            return str(conflict)
        return ""

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = sorted(pool.map(work, [(a.id, b.id), (b.id, a.id)]))
    assert outcomes[0] == ""
    assert outcomes[1].startswith("deadlock detected")
    assert outcomes[1].endswith("nothing was written: repeat the transaction")
