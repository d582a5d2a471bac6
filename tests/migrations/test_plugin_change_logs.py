"""The logs that stand for vector indexes on SQLite: made, compared and kept right by revisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, select, text
from sqlalchemy import column as column_of
from sqlalchemy import table as table_of

from agentorm import HNSW, Approximate, IntegerType, Metric, SchemaMismatch, StringType, VectorType
from agentorm.dialects.sqlite_changes import TRIGGERS
from agentorm.indexes import VectorIndex, vector_index
from tests.migrations.harness import Project
from tests.migrations.shapes import fill, shaped

pytestmark = pytest.mark.engines("sqlite")

SMALL = HNSW(m=8, ef_construction=32)
BEGUN = [None]
CREATED = (
    "op.create_vector_index('ix_m_doc_embedding_hnsw', 'm_doc', 'embedding',"
    " agentorm.HNSW(m=8, ef_construction=32), metric='cosine', if_not_exists=True)"
)
DROPPED = (
    "op.drop_vector_index('ix_m_doc_embedding_hnsw', 'm_doc', 'embedding',"
    " agentorm.Approximate(recall=0.99), metric='cosine', if_exists=True)"
)


def logged(project: Project, log: str = "vx_m_doc_embedding") -> list[int | None] | None:
    """The rows that a log tells of; None where it is not there, or is not written as it must be."""
    with project.rows() as connection:
        table = log.removeprefix("vx_").rpartition("_")[0]
        if triggers(connection, table) != {f"{log}_{verb}" for verb in VERBS}:
            return None
        entries = table_of(log, column_of("rowid"), column_of("row"))
        rows = select(entries.c.row).order_by(entries.c.rowid)
        return list(connection.execute(rows).scalars())


VERBS = ("insert", "update", "delete")


def triggers(connection: Connection, table: str) -> set[str]:
    asked = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"
    return set(connection.execute(text(asked), {"table": table}).scalars())


def left(project: Project) -> set[str]:
    """All that has the name of a log, or of its triggers."""
    with project.rows() as connection:
        named = "SELECT name FROM sqlite_master WHERE name LIKE 'vx@_%' ESCAPE '@'"
        return set(connection.execute(text(named)).scalars())


def at(url: str, tmp_path: Path, metadata: MetaData, **options: Any) -> Project:
    """A project with rows whose first revision makes these tables."""
    project = Project(tmp_path / "p", url, **options)
    project.revise(metadata)
    project.upgrade()
    with project.rows() as connection:
        fill(connection, metadata)
    return project


def by_hand(project: Project, upgrade: str) -> None:
    """One more revision."""
    head = (project.folder / "versions").glob("*.py")
    last = next(iter(head)).name.split("_")[0]
    written = (
        "import sqlalchemy as sa\nfrom alembic import op\nimport agentorm\n"
        f"revision, down_revision = 'more', {last!r}\n\n\ndef upgrade():\n"
    )
    (project.folder / "versions" / "more_.py").write_text(written + upgrade)
    project.upgrade()


def test_an_index_of_a_new_table_is_a_log(url: str, tmp_path: Path) -> None:
    metadata = shaped(3, index=SMALL)
    project = at(url, tmp_path, metadata)
    assert logged(project) == [None, 1, 2]
    assert project.difference(metadata) == ""
    project.check(metadata)
    project.downgrade()
    assert left(project) == set()
    project.upgrade()
    assert logged(project) == BEGUN


def test_it_is_created_and_dropped_by_revisions(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3))
    assert left(project) == set()
    assert CREATED in project.revise(shaped(3, index=SMALL))
    project.upgrade()
    assert logged(project) == BEGUN
    assert project.difference(shaped(3, index=SMALL)) == ""
    assert DROPPED in project.revise(shaped(3))
    project.upgrade()
    assert left(project) == set()
    assert project.difference(shaped(3)) == ""
    project.downgrade()
    assert logged(project) == BEGUN
    project.downgrade()
    assert left(project) == set()


def test_other_parameters_and_metrics_are_the_same_log(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL))
    assert project.difference(shaped(3, index=Approximate(0.9), metric="l2")) == ""


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TRIGGER vx_m_doc_embedding_update",
        "DROP TRIGGER vx_m_doc_embedding_trim",
        "DROP TABLE vx_m_doc_embedding",
        "ALTER TABLE vx_m_doc_embedding RENAME TO vx_other",
    ],
)
def test_a_damaged_log_is_a_difference(url: str, tmp_path: Path, damage: str) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL))
    with project.connected() as connection:
        connection.execute(text(damage))
        connection.commit()
    assert CREATED in project.revise(shaped(3, index=SMALL))
    project.upgrade()
    assert logged(project) == BEGUN
    assert project.difference(shaped(3, index=SMALL)) == ""


def test_logs_are_no_tables_of_others(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL))
    with project.connected() as connection:
        connection.execute(text("CREATE TABLE vx_mine (id INTEGER PRIMARY KEY)"))
        connection.execute(text("DROP TABLE m_doc"))
        connection.commit()
    revision = project.revise(MetaData())
    drops = sorted(line.strip() for line in revision.splitlines() if "drop_table" in line)
    assert drops == ["op.drop_table('m_place')", "op.drop_table('vx_mine')"]


def test_a_table_that_goes_takes_it_along(url: str, tmp_path: Path) -> None:
    metadata = shaped(3, index=SMALL)
    project = at(url, tmp_path, metadata)
    project.revise(MetaData())
    project.upgrade()
    assert left(project) == set()
    project.downgrade()
    assert logged(project) == BEGUN
    assert project.difference(metadata) == ""


def test_a_column_comes_and_goes(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped())
    wanted = shaped(3, index=SMALL)
    revision = project.revise(wanted)
    assert revision.index("op.add_vector_column") < revision.index("op.create_vector_index")
    project.upgrade()
    assert logged(project) == BEGUN
    project.downgrade()
    assert left(project) == set()
    project.upgrade()
    project.revise(shaped())
    project.upgrade()
    assert left(project) == set()
    project.downgrade()
    assert project.difference(wanted) == ""


def test_a_resized_column_has_a_new_log(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL))
    project.revise(shaped(4, index=SMALL))
    project.upgrade()
    assert logged(project) == BEGUN
    assert project.difference(shaped(4, index=SMALL)) == ""
    project.downgrade()
    assert logged(project) == BEGUN


def test_a_table_that_is_made_anew_has_a_new_log(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL), render_as_batch=True)
    wanted = shaped(3, index=SMALL, title=60)
    assert "op.batch_alter_table('m_doc'" in project.revise(wanted)
    project.upgrade()
    assert logged(project) == BEGUN
    assert project.difference(wanted) == ""
    with project.rows() as connection:
        connection.execute(text("UPDATE m_doc SET embedding = zeroblob(12), id = 7 WHERE id = 2"))
        connection.commit()
    assert logged(project) == [None, 2, 7]


HAND = {
    "resized": '    op.resize_vector("m_doc", "embedding", agentorm.VectorType(4),'
    " existing=agentorm.VectorType(3), nullable=False, fill=0.5)\n",
    "a constraint": '    with op.batch_alter_table("m_doc") as batch:\n'
    '        batch.create_check_constraint("ck_more", "id > 0")\n',
}


def test_hand_written_changes_of_the_table(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL))
    by_hand(project, "".join(HAND.values()))
    assert logged(project) == BEGUN
    assert project.difference(shaped(4, index=SMALL)) == ""


RENAMED = {
    "alone": '    op.rename_table("m_doc", "m_text")\n',
    "with its column": '    op.alter_column("m_doc", "embedding", new_column_name="vec")\n'
    '    op.rename_table("m_doc", "m_text")\n',
    "while it is made anew": '    op.rename_table("m_doc", "m_text")\n'
    '    with op.batch_alter_table("m_text") as batch:\n'
    '        batch.alter_column("embedding", new_column_name="vec")\n',
}


@pytest.mark.parametrize("how", RENAMED)
def test_a_renamed_table(url: str, tmp_path: Path, how: str) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL))
    by_hand(project, RENAMED[how])
    log = "vx_m_text_embedding" if how == "alone" else "vx_m_text_vec"
    assert logged(project, log) == BEGUN
    assert left(project) == {log, *(f"{log}_{verb}" for verb in (*VERBS, "trim"))}


def test_a_table_renamed_by_sql(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL))
    by_hand(project, '    op.execute("ALTER TABLE m_doc RENAME TO m_text")\n')
    metadata = shaped(3, index=SMALL)
    renamed = metadata.tables["m_doc"].to_metadata(MetaData(), name="m_text")
    for index in [*renamed.indexes]:
        renamed.indexes.remove(index)
    vector_index(renamed.c.embedding, SMALL, Metric.COSINE)
    metadata.tables["m_place"].to_metadata(renamed.metadata)
    project.revise(renamed.metadata)
    project.upgrade()
    assert logged(project, "vx_m_text_embedding") == BEGUN


def test_what_a_renaming_by_sql_left_is_dropped(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL))
    by_hand(project, '    op.execute("ALTER TABLE m_doc RENAME TO m_text")\n')
    metadata = MetaData()
    for table in shaped(3).tables.values():
        table.to_metadata(metadata, name=table.name.replace("m_doc", "m_text"))
    assert "op.drop_vector_index('ix_m_text_embedding_hnsw'" in project.revise(metadata)
    project.upgrade()
    assert left(project) == set()


DROPS = {
    "column": '    op.drop_column("m_doc", "embedding")\n',
    "table": '    op.drop_table("m_doc")\n',
    "column in a batch": '    with op.batch_alter_table("m_doc") as batch:\n'
    '        batch.drop_column("embedding")\n',
}


@pytest.mark.parametrize("what", DROPS)
def test_what_is_followed_is_dropped_by_hand(url: str, tmp_path: Path, what: str) -> None:
    project = at(url, tmp_path, shaped(3, index=SMALL))
    by_hand(project, DROPS[what])
    assert left(project) == set()


CHANGED = '    op.execute("UPDATE m_doc SET embedding = zeroblob(12) WHERE id = 2")\n'


def test_operations_may_be_repeated(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3))
    place = '"ix", "m_doc", "embedding", agentorm.Approximate(recall=0.95)'
    create, drop = f"    op.create_vector_index({place}", f"    op.drop_vector_index({place}"
    by_hand(
        project,
        f"{create})\n{drop})\n{drop}, if_exists=True)\n{create})\n{CHANGED}"
        f"{create}, if_not_exists=True)\n",
    )
    assert logged(project) == [None, 2]


def test_a_column_that_is_not_there(url: str, tmp_path: Path) -> None:
    project = at(url, tmp_path, shaped(3))
    created = '    op.create_vector_index("ix", "m_doc", "vec", agentorm.HNSW())\n'
    with pytest.raises(SchemaMismatch, match="the table m_doc has no column vec"):
        by_hand(project, created)
    assert left(project) == set()


def test_what_cannot_be_followed_has_none(url: str, tmp_path: Path) -> None:
    def shape(index: VectorIndex | None) -> MetaData:
        metadata = MetaData()
        key: Column[str] = Column("code", StringType(9), primary_key=True)
        one: Column[Any] = Column("one", VectorType(3))
        Table("m_odd", metadata, key, one, sqlite_with_rowid=False)
        other: Column[Any] = Column("other", VectorType(3))
        Table("m_even", metadata, Column("id", IntegerType(), primary_key=True), other)
        if index is not None:
            vector_index(one, index, Metric.COSINE)
            vector_index(other, index, Metric.L1)
        return metadata

    project = Project(tmp_path / "p", url)
    project.revise(shape(SMALL))
    project.upgrade()
    assert left(project) == set()
    assert project.difference(shape(SMALL)) == ""
    assert project.difference(shape(None)) == ""


def test_the_projects_filter_is_asked(url: str, tmp_path: Path) -> None:
    def no_indexes(item: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "index"

    project = at(url, tmp_path, shaped(3), include_object=no_indexes)
    assert project.difference(shaped(3, index=SMALL)) == ""


def test_the_script_of_a_revision(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(3, index=SMALL))
    script = project.sql()
    assert "CREATE TABLE vx_m_doc_embedding (" in script
    assert "INSERT INTO vx_m_doc_embedding(rowid, row)" in script
    for name in ("insert", "update", "delete", "trim"):
        assert f"CREATE TRIGGER vx_m_doc_embedding_{name} AFTER " in script
    with project.connected() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        driver: Any = connection.connection.driver_connection
        driver.executescript(script)
        connection.commit()
    assert logged(project) == BEGUN
    assert len(TRIGGERS) == 4
    assert project.difference(shaped(3, index=SMALL)) == ""
