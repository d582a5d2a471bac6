"""Indexes of JSON documents: found, created, dropped and kept by revisions on each engine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, text
from sqlalchemy.exc import SAWarning

from agentorm import GIN, IntegerType, JSONIndex, JSONType, PathIndex, StringType, dialects
from agentorm.json_indexes import json_index
from tests.compile.sql_of import folded
from tests.migrations.harness import Project

EVERY: Sequence[JSONIndex] = (
    GIN(),
    PathIndex("role"),
    PathIndex("owner", "age", type=int),
    PathIndex("ok", type=bool),
    PathIndex("days", 0, "d", type=date),
    PathIndex("Ro le", type=float),
    PathIndex('a"b', "x'y%s:z\\", '$."q"[0]'),
    PathIndex("x" * 100),
)
BY_PATH = {
    "ix_mj_doc_meta_days_0_d_date",
    "ix_mj_doc_meta_ok_boolean",
    "ix_mj_doc_meta_owner_age_number",
    "ix_mj_doc_meta_ro_le_5c1c1841_number",
    "ix_mj_doc_meta_role_string",
    "ix_mj_doc_meta_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_9457476e",
}
ODD, ALL_OF_IT = "ix_mj_doc_meta_a_b_x_y_s_z_q_0_196a523f_string", "ix_mj_doc_meta_gin"
BUILT: dict[str, set[str]] = {
    "sqlite": BY_PATH,
    "postgresql": BY_PATH | {ODD, ALL_OF_IT},
    "mariadb": set(),
    "mysql": set(),
}


def shaped(
    *indexes: JSONIndex, title: int = 20, extra: Sequence[Column[Any]] = (), meta: str = "meta"
) -> MetaData:
    metadata = MetaData()
    docs = Table(
        "mj_doc",
        metadata,
        Column("id", IntegerType(), primary_key=True),
        Column("title", StringType(title)),
        Column(meta, JSONType()),
        *extra,
    )
    for index in indexes:
        json_index(docs.c[meta], index)
    return metadata


def built(project: Project) -> set[str]:
    with project.rows() as connection:
        return set(names(connection))


def names(connection: Connection, table: str = "mj_doc") -> dict[str, str]:
    return dialects.of(connection.dialect).json_indexes(connection, table)


def only(engine_name: str, wanted: set[str]) -> set[str]:
    return wanted if BUILT[engine_name] else set()


def test_every_index_there_and_back(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    first = shaped(*EVERY)
    revision = project.revise(first)
    assert "PathIndex('days', 0, 'd', type=datetime.date))" in revision
    assert "import datetime" in revision
    project.upgrade()
    assert built(project) == BUILT[engine_name]
    assert project.difference(first) == ""
    project.check(first)
    project.downgrade()
    assert built(project) == set()
    project.upgrade()
    assert built(project) == BUILT[engine_name]


def test_another_type_and_another_path(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    before = shaped(PathIndex("role"), PathIndex("a", 0), GIN())
    after = shaped(PathIndex("role", type=int), PathIndex("a", 1))
    project.revise(before)
    project.upgrade()
    revision = project.revise(after)
    proposed = "op.drop_json_index('ix_mj_doc_meta_role_string', 'mj_doc', 'meta', agentorm."
    assert (f"{proposed}PathIndex('role'))" in revision) is bool(BUILT[engine_name])
    project.upgrade()
    assert project.difference(after) == ""
    wanted = {"ix_mj_doc_meta_a_1_string", "ix_mj_doc_meta_role_number"}
    assert built(project) == only(engine_name, wanted)
    project.downgrade()
    assert project.difference(before) == ""
    wanted = {"ix_mj_doc_meta_a_0_string", "ix_mj_doc_meta_role_string"}
    assert built(project) - {ALL_OF_IT} == only(engine_name, wanted)


def test_an_int_that_becomes_a_float_is_no_difference(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(PathIndex("n", type=int)))
    project.upgrade()
    assert project.difference(shaped(PathIndex("n", type=float))) == ""


def test_an_index_of_a_column_that_comes_and_goes(
    engine_name: str, url: str, tmp_path: Path
) -> None:
    project = Project(tmp_path / "p", url, render_as_batch=True)
    before, after = shaped(PathIndex("a")), shaped(PathIndex("a"), meta="facts")
    project.revise(before)
    project.upgrade()
    revision = project.revise(after)
    assert "op.create_json_index('ix_mj_doc_facts_a_string', 'mj_doc', 'facts'" in revision
    project.upgrade()
    assert project.difference(after) == ""
    assert built(project) == only(engine_name, {"ix_mj_doc_facts_a_string"})
    project.downgrade()
    assert project.difference(before) == ""
    assert built(project) == only(engine_name, {"ix_mj_doc_meta_a_string"})


def test_a_table_that_is_made_anew_keeps_them(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url, render_as_batch=True)
    before, after = shaped(*EVERY), shaped(*EVERY, title=30)
    project.revise(before)
    project.upgrade()
    assert "op.batch_alter_table('mj_doc'" in project.revise(after)
    project.upgrade()
    assert built(project) == BUILT[engine_name]
    assert project.difference(after) == ""
    project.downgrade("base")


def test_the_projects_filter_is_asked(url: str, tmp_path: Path) -> None:
    def no_indexes(item: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "index"

    project = Project(tmp_path / "p", url, include_object=no_indexes)
    assert "index" not in project.revise(shaped(PathIndex("a"))).split("def upgrade")[1]


REVISION = """
from alembic import op

