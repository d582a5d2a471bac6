# ruff: noqa: S608  # the SQL is of constants alone
"""The DDL of full-text indexes, as a first `create_all` would send it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import registry

from agentorm import Entity, Field, IntegerType, InvalidModel, StringType, text_field
from agentorm.dialects.text_storage import LANGUAGES
from agentorm.text_indexes import TextField, text_index
from tests.compile.sql_of import assert_sql, schema_of


class Told(Entity, registry=registry()):
    """What all of them derive from."""


class TXDoc(Told, table=True):
    id: int | None = Field(default=None, primary_key=True)
    body: str = text_field(search="english")


class TXPage(Told, table=True):
    book: str = Field(primary_key=True, max_length=20)
    number: int = Field(primary_key=True)
    note: str | None = text_field(search="german", default=None, max_length=50)


TSVECTOR = """
    tsvector GENERATED ALWAYS AS (to_tsvector('{0}'::regconfig, left(translate({1},
    E'!"#$\\x25&''()*+,-./:;<=>?@[\\\\]^_`{{|}}~', repeat(' ', 32)), 200000))) STORED"""
FULLTEXT = """
    LONGTEXT CHARACTER SET utf8mb4 COLLATE {0} GENERATED ALWAYS AS (REPLACE({1}, '_', ' ')) STORED,
    ADD FULLTEXT INDEX"""
LETTERS = "unicode61 remove_diacritics 0 categories 'L* M* N*'"


def test_a_key_of_one_integer() -> None:
    assert_sql(
        schema_of(TXDoc.metadata, "txdoc"),
        sqlite=f"""
            CREATE TABLE txdoc (id INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id));
            CREATE VIRTUAL TABLE ft_txdoc_body USING fts5(body, content='txdoc',
                content_rowid='rowid', tokenize="porter {LETTERS}");
            CREATE TRIGGER ft_txdoc_body_insert AFTER INSERT ON txdoc BEGIN
                INSERT INTO ft_txdoc_body(rowid, body) VALUES (new.rowid, new.body); END;
            CREATE TRIGGER ft_txdoc_body_update AFTER UPDATE ON txdoc
                WHEN old.body IS NOT new.body COLLATE BINARY OR old.rowid <> new.rowid BEGIN
                INSERT INTO ft_txdoc_body(ft_txdoc_body, rowid, body)
                    VALUES ('delete', old.rowid, old.body);
                INSERT INTO ft_txdoc_body(rowid, body) VALUES (new.rowid, new.body); END;
            CREATE TRIGGER ft_txdoc_body_delete AFTER DELETE ON txdoc BEGIN
                INSERT INTO ft_txdoc_body(ft_txdoc_body, rowid, body)
                    VALUES ('delete', old.rowid, old.body); END""",
        postgresql=f"""
            CREATE TABLE txdoc (id BIGSERIAL NOT NULL, body TEXT COLLATE "C" NOT NULL,
                PRIMARY KEY (id));
            ALTER TABLE txdoc ADD COLUMN body_search {TSVECTOR.format("english", "body")};
            CREATE INDEX ft_txdoc_body ON txdoc USING gin (body_search)""",
        mysql=f"""
            CREATE TABLE txdoc (id BIGINT NOT NULL AUTO_INCREMENT,
                body LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
                PRIMARY KEY (id));
            ALTER TABLE txdoc ADD COLUMN body_search
                {FULLTEXT.format("utf8mb4_0900_as_ci", "body")} ft_txdoc_body (body_search)""",
        mariadb=f"""
            CREATE TABLE txdoc (id BIGINT NOT NULL AUTO_INCREMENT,
                `body` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
                PRIMARY KEY (id));
            ALTER TABLE txdoc ADD COLUMN body_search
                {FULLTEXT.format("utf8mb4_uca1400_as_ci", "`body`")} ft_txdoc_body (body_search)""",
    )


def test_another_key() -> None:
    mysql = """
        CREATE TABLE txpage (
            book VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL,
            number BIGINT NOT NULL,
            note VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
            PRIMARY KEY (book, number));"""
    assert_sql(
        schema_of(TXPage.metadata, "txpage"),
        sqlite=f"""
            CREATE TABLE txpage (book VARCHAR(20) NOT NULL, number INTEGER NOT NULL,
                note VARCHAR(50), PRIMARY KEY (book, number));
            CREATE TABLE ft_txpage_note_keys (rowid INTEGER PRIMARY KEY,
                book VARCHAR(20), number INTEGER, UNIQUE (book, number));
            CREATE VIRTUAL TABLE ft_txpage_note USING fts5(note, tokenize="{LETTERS}");
            CREATE TRIGGER ft_txpage_note_insert AFTER INSERT ON txpage BEGIN
                INSERT INTO ft_txpage_note_keys(book, number) VALUES (new.book, new.number);
                INSERT INTO ft_txpage_note(rowid, note)
                    SELECT ft_txpage_note_keys.rowid, new.note FROM ft_txpage_note_keys
                    WHERE book = new.book AND number = new.number; END;
            CREATE TRIGGER ft_txpage_note_update AFTER UPDATE ON txpage
                WHEN old.note IS NOT new.note COLLATE BINARY
                    OR old.book IS NOT new.book OR old.number IS NOT new.number BEGIN
                UPDATE ft_txpage_note_keys SET book = new.book, number = new.number
                    WHERE book = old.book AND number = old.number;
                UPDATE ft_txpage_note SET note = new.note WHERE rowid = (
                    SELECT rowid FROM ft_txpage_note_keys
                    WHERE book = new.book AND number = new.number); END;
            CREATE TRIGGER ft_txpage_note_delete AFTER DELETE ON txpage BEGIN
                DELETE FROM ft_txpage_note WHERE rowid = (
                    SELECT rowid FROM ft_txpage_note_keys
                    WHERE book = old.book AND number = old.number);
                DELETE FROM ft_txpage_note_keys
                    WHERE book = old.book AND number = old.number; END""",
        postgresql=f"""
            CREATE TABLE txpage (book VARCHAR(20) COLLATE "C" NOT NULL, number BIGINT NOT NULL,
                note VARCHAR(50) COLLATE "C", PRIMARY KEY (book, number));
            ALTER TABLE txpage ADD COLUMN note_search {TSVECTOR.format("german", "note")};
            CREATE INDEX ft_txpage_note ON txpage USING gin (note_search)""",
        mysql=f"""{mysql}
            ALTER TABLE txpage ADD COLUMN note_search
                {FULLTEXT.format("utf8mb4_0900_as_ci", "note")} ft_txpage_note (note_search)""",
        mariadb=f"""{mysql.replace("0900_bin", "nopad_bin")}
            ALTER TABLE txpage ADD COLUMN note_search
                {FULLTEXT.format("utf8mb4_uca1400_as_ci", "note")} ft_txpage_note (note_search)""",
    )


def table(*columns: Column[str], **options: Any) -> Table:
    key: Column[int] = Column("id", IntegerType(), primary_key=True)
    return Table("tx", MetaData(), key, *columns, **options)


def test_a_hidden_column_that_the_table_has() -> None:
    made = table(Column("body", StringType()), Column("Body_Search", StringType()))
    wanted = "tx.body is searched in a hidden column body_search, which the table has"
    with pytest.raises(InvalidModel, match=wanted):
        text_index(made.c.body, "english")


@pytest.mark.parametrize("name", ["rank", "Rank"])
def test_a_name_that_an_index_has_itself(name: str) -> None:
    made = table(Column(name, StringType()))
    with pytest.raises(InvalidModel, match=f"a full-text index has a column {name} of its own"):
        text_index(made.c[name], "english")


def test_a_column_that_hides_the_row_ids() -> None:
    made = table(Column("body", StringType()), Column("rowid", StringType()))
    with pytest.raises(InvalidModel, match="its column rowid hides the row ids of SQLite"):
        text_index(made.c.body, "english")
    key = Table(
        "tx",
        MetaData(),
        Column("rowid", IntegerType(), primary_key=True),
        Column("body", StringType()),
    )
    text_index(key.c.body, "english")


def test_a_table_without_row_ids() -> None:
    made = table(Column("body", StringType()), sqlite_with_rowid=False)
    with pytest.raises(InvalidModel, match="tx is searched, and SQLite gives it no row ids"):
        text_index(made.c.body, "english")


def test_a_key_of_a_type_that_sqlite_does_not_know() -> None:
    made = Table(
        "tx", MetaData(), Column("id", INET(), primary_key=True), Column("body", StringType())
    )
    text_index(made.c.body, "english")
    assert "CREATE INDEX ft_tx_body" in schema_of(made.metadata, "tx")("postgresql")


def test_what_is_no_text() -> None:
    made = Table("tx", MetaData(), Column("n", Integer()))
    with pytest.raises(InvalidModel, match=r"tx\.n is declared as text, and its type is Integer"):
        text_index(made.c.n, "english")


def test_an_unknown_language() -> None:
    with pytest.raises(InvalidModel, match="a search in the language 'klingon'") as refused:
        text_field(search="klingon")
    assert "english" in str(refused.value)
    with pytest.raises(InvalidModel):
        TextField("")
    assert {"simple", "english", "yiddish"} <= LANGUAGES
    assert len(LANGUAGES) == 29


def test_a_table_copied_into_other_metadata_keeps_its_index() -> None:
    other = MetaData()
    TXDoc.metadata.tables["txdoc"].to_metadata(other)
    created = schema_of(other, "txdoc")("postgresql")
    assert "CREATE INDEX ft_txdoc_body" in created
