"""Servers whose sql_mode is not the usual one: nothing is cut, changed or read otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlmodel
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

from agentorm import (
    ConstraintViolation,
    Database,
    DatabaseError,
    Field,
    Vector,
    col,
    repository,
    vector_field,
)
from tests.contract.models import Author, Contract, Doc, Mood, Scalar, Tag, vector

pytestmark = pytest.mark.engines("mariadb", "mysql")

COMMON = (
    "",
    "ANSI",
    "NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,NO_UNSIGNED_SUBTRACTION,ALLOW_INVALID_DATES",
    "TRADITIONAL,HIGH_NOT_PRECEDENCE",
)
MODES = {
    "mysql": (*COMMON, "TIME_TRUNCATE_FRACTIONAL"),
    "mariadb": (*COMMON, "TIME_ROUND_FRACTIONAL,SIMULTANEOUS_ASSIGNMENT"),
}


class Sharp(Contract, table=True):
    """What escapes and quotes are about."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=40)
    note: str | None = None
    raw: bytes = b""
    embedding: Vector = vector_field(2)


SHARP = ["", "a\\", "\\'", "'", '"', "a\\'b", "%s", "%%", "\n\\n", "``", "\x1a", "--", "ä\\"]
FULL: dict[str, Any] = {
    "whole": -(2**63),
    "flag": True,
    "real": 0.1,
    "text": "",
    "key": " a\\",
    "raw": b"\\'\0\x1a",
    "uid": UUID(int=7),
    "price": Decimal("-0.000001"),
    "moment": datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
    "day": date(1, 1, 1),
    "hour": time(23, 59, 59, 999999),
    "lasting": timedelta(days=-3, microseconds=1),
    "mood": Mood.calm,
}


@pytest.fixture
def strange(db: Database, engine_name: str) -> Iterator[dict[str, Database]]:
    """The same database, by connections that start out in each of the modes."""
    made = {mode: opened(db, mode) for mode in MODES[engine_name]}
    yield made
    for database in made.values():
        database.dispose()


def opened(db: Database, mode: str) -> Database:
    begin = f"SET SESSION sql_mode = '{mode}'"
    return type(db)(db.url, engine_options={"connect_args": {"init_command": begin}})


def test_values_come_back_as_they_went_in(strange: dict[str, Database]) -> None:
    for mode, db in strange.items():
        db.create_all(Scalar, Sharp)
        scalars, sharps = repository(Scalar, db), repository(Sharp, db)
        added = scalars.add(Scalar(**FULL))
        assert scalars.get(added.id) == Scalar(id=added.id, **FULL), mode
        given = [
            Sharp(name=s, note=s, raw=s.encode(), embedding=vector(3.0775e-41, n))
            for n, s in enumerate(SHARP, start=1)
        ]
        sharps.add_all(given)
        again = [Sharp(name=s, note=s * 2, raw=b"'\\", embedding=vector(1, 2)) for s in SHARP]
        assert [row.note for row in sharps.upsert(again, on="name")] == [s * 2 for s in SHARP], mode
        assert [sharps.where(Sharp.name == s).one().raw for s in SHARP] == [b"'\\"] * len(SHARP)
        assert [sharps.where(Sharp.note == s * 2).count() for s in SHARP] == [1] * len(SHARP), mode
        assert sharps.where(col(Sharp.name).contains("\\'")).count() == 2, mode
        assert sharps.where(~(col(Sharp.id).between(-1, 1))).count() == len(SHARP) - (
            sharps.where(Sharp.id == 1).count()
        ), mode
        db.drop_all(Scalar, Sharp)


def test_vectors_whose_bytes_are_quotes_come_back(strange: dict[str, Database]) -> None:
    quotes = [vector(*parts) for parts in QUOTED]
    for mode, db in strange.items():
        db.create_all(Author, Doc, Tag)
        docs = repository(Doc, db)
        docs.add_all(Doc(title=str(n), embedding=q) for n, q in enumerate(quotes))
        assert [doc.embedding for doc in docs.order_by(Doc.id).all()] == quotes, mode
        hits = docs.similar_to(quotes[0], metric="l2").limit(1).hits()
        assert [hit.entity.title for hit in hits] == ["0"], mode
        db.drop_all(Author, Doc, Tag)


