"""What the tests of running migrations begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from agentorm import Database
    from tests.migrations.memory_project import Project


@pytest.fixture
def project(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """At its first revision, with rows."""
    from tests.migrations.memory_project import FIRST, Project

    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a mended file may be as old and long
    made = Project(tmp_path / "project", db)
    made.revision("a", None, FIRST, 'op.drop_table("run_pet")\nop.drop_table("run_owner")')
    made.run("upgrade", "head")
    made.execute("INSERT INTO run_owner (id, name) VALUES (1, 'Ada'), (2, 'Bob')")
    made.execute("INSERT INTO run_pet (id, owner_id, age) VALUES (1, 1, 7), (2, 2, 8)")
    return made
