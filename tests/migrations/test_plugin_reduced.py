"""The same on servers that keep vectors as bytes, which do not tell their dimension."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from agentorm import HNSW
from tests.migrations.harness import Project
from tests.migrations.shapes import TITLES, fill, kept, shaped, vectors

REDUCED = ("postgresql-without-pgvector", "mariadb-10.11")
INDEXED = shaped(3, index=HNSW(m=8, ef_construction=32))


@pytest.mark.engines(*REDUCED)
def test_a_required_vector_comes_and_goes(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped())
    project.upgrade()
    with project.rows() as connection:
        fill(connection, shaped())
    project.revise(INDEXED)
    project.upgrade()
    assert project.difference(INDEXED) == ""
    with project.rows() as connection:
        assert kept(connection, INDEXED) == TITLES
        assert vectors(connection, INDEXED) == [[0, 0, 0], [0, 0, 0]]
        (found,) = [
            column["type"]
            for column in sa.inspect(connection).get_columns("m_doc")
            if column["name"] == "embedding"
        ]
        assert str(found) in {"BYTEA", "LONGBLOB"}
    project.downgrade()
    assert project.difference(shaped()) == ""
    with project.rows() as connection:
        assert kept(connection, shaped()) == TITLES


@pytest.mark.engines(*REDUCED)
def test_another_dimension_is_not_seen_but_done(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(INDEXED)
    project.upgrade()
    with project.rows() as connection:
        fill(connection, INDEXED)
    wider = shaped(4, index=HNSW())
    assert project.difference(wider) == ""
    made = Project(tmp_path / "s", f"sqlite:///{tmp_path / 's.db'}")
    made.revise(INDEXED)
    made.upgrade()
    revision = made.revise(wider)
    (first,) = (project.folder / "versions").glob("*.py")
    down = next(line for line in revision.splitlines() if line.startswith("down_revision"))
    ours = next(
        line for line in first.read_text().splitlines() if line.startswith("revision")
    ).split("=")[1]
    changed = revision.replace(down, f"down_revision ={ours}")
    (project.folder / "versions" / "wider.py").write_text(changed)
    project.upgrade()
    with project.rows() as connection:
        assert kept(connection, wider) == TITLES
        assert vectors(connection, wider) == [[0, 0, 0, 0]] * 2
    project.downgrade()
    with project.rows() as connection:
        assert vectors(connection, INDEXED) == [[0, 0, 0]] * 2
