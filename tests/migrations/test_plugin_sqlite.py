"""What only SQLite has: tables of other tables, and columns that ALTER TABLE cannot change."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.util import CommandError
from sqlalchemy import Column, Connection, MetaData, Table, event, text

from agentorm import HNSW, IntegerType, VectorType
from agentorm.dialects import declared
from agentorm.errors import DatabaseError, UnsupportedFeature
from tests.migrations.harness import Project
from tests.migrations.shapes import shaped

pytestmark = pytest.mark.engines("sqlite")

TRIGGER = "CREATE TRIGGER counted AFTER INSERT ON doc BEGIN UPDATE doc SET n = 1; END"
VIRTUAL = (
    "CREATE VIRTUAL TABLE words USING fts5(title, body)",
    "CREATE VIRTUAL TABLE boxes USING rtree(id, low, high)",
    "CREATE TABLE words_of_mine (id INTEGER PRIMARY KEY)",
    "CREATE TABLE agentorm_setting (name TEXT PRIMARY KEY)",
    "CREATE INDEX ix_agentorm_setting ON agentorm_setting (name)",
)


def test_the_tables_of_virtual_tables_and_ours_are_never_dropped(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    with project.connected() as connection:
        for statement in VIRTUAL:
            connection.execute(text(statement))
        connection.commit()
        hidden = declared("sqlite").hidden_tables(connection)
    assert hidden == {
        "words",
        "words_data",
        "words_idx",
        "words_content",
        "words_docsize",
        "words_config",
        "boxes",
        "boxes_node",
        "boxes_parent",
        "boxes_rowid",
    }
    revision = project.revise(MetaData())
    (line,) = [line for line in revision.splitlines() if "drop_table" in line]
    assert line.strip() == "op.drop_table('words_of_mine')"
    assert "agentorm_" not in revision


def test_a_virtual_table_whose_module_is_not_there_is_left_alone(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    with project.connected() as connection:
        connection.execute(text("PRAGMA writable_schema = ON"))
        connection.execute(
            text(
                "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES ('table',"
                " 'vec', 'vec', 0, 'CREATE VIRTUAL TABLE vec USING vec0(embedding float[3])')"
            )
        )
        connection.execute(text("CREATE TABLE vec_chunks (id INTEGER)"))
        connection.execute(text("CREATE TABLE vec_vector_chunks00 (id INTEGER)"))
        connection.execute(text("CREATE TABLE known (id INTEGER NOT NULL PRIMARY KEY)"))
        connection.commit()
    metadata = MetaData()
    Table("known", metadata, Column("id", IntegerType(), primary_key=True))
    assert project.difference(metadata) == ""


def test_a_table_of_ours_in_the_metadata_is_compared(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    metadata = MetaData()
    Table("agentorm_thing", metadata, Column("id", IntegerType(), primary_key=True))
    project.revise(metadata)
    project.upgrade()
    assert project.difference(metadata) == ""
    Table("agentorm_other", metadata, Column("id", IntegerType(), primary_key=True))
    assert "agentorm_other" in project.difference(metadata)


OLD = """
CREATE TABLE doc (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- embedding F32_BLOB(3)
    n INTEGER CHECK (n <> 7),
    "my embedding" F32_BLOB(3) NOT NULL,
    my_embedding F32_BLOB(3),
    embedding {} NOT NULL CHECK (length(embedding) > 0),
    note TEXT DEFAULT 'embedding F32_BLOB(3)' COLLATE NOCASE
)"""


def old_schema(project: Project, declared_as: str) -> None:
    with project.connected() as connection:
        for statement in (
            OLD.format(declared_as),
            TRIGGER,
            "CREATE INDEX few ON doc (n) WHERE n > 3",
            "CREATE TABLE child (doc_id INTEGER REFERENCES doc ON DELETE CASCADE)",
            "INSERT INTO doc (n, \"my embedding\", embedding) VALUES (2, x'00', x'01')",
            "INSERT INTO child VALUES (1)",
        ):
            connection.execute(text(statement))
        connection.commit()


REVISION = """
import sqlalchemy as sa
from alembic import op

import agentorm

revision, down_revision = "1", None


def upgrade():
    op.resize_vector("doc", "embedding", agentorm.VectorType(2),
        existing=agentorm.VectorType(3), nullable=False, fill=1.5)
    op.add_vector_column("doc", sa.Column("other", agentorm.VectorType(1), nullable=False), fill=2)


def downgrade():
    op.drop_column("doc", "other")
    op.resize_vector("doc", "embedding", agentorm.VectorType(3),
        existing=agentorm.VectorType(2), nullable=True, existing_nullable=False)
