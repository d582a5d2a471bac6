"""Full-text indexes: found, created, dropped, filled and kept by revisions on each engine."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, MetaData, Table

from agentorm import StringType, UuidType
from agentorm.text_indexes import text_index
from tests.migrations.harness import Project
from tests.migrations.text_shapes import (
    GERMAN,
    body,
    built,
    found,
    insert,
    left,
    shaped,
)


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


def test_a_name_beyond_ascii(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    metadata = MetaData()
    key: Column[str] = Column("id", StringType(20), primary_key=True)
    words: Column[str] = Column("Überschrift", StringType())
    Table("mt_ÄNDERUNG", metadata, key, words)
    text_index(words, "english")
    project.revise(metadata)
    project.upgrade()
    assert set(built(project, "mt_ÄNDERUNG")) == {"ft_mt_ÄNDERUNG_Überschrift"}
    assert project.difference(metadata) == ""


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
