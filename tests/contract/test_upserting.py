"""Insert or overwrite: one key decides, the last of a batch wins, and nothing is half done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Index, text
from sqlmodel import Field

from agentorm import (
    ConstraintViolation,
    Database,
    InvalidQuery,
    MissingValue,
    Repository,
    UnknownField,
    Vector,
    col,
    json_field,
    repository,
)
from tests.contract.models import Author, Contract, Doc, Pair, vector
from tests.contract.undone import undone


class Event(Contract, table=True):
    """A unique point in time, a name that differs from its column's, and defaults."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(unique=True, sa_column_kwargs={"name": "happened at"})
    note: str = "default"
    data: list[Any] = json_field()


class Partial(Contract, table=True):
    """A key that is unique only among some of the rows."""

    __table_args__ = (
        Index(
            "partial_name",
            "name",
            unique=True,
            sqlite_where=text("live"),
            postgresql_where=text("live"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    name: str
    live: bool = True


@pytest.fixture
def docs(library: Database) -> Repository[Doc]:
    made = repository(Doc, library)
    made.add_all(
        [
            Doc(title="a", topic="old", n=1, embedding=vector(1, 0, 0)),
            Doc(title="b", topic="old", n=2, embedding=vector(0, 1, 0)),
        ]
    )
    return made


def rows(docs: Repository[Doc]) -> list[tuple[int | None, str, str | None, int]]:
    return [(doc.id, doc.title, doc.topic, doc.n) for doc in docs.all()]


INCOMPLETE: dict[str, Any] = {"id": 1}
OLD: list[tuple[int | None, str, str | None, int]] = [(1, "a", "old", 1), (2, "b", "old", 2)]


def test_by_primary_key(docs: Repository[Doc]) -> None:
    given = [
        Doc(id=2, title="B", topic="new", embedding=vector(0, 0, 1)),
        Doc(id=3, title="c", n=3),
    ]
    made = docs.upsert(given)
    assert [(doc.id, doc.title) for doc in made] == [(2, "B"), (3, "c")]
    assert rows(docs) == [OLD[0], (2, "B", "new", 0), (3, "c", None, 3)]
    assert docs.similar_to([0, 0, 1]).limit(1).one().id == 2


@pytest.mark.parametrize(
    "on", [Doc.title, "title", [Doc.title], ("title",)], ids=["field", "name", "list", "tuple"]
)
def test_by_a_unique_field(docs: Repository[Doc], on: Any) -> None:
    made = docs.upsert([Doc(title="c"), Doc(title="a", topic="new", n=9)], on=on)
    assert [(doc.title, doc.topic, doc.n) for doc in made] == [("c", None, 0), ("a", "new", 9)]
    assert made[1].id == 1
    assert rows(docs)[:2] == [(1, "a", "new", 9), OLD[1]]
    assert docs.count() == 3


def test_the_rows_come_back_as_they_are_now(docs: Repository[Doc]) -> None:
    (made,) = docs.upsert([Doc(title="a", topic="new")], on=Doc.title)
    assert made == docs.get(1)
    docs.update(made, n=77)
    assert rows(docs)[0] == (1, "a", "new", 77)


def test_by_a_composite_primary_key(db: Database) -> None:
    db.create_all(Pair)
    pairs = repository(Pair, db)
    pairs.add_all([Pair(shelf="a", place=1, note="old"), Pair(shelf="a", place=2, note="old")])
    pairs.upsert([Pair(shelf="a", place=2, note="new"), Pair(shelf="b", place=2, note="new")])
    assert [pair.note for pair in pairs.all()] == ["old", "new", "new"]


def test_by_a_composite_unique_constraint(db: Database) -> None:
    db.create_all(Pair)
    pairs = repository(Pair, db)
    pairs.add(Pair(shelf="a", place=1, kind="k", slot=1, note="old"))
    made = pairs.upsert(
        [
            Pair(shelf="z", place=9, kind="k", slot=1, note="new"),
            Pair(shelf="b", place=2, kind="k", slot=2, note="new"),
        ],
        on=(Pair.slot, "kind"),
    )
    assert [(pair.shelf, pair.place, pair.note) for pair in made] == [
        ("a", 1, "new"),
        ("b", 2, "new"),
    ]
    assert pairs.count() == 2


def test_of_one_key_twice_the_last_wins(docs: Repository[Doc]) -> None:
    given = [Doc(title="a", n=1), Doc(title="x", n=5), Doc(title="a", n=7), Doc(title="x", n=8)]
    made = docs.upsert(given, on=Doc.title)
    assert [(doc.title, doc.n) for doc in made] == [("a", 7), ("x", 8)]
    assert [doc.n for doc in docs.order_by(Doc.title).all()] == [7, 2, 8]


def test_a_moment_in_two_zones_is_one_key(db: Database) -> None:
    db.create_all(Event)
    events = repository(Event, db)
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    tokyo = noon.astimezone(timezone(timedelta(hours=9)))
    events.add(Event(at=noon, note="old"))
    made = events.upsert([Event(at=tokyo, note="a"), Event(at=noon, note="b")], on=Event.at)
    assert [(event.at, event.note) for event in made] == [(noon, "b")]
    assert events.one().note == "b"


def test_defaults_are_written_and_json_is_overwritten(db: Database) -> None:
    db.create_all(Event)
    events, noon = repository(Event, db), datetime(2024, 1, 1, 12, tzinfo=UTC)
    events.upsert([Event(at=noon, note="old", data=[1])], on=Event.at)
    (made,) = events.upsert([Event(at=noon)], on=Event.at)
    assert (made.note, made.data) == ("default", [])
    with db.transaction() as session:
        (made,) = repository(Event, session).upsert([Event(at=noon, data=[{"a": 1}])], on="at")
        made.data[0]["a"] = 2
    assert events.one().data == [{"a": 2}]


def test_update_names_what_is_overwritten(docs: Repository[Doc]) -> None:
    given = [Doc(title="a", topic="new", n=9), Doc(title="c", topic="new", n=9)]
    made = docs.upsert(given, on=Doc.title, update=[Doc.topic])
    assert [(doc.title, doc.topic, doc.n) for doc in made] == [("a", "new", 1), ("c", "new", 9)]
    made = docs.upsert([Doc(title="b", topic="new", n=9)], on=Doc.title, update=["n"])
    assert [(doc.topic, doc.n) for doc in made] == [("old", 9)]


def test_updating_nothing_inserts_what_is_missing(docs: Repository[Doc]) -> None:
    given = [Doc(title="a", topic="new"), Doc(title="c", topic="new")]
    made = docs.upsert(given, on=Doc.title, update=[])
    assert [(doc.title, doc.topic) for doc in made] == [("a", "old"), ("c", "new")]
    assert docs.count() == 3


def test_another_unique_key_is_never_overwritten(docs: Repository[Doc]) -> None:
    with pytest.raises(ConstraintViolation):
        docs.upsert([Doc(id=3, title="new"), Doc(id=1, title="b", topic="new")])
    with pytest.raises(ConstraintViolation):
        docs.upsert([Doc(title="new"), Doc(id=2, title="c")], on=Doc.title)
    assert rows(docs) == OLD


def test_a_session_goes_on_after_an_upsert_is_refused(library: Database) -> None:
    with library.transaction() as session:
        docs = repository(Doc, session)
        docs.add_all([Doc(title="a"), Doc(title="b")])
        with pytest.raises(ConstraintViolation):
            docs.upsert([Doc(id=3, title="c"), Doc(id=1, title="b")])
        docs.upsert([Doc(id=3, title="d")])
    assert [doc.title for doc in repository(Doc, library).all()] == ["a", "b", "d"]


def test_a_key_without_a_value_is_inserted(db: Database) -> None:
    db.create_all(Pair)
    pairs = repository(Pair, db)
    pairs.add(Pair(shelf="a", place=1, kind=None, slot=1))
    made = pairs.upsert(
        [
            Pair(shelf="a", place=2, kind=None, slot=1),
            Pair(shelf="a", place=3, kind="k", slot=1),
            Pair(shelf="a", place=4, kind=None, slot=1),
        ],
        on=["kind", "slot"],
    )
    assert [pair.place for pair in made] == [2, 3, 4]
    assert pairs.count() == 4


def test_generated_keys_come_back(docs: Repository[Doc]) -> None:
    made = docs.upsert([Doc(title="x"), Doc(id=1, title="a!"), Doc(title="y")])
    assert [doc.title for doc in made] == ["x", "a!", "y"]
    assert made[1].id == 1
    assert len({doc.id for doc in made}) == 3
    assert docs.get(made[2].id) == made[2]


@pytest.mark.untraced
def test_a_large_batch_is_one_call(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add_all(Doc(title=str(n), n=0) for n in range(0, 8200, 8))
    given = [Doc(title=str(n), n=n, topic="x", embedding=vector(1, n, 0)) for n in range(8200)]
    made = docs.upsert(given, on=Doc.title)  # of 5 values each
    assert [doc.n for doc in made] == list(range(8200))
    assert docs.where(Doc.topic == "x").count() == 8200


@pytest.mark.untraced
def test_a_large_batch_that_fails_at_its_end_writes_nothing(docs: Repository[Doc]) -> None:
    given = [Doc(title=str(n)) for n in range(2500)] + [Doc(id=1, title="taken key")]
    with pytest.raises(ConstraintViolation):
        docs.upsert(given, on=Doc.title)
    assert rows(docs) == OLD


def test_the_entities_of_a_session_see_the_upsert(library: Database) -> None:
    with library.transaction() as session:
        docs = repository(Doc, session)
        doc = docs.add(Doc(title="a", n=1))
        doc.topic = "pending"
        made = docs.upsert([Doc(title="a", n=2)], on=Doc.title)
        assert made[0] is doc
        assert made == [Doc(id=doc.id, title="a", n=2, topic=None)]
    assert repository(Doc, library).one().n == 2


def test_an_upsert_is_undone_with_its_transaction(library: Database) -> None:
    with undone(library) as session:
        repository(Doc, session).upsert([Doc(title="a")], on=Doc.title)
    assert repository(Doc, library).count() == 0


def test_a_vector_is_overwritten_and_removed(docs: Repository[Doc]) -> None:
    docs.upsert([Doc(title="a", embedding=vector(0, 0, 1))], on=Doc.title)
    assert [doc.embedding for doc in docs.order_by(Doc.id).limit(1).all()] == [Vector([0, 0, 1])]
    docs.upsert([Doc(title="a", embedding=None)], on=Doc.title)
    assert docs.where(col(Doc.embedding).is_(None)).one().title == "a"


def test_what_cannot_be_a_target_is_refused_before_any_sql(
    docs: Repository[Doc], sent: list[str]
) -> None:
    row = [Doc(title="a")]
    sent.clear()
    with pytest.raises(InvalidQuery, match=r"\(topic\) is no unique key of Doc; it has"):
        docs.upsert(row, on=Doc.topic)
    with pytest.raises(InvalidQuery, match=r"\(title, id\) is no unique key of Doc"):
        docs.upsert(row, on=[Doc.title, Doc.id])
    with pytest.raises(InvalidQuery, match=r"Author\.name is no field of Doc"):
        docs.upsert(row, on=Author.name)
    with pytest.raises(UnknownField, match=r"Doc has no field 'titel'; did you mean 'title'\?"):
        docs.upsert(row, on="titel")
    with pytest.raises(UnknownField, match="Doc has no field 'x'"):
        docs.upsert(row, on="title", update=["x"])
    assert sent == []


def test_a_key_of_some_rows_only_is_no_target(db: Database, sent: list[str]) -> None:
    db.create_all(Partial)
    sent.clear()
    with pytest.raises(InvalidQuery, match=r"\(name\) is no unique key of Partial"):
        repository(Partial, db).upsert([Partial(name="a")], on=Partial.name)
    assert not any("INSERT" in statement for statement in sent)


def test_stored_entities_are_refused(library: Database) -> None:
    with library.transaction() as session:
        docs = repository(Doc, session)
        doc = docs.add(Doc(title="a"))
        with pytest.raises(InvalidQuery, match=r"in a session already; update\(\) writes"):
            docs.upsert([doc])


def test_a_missing_value_is_told(docs: Repository[Doc]) -> None:
    with pytest.raises(MissingValue, match=r"Doc\.title: a value is required"):
        docs.upsert([Doc(title="new"), Doc(**INCOMPLETE)])
    assert rows(docs) == OLD