"""


def enforce_foreign_keys(connection: Any, record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON").close()


@pytest.mark.parametrize("declared_as", ["F32_BLOB(3)", "f32_blob( 3 )", "BLOB"])
def test_nothing_but_the_column_changes(url: str, tmp_path: Path, declared_as: str) -> None:
    project = Project(tmp_path / "p", url)
    event.listen(project.engine, "connect", enforce_foreign_keys)
    old_schema(project, declared_as)
    with project.connected() as connection:
        before = schema(connection)
    (project.folder / "versions" / "one.py").write_text(REVISION)
    project.upgrade()
    with project.connected() as connection:
        after = schema(connection)
        changed = OLD.format("F32_BLOB(2)").strip().removesuffix(")")
        assert after.pop("doc") == f"{changed}, other F32_BLOB(1) NOT NULL)"
        assert after == {name: sql for name, sql in before.items() if name != "doc"}
        rows = connection.execute(text("SELECT n, hex(embedding), hex(other) FROM doc")).all()
        assert rows == [(1, "0000C03F0000C03F", "00000040")]
        assert connection.execute(text("SELECT count(*) FROM child")).scalar_one() == 1
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    project.downgrade()
    with project.connected() as connection:
        assert "embedding F32_BLOB(3) CHECK (length(embedding) > 0)" in schema(connection)["doc"]
        assert connection.execute(text("SELECT n, embedding FROM doc")).all() == [(1, None)]


def schema(connection: Connection) -> dict[str, str]:
    found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {name: sql for name, sql in found if name not in {"alembic_version", "sqlite_sequence"}}


def test_a_declaration_that_is_not_found_changes_nothing(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    with project.connected() as connection:
        connection.execute(text("CREATE TABLE doc (a INT, embedding/**/F32_BLOB(3))"))
        connection.commit()
    (project.folder / "versions" / "one.py").write_text(REVISION)
    with pytest.raises(DatabaseError, match=r"declaration of embedding was not found .* doc"):
        project.upgrade()
    with project.connected() as connection:
        assert schema(connection)["doc"].endswith("(a INT, embedding/**/F32_BLOB(3))")
        assert connection.execute(text("PRAGMA writable_schema")).scalar_one() == 0


def refusing(action: int, table: str | None, *_: object) -> int:
    writes = action == sqlite3.SQLITE_UPDATE and table == "sqlite_master"
    return sqlite3.SQLITE_DENY if writes else sqlite3.SQLITE_OK


def test_a_schema_that_may_not_be_written(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    old_schema(project, "BLOB")
    column: Column[Any] = Column("embedding", VectorType(3))
    Table("doc", MetaData(), column)
    with project.connected() as connection:
        before = schema(connection)
        connection.execute(text("SELECT name FROM pragma_table_info('doc')")).all()
        driver: Any = connection.connection.driver_connection
        driver.set_authorizer(refusing)
        with pytest.raises(DatabaseError, match="does not let its schema be written"):
            declared("sqlite").redeclare(connection, column, VectorType(3))
        assert connection.execute(text("PRAGMA writable_schema")).scalar_one() == 0
        assert schema(connection) == before


def test_a_table_of_an_attached_database(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    column: Column[Any] = Column("embedding", VectorType(3))
    Table("doc", MetaData(), column, schema="other")
    with (
        project.connected() as connection,
        pytest.raises(UnsupportedFeature, match="a changed column in an attached database"),
    ):
        declared("sqlite").redeclare(connection, column, VectorType(3))


def test_a_script_cannot_change_a_column(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    (project.folder / "versions" / "one.py").write_text(REVISION)
    with pytest.raises(CommandError, match=r"the column doc.embedding by reading its own schema"):
        project.sql()


def test_an_older_column_of_bytes_is_of_any_dimension(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    metadata = MetaData()
    Table("doc", metadata, Column("v", VectorType(3)))
    with project.connected() as connection:
        connection.execute(text("CREATE TABLE doc (v BLOB)"))
        connection.commit()
    assert project.difference(metadata) == ""


def test_a_table_made_anew_by_alembic_keeps_its_vectors(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url, render_as_batch=True)
    before, after = shaped(3, index=HNSW()), shaped(3, index=HNSW(), title=77)
    project.revise(before)
    project.upgrade()
    project.revise(after)
    project.upgrade()
    with project.connected() as connection:
        lines = schema(connection)["m_doc"].split("\n")
        assert [line.strip("\t, ") for line in lines[:7]] == [
            'CREATE TABLE "m_doc" (',
            "id INTEGER NOT NULL",
            "title VARCHAR(77) NOT NULL",
            "place_id INTEGER",
            "meta JSON",
            "embedding F32_BLOB(3) NOT NULL",
            "PRIMARY KEY (id)",
        ]
        assert {line.strip("\t, ") for line in lines[7:]} == {
            "CONSTRAINT ck_m_doc_title CHECK (title <> 'bad')",
            "CONSTRAINT fk_m_doc_place FOREIGN KEY(place_id) REFERENCES m_place (id)",
            ")",
        }
        assert schema(connection)["ix_m_doc_title"] == (
            "CREATE INDEX ix_m_doc_title ON m_doc (title)"
        )
