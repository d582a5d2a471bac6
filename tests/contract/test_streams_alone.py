"""Engines that run one statement at a time: a stream is never cut short by a second one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlmodel import Session

from agentorm import Database, InvalidQuery, repository
from tests.contract.models import STREAMS_ALONE, Doc, vector
from tests.filling import insert_rows

pytestmark = pytest.mark.engines(*STREAMS_ALONE)
ranked_by_the_engine = pytest.mark.engines("mariadb")
Use = Callable[[Session], object]


def nested(session: Session) -> None:
    with session.begin_nested():
        repository(Doc, session).count()


def changed(session: Session) -> None:
    doc = session.get(Doc, 1)
    assert doc is not None
    doc.topic = "changed"
    session.flush()


USES: dict[str, Use] = {
    "count": lambda session: repository(Doc, session).count(),
    "update": lambda session: repository(Doc, session).update_where(Doc.id == 1, n=1),
    "savepoint": nested,
    "flush": changed,
    "commit": lambda session: session.commit(),
}
USED = pytest.mark.parametrize("use", USES.values(), ids=USES)


@pytest.fixture
def docs(library: Database) -> Database:
    """1,100 documents, in 3 chunks; their vectors are the farther, the greater their key."""
    insert_rows(
        library,
        Doc,
        (
            {"title": str(n), "n": 0, "meta": {}, "embedding": vector(1, n, 0)}
            for n in range(1, 1101)
        ),
    )
    return library


def refused(docs: Database, use: Use, *, ranked: bool) -> None:
    """The use is, the stream goes on to its end, and then the session is used again."""
    with docs.session() as session:
        rows = repository(Doc, session)
        stream = (rows.similar_to([1, 0, 0]) if ranked else rows.order_by(Doc.id)).stream()
        first = next(stream)
        with pytest.raises(InvalidQuery, match=r"^a stream is open on this session"):
            use(session)
        assert [doc.id for doc in stream] == list(range(2, 1101))
        first.n = 7
        assert rows.where(Doc.n == 7).count() == 1
        session.commit()
    assert repository(Doc, docs).where(Doc.n == 7).one().id == 1
    assert repository(Doc, docs).count() == 1100


@USED
def test_a_second_statement_is_refused_while_a_stream_is_open(docs: Database, use: Use) -> None:
    refused(docs, use, ranked=False)


@ranked_by_the_engine
@USED
def test_a_second_statement_is_refused_while_a_ranked_stream_is_open(
    docs: Database, use: Use
) -> None:
    refused(docs, use, ranked=True)
