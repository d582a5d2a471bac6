"""What a session of MariaDB and MySQL holds: stored entities, whole batches, or nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Column, Engine, String, create_engine, inspect
from sqlalchemy.orm import Session

from agentorm import (
    Database,
    DatabaseError,
    Field,
    InvalidQuery,
    InvalidValue,
    Relationship,
    Repository,
    TransactionConflict,
    col,
    repository,
)
from tests.contract.models import Contract, Doc

pytestmark = pytest.mark.engines("mariadb", "mysql")
everywhere = pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql")
among_threads = pytest.mark.sync("an event loop and its connections belong to one thread")


class Player(Contract, table=True):
    """The name is compared as the server sees fit: regardless of case."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(sa_column=Column(String(50), unique=True, nullable=False))
    tone: str = ""


class Shelf(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    n: int = 0
    books: list["Book"] = Relationship(
        back_populates="shelf", sa_relationship_kwargs={"lazy": "joined"}
    )


class Book(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    shelf_id: int | None = Field(default=None, foreign_key="shelf.id")
    shelf: Shelf | None = Relationship(
        back_populates="books", sa_relationship_kwargs={"lazy": "selectin"}
    )


class Leaflet(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    path: str = Field(unique=True)
    body: str = ""


@pytest.fixture
def shelves(db: Database) -> Repository[Shelf]:
    """Two shelves, of which the first holds two books."""
    db.create_all(Shelf, Book)
    made = repository(Shelf, db)
    made.add_all([Shelf(id=1, name="a"), Shelf(id=2, name="b")])
    repository(Book, db).add_all([Book(title="x", shelf_id=1), Book(title="y", shelf_id=1)])
    return made


@pytest.mark.parametrize("update", [None, [], ["tone"]], ids=str)
def test_an_upsert_gives_the_stored_entity_though_its_key_is_spelt_otherwise(
    db: Database, update: list[str] | None
) -> None:
    db.create_all(Player)
    with db.session() as session:
        players = repository(Player, session)
        players.add(Player(id=7, name="Abc", tone="high"))
        given = [Player(name="abc", tone="low"), Player(name="new", tone="low")]
        made, new = players.upsert(given, on="name", update=update)
        assert inspect(made).has_identity
        assert made in session
        tone = "high" if update == [] else "low"
        assert (made.id, made.name.lower(), made.tone) == (7, "abc", tone)
        assert (new.name, new.tone) == ("new", "low")
        made.tone = "changed"
        session.commit()
    stored = [(p.name.lower(), p.tone) for p in repository(Player, db).order_by(Player.id).all()]
    assert stored == [("abc", "changed"), ("new", "low")]


def contents(shelves: list[Shelf]) -> list[tuple[str, int, list[str]]]:
    return [(s.name, s.n, sorted(book.title for book in s.books)) for s in shelves]


@everywhere
def test_a_model_that_joins_a_collection_is_upserted(
    shelves: Repository[Shelf], db: Database
) -> None:
    with db.transaction() as session:
        rows = repository(Shelf, session)
        made = rows.upsert([Shelf(name=name, n=n) for n, name in enumerate("cab", 1)], on="name")
        assert contents(made) == [("c", 1, []), ("a", 2, ["x", "y"]), ("b", 3, [])]
        again = rows.upsert([Shelf(name="a", n=9), Shelf(name="d", n=9)], on="name", update=[])
        assert contents(again) == [("a", 2, ["x", "y"]), ("d", 9, [])]
        by_key = rows.upsert([Shelf(id=1, name="e", n=5)])
        assert contents(by_key) == [("e", 5, ["x", "y"])]
    assert contents(shelves.order_by(Shelf.n).all()) == [
        ("c", 1, []),
        ("b", 3, []),
        ("e", 5, ["x", "y"]),
        ("d", 9, []),
    ]


@everywhere
def test_a_model_that_loads_a_relationship_by_itself_is_streamed(
    shelves: Repository[Shelf], db: Database
) -> None:
    books = repository(Book, db)
    books.add_all(Book(title=f"{n:04}", shelf_id=2) for n in range(1100))
    found = [(b.title, b.shelf.name if b.shelf else "") for b in books.order_by(Book.id).stream()]
    assert found == [("x", "a"), ("y", "a"), *((f"{n:04}", "b") for n in range(1100))]
    with db.session() as session:
        stream = repository(Book, session).where(Book.shelf_id == 1).stream()
        first, second = stream
        assert first.shelf is second.shelf is session.get(Shelf, 1)


@everywhere
def test_an_upsert_without_keys_is_split_into_statements_that_fit(db: Database) -> None:
    db.create_all(Leaflet)
    with db.transaction() as session:
        given = [Leaflet(path=f"k{n}", body="x" * 300_000) for n in range(60)]
        made = repository(Leaflet, session).upsert(given)
        assert [page.path for page in made] == [f"k{n}" for n in range(60)]
    stored = repository(Leaflet, db)
    assert stored.where(Leaflet.body == "x" * 300_000).count() == stored.count() == 60


def test_a_batch_of_short_rows_does_not_widen_later_statements(db: Database) -> None:
    db.create_all(Leaflet)
    with db.transaction() as session:
        pages = repository(Leaflet, session)
        pages.add_all(Leaflet(path=f"a{n}") for n in range(10))
        session.add_all([Leaflet(path=f"b{n}", body="x" * 100_000) for n in range(300)])
        session.flush()
    assert repository(Leaflet, db).where(Leaflet.body == "x" * 100_000).count() == 300
    assert repository(Leaflet, db).count() == 310


def test_rows_that_are_pending_beside_a_batch_of_short_ones_are_split_too(db: Database) -> None:
    db.create_all(Leaflet)
    with db.transaction() as session:
        session.add_all([Leaflet(path=f"b{n}", body="x" * 100_000) for n in range(300)])
        repository(Leaflet, session).add_all(Leaflet(path=f"a{n}") for n in range(10))
    assert repository(Leaflet, db).count() == 310


def test_characters_of_four_bytes_are_counted_as_such(db: Database) -> None:
    db.create_all(Leaflet)
    pages = repository(Leaflet, db)
    pages.add_all(Leaflet(path=f"b{n}", body="\U0001f600" * 42_000) for n in range(110))
    assert pages.where(Leaflet.body == "\U0001f600" * 42_000).count() == 110


@pytest.fixture
def at_once(db: Database) -> Database:
    """An engine that commits each statement by itself."""
    db.create_all(Leaflet)
    return type(db)(db.url, engine_options={"isolation_level": "AUTOCOMMIT"})


def test_a_batch_is_refused_where_each_statement_is_committed_by_itself(
    db: Database, at_once: Database
) -> None:
    pages = repository(Leaflet, at_once)
    with at_once:
        for write in (pages.add_all, pages.upsert):
            with pytest.raises(InvalidQuery, match=r"^AUTOCOMMIT has no savepoints"):
                write([Leaflet(path="a"), Leaflet(path="b")])
            assert repository(Leaflet, db).count() == 0
        with pytest.raises(InvalidQuery, match="leave isolation_level out, or name another"):
            pages.upsert([Leaflet(path="a"), Leaflet(path="b")], on="path")
    assert repository(Leaflet, db).count() == 0


@pytest.fixture
def engine(library: Database) -> Engine:
    """An engine of the user's own, which no `Database` knows."""
    return create_engine(library.engine.url)


@among_threads
def test_a_deadlock_on_an_engine_of_ones_own_undoes_all(library: Database, engine: Engine) -> None:
    repository(Doc, library).add_all([Doc(id=1, title="a"), Doc(id=2, title="b")])
    both_hold_one = threading.Barrier(2)

    def work(order: tuple[int, int]) -> list[BaseException]:
        errors: list[BaseException] = []
        with Session(engine) as session:
            docs = repository(Doc, session)
            docs.add(Doc(title=f"beside {order[0]}"))
            docs.update_where(Doc.id == order[0], n=1)
            both_hold_one.wait(10)
            try:
                docs.upsert([Doc(id=order[1], title=f"by {order[0]}", n=2)])
            except DatabaseError as error:
                errors.append(error)
                for again in (docs.count, lambda: docs.add(Doc(title="after"))):
                    with pytest.raises(DatabaseError) as refusal:
                        again()
                    errors.append(refusal.value)
            if errors:
                with pytest.raises(Exception, match="roll"):
                    session.commit()
                session.rollback()
            else:
                session.commit()
        return errors

    with ThreadPoolExecutor(2) as pool:
        winner, (conflict, *refusals) = sorted(pool.map(work, [(1, 2), (2, 1)]), key=len)
    engine.dispose()
    assert winner == []
    assert type(conflict) is TransactionConflict
    assert "nothing was written: repeat the transaction" in str(conflict)
    for refusal in refusals:
        assert "roll the session back, then begin anew" in str(refusal)
    stored = [(doc.title, doc.n) for doc in repository(Doc, library).order_by(Doc.id).all()]
    assert stored in (
        [("a", 1), ("by 1", 2), ("beside 1", 0)],
        [("by 2", 2), ("b", 1), ("beside 2", 0)],
    )


@among_threads
def test_a_conflict_on_an_engine_of_ones_own_may_be_repeated(
    library: Database, engine: Engine
) -> None:
    """The same session works again after it was rolled back."""
    repository(Doc, library).add_all([Doc(id=1, title="a"), Doc(id=2, title="b")])
    both_hold_one = threading.Barrier(2)

    def work(order: tuple[int, int]) -> int:
        with Session(engine) as session:
            docs = repository(Doc, session)
            for attempt in range(3):
                try:
                    docs.update_where(Doc.id == order[0], n=col(Doc.n) + 1)
                    if attempt == 0:
                        both_hold_one.wait(10)
                    docs.update_where(Doc.id == order[1], n=col(Doc.n) + 1)
                    session.commit()
                except TransactionConflict:
                    session.rollback()
                else:
                    return attempt
        return 3

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(work, [(1, 2), (2, 1)])) == [0, 1]
    engine.dispose()
    assert [doc.n for doc in repository(Doc, library).all()] == [2, 2]


@pytest.mark.engines("mariadb")
def test_a_statement_too_long_is_refused_on_an_engine_of_ones_own(
    library: Database, engine: Engine
) -> None:
    with Session(engine) as session:
        docs = repository(Doc, session)
        with pytest.raises(InvalidValue, match=r"a statement of \d+ bytes, and the server takes"):
            docs.add(Doc(title="a", topic="x" * 20_000_000))
        session.rollback()
        assert docs.count() == 0
    engine.dispose()
