"""New rows over the driver's own cursor: to the same effect as SQLAlchemy's flush."""

from __future__ import annotations

import pickle
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, func, inspect, text
from sqlmodel import Session, select

from agentorm import ConstraintViolation, Database, Field, Vector, json_field, repository
from agentorm.switch import plans_switched
from tests.contract.models import Author, Contract, Doc, vector

MANY = 100


class InsertedSlip(Contract, table=True):
    """Columns that fill themselves in Python and in the server."""

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(unique=True)
    made: int | None = Field(default=None, sa_column_kwargs={"default": lambda: 7})
    kind: str | None = Field(default=None, sa_column_kwargs={"default": "plain"})
    served: int | None = Field(default=None, sa_column_kwargs={"server_default": text("5")})
    meta: dict[str, Any] = json_field()


class InsertedNumber(Contract, table=True):
    """Nothing but a key that the engine generates."""

    id: int | None = Field(default=None, primary_key=True)


@pytest.fixture
def slips(library: Database) -> Database:
    library.create_all(InsertedSlip, InsertedNumber)
    return library


@pytest.fixture(params=[True, False], ids=["direct", "flushed"])
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """The same expectations hold with the fast ways and without them."""
    with plans_switched(on=request.param):
        yield


@pytest.fixture
def fast_way() -> Iterator[None]:
    """What the fast way alone does, whatever the environment says."""
    with plans_switched(on=True):
        yield


both_ways = pytest.mark.usefixtures("way")
direct = pytest.mark.usefixtures("fast_way")


@contextmanager
def flushes(session: Session) -> Generator[list[str]]:
    """The tables that SQLAlchemy's flush inserts into; nobody is listened to by that."""
    heard: list[str] = []

    def before(
        conn: object, cursor: object, sql: str, given: object, context: Any, *rest: object
    ) -> None:
        if context.compiled is not None and context.isinsert:
            heard.append(context.compiled.statement.table.name)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", before)
    yield heard
    event.remove(connection, "before_cursor_execute", before)


def docs(*titles: str) -> list[Doc]:
    return [Doc(title=t, meta={"t": [t]}, embedding=vector(1, 2, len(t))) for t in titles]


def flags(entity: Any) -> dict[str, Any]:
    """What SQLAlchemy knows of an entity, but for the number of its key."""
    state: Any = inspect(entity)
    return {
        "persistent": state.persistent,
        "transient": state.transient,
        "modified": state.modified,
        "committed": dict(state.committed_state),
        "expired": (state.expired, state.expired_attributes),
        "loaded": {*state.dict} - {"_sa_instance_state"},
        "key": state.key and (state.key[0], state.key[1] == (state.dict.get("id"),), state.key[2]),
    }


STORED: dict[str, Any] = {
    "persistent": True,
    "transient": False,
    "modified": False,
    "committed": {},
    "expired": (False, set[str]()),
    "loaded": {"id", "title", "topic", "n", "meta", "author_id", "embedding"},
    "key": (Doc, True, None),
}


@both_ways
def test_entities_are_persistent(library: Database) -> None:
    with library.session() as session:
        rows = repository(Doc, session)
        one, (first, last) = rows.add(docs("one")[0]), rows.add_all(docs("first", "last"))
        for doc in (one, first, last):
            assert flags(doc) == STORED
            assert doc in session
            assert rows.get(doc.id) is doc
        assert [doc.title for doc in rows.order_by(Doc.id).all()] == ["one", "first", "last"]
        assert not session.dirty
        assert not session.new


@both_ways
def test_many_rows_have_their_own_keys(library: Database) -> None:
    with library.transaction() as session:
        given = repository(Doc, session).add_all(docs(*map(str, range(MANY))))
    stored = {doc.title: doc for doc in repository(Doc, library).all()}
    assert len(stored) == MANY
    assert [stored[doc.title] for doc in given] == given


@both_ways
def test_changes_are_written_afterwards(library: Database) -> None:
    with library.transaction() as session:
        doc, *_ = repository(Doc, session).add_all(docs("a", "b"))
        doc.n, doc.meta["new"] = 3, [1]
        assert doc in session.dirty
        assert flags(doc)["committed"]["n"] == 0
    (stored,) = repository(Doc, library).where(Doc.title == "a").all()
    assert (stored.n, stored.meta) == (3, {"t": ["a"], "new": [1]})


