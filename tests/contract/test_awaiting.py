"""With a driver that awaits, the tests call what a user awaits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from agentorm import Database, Repository, repository
from tests.awaiting import AwaitedDatabase
from tests.contract.models import Doc, vector

WRITES = ["add", "add_all", "delete", "delete_where", "update", "update_where", "upsert"]
ENDINGS = [
    *("all", "count", "exists", "explain", "first", "hits"),
    *("one", "one_or_none", "page", "stream"),
]
EACH_ONCE = dict.fromkeys(["get", "get_many", *ENDINGS, *WRITES], 1)


def use_all(docs: Repository[Doc]) -> None:
    a = docs.add(Doc(title="a", embedding=vector(1, 0, 0)))
    docs.add_all([Doc(title="b"), Doc(title="c")])
    docs.upsert([Doc(title="c", n=7)], on=Doc.title)
    named = docs.where(Doc.title == "c")
    found = [docs.get(a.id), *docs.get_many([a.id]), named.first(), named.one()]
    found += [named.one_or_none(), *docs.order_by(Doc.title).all(), *named.stream()]
    assert [doc and doc.title for doc in found] == [*"aaccc", *"abc", "c"]
    assert (named.count(), named.exists(), len(named.page())) == (1, True, 1)
    nearest = docs.similar_to([1, 0, 0]).limit(1)
    assert [hit.entity.title for hit in nearest.hits()] == ["a"]
    assert nearest.explain().statements
    docs.update(a, n=8)
    assert docs.update_where(Doc.n == 8, n=9) == 1
    docs.delete(a)
    assert docs.delete_where(Doc.n == 7) == 1


def in_the_database(db: Database) -> None:
    use_all(repository(Doc, db))


def in_its_session(db: Database) -> None:
    with db.session() as session:
        use_all(repository(Doc, session))


def in_its_transaction(db: Database) -> None:
    with db.transaction() as session:
        use_all(repository(Doc, session))


def in_a_session_of_sqlalchemy(db: Database) -> None:
    with Session(db.engine) as session:
        use_all(repository(Doc, session))


@pytest.mark.parametrize(
    "use", [in_the_database, in_its_session, in_its_transaction, in_a_session_of_sqlalchemy]
)
def test_every_ending_is_awaited_once(
    library: Database, driver: str, use: Callable[[Database], None]
) -> None:
    use(library)
    assert library.engine.dialect.is_async is (driver == "async")
    if driver == "async":
        assert isinstance(library, AwaitedDatabase)
        assert library.counted == EACH_ONCE


def test_a_database_beside_it_blocks_as_ever(library: Database, driver: str) -> None:
    with Database(library.url) as beside:
        repository(Doc, beside).add(Doc(title="a"))
        assert not beside.engine.dialect.is_async
    assert repository(Doc, library).one().title == "a"
    if driver == "async":
        assert isinstance(library, AwaitedDatabase)
        assert library.counted == {"one": 1}
