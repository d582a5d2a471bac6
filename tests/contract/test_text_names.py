"""Full text of tables with odd names, in other schemas, and of tables derived from tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, text
from sqlalchemy.orm import registry
from sqlmodel import Session

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


class TNSchemas(Entity, registry=registry()):
    """What is in a schema that the session names."""


class TNNumbered(TNSchemas, table=True):
    id: int | None = Field(default=None, primary_key=True)
    body: str = text_field(search="english")


class TNCoded(TNSchemas, table=True):
    id: str = Field(primary_key=True)
    body: str = text_field(search="english")


class TNOtherSchema(Entity, registry=registry()):
    """What is in another schema by its own word."""


class TNOther(TNOtherSchema, table=True):
    __tablename__ = "tnnumbered"  # pyright: ignore[reportAssignmentType]
    __table_args__ = {"schema": "Other one"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True)
    body: str = text_field(search="english")


@pytest.fixture
def two_schemas(db: Database, tmp_path: Path) -> Iterator[Connection]:
    with db.engine.connect() as connection:
        if db.engine.dialect.name == "sqlite":
            connection.exec_driver_sql('ATTACH ? AS "Other one"', (str(tmp_path / "b.db"),))
        else:
            connection.exec_driver_sql('CREATE SCHEMA "Other one"')
        connection.commit()
        yield connection


@pytest.mark.parametrize("model", [TNNumbered, TNCoded])
@pytest.mark.engines("sqlite", "postgresql")
@pytest.mark.sync("two schemas of one connection")
def test_a_schema_that_the_session_names(two_schemas: Connection, model: type[TNCoded]) -> None:
    found: dict[str | None, list[list[str]]] = {}
    for schema, body in ((None, "a fox"), ("Other one", "a wolf")):
        two_schemas.execution_options(schema_translate_map={None: schema})
        TNSchemas.metadata.create_all(two_schemas)
        with Session(two_schemas) as session:
            rows = repository(model, session)
            rows.add(model(id="1", body=body))
            session.commit()
            searches = [rows.matching(text) for text in ("fox", "wolf", "++ fox")]
            found[schema] = [[row.body for row in search.all()] for search in searches]
    assert found == {
        None: [["a fox"], [], ["a fox"]],
        "Other one": [[], ["a wolf"], []],
    }


@pytest.mark.engines("sqlite", "postgresql")
@pytest.mark.sync("two schemas of one connection")
def test_tables_of_one_name_in_two_schemas(two_schemas: Connection) -> None:
    for model, body in ((TNNumbered, "a fox"), (TNOther, "a wolf")):
        model.metadata.create_all(two_schemas)
        with Session(two_schemas) as session:
            repository(model, session).add(model(id=1, body=body))
            session.commit()
    with Session(two_schemas) as session:
        ours, others = repository(TNNumbered, session), repository(TNOther, session)
        assert [row.body for row in ours.matching("fox wolf").all()] == ["a fox"]
        assert [row.body for row in others.matching("fox wolf").all()] == ["a wolf"]
        assert (ours.matching("wolf").count(), others.matching("fox").count()) == (0, 0)


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
