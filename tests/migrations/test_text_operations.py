"""Full-text indexes by operations that are written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text

from agentorm import dialects
from tests.migrations.harness import Project
from tests.migrations.text_shapes import (
    body,
    built,
    found,
    ids,
    insert,
    left,
    shaped,
)

REVISION = """
from alembic import op

import agentorm

revision, down_revision = "1", None
place = ("ft_mt_doc_body", "mt_doc", "body")


def upgrade():
    op.create_text_index(*place, language="english")
    op.create_text_index(*place, language="english", if_not_exists=True)


def downgrade():
    op.drop_text_index(*place, language="english")
    op.drop_text_index(*place, language="english", if_exists=True)
    op.drop_text_index("ft_x", "no_such_table", "body", language="english", if_exists=True)
"""
RENAMES = """
from alembic import op
import sqlalchemy as sa

import agentorm

revision, down_revision = "2", "1"


def upgrade():
    op.drop_text_index("ft_mt_doc_body", "mt_doc", "body", language="english")
    op.alter_column(
        "mt_doc", "body", new_column_name="words", existing_type=agentorm.StringType(),
        existing_nullable=True,
    )
    op.rename_table("mt_doc", "mt_text")
    op.create_text_index("ft_mt_text_words", "mt_text", "words", language="english")


def downgrade():
    op.drop_text_index("ft_mt_text_words", "mt_text", "words", language="english")
    op.rename_table("mt_text", "mt_doc")
    op.alter_column(
        "mt_doc", "words", new_column_name="body", existing_type=agentorm.StringType(),
        existing_nullable=True,
    )
    op.create_text_index("ft_mt_doc_body", "mt_doc", "body", language="english")
"""


def by_hand(url: str, tmp_path: Path, *revisions: str) -> Project:
    """A project with rows and these revisions."""
    project = Project(tmp_path / "p", url)
    with project.rows() as connection:
        shaped(body=None).create_all(connection)
        connection.commit()
    insert(project, (1, "a quick fox"), (2, "a lazy dog"))
    for number, revision in enumerate(revisions, 1):
        (project.folder / "versions" / f"{number}_.py").write_text(revision)
    return project


def test_operations_by_hand(engine_name: str, url: str, tmp_path: Path) -> None:
    project = by_hand(url, tmp_path, REVISION)
    project.upgrade()
    assert built(project) == body(engine_name)
    assert found(project, "fox") == [1]
    project.downgrade()
    assert built(project) == {}
    assert left(project) == set()


def test_another_name_of_the_column_and_the_table(
    engine_name: str, url: str, tmp_path: Path
) -> None:
    project = by_hand(url, tmp_path, REVISION, RENAMES)
    project.upgrade()
    assert set(built(project, "mt_text")) == {"ft_mt_text_words"}
    project.downgrade()
    assert built(project) == body(engine_name)
    assert found(project, "dog") == [2]


def test_a_table_renamed_alone_is_searched_by_its_old_index(
    engine_name: str, url: str, tmp_path: Path
) -> None:
    project = by_hand(url, tmp_path, REVISION)
    project.upgrade()
    with project.rows() as connection:
        Operations(MigrationContext.configure(connection)).rename_table("mt_doc", "mt_text")
        connection.commit()
        assert set(dialects.of(connection.dialect).text_indexes(connection, "mt_text")) == {
            "ft_mt_doc_body"
        }
        insert_into_renamed = "INSERT INTO mt_text (id, body) VALUES (3, 'a fox')"
        connection.execute(text(insert_into_renamed))
        connection.commit()
        if engine_name == "sqlite":
            assert ids(connection, "fox") == [1, 3]


def test_the_projects_filter_is_asked(url: str, tmp_path: Path) -> None:
    def no_indexes(item: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "index"

    project = Project(tmp_path / "p", url, include_object=no_indexes)
    assert "index" not in project.revise(shaped(body="english")).split("def upgrade")[1]


@pytest.mark.engines("sqlite")
def test_a_text_index_that_lost_its_triggers_is_made_anew(url: str, tmp_path: Path) -> None:
    project = by_hand(url, tmp_path, REVISION)
    project.upgrade()
    with project.rows() as connection:
        connection.execute(text("DROP TRIGGER ft_mt_doc_body_update"))
        connection.commit()
    metadata = shaped(body="english")
    assert "create_text_index" in project.revise(metadata)
    project.upgrade()
    assert project.difference(metadata) == ""
    assert found(project, "fox") == [1]


CREATED = {
    "sqlite": [
        (
            "CREATE VIRTUAL TABLE ft_mt_doc_body USING fts5(body, content='mt_doc',"
            " content_rowid='rowid', tokenize=\"porter unicode61 remove_diacritics 0"
            " categories 'L* M* N*'\");"
        ),
        (
            "CREATE TRIGGER ft_mt_doc_body_insert AFTER INSERT ON mt_doc BEGIN"
            " INSERT INTO ft_mt_doc_body(rowid, body) VALUES (new.rowid, new.body); END;"
        ),
        "INSERT INTO ft_mt_doc_body(ft_mt_doc_body) VALUES ('rebuild');",
    ],
    "postgresql": ["CREATE INDEX ft_mt_doc_body ON mt_doc USING gin (body_search);"],
    "mariadb": [
        (
            "ALTER TABLE mt_doc ADD COLUMN body_search LONGTEXT CHARACTER SET utf8mb4"
            " COLLATE utf8mb4_uca1400_as_ci GENERATED ALWAYS AS (REPLACE(`body`, '_', ' ')) STORED,"
            " ADD FULLTEXT INDEX ft_mt_doc_body (body_search);"
        )
    ],
    "mysql": [
        (
            "ALTER TABLE mt_doc ADD COLUMN body_search LONGTEXT CHARACTER SET utf8mb4"
            " COLLATE utf8mb4_0900_as_ci GENERATED ALWAYS AS (REPLACE(body, '_', ' ')) STORED,"
            " ADD FULLTEXT INDEX ft_mt_doc_body (body_search);"
        )
    ],
}


def test_the_script_that_is_written(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    (project.folder / "versions" / "1_.py").write_text(REVISION)
    script = project.sql().splitlines()
    assert [line for line in CREATED[engine_name] if line not in script] == []