import agentorm

revision, down_revision = "1", None
index = agentorm.PathIndex("role")


def upgrade():
    op.create_json_index("ix_role", "mj_doc", "meta", index, if_not_exists=True)
    op.create_json_index("ix_role", "mj_doc", "meta", index, if_not_exists=True)
    op.create_json_index("ix_all", "mj_doc", "meta", agentorm.GIN())
    op.drop_json_index("ix_all", "mj_doc", "meta", agentorm.GIN())
    op.drop_json_index("ix_all", "mj_doc", "meta", agentorm.GIN(), if_exists=True)


def downgrade():
    op.drop_json_index("ix_role", "mj_doc", "meta", index)
    op.drop_json_index("ix_role", "mj_doc", "meta", index, if_exists=True)
    op.drop_json_index("ix_role", "no_such_table", "meta", index, if_exists=True)
"""


def test_operations_by_hand(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    with project.rows() as connection:
        shaped().create_all(connection)
        connection.commit()
    (project.folder / "versions" / "1_.py").write_text(REVISION)
    project.upgrade()
    assert built(project) == only(engine_name, {"ix_role"})
    project.downgrade()
    assert built(project) == set()


SQLITE_INDEX = """CREATE INDEX IF NOT EXISTS ix_role ON mj_doc
    ((CASE WHEN json_type(meta, '$."role"') = 'text' THEN json_extract(meta, '$."role"') END));"""
POSTGRESQL_INDEX = """CREATE INDEX IF NOT EXISTS ix_role ON mj_doc
    (((CASE WHEN jsonb_typeof((meta -> 'role')) = 'string'
    THEN ((meta -> 'role') #>> '{}') END) COLLATE "C") NULLS FIRST);"""
SCRIPT: dict[str, list[str]] = {
    "sqlite": [folded(SQLITE_INDEX)] * 2,
    "postgresql": [
        *[folded(POSTGRESQL_INDEX)] * 2,
        "CREATE INDEX ix_all ON mj_doc USING gin (meta jsonb_path_ops);",
        "DROP INDEX ix_all;",
        "DROP INDEX IF EXISTS ix_all;",
    ],
    "mariadb": [],
    "mysql": [],
}


def test_the_script_that_is_written(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    (project.folder / "versions" / "1_.py").write_text(REVISION)
    script = project.sql()
    assert [line for line in script.splitlines() if " INDEX " in line] == SCRIPT[engine_name]


def test_what_create_all_made_is_no_difference(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    metadata = shaped(*EVERY)
    with project.rows() as connection:
        metadata.create_all(connection)
        connection.commit()
    assert project.difference(metadata) == ""


BY_HAND = {
    "sqlite": "CREATE INDEX mine ON mj_doc (upper(title))",
    "postgresql": "CREATE INDEX mine ON mj_doc (upper(title))",
}


@pytest.mark.engines("sqlite", "postgresql")
def test_an_expression_by_hand_is_left_to_alembic(
    engine_name: str, url: str, tmp_path: Path
) -> None:
    project = Project(tmp_path / "p", url)
    metadata = shaped(PathIndex("a"))
    with project.rows() as connection:
        metadata.create_all(connection)
        connection.execute(text(BY_HAND[engine_name]))
        connection.commit()
    with pytest.warns(SAWarning, match="index mine") if engine_name == "sqlite" else nullcontext():
        revision = project.revise(metadata)
    assert "json_index" not in revision
    assert ("op.drop_index(op.f('mine')" in revision) is (engine_name == "postgresql")


@pytest.mark.engines("postgresql")
def test_a_table_of_another_schema(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url, include_schemas=True, include_name=only_its_own)
    with project.connected() as connection:
        connection.execute(text("CREATE SCHEMA json_shelf"))
        connection.commit()
    try:
        for index in (PathIndex("a"), GIN(), PathIndex("a", type=int)):
            metadata = MetaData()
            table = Table("mj_box", metadata, Column("meta", JSONType()), schema="json_shelf")
            json_index(table.c.meta, index)
            project.revise(metadata)
            project.upgrade()
            assert project.difference(metadata) == ""
            with project.rows() as connection:
                known = dialects.of(connection.dialect)
                found = known.json_indexes(connection, "mj_box", "json_shelf")
            assert set(found) == {f"ix_mj_box_meta_{index.label}"}
        project.downgrade("base")
    finally:
        with project.connected() as connection:
            connection.execute(text("DROP SCHEMA json_shelf CASCADE"))
            connection.commit()


def only_its_own(name: str | None, kind: str, _: object) -> bool:
    return kind != "schema" or name == "json_shelf"