@both_ways
def test_rows_are_deleted_expired_and_refreshed(library: Database) -> None:
    with library.transaction() as session:
        rows = repository(Doc, session)
        kept, lost = rows.add_all(docs("kept", "lost"))
        rows.delete(lost)
        rows.update_where(Doc.title == "kept", n=8)
        session.expire(kept)
        assert kept.n == 8
        kept.n = 9
        session.refresh(kept)
        assert kept.n == 8
    assert repository(Doc, library).count() == 1


@both_ways
def test_a_commit_expires_where_the_session_says_so(library: Database) -> None:
    with Session(library.engine, expire_on_commit=True) as session:
        doc = repository(Doc, session).add(docs("a")[0])
        session.commit()
        assert "title" in flags(doc)["expired"][1]
        assert doc.title == "a"


@both_ways
def test_a_rollback_leaves_entities_as_a_flush_does(library: Database) -> None:
    with library.session() as session:
        rows = repository(Doc, session)
        one, *many = [rows.add(docs("a")[0]), *rows.add_all(docs("b", "c"))]
        keys = [doc.id for doc in (one, *many)]
        session.rollback()
        for doc, key in zip((one, *many), keys, strict=True):
            assert flags(doc) == STORED | {"persistent": False, "transient": True, "key": None}
            assert doc not in session
            assert doc.id == key
        assert rows.add_all([one, *many]) == [one, *many]


@both_ways
def test_a_savepoint_takes_its_entities_out_again(library: Database) -> None:
    with library.session() as session:
        rows = repository(Doc, session)
        kept = rows.add(docs("kept")[0])
        with session.begin_nested() as savepoint:
            lost = rows.add_all(docs("lost", "too"))
            savepoint.rollback()
        assert [flags(doc)["transient"] for doc in (kept, *lost)] == [False, True, True]
        assert [doc.title for doc in rows.all()] == ["kept"]


@both_ways
def test_entities_are_pickled_and_merged(library: Database) -> None:
    with library.session() as session:
        doc = repository(Doc, session).add(docs("a")[0])
        copied = pickle.loads(pickle.dumps(doc))  # noqa: S301
        session.commit()
    assert flags(copied)["key"] == (Doc, True, None)
    with library.session() as session:
        merged = session.merge(copied)
        merged.meta["merged"] = True
        session.commit()
    assert repository(Doc, library).one().meta == {"t": ["a"], "merged": True}


@both_ways
def test_a_refusal_is_as_after_a_flush(library: Database) -> None:
    with library.session() as session:
        rows = repository(Doc, session)
        rows.add_all(docs("taken"))
        refused = docs("new", "taken")
        with pytest.raises(ConstraintViolation):
            rows.add_all(refused)
        assert [flags(doc)["transient"] for doc in refused] == [True, True]
        assert [doc.title for doc in rows.all()] == ["taken"]
        with pytest.raises(ConstraintViolation):
            rows.add(refused[1])
        assert not session.is_active
        session.rollback()
        assert rows.count() == 0


@both_ways
def test_defaults_are_given(slips: Database) -> None:
    with slips.transaction() as session:
        rows = repository(InsertedSlip, session)
        made = [rows.add(InsertedSlip(title="a")), *rows.add_all([InsertedSlip(title="b")])]
        made += rows.add_all([InsertedSlip(title="c", served=1), InsertedSlip(title="d", made=2)])
        assert [(slip.made, slip.kind, slip.served) for slip in made] == [
            (7, "plain", 5),
            (7, "plain", 5),
            (7, "plain", 1),
            (2, "plain", 5),
        ]
        assert not session.dirty


@direct
def test_rows_of_nothing_but_a_key_are_added(slips: Database) -> None:
    rows = repository(InsertedNumber, slips)
    first, *rest = [row.id or 0 for row in rows.add_all([InsertedNumber() for _ in range(12)])]
    assert rest == [first + n for n in range(1, 12)]
    assert repository(InsertedNumber, slips).count() == 12


