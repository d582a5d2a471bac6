"""The DDL of columns: one type for the same values on every engine."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table
from sqlalchemy.types import TypeEngine

from agentorm import VectorType
from agentorm.scalars import BytesType, DecimalType, StringType
from tests.compile.library import Library
from tests.compile.sql_of import MARIADB_BEHIND_MYSQL, assert_sql, schema_of, sql_of, unsupported


def table_of(*types: TypeEngine[Any]) -> MetaData:
    """A table `plain` with a column of each type, in the order of the alphabet."""
    metadata = MetaData()
    columns = [Column(name, kind) for name, kind in zip("abcdef", types, strict=False)]
    Table("plain", metadata, *columns)
    return metadata


def test_one_column_of_each_scalar_type() -> None:
    mysql = """
        CREATE TABLE everything (
            id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
            code VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            label VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            prose LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            topic VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            whole BIGINT NOT NULL, half DOUBLE NOT NULL, price NUMERIC(18, 6) NOT NULL,
            exact NUMERIC(10, 2) NOT NULL, flag BOOL NOT NULL, moment DATETIME(6) NOT NULL,
            local DATETIME(6) NOT NULL, day DATE NOT NULL, hour TIME(6) NOT NULL,
            lasting DATETIME(6) NOT NULL, raw LONGBLOB NOT NULL, perhaps BIGINT,
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
        mariadb=mysql.replace("0900_bin", "nopad_bin"),
    )


def test_an_enum_is_the_text_of_its_name_and_sorts_as_text_does() -> None:
    mysql = """
        CREATE TABLE feeling (
            mood VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            PRIMARY KEY (mood))"""
    assert_sql(
        schema_of(Library.metadata, "feeling"),
        sqlite="CREATE TABLE feeling (mood VARCHAR(255) NOT NULL, PRIMARY KEY (mood))",
        postgresql="""
            CREATE TABLE feeling (mood VARCHAR(255) COLLATE "C" NOT NULL, PRIMARY KEY (mood))""",
        mysql=mysql,
        mariadb=mysql.replace("0900_bin", "nopad_bin"),
    )


def test_a_column_of_any_dimension() -> None:
    metadata = MetaData()
    Table("plain", metadata, Column("v", VectorType()))
    assert_sql(
        schema_of(metadata, "plain"),
        sqlite="CREATE TABLE plain (v BLOB)",
        postgresql="CREATE TABLE plain (v VECTOR)",
        mysql="CREATE TABLE plain (v LONGBLOB)",
        mariadb="CREATE TABLE plain (v LONGBLOB)",
    )


def test_keys_of_every_type_that_has_a_length() -> None:
    mysql = """
        CREATE TABLE labelled (
            word VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            digest VARBINARY(255) NOT NULL,
            language VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            seal VARBINARY(64) NOT NULL,
            PRIMARY KEY (word, digest), UNIQUE (language));
        CREATE INDEX ix_labelled_seal ON labelled (seal)"""
    assert_sql(
        schema_of(Library.metadata, "labelled"),
        sqlite="""
            CREATE TABLE labelled (
                word VARCHAR(255) NOT NULL, digest BLOB NOT NULL, language VARCHAR(8) NOT NULL,
                seal BLOB NOT NULL, PRIMARY KEY (word, digest), UNIQUE (language));
            CREATE INDEX ix_labelled_seal ON labelled (seal)""",
        postgresql="""
            CREATE TABLE labelled (
                word VARCHAR(255) COLLATE "C" NOT NULL, digest BYTEA NOT NULL,
                language VARCHAR(8) COLLATE "C" NOT NULL, seal BYTEA NOT NULL,
                PRIMARY KEY (word, digest), UNIQUE (language));
            CREATE INDEX ix_labelled_seal ON labelled (seal)""",
        mysql=mysql,
        mariadb=mysql.replace("0900_bin", "nopad_bin"),
    )


def test_text_and_bytes_that_no_key_could_hold_are_long() -> None:
    mysql = """
        CREATE TABLE plain (
            a VARCHAR(768) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
            b LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
            c VARBINARY(3072), d LONGBLOB)"""
    assert_sql(
        schema_of(
            table_of(StringType(768), StringType(769), BytesType(3072), BytesType(3073)), "plain"
        ),
        sqlite="CREATE TABLE plain (a VARCHAR(768), b VARCHAR(769), c BLOB, d BLOB)",
        postgresql="""
            CREATE TABLE plain (
                a VARCHAR(768) COLLATE "C", b VARCHAR(769) COLLATE "C", c BYTEA, d BYTEA)""",
        mysql=mysql,
        mariadb=mysql.replace("0900_bin", "nopad_bin"),
    )


def test_the_longest_decimals() -> None:
    widest = "CREATE TABLE plain (a NUMERIC(65, 30))"
    assert_sql(
        schema_of(table_of(DecimalType(65, 30)), "plain"),
        sqlite=unsupported("decimals of 65 digits"),
        postgresql=widest,
        mysql=widest,
        mariadb=widest,
    )
    assert_sql(
        schema_of(table_of(DecimalType(18, 18)), "plain"),
        sqlite="CREATE TABLE plain (a BIGINT)",
        postgresql="CREATE TABLE plain (a NUMERIC(18, 18))",
        mysql="CREATE TABLE plain (a NUMERIC(18, 18))",
        mariadb="CREATE TABLE plain (a NUMERIC(18, 18))",
    )


@pytest.mark.parametrize(("precision", "scale"), [(66, 2), (31, 31)])
def test_longer_decimals(precision: int, scale: int) -> None:
    said = f"decimals of {precision} digits, {scale} of them after the point"
    assert_sql(
        schema_of(table_of(DecimalType(precision, scale)), "plain"),
        sqlite=unsupported(f"decimals of {precision} digits"),
        postgresql=f"CREATE TABLE plain (a NUMERIC({precision}, {scale}))",
        mysql=unsupported(f"mysql does not support {said}"),
        mariadb=unsupported(f"mariadb does not support {said}"),
    )


@pytest.mark.parametrize("engine", ["mysql", "mariadb", MARIADB_BEHIND_MYSQL])
def test_a_vector_of_more_dimensions_than_the_type_takes_is_bytes(engine: str) -> None:
    created = schema_of(table_of(VectorType(16383), VectorType(16384), VectorType()), "plain")
    assert sql_of(created, engine) == "CREATE TABLE plain (a VECTOR(16383), b LONGBLOB, c LONGBLOB)"


def test_what_is_kept_as_bytes_is_read_as_it_is() -> None:
    metadata = table_of(VectorType(2), VectorType(16384), VectorType())
    assert_sql(
        metadata.tables["plain"].select(),
        sqlite="SELECT plain.a, plain.b, plain.c FROM plain",
        postgresql="SELECT plain.a, plain.b, plain.c FROM plain",
        mysql="SELECT CAST(plain.a AS BINARY) AS a, plain.b, plain.c FROM plain",
        mariadb="SELECT plain.a, plain.b, plain.c FROM plain",
    )
