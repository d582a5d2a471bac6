"""Text found in a JSON document is compared as the text beside it: by code point."""

from __future__ import annotations

import pytest
from sqlalchemy import ColumnElement, func, select

from agentorm import col, repository
from tests.compile.library import Note
from tests.compile.sql_of import MARIADB_BEHIND_MYSQL, assert_sql, folded, sql_of

NOTES = repository(Note)
KIND = col(Note.meta)["kind"].as_string()
SQLITE = """
    (CASE WHEN json_type(note.meta, :meta_1) = 'text'
    THEN json_extract(note.meta, :meta_1) END)"""
POSTGRESQL = """
    ((CASE WHEN jsonb_typeof((note.meta -> :meta_1::VARCHAR)) = 'string'
    THEN ((note.meta -> :meta_1::VARCHAR) #>> '{}') END) COLLATE "C")"""
MYSQL = """
    ((CASE WHEN JSON_TYPE(JSON_EXTRACT(note.meta, :meta_1)) = 'STRING'
    THEN JSON_UNQUOTE(JSON_EXTRACT(note.meta, :meta_1)) END) COLLATE utf8mb4_0900_bin)"""
MARIADB = MYSQL.replace("0900_bin", "nopad_bin")


@pytest.mark.parametrize(
    ("condition", "rest"),
    [
        (KIND == "x", "= :param_1"),
        (KIND != "x", "!= :param_1"),
        (KIND < "x", "< :param_1"),
        (KIND.in_(["x", "y"]), "IN (:param_1_1, :param_1_2)"),
        (KIND.is_(None), "IS NULL"),
    ],
)
def test_a_condition_on_a_json_field(condition: ColumnElement[bool], rest: str) -> None:
    select = "SELECT note.id, note.meta, note.tags FROM note WHERE"
    assert_sql(
        NOTES.where(condition),
        sqlite=f"{select} {SQLITE} {rest} ORDER BY note.id",
        postgresql=f"{select} {POSTGRESQL} {rest} ORDER BY note.id",
        mysql=f"{select} {MYSQL} {rest} ORDER BY note.id",
        mariadb=f"{select} {MARIADB} {rest} ORDER BY note.id",
    )


def test_text_deeper_in_a_document_is_found_by_its_path() -> None:
    found = col(Note.meta)["a", "b"][0].as_string()
    select = "SELECT note.id, note.meta, note.tags FROM note WHERE"
    up_to = "((note.meta -> :meta_1::VARCHAR) -> :meta_2::VARCHAR)"
    array = "CASE WHEN JSON_TYPE(JSON_EXTRACT(note.meta, :meta_2)) = 'ARRAY' THEN"
    mysql = f"""
        {select} ((CASE WHEN {array} JSON_TYPE(JSON_EXTRACT(note.meta, :meta_1)) END = 'STRING'
        THEN JSON_UNQUOTE(JSON_EXTRACT(note.meta, :meta_1)) END) COLLATE utf8mb4_0900_bin)
        = :param_1 ORDER BY note.id"""
    assert_sql(
        NOTES.where(found == "x"),
        sqlite=f"{select} {SQLITE} = :param_1 ORDER BY note.id",
        postgresql=f"""
            {select} ((CASE WHEN CASE WHEN jsonb_typeof({up_to}) = 'array'
            THEN jsonb_typeof(({up_to} -> :meta_3::INTEGER)) END = 'string'
            THEN (({up_to} -> :meta_3::INTEGER) #>> '{{}}') END) COLLATE "C")
            = :param_1 ORDER BY note.id""",
        mysql=mysql,
        mariadb=mysql.replace("0900_bin", "nopad_bin"),
    )


def test_an_order_by_text_in_a_document() -> None:
    select = "SELECT note.id, note.meta, note.tags FROM note ORDER BY"
    assert_sql(
        NOTES.order_by(KIND, KIND.desc()),
        sqlite=f"{select} {SQLITE}, {SQLITE} DESC, note.id",
        postgresql=f"""
            {select} {POSTGRESQL} NULLS FIRST, {POSTGRESQL} DESC NULLS LAST, note.id""",
        mysql=f"{select} {MYSQL}, {MYSQL} DESC, note.id",
        mariadb=f"{select} {MARIADB}, {MARIADB} DESC, note.id",
    )


def test_groups_by_text_in_a_document() -> None:
    kind = KIND.label("kind")
    grouped = "AS kind, count(*) AS n FROM note GROUP BY"
    assert_sql(
        select(kind, func.count().label("n")).group_by(kind),
        sqlite=f"SELECT {SQLITE} {grouped} {SQLITE}",
        postgresql=f"SELECT {POSTGRESQL} {grouped} {POSTGRESQL}",
        mysql=f"SELECT {MYSQL} {grouped} {MYSQL}",
        mariadb=f"SELECT {MARIADB} {grouped} {MARIADB}",
    )


def test_the_collation_is_that_of_the_server_behind_the_url() -> None:
    selected = sql_of(select(KIND.label("kind")), MARIADB_BEHIND_MYSQL)
    assert selected == folded("SELECT FOUND AS kind FROM note".replace("FOUND", MARIADB))
