"""The DDL of vector indexes, on the engines that have any."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table
from sqlalchemy.schema import CreateIndex

from agentorm import HNSW, Entity, Field, IVFFlat, Metric, Vector, VectorType, vector_field
from agentorm.errors import InvalidModel
from agentorm.indexes import vector_index
from tests.compile.library import Library
from tests.compile.sql_of import (
    MARIADB_BEHIND_MYSQL,
    assert_sql,
    folded,
    schema_of,
    sql_of,
    unsupported,
)

LOG = """
    DROP TABLE IF EXISTS log;
    CREATE TABLE log (
        row INTEGER, stamp INTEGER NOT NULL DEFAULT (random()));
    INSERT INTO log(rowid, row) VALUES (abs(random() % 900000000000) + 100000000000, NULL);
    CREATE TRIGGER log_insert AFTER INSERT ON doc
        BEGIN INSERT INTO log(row) VALUES (new.rowid); END;
    CREATE TRIGGER log_update AFTER UPDATE ON doc
        WHEN old.vec IS NOT new.vec OR old.rowid <> new.rowid
        BEGIN INSERT INTO log(row) SELECT old.rowid UNION SELECT new.rowid; END;
    CREATE TRIGGER log_delete AFTER DELETE ON doc
        BEGIN INSERT INTO log(row) VALUES (old.rowid); END;
    CREATE TRIGGER log_trim AFTER INSERT ON log WHEN new.rowid % 4096 = 0
        BEGIN DELETE FROM log WHERE rowid <= new.rowid - 131072; END"""


def change_log(table: str, column: str) -> str:
    """The statements of SQLite that have an index in the process follow a column."""
    names = ("insert", "update", "delete", "trim")
    dropped = "".join(f"; DROP TRIGGER IF EXISTS log_{name}" for name in names)
    written = f"{dropped}; {LOG}".replace("log", f"vx_{table}_{column}")
    return written.replace("doc", table).replace("vec", column)


def test_vectors_and_the_indexes_that_an_engine_has() -> None:
    mysql = """
        CREATE TABLE page (
            id BIGINT NOT NULL AUTO_INCREMENT, distance DOUBLE NOT NULL, text VECTOR(2) NOT NULL,
            image VECTOR(4) NOT NULL, PRIMARY KEY (id))"""
    assert_sql(
        schema_of(Library.metadata, "page"),
        sqlite="""
            CREATE TABLE page (
                id INTEGER NOT NULL, distance DOUBLE NOT NULL, text F32_BLOB(2) NOT NULL,
                image F32_BLOB(4) NOT NULL, PRIMARY KEY (id))"""
        + change_log("page", "image")
        + change_log("page", "text"),
        postgresql="""
            CREATE TABLE page (
                id BIGSERIAL NOT NULL, distance DOUBLE PRECISION NOT NULL,
                text VECTOR(2) NOT NULL, image VECTOR(4) NOT NULL, PRIMARY KEY (id));
            CREATE INDEX ix_page_image_ivfflat ON page
                USING ivfflat (image vector_l2_ops) WITH (lists = 10);
            CREATE INDEX ix_page_text_hnsw ON page
                USING hnsw (text vector_ip_ops) WITH (m = 8, ef_construction = 32)""",
        mysql=mysql,
        mariadb=f"{mysql}; CREATE VECTOR INDEX ix_page_image_ivfflat ON page (image)"
        " DISTANCE=euclidean",
    )


OPERATOR_CLASSES = {
    Metric.COSINE: "vector_cosine_ops",
    Metric.L2: "vector_l2_ops",
    Metric.INNER_PRODUCT: "vector_ip_ops",
    Metric.L1: "vector_l1_ops",
}
MARIADB_METRICS = {Metric.COSINE: "cosine", Metric.L2: "euclidean"}


def mariadb_index(kind: str, metric: Metric, links: str = "") -> str:
    """What MariaDB, whose only index is a graph, builds instead of either kind, if anything."""
    if metric not in MARIADB_METRICS:
        return ""
    index = f"; CREATE VECTOR INDEX ix_plain_v_{kind} ON plain (v)"
    return f"{index}{links} DISTANCE={MARIADB_METRICS[metric]}"


def plain_log(metric: Metric) -> str:
    """By l1 an index in the process does not rank."""
    return "" if metric is Metric.L1 else change_log("plain", "v")


def schema_with(index: HNSW | IVFFlat, metric: Metric, dimension: int | None = 2) -> MetaData:
    metadata = MetaData()
    plain = Table("plain", metadata, Column("v", VectorType(dimension), nullable=False))
    vector_index(plain.c.v, index, metric)
    return metadata


@pytest.mark.parametrize("metric", OPERATOR_CLASSES)
def test_an_hnsw_index_of_every_metric(metric: Metric) -> None:
    assert_sql(
        schema_of(schema_with(HNSW(), metric), "plain"),
        sqlite=f"CREATE TABLE plain (v F32_BLOB(2) NOT NULL){plain_log(metric)}",
        postgresql=f"""
            CREATE TABLE plain (v VECTOR(2) NOT NULL);
            CREATE INDEX ix_plain_v_hnsw ON plain
                USING hnsw (v {OPERATOR_CLASSES[metric]}) WITH (m = 16, ef_construction = 64)""",
        mysql="CREATE TABLE plain (v VECTOR(2) NOT NULL)",
        mariadb="CREATE TABLE plain (v VECTOR(2) NOT NULL)"
        + mariadb_index("hnsw", metric, " M=16"),
    )


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2, Metric.INNER_PRODUCT])
def test_an_ivfflat_index_of_every_metric_it_knows(metric: Metric) -> None:
    assert_sql(
        schema_of(schema_with(IVFFlat(), metric), "plain"),
        sqlite=f"CREATE TABLE plain (v F32_BLOB(2) NOT NULL){plain_log(metric)}",
        postgresql=f"""
            CREATE TABLE plain (v VECTOR(2) NOT NULL);
            CREATE INDEX ix_plain_v_ivfflat ON plain
                USING ivfflat (v {OPERATOR_CLASSES[metric]}) WITH (lists = 100)""",
        mysql="CREATE TABLE plain (v VECTOR(2) NOT NULL)",
        mariadb="CREATE TABLE plain (v VECTOR(2) NOT NULL)" + mariadb_index("ivfflat", metric),
    )


def test_an_index_takes_no_metric_that_it_does_not_know() -> None:
    with pytest.raises(InvalidModel, match="IVFFlat cannot rank by l1"):
        schema_with(IVFFlat(), Metric.L1)


GRAPH, LISTS = "m = 16, ef_construction = 64", "lists = 100"


@pytest.mark.parametrize(
    ("index", "metric", "operators", "options"),
    [
        (HNSW(), Metric.COSINE, "halfvec_cosine_ops", GRAPH),
        (HNSW(), Metric.L2, "halfvec_l2_ops", GRAPH),
        (HNSW(), Metric.INNER_PRODUCT, "halfvec_ip_ops", GRAPH),
        (HNSW(), Metric.L1, "halfvec_l1_ops", GRAPH),
        (IVFFlat(), Metric.COSINE, "halfvec_cosine_ops", LISTS),
        (IVFFlat(), Metric.L2, "halfvec_l2_ops", LISTS),
        (IVFFlat(), Metric.INNER_PRODUCT, "halfvec_ip_ops", LISTS),
    ],
)
@pytest.mark.parametrize("dimension", [2001, 4000])
def test_an_index_over_wide_vectors_is_over_half_vectors(
    index: HNSW | IVFFlat, metric: Metric, operators: str, options: str, dimension: int
) -> None:
    kind = type(index).__name__.lower()
    widest = schema_of(schema_with(index, metric, 2000), "plain")
    assert f"USING {kind} (v {operators.replace('halfvec', 'vector')})" in sql_of(
        widest, "postgresql"
    )
    vector = f"CREATE TABLE plain (v VECTOR({dimension}) NOT NULL)"
    assert_sql(
        schema_of(schema_with(index, metric, dimension), "plain"),
        sqlite=f"CREATE TABLE plain (v F32_BLOB({dimension}) NOT NULL){plain_log(metric)}",
        postgresql=f"""
            {vector};
            CREATE INDEX ix_plain_v_{kind} ON plain
                USING {kind} (CAST(v AS HALFVEC({dimension})) {operators}) WITH ({options})""",
        mysql=vector,
        mariadb=vector + mariadb_index(kind, metric, " M=16" if kind == "hnsw" else ""),
    )


def test_an_index_over_wide_vectors_keeps_its_names_and_its_model() -> None:
    metadata = MetaData()
    column: Column[Any] = Column("Odd %", VectorType(2001), nullable=False)
    table = Table("Wide", metadata, column, schema="a b")
    index = vector_index(column, HNSW(), Metric.L2)
    made = CreateIndex(index, if_not_exists=True)
    assert sql_of(made, "postgresql") == (
        'CREATE INDEX IF NOT EXISTS "ix_Wide_Odd %_hnsw" ON "a b"."Wide"'
        ' USING hnsw (CAST("Odd %" AS HALFVEC(2001)) halfvec_l2_ops)'
        " WITH (m = 16, ef_construction = 64)"
    )
    assert list(index.columns) == [column]
    assert table.indexes == {index}


@pytest.mark.parametrize(("index", "links"), [(HNSW(), " M=16"), (IVFFlat(), "")])
def test_an_index_over_too_many_dimensions(index: HNSW | IVFFlat, links: str) -> None:
    kind = type(index).__name__.lower()
    vector = "CREATE TABLE plain (v VECTOR(4001) NOT NULL)"
    assert_sql(
        schema_of(schema_with(index, Metric.L2, 4001), "plain"),
        sqlite="CREATE TABLE plain (v F32_BLOB(4001) NOT NULL)" + change_log("plain", "v"),
        postgresql=unsupported("index over 4001 dimensions"),
        mysql=vector,
        mariadb=vector + mariadb_index(kind, Metric.L2, links),
    )


@pytest.mark.parametrize(("index", "links"), [(HNSW(), " M=16"), (IVFFlat(), "")])
def test_an_index_over_more_dimensions_than_mariadb_takes(
    index: HNSW | IVFFlat, links: str
) -> None:
    vector = "CREATE TABLE plain (v VECTOR(16383) NOT NULL)"
    assert_sql(
        schema_of(schema_with(index, Metric.L2, 16383), "plain"),
        sqlite="CREATE TABLE plain (v F32_BLOB(16383) NOT NULL)" + change_log("plain", "v"),
        postgresql=unsupported("index over 16383 dimensions"),
        mysql=vector,
        mariadb=vector + mariadb_index(type(index).__name__.lower(), Metric.L2, links),
    )
    for dimension, said, blob in (
        (16384, "16384", "F32_BLOB(16384)"),
        (None, "an open number of", "BLOB"),
    ):
        assert_sql(
            schema_of(schema_with(index, Metric.L2, dimension), "plain"),
            sqlite=f"CREATE TABLE plain (v {blob} NOT NULL)"
            + (change_log("plain", "v") if dimension else ""),
            postgresql=unsupported(f"index over {said} dimensions"),
            mysql="CREATE TABLE plain (v LONGBLOB NOT NULL)",
            mariadb=unsupported(f"index over {said} dimensions"),
        )


def test_what_mariadb_does_not_rank_by_needs_no_index_at_any_dimension() -> None:
    created = schema_of(schema_with(HNSW(), Metric.L1, 16384), "plain")
    assert sql_of(created, "mariadb") == "CREATE TABLE plain (v LONGBLOB NOT NULL)"


@pytest.mark.parametrize(("links", "most"), [(2, 3), (3, 3), (100, 100)])
def test_mariadb_is_given_the_links_that_it_takes(links: int, most: int) -> None:
    index = HNSW(m=links, ef_construction=2 * max(links, 2))
    for engine in ("mariadb", MARIADB_BEHIND_MYSQL):
        assert sql_of(schema_of(schema_with(index, Metric.COSINE), "plain"), engine) == folded(f"""
            CREATE TABLE plain (v VECTOR(2) NOT NULL);
            CREATE VECTOR INDEX ix_plain_v_hnsw ON plain (v) M={most} DISTANCE=cosine""")


def test_a_long_name_of_an_index_is_cut_and_stays_unique() -> None:
    metadata = MetaData()
    name = "a_table_whose_name_is_long_enough_for_two_lines"
    plain = Table(name, metadata, Column("first", VectorType(2)), Column("second", VectorType(2)))
    made = [vector_index(column, HNSW(), Metric.L2) for column in plain.c]
    assert [index.name for index in made] == [
        "ix_a_table_whose_name_is_long_enough_for_two_lines__83ba1e22",
        "ix_a_table_whose_name_is_long_enough_for_two_lines__55a31a41",
    ]


def test_two_indexed_vectors_on_one_entity_have_an_index_each() -> None:
    class Twofold(Library, table=True):
        id: int | None = Field(default=None, primary_key=True)
        front: Vector = vector_field(2, index=HNSW())
        back: Vector = vector_field(2, index=HNSW())

    sql = sql_of(schema_of(Library.metadata, "twofold"), "postgresql")
    assert sql.count("USING hnsw") == 2
    assert issubclass(Twofold, Entity)
