"""Streams: in order, a chunk in memory at a time, and over when they are closed."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import insert, select

from agentorm import Database, Field, SyncQuery, Vector, col, repository, vector_field
from tests.contract.models import STREAMS_ALONE, Contract, Doc, vector
from tests.engines import NAMES
from tests.filling import insert_rows

pytestmark = pytest.mark.engines(*NAMES)

ROWS, DIMENSION, MEGABYTE = 15_000, 768, 1 << 20
STATM = Path("/proc/self/statm")
no_statm = pytest.mark.skipif(
    not STATM.exists(), reason="/proc/self/statm, which tells the resident memory, is not there"
)


class Large(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(DIMENSION, metric="l2")


QUERIES: dict[str, Callable[[Database], SyncQuery[Large]]] = {
    "by key": lambda db: repository(Large, db).order_by(Large.id),
    "ranked": lambda db: repository(Large, db).similar_to([0.5] * DIMENSION),
}


def fill(db: Database) -> None:
    """As many rows as numbers, written by the engine itself: each time as many as there are."""
    repository(Large, db).add(Large(id=1, embedding=Vector([0.25] * DIMENSION)))
    key, have = col(Large.id), 1
    with db.engine.begin() as connection:
        while have < ROWS:
            more = select(key + have, col(Large.embedding)).where(key <= ROWS - have)
            connection.execute(insert(Large).from_select(["id", "embedding"], more))
            have *= 2


def resident() -> int:
    """Bytes of the process's own: pages of a mapped file are the system's to drop."""
    gc.collect()
    _, resident, shared, *_ = map(int, STATM.read_text().split())
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


@no_statm
@pytest.mark.untraced
@pytest.mark.sync("tests/async measures the awaited ones")
def test_a_stream_holds_a_chunk_in_memory(db: Database) -> None:
    db.create_all(Large)
    fill(db)
    for name, query in QUERIES.items():
        before, most, seen = resident(), 0, 0
        for seen, row in enumerate(query(db).stream(), start=1):
            assert row.id == seen
            if seen % 2_500 == 0:
                most = max(most, resident())
        assert seen == ROWS, name
        assert most - before < 20 * MEGABYTE, name


@pytest.fixture
def docs(library: Database) -> Database:
    """1,100 documents, in 3 chunks; their vectors are the farther, the greater their key."""
    insert_rows(
        library,
        Doc,
        (
            {"title": str(n), "n": n % 7, "meta": {}, "embedding": vector(1, n, 0)}
            for n in range(1, 1101)
        ),
    )
    return library


def test_a_stream_is_what_all_gives(docs: Database) -> None:
    rows = repository(Doc, docs)
    for query in (
        rows.order_by(col(Doc.n).desc()),
        rows.where(Doc.n == 3).limit(100).offset(10),
        rows.similar_to([1, 0, 0]),
        rows.similar_to([1, 0, 0], metric="l2").where(Doc.n < 5).offset(3).limit(600),
        rows.similar_to([1, 0, 0], metric="l2").max_distance(700.5),
    ):
        assert [doc.id for doc in query.stream()] == [doc.id for doc in query.all()]


def test_a_stream_of_nothing_is_empty(library: Database) -> None:
    rows = repository(Doc, library)
    assert list(rows.stream()) == []
    assert list(rows.similar_to([1, 0, 0]).stream()) == []


@pytest.mark.parametrize("ranked", [False, True], ids=["by key", "ranked"])
@pytest.mark.untraced
def test_a_stream_that_is_closed_early_gives_its_connection_back(
    docs: Database, *, ranked: bool
) -> None:
    rows = repository(Doc, docs)
    stream = (rows.similar_to([1, 0, 0]) if ranked else rows.order_by(Doc.id)).stream()
    with closing(stream) as started:
        assert next(started).id == 1
    del stream, started
    gc.collect()
    assert cast(Any, docs.engine.pool).checkedout() == 0
    assert rows.count() == 1100


def test_a_stream_ends_at_the_rows_without_a_distance(library: Database) -> None:
    rows = repository(Doc, library)
    rows.add_all([Doc(title="a"), Doc(title="b", embedding=vector(1, 0, 0)), Doc(title="c")])
    assert [doc.title for doc in rows.similar_to([1, 0, 0]).stream()] == ["b"]
    gc.collect()
    assert cast(Any, library.engine.pool).checkedout() == 0


def use_while_streaming(docs: Database, *, ranked: bool) -> None:
    with docs.transaction() as session:
        rows = repository(Doc, session)
        stream = (rows.similar_to([1, 0, 0]) if ranked else rows.order_by(Doc.id)).stream()
        seen = 0
        for seen, doc in enumerate(stream, start=1):
            doc.topic = "seen"
            if seen % 500 == 0:
                assert rows.where(Doc.topic == "seen").count() == seen
    assert seen == 1100
    assert repository(Doc, docs).where(Doc.topic == "seen").count() == 1100


@pytest.mark.engines(*(name for name in NAMES if name not in STREAMS_ALONE))
def test_a_session_is_used_while_its_stream_is_open(docs: Database) -> None:
    use_while_streaming(docs, ranked=False)


@pytest.mark.engines(*(name for name in NAMES if name != "mariadb"))
def test_a_session_is_used_while_its_ranked_stream_is_open(docs: Database) -> None:
    """The scan has its keys before the first row comes."""
    use_while_streaming(docs, ranked=True)


def test_streaming_twice_asks_twice(library: Database) -> None:
    rows = repository(Doc, library)
    query = rows.order_by(Doc.title)
    rows.add(Doc(title="a"))
    assert [doc.title for doc in query.stream()] == ["a"]
    rows.add(Doc(title="b"))
    assert [doc.title for doc in query.stream()] == ["a", "b"]
