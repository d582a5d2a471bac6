"""What MariaDB and MySQL cannot take is refused before the statement, with a way out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest
from sqlalchemy import CheckConstraint, UniqueConstraint, column, inspect, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from agentorm import (
    HNSW,
    AgentORMError,
    ConstraintViolation,
    Database,
    DatabaseError,
    Field,
    IntegerType,
    InvalidValue,
    InvalidVector,
    StringType,
    UnsupportedFeature,
    Vector,
    col,
    repository,
    vector_field,
)
from tests.contract.models import Contract, Doc, Scalar, vector

pytestmark = pytest.mark.engines("mariadb", "mysql")
on_mariadb = pytest.mark.engines("mariadb")
LONG = "n" * 65


class TwoIndexed(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    left: Vector = vector_field(2, index=HNSW())
    right: Vector = vector_field(2, metric="l2", index=HNSW())


class MaybeIndexed(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector | None = vector_field(2, default=None, index=HNSW())


class Harmless(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)


class LongTable(Contract, table=True):
    __tablename__: ClassVar[Any] = LONG
    id: int | None = Field(default=None, primary_key=True)


class LongColumn(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    short: str = Field(sa_column_kwargs={"name": LONG})


class LongKey(Contract, table=True):
    __table_args__ = (UniqueConstraint("a", name=LONG),)
    id: int | None = Field(default=None, primary_key=True)
    a: int


class JustShortEnough(Contract, table=True):
    """Names of 64 characters; SQLAlchemy shortens the names that it makes of them."""

    __tablename__: ClassVar[Any] = "t" * 64
    id: int | None = Field(default=None, primary_key=True)
    a: str = Field(index=True, sa_column_kwargs={"name": "c" * 64})
    b: int = Field(unique=True)
    embedding: Vector = vector_field(2, index=HNSW())


class WideField(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    path: str = Field(index=True, max_length=1000)


class WideBytes(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    raw: bytes = Field(unique=True, max_length=3073)


class WidePair(Contract, table=True):
    __table_args__ = (UniqueConstraint("a", "b", "c", "d"),)
    id: int | None = Field(default=None, primary_key=True)
    a: str = Field(max_length=255)
    b: str = Field(max_length=255)
    c: str = Field(max_length=255)
    d: str = Field(max_length=255)


class WidestKeys(Contract, table=True):
    """Keys that just fit."""

    __table_args__ = (UniqueConstraint("a", "b", "c"),)
    id: int | None = Field(default=None, primary_key=True)
    path: str = Field(unique=True, max_length=768)
    raw: bytes | None = Field(default=None, unique=True, max_length=3072)
    a: str = Field(default="", max_length=255)
    b: str = Field(default="", max_length=255)
    c: str | None = Field(default=None, max_length=255)


class Base(DeclarativeBase):
    pass


class Checked(Base):
    """A check of a text without a length is no key."""

    __tablename__ = "checked"
    id: Mapped[int] = mapped_column(IntegerType(), primary_key=True)
    body: Mapped[str] = mapped_column(StringType())
    __table_args__ = (CheckConstraint(column("body") != ""),)


def refused_schema(db: Database, expected: str, *models: type[Any]) -> None:
    with pytest.raises(UnsupportedFeature, match=expected):
        db.create_all(*models)
    assert inspect(db.engine).get_table_names() == []


@on_mariadb
def test_two_vector_indexes_on_a_table_are_refused(db: Database) -> None:
    expected = (
        "mariadb does not support two vector indexes on one table: twoindexed has them on "
        "(left, right|right, left); declare the index on one of the fields"
    )
    refused_schema(db, expected, Harmless, TwoIndexed)


@on_mariadb
def test_an_indexed_vector_that_may_be_missing_is_refused(db: Database) -> None:
    expected = (
        "mariadb does not support a vector index over NULL: maybeindexed.embedding is nullable; "
        "annotate the field Vector, or leave the index out to rank exactly"
    )
    refused_schema(db, expected, Harmless, MaybeIndexed)


@pytest.mark.engines("mysql", "mariadb-10.11")
def test_where_no_vector_index_is_built_both_are_fine(db: Database) -> None:
    db.create_all(TwoIndexed, MaybeIndexed)
    rows = repository(TwoIndexed, db)
    rows.add_all([TwoIndexed(left=vector(1, n), right=vector(n, 0)) for n in range(5)])
    assert [r.id for r in rows.similar_to([0, 1], on="left").limit(2).all()] == [5, 4]
    assert [r.id for r in rows.similar_to([0, 0], on="right").limit(2).all()] == [1, 2]


@pytest.mark.parametrize("model", [LongTable, LongColumn, LongKey])
def test_a_name_beyond_64_characters_is_refused(db: Database, model: type[Any]) -> None:
    expected = f"does not support the name '{LONG}' of 65 characters; its names have up to 64"
    refused_schema(db, expected, Harmless, model)


def test_names_of_64_characters_work(db: Database) -> None:
    db.create_all(JustShortEnough)
    rows = repository(JustShortEnough, db)
    rows.add_all([JustShortEnough(a=str(n), b=n, embedding=vector(1, n)) for n in range(3)])
    assert [r.a for r in rows.similar_to([1, 2]).where(JustShortEnough.b > 0).all()] == ["2", "1"]
    assert rows.upsert([JustShortEnough(a="x", b=1, embedding=vector(0, 1))], on="b")[0].a == "x"
    db.drop_all(JustShortEnough)
    assert inspect(db.engine).get_table_names() == []


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (WideField, "widefield.path"),
        (WideBytes, "widebytes.raw"),
        (WidePair, "widepair.a, widepair.b, widepair.c, widepair.d"),
    ],
)
def test_a_key_beyond_3072_bytes_is_refused(db: Database, model: type[Any], fields: str) -> None:
    expected = (
        f"does not support a key of the length of {fields}; its keys hold 3072 bytes, which are "
        "768 characters together: declare max_length"
    )
    refused_schema(db, expected, Harmless, model)


def test_keys_of_3072_bytes_work(db: Database) -> None:
    db.create_all(WidestKeys)
    rows, path = repository(WidestKeys, db), "\U0001f600" * 767
    full = WidestKeys(path=path + "a", raw=b"\xff" * 3072, a=path[:255], b=path[:255], c=path[:255])
    rows.add_all([full, WidestKeys(path=path + "b")])
    made = rows.upsert([WidestKeys(path=path + "a", raw=b"x")], on="path")
    assert [row.id for row in made] == [1]
    assert rows.where(WidestKeys.path == path + "b").one().id == 2


def test_a_check_of_unbounded_text_is_no_key(db: Database) -> None:
    db.create_all(Checked)
    repository(Checked, db).add(Checked(body="x" * 5000))
    with pytest.raises(ConstraintViolation):
        repository(Checked, db).add(Checked(body=""))


@on_mariadb
@pytest.mark.parametrize("components", [(3e38, 0, 0), (0, -3.4e38, 0), (2e19, 0, 0), (1.5e19,) * 3])
def test_a_vector_that_mariadb_refuses_is_told_before(
    library: Database, sent: list[str], components: tuple[float, ...]
) -> None:
    docs = repository(Doc, library)
    docs.add(Doc(title="a", embedding=vector(1, 2, 3)))
    sent.clear()
    expected = "scale the vectors, to length 1 if cosine compares them"
    given = vector(*components)
    for write in (
        lambda: docs.add(Doc(title="b", embedding=given)),
        lambda: docs.add_all([Doc(title="c"), Doc(title="b", embedding=given)]),
        lambda: docs.upsert([Doc(title="b", embedding=given)], on="title"),
        lambda: docs.update_where(Doc.title == "a", embedding=given),
    ):
        with pytest.raises(InvalidVector, match=expected):
            write()
    assert not any("INSERT" in s or "UPDATE" in s for s in sent)
    assert [doc.embedding for doc in docs.all()] == [vector(1, 2, 3)]


@on_mariadb
def test_the_longest_vectors_are_taken_and_ranked(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add(Doc(title="a", embedding=vector(1.8e19, 0, 0)))
    docs.add(Doc(title="b", embedding=vector(0, 1e-15, 0)))
    (hit, other) = docs.similar_to([1, 0, 0]).hits()
    assert (hit.entity.title, round(hit.distance, 5)) == ("a", 0)
    assert (other.entity.title, round(other.distance, 5)) == ("b", 1)


def test_values_that_no_column_takes_are_told_before(db: Database, sent: list[str]) -> None:
    db.create_all(Scalar)
    rows = repository(Scalar, db)
    rows.add(Scalar(text="a"))
    sent.clear()
    bad: list[dict[str, Any]] = [
        {"whole": 2**63},
        {"whole": -(2**63) - 1},
        {"price": Decimal("1.0000001")},
        {"price": Decimal(1000000000000)},
        {"key": "x" * 256},
        {"real": float("inf")},
        {"text": "a\0b"},
    ]
    for values in bad:
        with pytest.raises(AgentORMError, match=next(iter(values))):
            rows.add(Scalar(**values))
        with pytest.raises(InvalidValue):
            rows.update_where(Scalar.text == "a", **values)
    assert sent == []


def test_a_result_that_overflows_is_refused_by_the_server(db: Database) -> None:
    db.create_all(Scalar)
    rows = repository(Scalar, db)
    rows.add(Scalar(whole=2**62, key="a", price=Decimal(999999999999)))
    for values in ({"whole": col(Scalar.whole) * 4}, {"price": col(Scalar.price) * 1000}):
        with pytest.raises(DatabaseError):
            rows.update_where(Scalar.key == "a", **values)
    with pytest.raises(DatabaseError):
        rows.update_where(col(Scalar.whole) > 0, key=text("REPEAT('x', 300)"))
    assert (rows.one().whole, rows.one().key) == (2**62, "a")
