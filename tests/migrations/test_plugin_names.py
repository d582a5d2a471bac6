"""Names that have to be quoted, and revisions that are run again after they failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, text

from agentorm import HNSW, IntegerType, Metric, VectorType
from agentorm.errors import InvalidModel
from agentorm.indexes import vector_index
from tests.migrations.harness import Project
from tests.migrations.shapes import TITLES, fill, kept, shaped, vectors


def odd(dimension: int, index: HNSW | None, *, table: str, column: str) -> MetaData:
    metadata = MetaData()
    vector: Column[Any] = Column(column, VectorType(dimension), nullable=False)
    key: Column[Any] = Column("id", IntegerType(), primary_key=True, autoincrement=False)
    Table(table, metadata, key, vector)
    if index is not None:
        vector_index(vector, index, Metric.L2)
    return metadata


@pytest.mark.parametrize(
    ("table", "column"),
    [("Order", "Select"), ("m a'b", 'v"w x'), ("m`t", "v]w"), ("m:n", "é:c"), ("MÄ", "Ü")],
)
def test_names_are_quoted(url: str, tmp_path: Path, table: str, column: str) -> None:
    project = Project(tmp_path / "p", url)
    for metadata in (
        odd(2, None, table=table, column=column),
        odd(3, HNSW(), table=table, column=column),
        odd(3, HNSW(m=5), table=table, column=column),
    ):
        project.revise(metadata)
        project.upgrade()
        assert project.difference(metadata) == ""
    project.downgrade("base")
    assert project.difference(MetaData()) == ""


FAILING = """
import agentorm
import sqlalchemy as sa
from alembic import op
from pathlib import Path

revision, down_revision = "2", "{}"
INDEX = ("ix_m_doc_embedding_hnsw", "m_doc", "embedding", agentorm.HNSW(m=8, ef_construction=32))


def upgrade():
    op.prepare_vectors()
    op.drop_vector_index(*INDEX, if_exists=True)
    op.resize_vector("m_doc", "embedding", agentorm.VectorType(4),
        existing=agentorm.VectorType(3), nullable=False, fill=0.25)
    op.create_vector_index(*INDEX, if_not_exists=True)
    if not Path(__file__).with_suffix(".mended").exists():
        raise RuntimeError("half-way")


def downgrade():
    pass
"""


def test_a_change_of_dimension_can_be_run_again(url: str, tmp_path: Path) -> None:
    before = shaped(3, index=HNSW(m=8, ef_construction=32))
    after = shaped(4, index=HNSW(m=8, ef_construction=32))
    project = Project(tmp_path / "p", url)
    first = project.revise(before).split("revision: str = '")[1].split("'")[0]
    project.upgrade()
    with project.rows() as connection:
        fill(connection, before)
    (project.folder / "versions" / "two.py").write_text(FAILING.format(first))
    with pytest.raises(RuntimeError, match="half-way"):
        project.upgrade()
    (project.folder / "versions" / "two.mended").touch()
    project.upgrade()
    assert project.difference(after) == ""
    with project.rows() as connection:
        assert kept(connection, after) == TITLES
        assert vectors(connection, after) == [[0.25] * 4] * 2


WRONG = """
import agentorm
import sqlalchemy as sa
from alembic import op

revision, down_revision = "1", None


def upgrade():
    {}
"""


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            """op.resize_vector('d', 'v', agentorm.VectorType(2),
                existing=agentorm.VectorType(1), nullable=False)""",
            r"d.v takes no NULL, and its vectors of another dimension cannot be kept; .* fill=0.0",
        ),
        (
            "op.add_vector_column('d', sa.Column('v', agentorm.VectorType()), fill=0)",
            r"expected a VectorType of a fixed dimension, got VectorType\(\); op.add_column",
        ),
        (
            "op.create_vector_index('i', 'd', 'v', agentorm.IVFFlat(), metric='l1')",
            r"IVFFlat cannot rank by l1; it knows cosine, inner_product, l2",
        ),
    ],
)
def test_a_wrong_operation_is_refused(url: str, tmp_path: Path, call: str, said: str) -> None:
    project = Project(tmp_path / "p", url)
    (project.folder / "versions" / "one.py").write_text(WRONG.format(call))
    with pytest.raises(InvalidModel, match=said):
        project.upgrade()


def test_a_column_opened_to_any_dimension_keeps_its_vectors(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    before, after = shaped(3), shaped(3)
    after.tables["m_doc"].c.embedding.type = VectorType()
    project.revise(before)
    project.upgrade()
    with project.rows() as connection:
        fill(connection, before)
    revision = project.revise(after)
    assert (
        "op.resize_vector('m_doc', 'embedding', agentorm.VectorType(),"
        " existing=agentorm.VectorType(3), nullable=False, fill=0.0)"
    ) in revision
    project.upgrade()
    assert project.difference(after) == ""
    with project.rows() as connection:
        assert vectors(connection, after) == [[1, 1, 1], [2, 2, 2]]
        connection.execute(text("SELECT 1"))
