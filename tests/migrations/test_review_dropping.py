"""Tables that refer to each other, and what goes with a table, in revisions of autogenerate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, ForeignKey, MetaData, Table, event, inspect, text
from sqlalchemy.exc import DBAPIError

from agentorm import HNSW, IntegerType, SchemaMismatch, VectorType
from agentorm.indexes import vector_index
from agentorm.vectors import Metric
from tests.migrations.harness import Project
from tests.migrations.memory_project import Project as OwnProject

MADE = """\
op.create_table(
    "r_note",
    sa.Column("id", agentorm.IntegerType(), primary_key=True),
    sa.Column("embedding", agentorm.VectorType(3), nullable=False),
)
op.create_vector_index("ix_r_note", "r_note", "embedding", agentorm.HNSW(m=8))
"""
GONE = """\
op.drop_vector_index("ix_r_note", "r_note", "embedding", agentorm.HNSW(m=8))
op.drop_table("r_note")
"""
SOME_OF_ALL = """\
op.create_table(
    "r_all",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("a", sa.Boolean()),
    sa.Column("b", sa.JSON()),
    sa.Column("c", sa.Uuid()),
    sa.Column("d", sa.Numeric(10, 2)),
    sa.Column("e", sa.Float()),
    sa.Column("f", sa.Double()),
    sa.Column("g", sa.Enum("x", "y")),
    sa.Column("h", sa.DateTime()),
    sa.Column("i", sa.LargeBinary()),
    sa.Column("j", sa.Text()),
    sa.Column("k", sa.Unicode(9)),
    sa.Column("l", sa.Time()),
    sa.Column("m", sa.SmallInteger()),
    sa.Column("n", sa.Numeric()),
    sa.Column("o", sa.Interval()),
    sa.Column("p", sa.BigInteger()),
    sa.Column("q", agentorm.JSONType()),
    sa.Column("r", agentorm.UuidType()),
    sa.Column("s", agentorm.DateTimeType()),
    sa.Column("t", agentorm.DecimalType(12, 4)),
    sa.Column("u", agentorm.VectorType(3)),
    sa.Column("v", agentorm.VectorType()),
)
"""


def _library(*, authors: bool = True) -> MetaData:
    """Books and lines that refer to authors, whose name sorts first."""
    metadata = MetaData()
    book = Table("r_book", metadata, Column("id", IntegerType(), primary_key=True))
    if not authors:
        return metadata
    Table("r_author", metadata, Column("id", IntegerType(), primary_key=True))
    refers = ForeignKey("r_author.id", name="fk_r_book_author")
    book.append_column(Column("author_id", IntegerType(), refers, index=True))
    embedding: Column[Any] = Column("embedding", VectorType(3), nullable=False)
    Table(
        "r_line",
        metadata,
        Column("id", IntegerType(), primary_key=True),
        Column("author_id", IntegerType(), ForeignKey("r_author.id"), index=True),
        embedding,
    )
    vector_index(embedding, HNSW(m=8), Metric.COSINE)
    return metadata


def _tables(project: Project) -> set[str]:
    with project.engine.connect() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_tables_with_indexed_foreign_keys_are_taken_back(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", url, render_as_batch=True)
    written = project.revise(_library())
    down = written[written.index("def downgrade()") :]
    assert "drop_index" not in down
    assert down.index("op.drop_table('r_book')") < down.index("op.drop_table('r_author')")
    project.upgrade()
    assert project.difference(_library()) == ""
    project.downgrade("base")
    assert _tables(project) == set()
    project.upgrade()
    assert project.difference(_library()) == ""


@pytest.mark.parametrize("batch", [False, True])
def test_tables_are_dropped_after_what_refers_to_them(
    url: str, tmp_path: Path, engine_name: str, *, batch: bool
) -> None:
    if engine_name == "sqlite" and not batch:
        pytest.skip("SQLite drops no constraint but in a batch")
    project = Project(tmp_path / "project", url, render_as_batch=batch)
    project.revise(_library())
    project.upgrade()
    with project.rows() as connection:
        connection.execute(text("INSERT INTO r_author (id) VALUES (1)"))
        connection.execute(text("INSERT INTO r_book (id, author_id) VALUES (7, 1)"))
        connection.commit()
    none = _library(authors=False)
    project.revise(none)
    project.upgrade()
    assert _tables(project) == {"r_book"}
    assert project.difference(none) == ""
    project.downgrade()
    assert project.difference(_library()) == ""
    with project.rows() as connection:
        assert connection.execute(text("SELECT id FROM r_book")).scalars().all() == [7]


@pytest.mark.engines("mariadb", "mysql")
def test_a_vector_index_that_went_with_its_table_is_no_hindrance(project: OwnProject) -> None:
    project.revision("b", "a", MADE, GONE)
    project.run("upgrade", "head")

    def cut_off(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE alembic_version"):
            raise KeyboardInterrupt

    event.listen(project.db.engine, "before_cursor_execute", cut_off)
    with pytest.raises(KeyboardInterrupt):
        project.run("downgrade", "a")
    event.remove(project.db.engine, "before_cursor_execute", cut_off)
    assert "r_note" not in project.schema()
    project.run("downgrade", "a")
    assert project.execute("SELECT version_num FROM alembic_version") == [("a",)]


@pytest.mark.engines("mariadb", "mysql")
def test_a_column_of_another_type_is_not_taken_for_done(project: OwnProject) -> None:
    made = 'with op.batch_alter_table("run_owner") as batch:\n'
    made += '    batch.add_column(sa.Column("age", sa.Integer()))\n'
    project.revision("b", "a", made + 'op.execute("no such statement")')
    with pytest.raises(DBAPIError):
        project.run("upgrade", "head")
    project.revision("b", "a", made.replace("sa.Integer()", "agentorm.StringType(30)"))
    with pytest.raises(SchemaMismatch, match=r"the column run_owner\.age, which the"):
        project.run("upgrade", "head")
    project.execute("ALTER TABLE run_owner DROP COLUMN age")
    project.run("upgrade", "head")
    project.revision("c", "b", SOME_OF_ALL + 'op.execute("no such statement")')
    with pytest.raises(DBAPIError):
        project.run("upgrade", "head")
    project.revision("c", "b", SOME_OF_ALL)
    project.run("upgrade", "head")
