"""Indexes over vectors that PostgreSQL indexes as half vectors only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text

from agentorm import HNSW, IVFFlat, UnsupportedFeature, dialects
from agentorm.dialects.built import BuiltIndex
from agentorm.migrations.operations import CreateVectorIndexOp, DropVectorIndexOp
from tests.migrations.harness import Project
from tests.migrations.shapes import fill, shaped

SMALL = HNSW(m=8, ef_construction=32)
NAME = "ix_m_doc_embedding_hnsw"


def built(project: Project) -> dict[str, BuiltIndex]:
    with project.rows() as connection:
        return dict(dialects.of(connection.dialect).vector_indexes(connection, "m_doc"))


def definition(project: Project) -> str:
    asked = text("SELECT indexdef FROM pg_indexes WHERE tablename = 'm_doc' AND indexname = :name")
    with project.rows() as connection:
        return str(connection.execute(asked, {"name": NAME}).scalar_one())


def test_a_wide_index_is_made_and_is_no_difference_afterwards(
    engine_name: str, url: str, tmp_path: Path
) -> None:
    project = Project(tmp_path / "p", url)
    metadata = shaped(2100, index=SMALL, metric="l2")
    revision = project.revise(metadata)
    created = f"op.create_vector_index('{NAME}', 'm_doc', 'embedding', agentorm.{SMALL!r}"
    assert f"{created}, metric='l2', dimension=2100)" in revision
    project.upgrade()
    assert project.difference(metadata) == ""
    assert bool(built(project)) is (engine_name in {"postgresql", "mariadb"})
    gone = project.revise(shaped(2100))
    assert ("dimension=2100)" in gone) is bool(built(project))
    project.upgrade()
    assert (built(project), project.difference(shaped(2100))) == ({}, "")
    project.downgrade()
    assert project.difference(metadata) == ""
    project.downgrade("base")


@pytest.mark.engines("postgresql")
def test_it_is_over_half_vectors(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(2100, index=SMALL, metric="l2"))
    project.upgrade()
    assert definition(project).endswith(
        "USING hnsw (((embedding)::halfvec(2100)) halfvec_l2_ops)"
        " WITH (m='8', ef_construction='32')"
    )
    (index,) = built(project).values()
    assert (index.column, index.metric, index.kind) == ("embedding", "l2", "float32")
    assert dict(index.parameters) == {"m": 8, "ef_construction": 32}


OVER = {
    3: "(embedding vector_cosine_ops)",
    2100: "(((embedding)::halfvec(2100)) halfvec_cosine_ops)",
    2200: "(((embedding)::halfvec(2200)) halfvec_cosine_ops)",
}


@pytest.mark.parametrize("sizes", [(2100, 2200), (3, 2100), (2100, 3)])
def test_a_column_of_another_size_gets_its_index_anew(
    engine_name: str, url: str, tmp_path: Path, sizes: tuple[int, int]
) -> None:
    project = Project(tmp_path / "p", url)
    before, after = (shaped(size, index=HNSW()) for size in sizes)
    project.revise(before)
    project.upgrade()
    with project.rows() as connection:
        fill(connection, before)
    project.revise(after)
    project.upgrade()
    assert project.difference(after) == ""
    if engine_name == "postgresql":
        assert OVER[sizes[1]] in definition(project)
    project.downgrade()
    assert project.difference(before) == ""
    if engine_name == "postgresql":
        assert OVER[sizes[0]] in definition(project)


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize(
    ("index", "metric"), [(HNSW(), "l2"), (SMALL, "cosine"), (IVFFlat(7), "cosine")]
)
def test_another_index_takes_its_place(
    url: str, tmp_path: Path, index: HNSW | IVFFlat, metric: str
) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(2100, index=HNSW()))
    project.upgrade()
    metadata = shaped(2100, index=index, metric=metric)
    project.revise(metadata)
    project.upgrade()
    assert project.difference(metadata) == ""
    assert [str(it.metric) for it in built(project).values()] == [metric]


BY_HAND = """
    CREATE INDEX other ON m_doc USING hnsw ((embedding::halfvec(2100)) halfvec_l2_ops) WHERE id > 1;
    CREATE INDEX bits ON m_doc
        USING hnsw ((binary_quantize(embedding)::bit(2100)) bit_hamming_ops);
"""


@pytest.mark.engines("postgresql")
def test_those_made_by_hand_are_none_of_ours(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(2100))
    project.upgrade()
    with project.connected() as connection:
        connection.exec_driver_sql(BY_HAND)
        connection.commit()
    assert built(project) == {}


def test_both_ways_keep_the_dimension() -> None:
    created = CreateVectorIndexOp("ix", "t", "v", HNSW(), dimension=2100)
    dropped = created.reverse()
    assert isinstance(dropped, DropVectorIndexOp)
    assert (dropped.dimension, dropped.reverse().dimension) == (2100, 2100)


@pytest.mark.engines("postgresql")
def test_a_revision_for_too_many_dimensions_is_refused(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    with project.rows() as connection:
        op: Any = Operations(MigrationContext.configure(connection))
        with pytest.raises(UnsupportedFeature, match="over 4001 dimensions; it takes up to 4000"):
            op.create_vector_index("ix", "m_doc", "embedding", HNSW(), dimension=4001)


@pytest.mark.engines("postgresql")
def test_a_script_of_sql_has_the_cast(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(2100, index=SMALL))
    assert (
        f"CREATE INDEX {NAME} ON m_doc USING hnsw (CAST(embedding AS HALFVEC(2100))"
        " halfvec_cosine_ops) WITH (m = 8, ef_construction = 32);"
    ) in project.sql()
