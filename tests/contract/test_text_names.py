"""Full text of tables with odd names, in other schemas, and of tables derived from tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, text
from sqlalchemy.orm import registry

from agentorm import Database, Entity, Field, IntegerType, StringType, repository, text_field
from agentorm.text_indexes import text_index
from tests.contract.text_rows import DOG, FOX, found, found_in

ODD = ["Order \"by\" %s :x {y} 'z'", "Ünï `c\\d`", "GROUP", "from, to; --", "%(a)s %%", "x" * 60]


def table_of(
    name: str, column: str = "body", *, key: str | None = None, schema: str | None = None
) -> Table:
    """A table whose key is one integer, or text of that name."""
    primary: Column[Any] = (
        Column("id", IntegerType(), primary_key=True)
        if key is None
        else Column(key, StringType(100), primary_key=True)
    )
    columns: list[Column[Any]] = [] if key == "code" else [Column("code", StringType(20))]
    words: Column[Any] = Column(column, StringType())
    made = Table(name, MetaData(), primary, *columns, words, schema=schema)
    text_index(words, "english")
    return made


def fill(db: Database, table: Table, column: str = "body") -> None:
    """Two rows, and changes to them."""
    key = next(iter(table.primary_key.columns))
    values = [1, 2] if key.name == "id" else ["a", "b"]
    with db.transaction() as session:
        table.create(session.connection())
    with db.transaction() as session:
        run = session.connection().execute
        for value, code, words in zip(values, "ab", (FOX, DOG), strict=True):
            run(table.insert().values({key.name: value, "code": code, column: words}))
        run(table.update().where(table.c.code == "b").values({column: "a slow snail"}))


@pytest.mark.parametrize("name", ODD)
def test_odd_names(db: Database, name: str) -> None:
    table = table_of(name, name[:50])
    fill(db, table, name[:50])
    assert found_in(db, table, "fox", name[:50]) == ["a"]
    assert found_in(db, table, "snail", name[:50]) == ["b"]
    with db.transaction() as session:
        session.connection().execute(table.delete())
    assert found_in(db, table, "snail", name[:50]) == []
    with db.transaction() as session:
        table.drop(session.connection())
        assert left(db, session.connection()) == []


@pytest.mark.parametrize("name", ODD)
def test_odd_names_of_keys(db: Database, name: str) -> None:
    table = table_of(f"{name[:50]} k", key=name)
    fill(db, table)
    assert found_in(db, table, "fox") == ["a"]
    assert found_in(db, table, "snail") == ["b"]
    with db.transaction() as session:
        session.connection().execute(table.delete())
    assert found_in(db, table, "snail") == []
    with db.transaction() as session:
        table.drop(session.connection())
        assert left(db, session.connection()) == []


def left(db: Database, connection: Connection) -> list[str]:
    if db.engine.dialect.name != "sqlite":
        return []
    return list(connection.execute(text("SELECT name FROM sqlite_master")).scalars())


@pytest.mark.parametrize("key", [None, "code"])
@pytest.mark.engines("sqlite")
@pytest.mark.sync("another file is attached to one connection")
def test_an_attached_file(db: Database, key: str | None, tmp_path: Path) -> None:
    table = table_of("tn_doc", key=key, schema="Other one")
    with db.engine.connect() as connection:
        connection.exec_driver_sql('ATTACH ? AS "Other one"', (str(tmp_path / "b.db"),))
        values = {"code": "a", "body": FOX} | ({"id": 1} if key is None else {})
        table.create(connection)
        connection.execute(table.insert().values(values))
        connection.execute(table.update().values(body="a slow snail"))
        indexes = db.dialect().text_indexes(connection, "tn_doc", "Other one")
        assert list(indexes) == ["ft_tn_doc_body"]
        asked = "SELECT rowid FROM \"Other one\".ft_tn_doc_body WHERE ft_tn_doc_body MATCH 'snail'"
        assert connection.execute(text(asked)).scalars().all() == [1]
        table.drop(connection)
        named = text('SELECT name FROM "Other one".sqlite_master')
        assert connection.execute(named).scalars().all() == []
        assert left(db, connection) == []


@pytest.mark.engines("postgresql")
def test_another_schema(db: Database) -> None:
    table = table_of("tn_doc", schema="Other one")
    with db.transaction() as session:
        session.connection().execute(text('CREATE SCHEMA "Other one"'))
    fill(db, table)
    assert found_in(db, table, "snail") == ["b"]
    dialect = db.dialect()
    with db.session() as session:
        known = dialect.text_indexes(session.connection(), "tn_doc", "Other one")
    assert list(known) == ["ft_tn_doc_body"]


class TNZoo(Entity, registry=registry()):
    """What all of them derive from."""


class TNAnimal(TNZoo, table=True):
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True)
    code: str
    kind: str = "animal"
    body: str = text_field(search="english")


class TNDog(TNAnimal, table=True):
    """In a table of its own."""

    __mapper_args__ = {"polymorphic_identity": "dog"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True, foreign_key="tnanimal.id")
    tricks: str = text_field(search="english", default="")


class TNCat(TNAnimal, table=True):
    """In the table of its parent."""

    __mapper_args__ = {"polymorphic_identity": "cat"}  # noqa: RUF012
    moods: str | None = text_field(search="simple", default=None)


def test_tables_derived_from_tables(db: Database) -> None:
    db.create_all(TNAnimal, TNDog, TNCat)
    repository(TNDog, db).add(TNDog(code="a", body=DOG, tricks="sits, rolls"))
    repository(TNCat, db).add(TNCat(code="b", body=FOX, moods="calm"))
    model: Any = TNAnimal
    animals: Table = model.__table__
    assert found(db, model, "dog") == ["a"]
    assert found(db, model, "fox") == ["b"]
    assert found_in(db, animals, "calm", "moods") == ["b"]
    dialect = db.dialect()
    with db.session() as session:
        connection = session.connection()
        assert set(dialect.text_indexes(connection, "tnanimal")) == {
            "ft_tnanimal_body",
            "ft_tnanimal_moods",
        }
        assert set(dialect.text_indexes(connection, "tndog")) == {"ft_tndog_tricks"}