@direct
def test_expressions_and_relationships_are_flushed(library: Database) -> None:
    computed: Any = func.upper("loud")
    with library.transaction() as session, flushes(session) as heard:
        rows = repository(Doc, session)
        rows.add_all(docs("plain", "too"))
        assert heard == []
        assert rows.add(Doc(title=computed)).title == "LOUD"
        rows.add(Doc(title="by Ann", author=Author(name="Ann")))
        assert heard == ["doc", "author", "doc"]


@direct
def test_what_is_pending_is_flushed_along(library: Database) -> None:
    with library.transaction() as session, flushes(session) as heard:
        session.add(Doc(title="pending"))
        repository(Doc, session).add(Doc(title="added"))
        assert {*heard} == {"doc"}
    assert repository(Doc, library).count() == 2


@pytest.mark.parametrize("name", ["before_flush", "pending_to_persistent"])
def test_listeners_to_the_session_are_told(library: Database, name: str) -> None:
    heard: list[str] = []
    with library.transaction() as session:
        rows = repository(Doc, session)
        rows.add(docs("before")[0])
        event.listen(session, name, lambda *_: heard.append(name))
        rows.add(docs("a")[0])
        rows.add_all(docs("b"))
    assert heard[:2] == [name, name]


def test_listeners_to_the_class_are_told(library: Database) -> None:
    heard: list[str] = []

    def told(mapper: object, connection: object, doc: Doc) -> None:
        heard.append(doc.title)
        doc.n = 4

    rows = repository(Doc, library)
    rows.add(docs("before")[0])
    event.listen(Doc, "before_insert", told)
    try:
        rows.add(docs("a")[0])
        rows.add_all(docs("b", "c"))
    finally:
        event.remove(Doc, "before_insert", told)
    rows.add(docs("after")[0])
    assert heard == ["a", "b", "c"]
    assert sorted(doc.n for doc in rows.all()) == [0, 0, 4, 4, 4]


@direct
def test_a_trace_shows_the_inserts(library: Database) -> None:
    with library.trace() as trace:
        repository(Doc, library).add(docs("a")[0])
        repository(Doc, library).add_all(docs("b", "c"))
    assert sum("INSERT INTO doc" in statement.sql for statement in trace.statements) in {2, 3}


@pytest.mark.engines("sqlite")
def test_keys_are_known_beside_a_trigger_that_takes_some(library: Database) -> None:
    with library.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER twin AFTER INSERT ON doc WHEN new.title NOT LIKE 'twin%' BEGIN"
            " INSERT INTO doc (title, n, meta) VALUES ('twin ' || new.title, 0, '{}'); END"
        )
    given = repository(Doc, library).add_all(docs(*map(str, range(MANY))))
    stored = {doc.title: doc.id for doc in repository(Doc, library).all()}
    assert [stored[doc.title] for doc in given] == [doc.id for doc in given]


@pytest.mark.engines("postgresql")
def test_keys_are_known_beside_a_trigger_that_sets_them(library: Database) -> None:
    with library.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.id := NEW.id + 1000; RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER later BEFORE INSERT ON doc FOR EACH ROW EXECUTE FUNCTION later()"
        )
    given = repository(Doc, library).add_all(docs(*map(str, range(MANY))))
    assert [doc.id for doc in given] == list(range(1001, 1001 + MANY))
    with library.session() as session:
        stored = {doc.title: doc.id for doc in session.exec(select(Doc))}
    assert [stored[doc.title] for doc in given] == [doc.id for doc in given]


@pytest.mark.engines("postgresql")
@pytest.mark.sync("an awaited connection has no COPY here")
@direct
def test_many_rows_are_copied(library: Database) -> None:
    rows = [*docs(*map(str, range(MANY))), Doc(title="nothing")]
    with library.transaction() as session:
        began = _inserts(session)
        repository(Doc, session).add_all(rows)
        assert _inserts(session) == began
    assert repository(Doc, library).where(Doc.title == "7").one().embedding == Vector([1, 2, 1])


def _inserts(session: Session) -> int:
    """How many prepared statements of this connection insert: psycopg prepares what is repeated."""
    found = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT%'")
    return int(session.connection().execute(found).scalar_one())
