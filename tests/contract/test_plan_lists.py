"""Lists of values, and paths that are written out, by plans and through SQLAlchemy's ORM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, not_, or_, tuple_

from agentorm import (
    Database,
    Entity,
    Field,
    InvalidQuery,
    InvalidValue,
    PathIndex,
    Repository,
    col,
    json_field,
    param,
    repository,
)
from agentorm.bound import MOST_TEXTS
from agentorm.switch import plans_switched
from tests.contract.planned import Ware, loaded_as_switched

Asked = Callable[[Repository[Ware]], Any]

LISTS: dict[str, tuple[Asked, list[int]]] = {
    "none": (lambda w: w.where(col(Ware.n).in_([])), []),
    "all but none": (lambda w: w.where(col(Ware.n).not_in([])), [1, 2, 3, 4]),
    "one": (lambda w: w.where(col(Ware.n).in_([2])), [2]),
    "two": (lambda w: w.where(col(Ware.n).in_([2, 4])), [2, 4]),
    "others": (lambda w: w.where(not_(col(Ware.n).in_([2, 4]))), [1, 3]),
    "one twice": (lambda w: w.where(col(Ware.n).in_((3, 3))), [3]),
    "a set": (lambda w: w.where(col(Ware.n).in_({1, 4})), [1, 4]),
    "with none": (lambda w: w.where(col(Ware.price).in_([0.5, None])), [1]),
    "texts": (lambda w: w.where(col(Ware.name).in_(["5%", "apple"])), [1, 4]),
    "two lists": (
        lambda w: w.where(col(Ware.n).in_([1, 2, 3]), col(Ware.id).in_([2, 3, 4])),
        [2, 3],
    ),
    "either list": (lambda w: w.where(or_(col(Ware.n).in_([1]), col(Ware.id).in_([3]))), [1, 3]),
    "and a value": (lambda w: w.where(col(Ware.n).in_([1, 2, 3]), Ware.n > 1), [2, 3]),
    "a page": (lambda w: w.where(col(Ware.n).in_([1, 2, 4])).limit(2).offset(1), [2, 4]),
    "many": (lambda w: w.where(col(Ware.n).in_([*range(3, 2003)])), [3, 4]),
    "tuples": (lambda w: w.where(tuple_(col(Ware.id), col(Ware.n)).in_([(1, 1), (2, 3)])), [1]),
    "nearest": (lambda w: w.where(col(Ware.n).in_([2, 3])).similar_to([0, 0, 2]).limit(2), [3, 2]),
}


@pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
def test_lists_of_every_length_give_their_rows_again_and_again(
    shop: Database, subtests: pytest.Subtests
) -> None:
    with shop.session() as session:
        for name, (asked, expected) in LISTS.items():
            with subtests.test(name):
                for _ in range(3):
                    session.expunge_all()
                    assert [w.n for w in asked(repository(Ware, session)).all()] == expected


@pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
def test_the_sql_is_what_the_orm_sends(shop: Database, subtests: pytest.Subtests) -> None:
    sent: list[Any] = []
    event.listen(
        shop.engine, "before_cursor_execute", lambda *given: sent.append((given[2], given[3]))
    )
    with shop.session() as session:
        repository(Ware, session).count()
        for name, (asked, _) in LISTS.items():
            with subtests.test(name):
                of: list[Any] = []
                for on in (True, False):
                    sent.clear()
                    with plans_switched(on=on):
                        asked(repository(Ware, session)).all()
                    of.append([*sent])
                assert of[0] == of[1]
                assert of[0]


def test_plans_load_what_a_list_finds(shop: Database) -> None:
    with shop.session() as session:
        for ns in ([1], [2, 3], []):
            found = repository(Ware, session).where(col(Ware.n).in_(ns)).all()
            assert [ware.n for ware in found] == ns
            assert loaded_as_switched(*found)


def test_more_lengths_than_are_kept(shop: Database) -> None:
    with shop.session() as session:
        wares = repository(Ware, session)
        for size in range(1, MOST_TEXTS + 20):
            asked = wares.where(col(Ware.n).in_([*range(2, 2 + size)])).limit(9)
            assert len(asked.all()) == min(size, 3)
        assert [ware.n for ware in wares.where(col(Ware.n).in_([2])).limit(9).all()] == [2]


def test_a_value_of_a_list_that_is_none_of_its_column_is_refused(shop: Database) -> None:
    with shop.session() as session:
        wares = repository(Ware, session)
        wrong: Any
        for wrong in ("x", 2.5, 2**64):
            with pytest.raises(InvalidValue):
                wares.where(col(Ware.n).in_([1, wrong])).all()
        assert [ware.n for ware in wares.where(col(Ware.n).in_([1, 2])).all()] == [1, 2]


AMONG = repository(Ware).where(col(Ware.n).in_(param("ns")), Ware.n != param("other")).prepared()
BEYOND = repository(Ware).where(col(Ware.name).not_in(param("names"))).limit(2).prepared()


@pytest.mark.sync
def test_every_call_gives_a_list_of_its_own(shop: Database) -> None:
    with shop.session() as session:
        for _ in range(3):
            assert [w.n for w in AMONG(session, ns=[1, 2], other=2)] == [1]
            assert [w.n for w in AMONG(session, ns=(4, 3, 2), other=0)] == [2, 3, 4]
            assert AMONG(session, ns=[], other=0) == []
            assert [w.n for w in AMONG(session, ns={3}, other=0)] == [3]
            assert [w.n for w in BEYOND(session, names=["apple"])] == [2, 3]
            assert [w.n for w in BEYOND(session, names=[])] == [1, 2]


@pytest.mark.sync
def test_refused_lists(shop: Database) -> None:
    with shop.session() as session:
        for _ in range(3):
            wrong: Any
            for wrong in (5, None, "12", 2**70):
                with pytest.raises(InvalidValue, match=r"param\('ns'\): expected a list of values"):
                    AMONG(session, ns=wrong, other=0)
            with pytest.raises(InvalidValue, match="expected an integer, got str"):
                AMONG(session, ns=[1, "x"], other=0)
            with pytest.raises(InvalidQuery, match="missing: ns"):
                AMONG(session, other=0)
            assert [w.n for w in AMONG(session, ns=[1], other=0)] == [1]


class PLNote(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    meta: dict[str, Any] = json_field(index=[PathIndex("role"), PathIndex("kind")])


def test_paths_of_documents_with_an_index_and_without(db: Database, switched: None) -> None:
    db.create_all(PLNote)
    documents = [{"role": "a", "kind": "b"}, {"role": "b", "kind": "a"}, {"role": "it's", "x": "b"}]
    with db.session() as session:
        notes = repository(PLNote, session)
        notes.add_all([PLNote(meta=made) for made in documents])
        session.expunge_all()
        asked = {("role", "a"): 1, ("kind", "a"): 2, ("role", "b"): 2, ("role", "it's"): 3}
        asked |= {("x", "b"): 3, ("kind", "b"): 1}
        for _ in range(2):
            for (path, value), expected in asked.items():
                session.expunge_all()
                by_path = notes.where(PLNote.meta[path] == value).all()
                assert [note.id for note in by_path] == [expected]
                assert loaded_as_switched(*by_path)
                holding = notes.where(col(PLNote.meta).contains({path: value})).all()
                assert [note.id for note in holding] == [expected]
