"""The DDL of tables and indexes, as a first `create_all` would send it."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, MetaData, Table

from agentorm import HNSW, Entity, Field, IVFFlat, Metric, Vector, VectorType, vector_field
from agentorm.errors import InvalidModel
from agentorm.indexes import vector_index
from tests.compile.library import Library
from tests.compile.sql_of import assert_sql, schema_of, sql_of, unsupported


def test_one_column_of_each_scalar_type() -> None:
    mysql = """
        CREATE TABLE everything (
            id CHAR(32) NOT NULL, code VARCHAR(255) NOT NULL, label VARCHAR(40) NOT NULL,
            prose TEXT NOT NULL, topic VARCHAR(255) NOT NULL, whole BIGINT NOT NULL,
            half DOUBLE NOT NULL, price NUMERIC(18, 6) NOT NULL, exact NUMERIC(10, 2) NOT NULL,
            flag BOOL NOT NULL, moment DATETIME NOT NULL, local DATETIME NOT NULL,
            day DATE NOT NULL, hour TIME NOT NULL, lasting DATETIME NOT NULL, raw BLOB NOT NULL,
            perhaps BIGINT,
            PRIMARY KEY (id), UNIQUE (code, day));
        CREATE INDEX ix_everything_topic ON everything (topic)"""
    assert_sql(
        schema_of(Library.metadata, "everything"),
        sqlite="""
            CREATE TABLE everything (
                id CHAR(32) NOT NULL, code VARCHAR(255) NOT NULL, label VARCHAR(40) NOT NULL,
                prose TEXT NOT NULL, topic VARCHAR(255) NOT NULL, whole INTEGER NOT NULL,
                half DOUBLE NOT NULL, price BIGINT NOT NULL, exact BIGINT NOT NULL,
                flag BOOLEAN NOT NULL, moment DATETIME NOT NULL, local DATETIME NOT NULL,
                day DATE NOT NULL, hour TIME NOT NULL, lasting DATETIME NOT NULL,
                raw BLOB NOT NULL, perhaps INTEGER,
                PRIMARY KEY (id), UNIQUE (code, day));
            CREATE INDEX ix_everything_topic ON everything (topic)""",
        postgresql="""
            CREATE TABLE everything (
                id UUID NOT NULL, code VARCHAR(255) COLLATE "C" NOT NULL,
                label VARCHAR(40) COLLATE "C" NOT NULL, prose TEXT COLLATE "C" NOT NULL,
                topic VARCHAR(255) COLLATE "C" NOT NULL, whole BIGINT NOT NULL,
                half DOUBLE PRECISION NOT NULL, price NUMERIC(18, 6) NOT NULL,
                exact NUMERIC(10, 2) NOT NULL, flag BOOLEAN NOT NULL,
                moment TIMESTAMP WITH TIME ZONE NOT NULL,
                local TIMESTAMP WITHOUT TIME ZONE NOT NULL, day DATE NOT NULL,
                hour TIME WITHOUT TIME ZONE NOT NULL, lasting INTERVAL NOT NULL,
                raw BYTEA NOT NULL, perhaps BIGINT,
                PRIMARY KEY (id), UNIQUE (code, day));
            CREATE INDEX ix_everything_topic ON everything (topic)""",
        mysql=mysql,
        mariadb=mysql.replace("id CHAR(32)", "id UUID"),
    )


def test_an_enum_is_the_text_of_its_name_and_sorts_as_text_does() -> None:
    plain = "CREATE TABLE feeling (mood VARCHAR(255) NOT NULL, PRIMARY KEY (mood))"
    assert_sql(
        schema_of(Library.metadata, "feeling"),
        sqlite=plain,
        postgresql="""
            CREATE TABLE feeling (mood VARCHAR(255) COLLATE "C" NOT NULL, PRIMARY KEY (mood))""",
        mysql=plain,
        mariadb=plain,
    )


def test_a_generated_key() -> None:
    mysql = """
        CREATE TABLE author (id BIGINT NOT NULL AUTO_INCREMENT, name VARCHAR(255) NOT NULL,
            PRIMARY KEY (id), UNIQUE (name))"""
    assert_sql(
        schema_of(Library.metadata, "author"),
        sqlite="""
            CREATE TABLE author (id INTEGER NOT NULL, name VARCHAR(255) NOT NULL,
                PRIMARY KEY (id), UNIQUE (name))""",
        postgresql="""
            CREATE TABLE author (id BIGSERIAL NOT NULL, name VARCHAR(255) COLLATE "C" NOT NULL,
                PRIMARY KEY (id), UNIQUE (name))""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_a_composite_key_and_one_that_refers_to_it() -> None:
    mysql = """
        CREATE TABLE loan (
            branch VARCHAR(255) NOT NULL, number BIGINT NOT NULL, embedding BLOB NOT NULL,
            PRIMARY KEY (branch, number));
        CREATE TABLE stamp (
            id BIGINT NOT NULL AUTO_INCREMENT, day DATE NOT NULL, branch VARCHAR(255) NOT NULL,
            number BIGINT NOT NULL, PRIMARY KEY (id),
            FOREIGN KEY(branch, number) REFERENCES loan (branch, number))"""
    assert_sql(
        schema_of(Library.metadata, "loan", "stamp"),
        sqlite="""
            CREATE TABLE loan (
                branch VARCHAR(255) NOT NULL, number INTEGER NOT NULL, embedding BLOB NOT NULL,
                PRIMARY KEY (branch, number));
            CREATE TABLE stamp (
                id INTEGER NOT NULL, day DATE NOT NULL, branch VARCHAR(255) NOT NULL,
                number INTEGER NOT NULL, PRIMARY KEY (id),
                FOREIGN KEY(branch, number) REFERENCES loan (branch, number))""",
        postgresql="""
            CREATE TABLE loan (
                branch VARCHAR(255) COLLATE "C" NOT NULL, number BIGINT NOT NULL,
                embedding VECTOR(2) NOT NULL, PRIMARY KEY (branch, number));
            CREATE TABLE stamp (
                id BIGSERIAL NOT NULL, day DATE NOT NULL,
                branch VARCHAR(255) COLLATE "C" NOT NULL, number BIGINT NOT NULL,
                PRIMARY KEY (id),
                FOREIGN KEY(branch, number) REFERENCES loan (branch, number))""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_json() -> None:
    mysql = """
        CREATE TABLE note (id BIGINT NOT NULL AUTO_INCREMENT, meta JSON NOT NULL, tags JSON,
            PRIMARY KEY (id))"""
    assert_sql(
        schema_of(Library.metadata, "note"),
        sqlite="""
            CREATE TABLE note (id INTEGER NOT NULL, meta JSON NOT NULL, tags JSON,
                PRIMARY KEY (id))""",
        postgresql="""
            CREATE TABLE note (id BIGSERIAL NOT NULL, meta JSONB NOT NULL, tags JSONB,
                PRIMARY KEY (id))""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_vectors_and_the_indexes_that_an_engine_has() -> None:
    mysql = """
        CREATE TABLE page (
            id BIGINT NOT NULL AUTO_INCREMENT, distance DOUBLE NOT NULL, text BLOB NOT NULL,
            image BLOB NOT NULL, PRIMARY KEY (id))"""
    assert_sql(
        schema_of(Library.metadata, "page"),
        sqlite="""
            CREATE TABLE page (
                id INTEGER NOT NULL, distance DOUBLE NOT NULL, text BLOB NOT NULL,
                image BLOB NOT NULL, PRIMARY KEY (id))""",
        postgresql="""
            CREATE TABLE page (
                id BIGSERIAL NOT NULL, distance DOUBLE PRECISION NOT NULL,
                text VECTOR(2) NOT NULL, image VECTOR(4) NOT NULL, PRIMARY KEY (id));
            CREATE INDEX ix_page_image_ivfflat ON page
                USING ivfflat (image vector_l2_ops) WITH (lists = 10);
            CREATE INDEX ix_page_text_hnsw ON page
                USING hnsw (text vector_ip_ops) WITH (m = 8, ef_construction = 32)""",
        mysql=mysql,
        mariadb=mysql,
    )


OPERATOR_CLASSES = {
    Metric.COSINE: "vector_cosine_ops",
    Metric.L2: "vector_l2_ops",
    Metric.INNER_PRODUCT: "vector_ip_ops",
    Metric.L1: "vector_l1_ops",
}


def schema_with(index: HNSW | IVFFlat, metric: Metric, dimension: int = 2) -> MetaData:
    metadata = MetaData()
    plain = Table("plain", metadata, Column("v", VectorType(dimension)))
    vector_index(plain.c.v, index, metric)
    return metadata


@pytest.mark.parametrize("metric", OPERATOR_CLASSES)
def test_an_hnsw_index_of_every_metric(metric: Metric) -> None:
    assert_sql(
        schema_of(schema_with(HNSW(), metric), "plain"),
        sqlite="CREATE TABLE plain (v BLOB)",
        postgresql=f"""
            CREATE TABLE plain (v VECTOR(2));
            CREATE INDEX ix_plain_v_hnsw ON plain
                USING hnsw (v {OPERATOR_CLASSES[metric]}) WITH (m = 16, ef_construction = 64)""",
        mysql="CREATE TABLE plain (v BLOB)",
        mariadb="CREATE TABLE plain (v BLOB)",
    )


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2, Metric.INNER_PRODUCT])
def test_an_ivfflat_index_of_every_metric_it_knows(metric: Metric) -> None:
    assert_sql(
        schema_of(schema_with(IVFFlat(), metric), "plain"),
        sqlite="CREATE TABLE plain (v BLOB)",
        postgresql=f"""
            CREATE TABLE plain (v VECTOR(2));
            CREATE INDEX ix_plain_v_ivfflat ON plain
                USING ivfflat (v {OPERATOR_CLASSES[metric]}) WITH (lists = 100)""",
        mysql="CREATE TABLE plain (v BLOB)",
        mariadb="CREATE TABLE plain (v BLOB)",
    )


