"""The index that is declared by its recall, in revisions for each engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection

from agentorm import HNSW, Approximate, VectorIndex, dialects
from tests.migrations.harness import Project
from tests.migrations.shapes import shaped

NAME = "ix_m_doc_embedding_hnsw"
GOOD, BEST = Approximate(recall=0.95), Approximate(recall=0.999)
BUILT = {
    "sqlite": {},
    "postgresql": {NAME: {"m": 24, "ef_construction": 128}},
    "mariadb": {NAME: {"m": 24}},
    "mysql": {},
}


def built(connection: Connection) -> dict[str, dict[str, int]]:
    known = dialects.of(connection.dialect)
    found = known.vector_indexes(connection, "m_doc")
    return {name: dict(index.parameters) for name, index in found.items()}


def test_there_and_back(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    called = f"op.create_vector_index('{NAME}', 'm_doc', 'embedding', agentorm.Approximate("
    assert f"{called}recall=0.999), metric='l2')" in project.revise(
        shaped(3, index=BEST, metric="l2")
    )
    project.upgrade()
    with project.rows() as connection:
        assert built(connection) == BUILT[engine_name]
    assert project.difference(shaped(3, index=BEST, metric="l2")) == ""
    project.downgrade()
    project.upgrade()
    assert project.difference(shaped(3, index=BEST, metric="l2")) == ""


@pytest.mark.parametrize(("before", "after"), [(HNSW(), GOOD), (Approximate(), HNSW())])
def test_the_same_graph_is_no_difference(
    url: str, tmp_path: Path, before: VectorIndex, after: VectorIndex
) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(3, index=before))
    project.upgrade()
    assert project.difference(shaped(3, index=after)) == ""


@pytest.mark.engines("postgresql", "mariadb")
def test_another_graph_is_built_instead(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(3, index=GOOD))
    project.upgrade()
    revision = project.revise(shaped(3, index=BEST))
    assert f"op.drop_vector_index('{NAME}', 'm_doc', 'embedding', agentorm.HNSW(m=16" in revision
    assert "agentorm.Approximate(recall=0.999), metric='cosine')" in revision
    project.upgrade()
    assert project.difference(shaped(3, index=BEST)) == ""
