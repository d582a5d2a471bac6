"""Columns of every kind of vector in revisions: written, found again, changed and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select

from agentorm import HNSW, BitVector, HalfVector, IntegerType, SparseVector, Vector, VectorType
from agentorm.indexes import VectorIndex, vector_index
from agentorm.migrations.rendering import written
from tests.migrations.harness import Project

KINDS: dict[str, VectorType] = {
    "agentorm.VectorType(3, kind='float16')": VectorType(3, "float16"),
    "agentorm.VectorType(3, kind='int8')": VectorType(3, "int8"),
    "agentorm.VectorType(11, kind='bit')": VectorType(11, "bit"),
    "agentorm.VectorType(3)": VectorType(3),
}
SPARSE = "agentorm.VectorType(9, kind='sparse')"


def kinds_table(
    type_: VectorType, index: VectorIndex | None = None, metric: Any = "cosine"
) -> MetaData:
    """One table with one column of vectors."""
    metadata = MetaData()
    key: Column[Any] = Column("id", IntegerType(), primary_key=True, autoincrement=False)
    table = Table("m_kinds", metadata, key, Column("v", type_))
    if index is not None:
        table.append_constraint(vector_index(table.c.v, index, metric))
    return metadata


@pytest.mark.parametrize("text", KINDS)
def test_a_column_of_each_kind_is_written_and_found_again(
    url: str, tmp_path: Path, text: str
) -> None:
    assert written(KINDS[text]) == text
    project = Project(tmp_path / "p", url)
    metadata = kinds_table(KINDS[text])
    assert f"sa.Column('v', {text}, nullable=True)" in project.revise(metadata)
    project.upgrade()
    assert project.difference(metadata) == ""
    project.downgrade()
    project.upgrade()
    assert project.difference(metadata) == ""


@pytest.mark.engines("postgresql")
def test_a_sparse_column_is_written_and_found_again(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    metadata = kinds_table(VectorType(9, "sparse"), HNSW(), "l1")
    revision = project.revise(metadata)
    assert f"sa.Column('v', {SPARSE}, nullable=True)" in revision
    assert "metric='l1', kind='sparse')" in revision
    project.upgrade()
    assert project.difference(metadata) == ""
    with project.rows() as connection:
        table = metadata.tables["m_kinds"]
        connection.execute(insert(table).values(id=1, v={3: 1}))
        assert connection.execute(select(table.c.v)).scalar_one() == SparseVector({3: 1}, 9)


@pytest.mark.engines("sqlite", "postgresql")
@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("agentorm.VectorType(3)", "agentorm.VectorType(3, kind='float16')", Vector([1, 2, 3])),
        (
            "agentorm.VectorType(3, kind='float16')",
            "agentorm.VectorType(11, kind='bit')",
            HalfVector([1, 2, 3]),
        ),
        (
            "agentorm.VectorType(11, kind='bit')",
            "agentorm.VectorType(3)",
            BitVector("10101010101"),
        ),
    ],
)
def test_a_changed_kind_is_seen_and_taken_back(
    url: str, tmp_path: Path, before: str, after: str, value: Any
) -> None:
    project = Project(tmp_path / "p", url)
    first, second = kinds_table(KINDS[before]), kinds_table(KINDS[after])
    project.revise(first)
    project.upgrade()
    with project.rows() as connection:
        table = first.tables["m_kinds"]
        connection.execute(insert(table).values(id=1, v=value))
        connection.commit()
    revision = project.revise(second)
    assert (
        f"op.resize_vector('m_kinds', 'v', {after}, existing={before}, nullable=True)" in revision
    )
    project.upgrade()
    assert project.difference(second) == ""
    with project.rows() as connection:
        assert connection.execute(select(second.tables["m_kinds"].c.v)).scalar_one() is None
    project.downgrade()
    assert project.difference(first) == ""


@pytest.mark.engines("sqlite", "postgresql")
def test_another_dimension_of_bits_is_seen(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    first, second = kinds_table(VectorType(11, "bit")), kinds_table(VectorType(12, "bit"))
    project.revise(first)
    project.upgrade()
    assert "op.resize_vector('m_kinds', 'v', agentorm.VectorType(12, kind='bit')" in (
        project.revise(second)
    )
    project.upgrade()
    assert project.difference(second) == ""


@pytest.mark.parametrize(
    ("type_", "metric", "operators"),
    [
        (VectorType(3, "float16"), "l2", "halfvec_l2_ops"),
        (VectorType(11, "bit"), "jaccard", "bit_jaccard_ops"),
    ],
)
def test_an_index_of_a_kind_is_written_and_found_again(
    url: str, tmp_path: Path, type_: VectorType, metric: str, operators: str
) -> None:
    project = Project(tmp_path / "p", url)
    metadata = kinds_table(type_, HNSW(m=8), metric)
    revision = project.revise(metadata)
    index = "agentorm.HNSW(m=8, ef_construction=64)"
    assert (
        f"op.create_vector_index('ix_m_kinds_v_hnsw', 'm_kinds', 'v', {index},"
        f" metric='{metric}', kind='{type_.kind}')" in revision
    )
    project.upgrade()
    assert project.difference(metadata) == ""
    script = project.sql()
    built = f"USING hnsw (v {operators})" in script
    assert built is (project.dialect.name == "postgresql")
    project.downgrade()


@pytest.mark.engines("postgresql")
def test_an_index_goes_where_the_kind_has_none(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    half = kinds_table(VectorType(3, "float16"), HNSW(), "l2")
    small = kinds_table(VectorType(3, "int8"), HNSW(), "l2")
    project.revise(half)
    project.upgrade()
    assert "drop_vector_index('ix_m_kinds_v_hnsw'" in project.revise(small)
