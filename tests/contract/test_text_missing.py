"""A SQLite without FTS5 indexes no text, and says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import registry

from agentorm import Database, Entity, Feature, Field, repository, text_field


class Bare(Entity, registry=registry()):
    """What the table derives from."""


class TMDoc(Bare, table=True):
    id: int | None = Field(default=None, primary_key=True)
    body: str = text_field(search="english")


@pytest.fixture
def bare(tmp_path: Path) -> Database:
    """A table of that name is asked instead of SQLite's own list of its modules."""
    file = tmp_path / "bare.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE pragma_module_list (name TEXT)")
    return Database(f"sqlite:///{file}")


def test_capabilities_tell_it(bare: Database) -> None:
    with bare:
        able = bare.capabilities()
        assert Feature.FULL_TEXT not in able.features
        assert "this SQLite was built without FTS5: no text is indexed" in able.notes


def test_a_table_is_made_without_its_index(bare: Database) -> None:
    with bare:
        bare.create_all(TMDoc)
        repository(TMDoc, bare).add(TMDoc(body="a quick fox"))
        named = text("SELECT name FROM sqlite_master WHERE name LIKE 'ft%'")
        with bare.session() as session:
            assert session.connection().execute(named).scalars().all() == []
        bare.drop_all(TMDoc)
