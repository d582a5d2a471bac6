"""The DDL of tables and their keys, as a first `create_all` would send it."""

from __future__ import annotations

from tests.compile.library import Library
from tests.compile.sql_of import MARIADB_BEHIND_MYSQL, assert_sql, folded, schema_of, sql_of


def test_a_generated_key() -> None:
    mysql = """
        CREATE TABLE author (
            id BIGINT NOT NULL AUTO_INCREMENT,
            name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
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
        mariadb=mysql.replace("0900_bin", "nopad_bin"),
    )


def test_a_composite_key_and_one_that_refers_to_it() -> None:
    mysql = """
        CREATE TABLE loan (
            branch VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            number BIGINT NOT NULL, embedding VECTOR(2) NOT NULL, PRIMARY KEY (branch, number));
        CREATE TABLE stamp (
            id BIGINT NOT NULL AUTO_INCREMENT, day DATE NOT NULL,
            branch VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            number BIGINT NOT NULL, PRIMARY KEY (id),
            FOREIGN KEY(branch, number) REFERENCES loan (branch, number))"""
    assert_sql(
        schema_of(Library.metadata, "loan", "stamp"),
        sqlite="""
            CREATE TABLE loan (
                branch VARCHAR(255) NOT NULL, number INTEGER NOT NULL,
                embedding F32_BLOB(2) NOT NULL,
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
        mariadb=mysql.replace("0900_bin", "nopad_bin"),
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


def test_every_table_behind_a_url_of_mysql_is_as_mariadb_has_it_when_it_is_mariadb() -> None:
    for name in Library.metadata.tables:
        created = schema_of(Library.metadata, name)
        assert sql_of(created, MARIADB_BEHIND_MYSQL) == sql_of(created, "mariadb")
    assert sql_of(schema_of(Library.metadata, "picture"), MARIADB_BEHIND_MYSQL) == folded("""
        CREATE TABLE picture (
            id BIGINT NOT NULL AUTO_INCREMENT, owner_id BIGINT, pixels VECTOR(3) NOT NULL,
            PRIMARY KEY (id), FOREIGN KEY(owner_id) REFERENCES author (id));
        CREATE VECTOR INDEX ix_picture_pixels_hnsw ON picture (pixels) M=8 DISTANCE=cosine""")
    assert sql_of(schema_of(Library.metadata, "feeling"), MARIADB_BEHIND_MYSQL) == folded("""
        CREATE TABLE feeling (
            mood VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
            PRIMARY KEY (mood))""")
