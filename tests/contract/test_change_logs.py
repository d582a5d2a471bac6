"""Which tables of SQLite have a log of changed vectors, however they are declared and made."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, inspect, text

from agentorm import HNSW, Database, Entity, Field, Metric, Vector, VectorType, vector_field
from agentorm.indexes import vector_index

pytestmark = pytest.mark.engines("sqlite")


class LoggedAnimal(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "animal"
    look: Vector = vector_field(2, index=HNSW())
    __mapper_args__: ClassVar[Any] = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}


class LoggedBird(LoggedAnimal, table=True):
    id: int | None = Field(
        default=None, primary_key=True, sa_column_args=[ForeignKey("loggedanimal.id")]
    )
    song: Vector = vector_field(2, index=HNSW())
    __mapper_args__: ClassVar[Any] = {"polymorphic_identity": "bird"}


def logs(db: Database) -> set[str]:
    with db.engine.connect() as connection:
        found = inspect(connection).get_table_names()
    return {name for name in found if name.startswith("vx_")}


def rows(db: Database, log: str) -> list[int | None]:
    with db.engine.connect() as connection:
        entries = Table(log, MetaData(), autoload_with=connection)
        return [row for row, _ in connection.execute(entries.select().order_by(text("rowid")))]


def plain(name: str = "plain_logged", **options: Any) -> Table:
    vectors: Column[Any] = Column("v", VectorType(2))
    key: Column[int] = Column("id", Integer, primary_key=True)
    made = Table(name, MetaData(), key, vectors, **options)
    vector_index(vectors, HNSW(), Metric.L2)
    return made


def test_a_plain_table(db: Database) -> None:
    table = plain()
    with db.engine.begin() as connection:
        table.metadata.create_all(connection)
        connection.execute(table.insert(), [{"v": [1.0, 2.0]}])
    assert rows(db, "vx_plain_logged_v") == [None, 1]
    with db.engine.begin() as connection:
        table.metadata.create_all(connection)
        table.create(connection, checkfirst=True)
    assert rows(db, "vx_plain_logged_v") == [None, 1]
    with db.engine.begin() as connection:
        table.metadata.drop_all(connection)
    assert logs(db) == set()


def test_a_copy_in_other_metadata(db: Database) -> None:
    copy = plain().to_metadata(MetaData(), name="plain_copied")
    with db.engine.begin() as connection:
        copy.metadata.create_all(connection)
        connection.execute(copy.insert(), [{"v": [1.0, 2.0]}])
    assert rows(db, "vx_plain_copied_v") == [None, 1]
    with db.engine.begin() as connection:
        copy.drop(connection)
    assert logs(db) == set()


def test_a_table_that_is_dropped_by_sql_and_made_again(db: Database) -> None:
    table = plain()
    with db.engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"v": [1.0, 2.0]}])
        connection.execute(text("DROP TABLE plain_logged"))
        table.create(connection)
    assert rows(db, "vx_plain_logged_v") == [None]


def test_joined_tables_have_a_log_each(db: Database) -> None:
    db.create_all(LoggedAnimal, LoggedBird)
    assert logs(db) == {"vx_loggedanimal_look", "vx_loggedbird_song"}
    with db.transaction() as session:
        session.add(LoggedBird(look=Vector([1, 0]), song=Vector([0, 1])))
    assert rows(db, "vx_loggedanimal_look") == [None, 1]
    assert rows(db, "vx_loggedbird_song") == [None, 1]


def test_a_table_of_an_attached_database_has_none(db: Database) -> None:
    table = plain(schema="other")
    with db.engine.connect() as connection:
        connection.execute(text("ATTACH ':memory:' AS other"))
        connection.commit()
        table.metadata.create_all(connection)
        connection.execute(table.insert(), [{"v": [1.0, 2.0]}])
        found = "SELECT name FROM other.sqlite_master WHERE type = 'table'"
        assert connection.execute(text(found)).scalars().all() == ["plain_logged"]
        connection.detach()
    assert logs(db) == set()


def test_a_table_without_row_numbers_has_none(db: Database) -> None:
    table = plain(sqlite_with_rowid=False)
    with db.engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"id": 7, "v": [1.0, 2.0]}])
    assert logs(db) == set()