def test_an_index_takes_no_metric_that_it_does_not_know() -> None:
    with pytest.raises(InvalidModel, match="IVFFlat cannot rank by l1"):
        schema_with(IVFFlat(), Metric.L1)


@pytest.mark.parametrize("index", [HNSW(), IVFFlat()])
def test_an_index_over_too_many_dimensions(index: HNSW | IVFFlat) -> None:
    widest = schema_of(schema_with(index, Metric.L2, 2000), "plain")
    assert f"USING {type(index).__name__.lower()} (v vector_l2_ops)" in sql_of(widest, "postgresql")
    assert_sql(
        schema_of(schema_with(index, Metric.L2, 2001), "plain"),
        sqlite="CREATE TABLE plain (v BLOB)",
        postgresql=unsupported("index over 2001 dimensions"),
        mysql="CREATE TABLE plain (v BLOB)",
        mariadb="CREATE TABLE plain (v BLOB)",
    )


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


def test_a_column_of_any_dimension() -> None:
    metadata = MetaData()
    Table("plain", metadata, Column("v", VectorType()))
    assert_sql(
        schema_of(metadata, "plain"),
        sqlite="CREATE TABLE plain (v BLOB)",
        postgresql="CREATE TABLE plain (v VECTOR)",
        mysql="CREATE TABLE plain (v BLOB)",
        mariadb="CREATE TABLE plain (v BLOB)",
    )
