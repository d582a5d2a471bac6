"""Indexes that engines do not build, that others made, and in other schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Column, Connection, Index, MetaData, Table, text
from sqlalchemy.dialects.postgresql.base import ischema_names

from agentorm import HNSW, IntegerType, IVFFlat, Metric, VectorType, dialects
from agentorm.errors import UnsupportedFeature
from agentorm.indexes import vector_index
from agentorm.urls import url_of
from tests.migrations.harness import Project
from tests.migrations.shapes import shaped

SMALL = HNSW(m=8, ef_construction=32)


def built(project: Project, table: str = "m_doc", schema: str | None = None) -> dict[str, Any]:
    with project.rows() as connection:
        known = dialects.of(connection.dialect)
        return {
            name: (str(it.metric), dict(it.parameters))
            for name, it in known.vector_indexes(connection, table, schema).items()
        }


def test_what_is_built_is_what_was_declared(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(3, index=SMALL, metric="l2"))
    project.upgrade()
    name = "ix_m_doc_embedding_hnsw"
    assert (
        built(project)
        == {
            "sqlite": {},
            "postgresql": {name: ("l2", {"m": 8, "ef_construction": 32})},
            "mariadb": {name: ("l2", {"m": 8})},
            "mysql": {},
        }[engine_name]
    )


@pytest.mark.parametrize("metric", ["inner_product", "l1"])
def test_an_index_that_an_engine_does_not_build_is_no_difference(
    engine_name: str, url: str, tmp_path: Path, metric: str
) -> None:
    project = Project(tmp_path / "p", url)
    metadata = shaped(3, index=SMALL, metric=metric)
    assert f"HNSW(m=8, ef_construction=32), metric='{metric}')" in project.revise(metadata)
    project.upgrade()
    assert project.difference(metadata) == ""
    assert bool(built(project)) is (engine_name == "postgresql")
    project.downgrade()


def test_an_index_by_lists_is_a_graph_on_mariadb(
    engine_name: str, url: str, tmp_path: Path
) -> None:
    project = Project(tmp_path / "p", url)
    metadata = shaped(3, index=IVFFlat(lists=7))
    project.revise(metadata)
    project.upgrade()
    assert project.difference(metadata) == ""
    name = "ix_m_doc_embedding_ivfflat"
    assert (
        built(project)
        == {
            "sqlite": {},
            "postgresql": {name: ("cosine", {"lists": 7})},
            "mariadb": {name: ("cosine", {"m": 6})},
            "mysql": {},
        }[engine_name]
    )


def test_an_index_is_dropped_where_it_is_built(engine_name: str, url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(3, index=SMALL))
    project.upgrade()
    dropped = "op.drop_vector_index('ix_m_doc_embedding_hnsw', 'm_doc', 'embedding',"
    seen = dropped in project.revise(shaped(3))
    assert seen is (engine_name != "mysql")


def test_the_projects_filter_is_asked_about_indexes(url: str, tmp_path: Path) -> None:
    def no_indexes(item: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "index"

    project = Project(tmp_path / "p", url, include_object=no_indexes)
    assert "index" not in project.revise(shaped(3, index=SMALL)).split("def upgrade")[1]


@pytest.mark.engines("postgresql")
def test_an_index_over_too_many_dimensions(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    with pytest.raises(UnsupportedFeature, match="over 4001 dimensions; it takes up to 4000"):
        project.revise(shaped(4001, index=SMALL))


@pytest.mark.engines("mariadb")
def test_what_mariadb_cannot_have_is_said_before_the_revision(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    with pytest.raises(UnsupportedFeature, match=r"m_doc.embedding is nullable"):
        project.revise(shaped(3, nullable=True, index=SMALL))


BY_HAND = (
    "CREATE INDEX half ON m_doc USING hnsw ((embedding::halfvec(3)) halfvec_l2_ops)",
    "CREATE INDEX part ON m_doc USING hnsw (embedding vector_l2_ops) WHERE id > 1",
    "CREATE INDEX mine ON m_doc USING hnsw (embedding vector_l1_ops) WITH (m = 4)",
)


def plain(metadata: MetaData, name: str, **options: Any) -> MetaData:
    Index(name, metadata.tables["m_doc"].c.embedding, postgresql_using="hnsw", **options)
    return metadata


@pytest.mark.engines("postgresql")
def test_indexes_made_by_hand_are_left_to_alembic(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    project.revise(shaped(3))
    project.upgrade()
    with project.connected() as connection:
        for statement in BY_HAND:
            connection.execute(text(statement))
        connection.commit()
    metadata = plain(shaped(3), "mine", postgresql_ops={"embedding": "vector_l1_ops"})
    plain(
        metadata,
        "part",
        postgresql_ops={"embedding": "vector_l2_ops"},
        postgresql_where=text("id > 1"),
    )
    revision = project.revise(metadata)
    assert "vector_index" not in revision
    assert "op.drop_index(op.f('half'), table_name='m_doc'" in revision
    assert "'mine'" not in revision
    assert "'part'" not in revision


@pytest.mark.engines("postgresql")
def test_a_table_of_another_schema(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url, include_schemas=True, include_name=only_shelf)
    with project.connected() as connection:
        connection.execute(text("CREATE SCHEMA shelf"))
        connection.commit()
    try:
        for dimension, nullable, index in ((3, False, SMALL), (4, False, HNSW()), (4, True, None)):
            metadata = in_shelf(dimension, nullable=nullable, index=index)
            project.revise(metadata)
            project.upgrade()
            assert project.difference(metadata) == ""
            assert bool(built(project, "m_box", "shelf")) is (index is not None)
        project.downgrade("base")
        assert project.difference(MetaData()) == ""
    finally:
        with project.connected() as connection:
            drop_shelf(connection)


def only_shelf(name: str | None, kind: str, parents: Any) -> bool:
    return kind != "schema" or name in {None, "shelf"}


def in_shelf(dimension: int, *, nullable: bool, index: HNSW | None) -> MetaData:
    metadata = MetaData()
    column: Column[Any] = Column("embedding", VectorType(dimension), nullable=nullable)
    key: Column[Any] = Column("id", IntegerType(), primary_key=True)
    Table("m_box", metadata, key, column, schema="shelf")
    if index is not None:
        vector_index(column, index, Metric.L2)
    return metadata


def drop_shelf(connection: Connection) -> None:
    connection.execute(text("DROP SCHEMA shelf CASCADE"))
    connection.commit()


@pytest.mark.engines("mariadb")
def test_mariadb_by_a_url_of_mysql(url: str, tmp_path: Path) -> None:
    behind = url_of(url).set(drivername="mysql+pymysql").render_as_string(hide_password=False)
    project = Project(tmp_path / "p", behind)
    for metadata in (
        shaped(3, index=SMALL),
        shaped(3, index=HNSW(), metric="l2"),
        shaped(4, index=HNSW(), metric="l2"),
    ):
        project.revise(metadata)
        project.upgrade()
        assert project.difference(metadata) == ""
        assert len(built(project)) == 1
    project.downgrade("base")


@pytest.mark.engines("postgresql")
def test_types_that_pgvectors_own_package_reflects(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = cast(Any, ischema_names)
    monkeypatch.setitem(names, "vector", names["vector"])
    from pgvector.sqlalchemy import VECTOR

    names["vector"] = VECTOR
    project = Project(tmp_path / "p", url)
    project.revise(shaped(3, nullable=True))
    project.upgrade()
    assert project.difference(shaped(3, nullable=True)) == ""
    resized = "op.resize_vector('m_doc', 'embedding', agentorm.VectorType(4), existing="
    assert resized in project.revise(shaped(4, nullable=True))
    project.upgrade()
    assert project.difference(shaped(4, nullable=True)) == ""
    project.downgrade()
    assert project.difference(shaped(3, nullable=True)) == ""


@pytest.mark.engines("postgresql", "mariadb", "mysql")
def test_comments_stay(url: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "p", url)
    for dimension in (None, 3, 4):
        metadata = shaped(dimension)
        if dimension is not None:
            metadata.tables["m_doc"].c.embedding.comment = "what it's like"
        project.revise(metadata)
        project.upgrade()
        assert project.difference(metadata) == ""
    project.downgrade()
    metadata.tables["m_doc"].c.embedding.type = VectorType(3)
    assert project.difference(metadata) == ""
