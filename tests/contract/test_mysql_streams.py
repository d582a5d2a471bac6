"""Streams on engines whose connection runs one statement at a time."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, cast

import pytest
from sqlalchemy.orm import selectinload
from sqlmodel import select

from agentorm import Database, DatabaseError, InvalidQuery, Repository, repository
from tests.contract.models import Author, Doc, vector
from tests.filling import insert_rows

pytestmark = pytest.mark.engines("mariadb", "mysql", "mariadb-10.11")

ROWS = 1600
REFUSED = (
    "a stream is open on this session, and its engine runs one statement at a time; "
    r"read the stream to its end, close\(\) it, or use another session beside it"
)


@pytest.fixture
def docs(library: Database) -> Database:
    rows: list[dict[str, Any]] = [
        {"title": str(n), "n": n, "meta": {}, "embedding": vector(1, n, 0)} for n in range(ROWS)
    ]
    insert_rows(library, Doc, rows)
    return library


SECOND: dict[str, Callable[[Repository[Doc]], object]] = {
    "count": lambda docs: docs.count(),
    "all": lambda docs: docs.limit(1).all(),
    "get": lambda docs: docs.get(1299),
    "ranking": lambda docs: docs.similar_to([1, 0, 0]).limit(1).hits(),
    "second stream": lambda docs: next(docs.where(Doc.n > 5).stream()),
    "ranked stream": lambda docs: next(docs.similar_to([1, 0, 0]).stream()),
    "explain": lambda docs: docs.where(Doc.n > 5).explain(),
    "update_where": lambda docs: docs.update_where(Doc.n >= 0, topic="lost"),
    "delete_where": lambda docs: docs.delete_where(Doc.n >= 0),
    "add": lambda docs: docs.add(Doc(title="added")),
    "add_all": lambda docs: docs.add_all([Doc(title="added"), Doc(title="added too")]),
    "upsert": lambda docs: docs.upsert([Doc(title="5", n=0)], on="title"),
}


def test_second_statements_are_refused_and_the_stream_is_complete(docs: Database) -> None:
    with docs.session() as session:
        rows = repository(Doc, session)
        seen, others = list[int](), iter(SECOND.values())
        for doc in rows.order_by(Doc.n).stream():
            if len(seen) % 100 == 50 and (second := next(others, None)):
                with pytest.raises(InvalidQuery, match=REFUSED):
                    second(rows)
            seen.append(doc.n)
        assert seen == list(range(ROWS))
        assert next(others, None) is None
        assert rows.count() == ROWS
        session.add(Doc(title="at last", n=-1))
        session.commit()
    assert repository(Doc, docs).count() == ROWS + 1
    assert repository(Doc, docs).where(Doc.topic == "lost").count() == 0


def test_a_refused_addition_is_not_made_up_for_later(docs: Database) -> None:
    for add in ("add", "add_all", "upsert"):
        with docs.transaction() as session:
            rows = repository(Doc, session)
            stream = rows.order_by(Doc.n).stream()
            next(stream)
            new = Doc(title=f"by {add}")
            with pytest.raises(InvalidQuery, match=REFUSED):
                getattr(rows, add)(new if add == "add" else [new])
            stream.close()
        assert repository(Doc, docs).where(Doc.title == f"by {add}").all() == []


def test_a_commit_within_is_refused_and_nothing_is_lost(docs: Database) -> None:
    with docs.session() as session:
        rows = repository(Doc, session)
        rows.add(Doc(title="before", n=-1))
        seen: list[int] = []
        for doc in rows.order_by(Doc.n).stream():
            if len(seen) == 700:
                with pytest.raises(InvalidQuery, match=REFUSED):
                    session.commit()
            seen.append(doc.n)
        assert seen == list(range(-1, ROWS))
        session.commit()
    assert repository(Doc, docs).where(Doc.title == "before").count() == 1


def test_a_nested_transaction_within_is_refused(docs: Database) -> None:
    with docs.transaction() as session:
        rows, seen = repository(Doc, session), 0
        rows.add(Doc(title="before", n=-1))
        for seen, _ in enumerate(rows.stream(), start=1):
            if seen == 700:
                with pytest.raises(InvalidQuery, match=REFUSED), docs.transaction():
                    pass
        assert seen == ROWS + 1
        rows.add(Doc(title="after", n=-2))
    assert repository(Doc, docs).where(Doc.n < 0).count() == 2


def test_a_rollback_within_is_no_silent_end(docs: Database) -> None:
    with docs.session() as session:
        rows = repository(Doc, session)
        stream = rows.stream()
        assert len(list(islice(stream, 700))) == 700
        session.rollback()
        with pytest.raises(DatabaseError, match="rolled back under its stream"):
            list(stream)
        assert rows.count() == ROWS


def test_a_rollback_within_a_ranked_stream_is_no_silent_end(docs: Database) -> None:
    with docs.session() as session:
        rows, seen = repository(Doc, session), 0
        try:
            for seen, _ in enumerate(rows.similar_to([1, 0, 0]).stream(), start=1):
                if seen == 700:
                    session.rollback()
        except DatabaseError:
            seen = ROWS
        assert seen == ROWS
        assert rows.count() == ROWS


def test_closing_early_leaves_the_session_usable(docs: Database) -> None:
    with docs.transaction() as session:
        rows = repository(Doc, session)
        stream = rows.order_by(Doc.n).stream()
        assert [next(stream).n, next(stream).n] == [0, 1]
        stream.close()
        rows.add(Doc(title="after", n=-1))
        assert rows.count() == ROWS + 1
    assert repository(Doc, docs).where(Doc.n == -1).count() == 1


def test_an_error_of_the_caller_within_stays_the_callers(docs: Database) -> None:
    def work() -> None:
        with docs.transaction() as session:
            rows = repository(Doc, session)
            rows.add(Doc(title="undone"))
            for doc in rows.order_by(Doc.id).stream():
                if doc.n == 700:
                    raise LookupError("mine")

    for _ in range(3):
        with pytest.raises(LookupError, match="mine"):
            work()
    gc.collect()
    assert cast(Any, docs.engine.pool).checkedout() == 0
    assert repository(Doc, docs).count() == ROWS


def test_a_break_out_of_the_loop_ends_the_stream(docs: Database) -> None:
    with docs.transaction() as session:
        rows = repository(Doc, session)
        for doc in rows.order_by(Doc.n).stream():
            if doc.n == 3:
                break
        gc.collect()
        rows.add(Doc(title="after", n=-1))
    assert repository(Doc, docs).where(Doc.n == -1).count() == 1


def test_a_stream_of_a_database_leaves_its_other_calls_alone(docs: Database) -> None:
    rows, seen = repository(Doc, docs), 0
    for seen, doc in enumerate(rows.order_by(Doc.n).stream(), start=1):
        if seen % 500 == 0:
            assert rows.count() == ROWS
            rows.update_where(Doc.id == doc.id, topic="seen")
    assert seen == ROWS
    assert rows.where(Doc.topic == "seen").count() == 3


@pytest.mark.untraced
def test_related_rows_are_loaded_with_a_stream(library: Database) -> None:
    authors = [
        Author(name=f"a{n:04}", docs=[Doc(title=f"{n} {i}", n=i) for i in range(2)])
        for n in range(600)
    ]
    repository(Author, library).add_all(authors)
    query = repository(Author, library).order_by(Author.name)
    loading = query.options(selectinload(cast(Any, Author.docs)))
    read = [(author.name, sorted(doc.n for doc in author.docs)) for author in loading.stream()]
    assert read == [(f"a{n:04}", [0, 1]) for n in range(600)]


def test_a_session_goes_on_after_many_streams(docs: Database) -> None:
    with docs.session() as session:
        rows = repository(Doc, session)
        for n in range(3):
            stream = rows.stream()
            next(stream)
            stream.close()
            assert session.exec(select(Doc).where(Doc.n == 5)).one().title == "5"
            rows.add(Doc(title=f"new {n}"))
            session.commit()
        assert len(list(rows.stream())) == ROWS + 3


@pytest.fixture(autouse=True)
def no_connection_is_left_behind(library: Database) -> Iterator[None]:
    yield
    gc.collect()
    assert cast(Any, library.engine.pool).checkedout() == 0
