"""Full-text indexes: found, created, dropped, filled and kept by revisions on each engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Connection, MetaData, Table, text

from agentorm import IntegerType, StringType, UuidType, dialects
from agentorm.dialects.built import BuiltText
from agentorm.text_indexes import text_index
from tests.migrations.harness import Project

SHADOWED = {"postgresql", "mariadb", "mysql"}
ENGLISH = {
    "sqlite": "porter unicode61 remove_diacritics 0 categories 'L* M* N*'",
    "postgresql": "english",
    "mariadb": "utf8mb4_uca1400_as_ci",
    "mysql": "utf8mb4_0900_as_ci",
}
GERMAN = ENGLISH | {
    "sqlite": "unicode61 remove_diacritics 0 categories 'L* M* N*'",
    "postgresql": "german",
}


def shaped(title: int = 20, extra: Sequence[Column[Any]] = (), **languages: str | None) -> MetaData:
    """A table of documents, the columns of which are searched in these languages."""
    metadata = MetaData()
    docs = Table(
        "mt_doc",
        metadata,
        Column("id", IntegerType(), primary_key=True),
        Column("title", StringType(title)),
        *(Column(name, StringType()) for name in languages),
        *extra,
    )
    for name, language in languages.items():
        if language is not None:
            text_index(docs.c[name], language)
    return metadata


def keyed(language: str | None = "english") -> MetaData:
    """A table whose key is no integer."""
    metadata = MetaData()
    pages = Table(
        "mt_page",
        metadata,
        Column("code", StringType(20), primary_key=True),
        Column("part", UuidType(), primary_key=True),
        Column("body", StringType()),
    )
    if language is not None:
        text_index(pages.c.body, language)
    return metadata


def built(project: Project, table: str = "mt_doc") -> dict[str, BuiltText]:
    with project.rows() as connection:
        known = dialects.of(connection.dialect)
        return known.text_indexes(connection, table)


def body(engine_name: str, configurations: dict[str, str] = ENGLISH) -> dict[str, BuiltText]:
    shadow = "body_search" if engine_name in SHADOWED else None
    return {"ft_mt_doc_body": BuiltText("body", configurations[engine_name], shadow)}


def insert(project: Project, *rows: tuple[int, str]) -> None:
    with project.rows() as connection:
        for id_, body in rows:
            values = {"id": id_, "body": body}
            connection.execute(text("INSERT INTO mt_doc (id, body) VALUES (:id, :body)"), values)
        connection.commit()


def found(project: Project, word: str) -> list[int]:
    with project.rows() as connection:
        return ids(connection, word)


def ids(connection: Connection, word: str) -> list[int]:
    asked = {
        "sqlite": "SELECT rowid FROM ft_mt_doc_body WHERE ft_mt_doc_body MATCH :word ORDER BY 1",
        "postgresql": "SELECT id FROM mt_doc"
        " WHERE body_search @@ plainto_tsquery('english', :word) ORDER BY 1",
    }
    other = "SELECT id FROM mt_doc WHERE MATCH (body_search) AGAINST (:word) ORDER BY 1"
    query = text(asked.get(dialects.of(connection.dialect).name, other))
    return list(connection.execute(query, {"word": word}).scalars())


def test_there_and_back(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    metadata = shaped(body="english")
    revision = project.revise(metadata)
    called = "text_index('ft_mt_doc_body', 'mt_doc', 'body', language='english')"
    assert f"op.create_{called}" in revision
    assert "search" not in revision
    project.upgrade()
    assert built(project) == body(engine_name)
    assert project.difference(metadata) == ""
    project.check(metadata)
    insert(project, (1, "a quick fox"), (2, "a lazy dog"))
    assert found(project, "FOX") == [1]
    project.downgrade()
    assert built(project) == {}
    assert left(project) == set()
    project.upgrade()
    assert built(project) == body(engine_name)


def left(project: Project) -> set[str]:
    """The tables of SQLite that belong to full text."""
    if project.dialect.name != "sqlite":
        return set()
    with project.rows() as connection:
        named = "SELECT name FROM sqlite_master WHERE name LIKE 'ft_mt%'"
        return set(connection.execute(text(named)).scalars())


def test_rows_that_are_there_are_found(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    before, after = shaped(body=None), shaped(body="english")
    project.revise(before)
    project.upgrade()
    insert(project, (1, "a quick fox"), (2, "a lazy dog"))
    project.revise(after)
    project.upgrade()
    assert found(project, "dog") == [2]
    assert project.difference(after) == ""
    revision = project.revise(before)
    assert "op.drop_text_index('ft_mt_doc_body', 'mt_doc', 'body'" in revision
    project.upgrade()
    assert built(project) == {}
    assert left(project) == set()
    assert project.difference(before) == ""
    project.downgrade()
    assert found(project, "dog") == [2]
    assert project.difference(after) == ""


def test_another_language(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    before, after = shaped(body="english"), shaped(body="german")
    project.revise(before)
    project.upgrade()
    insert(project, (1, "foxes"))
    differs = engine_name in {"sqlite", "postgresql"}
    assert (project.difference(after) != "") is differs
    revision = project.revise(after)
    proposed = "op.create_text_index('ft_mt_doc_body', 'mt_doc', 'body', language='german')"
    assert (proposed in revision) is differs
    project.upgrade()
    assert built(project) == body(engine_name, GERMAN)
    assert project.difference(after) == ""
    project.downgrade()
    assert built(project) == body(engine_name)
    assert project.difference(before) == ""


def test_a_searched_column_comes_and_goes(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url, render_as_batch=True)
    before, after = shaped(), shaped(body="english", note="simple")
    project.revise(before)
    project.upgrade()
    project.revise(after)
    project.upgrade()
    assert set(built(project)) == {"ft_mt_doc_body", "ft_mt_doc_note"}
    assert project.difference(after) == ""
    project.revise(before)
    project.upgrade()
    assert built(project) == {}
    assert left(project) == set()
    assert project.difference(before) == ""
    project.downgrade()
    assert set(built(project)) == {"ft_mt_doc_body", "ft_mt_doc_note"}
    project.downgrade("base")
    assert left(project) == set()


def test_a_table_that_is_made_anew_keeps_it(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url, render_as_batch=True)
    before, after = shaped(body="english"), shaped(30, body="english")
    project.revise(before)
    project.upgrade()
    insert(project, (1, "a quick fox"), (2, "a lazy dog"))
    assert "op.batch_alter_table('mt_doc'" in project.revise(after)
    project.upgrade()
    assert built(project) == body(engine_name)
    assert project.difference(after) == ""
    insert(project, (3, "another fox"))
    assert found(project, "fox") == [1, 3]
    project.downgrade("base")


def test_a_searched_column_of_another_length(engine_name: str, url: str, tmp_path: Path) -> None:
    def of_length(length: int) -> MetaData:
        metadata = shaped(extra=[Column("body", StringType(length))])
        text_index(metadata.tables["mt_doc"].c.body, "english")
        return metadata

    project = Project(tmp_path / "p", url, render_as_batch=True)
    project.revise(of_length(30))
    project.upgrade()
    insert(project, (1, "a quick fox"), (2, "a lazy dog"))
    project.revise(of_length(40))
    project.upgrade()
    assert project.difference(of_length(40)) == ""
    assert built(project) == body(engine_name)
    assert found(project, "dog") == [2]
    project.downgrade()
    assert project.difference(of_length(30)) == ""
    assert found(project, "dog") == [2]


def test_a_table_that_goes_takes_it_along(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    metadata = shaped(body="english")
    project.revise(metadata)
    project.upgrade()
    revision = project.revise(MetaData())
    assert "body_search" not in revision
    project.upgrade()
    assert left(project) == set()
    project.downgrade()
    assert project.difference(metadata) == ""
    insert(project, (1, "a quick fox"))
    assert found(project, "fox") == [1]


def test_a_key_that_is_no_integer(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    revision = project.revise(keyed())
    assert (
        "op.create_text_index('ft_mt_page_body', 'mt_page', 'body', language='english', key=["
        "sa.Column('code', agentorm.StringType(20)), sa.Column('part', agentorm.UuidType())])"
    ) in revision
    project.upgrade()
    assert project.difference(keyed()) == ""
    assert set(built(project, "mt_page")) == {"ft_mt_page_body"}
    script = project.sql()
    assert ("CREATE TABLE ft_mt_page_body_keys" in script) is (engine_name == "sqlite")
    project.revise(keyed(None))
    project.upgrade()
    assert left(project) == set()
    project.downgrade()
    assert project.difference(keyed()) == ""
    project.downgrade("base")
    assert left(project) == set()


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