def as_floats(packed: bytes) -> list[float]:
    return list(memoryview(packed).cast("f"))


QUOTED = [as_floats(b"'\\'\\" * 3), as_floats(b"\\\\\\\\''''\"\"\"\""), as_floats(b"\0'\n=" * 3)]


def test_nothing_is_cut_off_or_replaced(strange: dict[str, Database]) -> None:
    for mode, db in strange.items():
        db.create_all(Scalar, Author, Doc, Tag)
        rows = repository(Scalar, db)
        rows.add(Scalar(key="a", whole=1, price=Decimal(1)))
        for name, value in (
            ("key", "REPEAT('x', 300)"),
            ("whole", "9223372036854775807 + 1"),
            ("price", "1e15"),
            ("day", "'tomorrow'"),
        ):
            with pytest.raises(DatabaseError):
                rows.update_where(Scalar.key == "a", **{name: text(value)})
        assert rows.one() == Scalar(id=rows.one().id, key="a", whole=1, price=Decimal(1)), mode
        with pytest.raises(ConstraintViolation):
            repository(Tag, db).add(Tag(name="x", doc_id=404))
        db.drop_all(Scalar, Author, Doc, Tag)


@pytest.mark.engines("mariadb")
def test_an_empty_text_is_not_taken_for_null(db: Database) -> None:
    with opened(db, "EMPTY_STRING_IS_NULL") as odd:
        odd.create_all(Scalar, Sharp)
        repository(Scalar, odd).add(Scalar(text=""))
        assert [row.text for row in repository(Scalar, odd).all()] == [""]
        assert repository(Scalar, odd).where(Scalar.text == "").count() == 1
        repository(Sharp, odd).add(Sharp(name="", embedding=vector(1, 2)))
        assert [row.name for row in repository(Sharp, odd).all()] == [""]


def test_a_key_of_zero_stays_zero(strange: dict[str, Database]) -> None:
    for mode, db in strange.items():
        db.create_all(Author, Doc, Tag)
        docs = repository(Doc, db)
        docs.add_all([Doc(id=0, title="zero"), Doc(title="next")])
        docs.upsert([Doc(id=0, title="zero again")])
        assert sorted(doc.title for doc in docs.all()) == ["next", "zero again"], mode
        assert docs.where(Doc.id == 0).one().title == "zero again", mode
        db.drop_all(Author, Doc, Tag)


@pytest.fixture(params=[Session, sqlmodel.Session], ids=["sqlalchemy", "sqlmodel"])
def kind(request: pytest.FixtureRequest) -> type[Session]:
    chosen: type[Session] = request.param
    return chosen


@pytest.fixture
def foreign(library: Database, url: str) -> Iterator[Engine]:
    """An engine that no `Database` has seen, on a server with the laxest mode."""
    begin = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"
    place = make_url(url).set(drivername=library.engine.url.drivername)
    engine = create_engine(place, connect_args={"init_command": begin})
    yield engine
    engine.dispose()


def test_a_foreign_session_is_as_strict(foreign: Engine, kind: type[Session]) -> None:
    with kind(foreign) as session:
        docs = repository(Doc, session)
        docs.add_all([Doc(id=0, title="a\\'"), Doc(title="b", embedding=vector(*QUOTED[0]))])
        docs.upsert([Doc(title="b", topic="'\\", embedding=vector(*QUOTED[1]))], on="title")
        session.commit()
        assert docs.where(Doc.topic == "'\\").one().embedding == vector(*QUOTED[1])
        assert [doc.title for doc in docs.order_by(Doc.id).all()] == ["a\\'", "b"]
        with pytest.raises(DatabaseError):
            docs.update_where(Doc.id == 0, title=text("REPEAT('x', 300)"))


@pytest.mark.parametrize("charset", ["utf8", "latin1"])
def test_another_character_set_of_the_url_cuts_nothing(url: str, charset: str) -> None:
    with Database(f"{url}?charset={charset}") as db:
        db.create_all(Author, Doc, Tag)
        docs = repository(Doc, db)
        docs.add(Doc(title="é😀"))
        assert [doc.title for doc in docs.where(Doc.title == "é😀").all()] == ["é😀"]
