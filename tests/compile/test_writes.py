"""The statements of `upsert`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ClauseElement

from agentorm import dialects
from tests.compile.library import Author, Book, Loan
from tests.compile.sql_of import assert_sql, unsupported


def upsert(
    model: type[Any], key: list[str], overwrite: list[str], **values: Any
) -> Callable[[str], ClauseElement]:
    """What makes the statement for an engine."""
    return lambda engine: (
        dialects.declared(engine).upsert(model, key, overwrite).values(**values).returning(model)
    )


def test_by_the_primary_key() -> None:
    plain = """
        INSERT INTO author (id, name) VALUES (:id, :name)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING author.id, author.name"""
    assert_sql(
        upsert(Author, ["id"], ["name"], id=1, name="x"),
        sqlite=plain.replace("author.id, author.name", "id, name"),
        postgresql="""
            INSERT INTO author (id, name)
            VALUES (:id::BIGINT, :name)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING author.id, author.name""",
        mysql=unsupported("upsert"),
        mariadb=unsupported("upsert"),
    )


def test_by_another_unique_key() -> None:
    assert_sql(
        upsert(Author, ["name"], ["name"], name="x"),
        sqlite="""
            INSERT INTO author (name) VALUES (:name)
            ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, name""",
        postgresql="""
            INSERT INTO author (name) VALUES (:name)
            ON CONFLICT (name) DO UPDATE SET name = excluded.name
            RETURNING author.id, author.name""",
        mysql=unsupported("upsert"),
        mariadb=unsupported("upsert"),
    )


def test_by_a_composite_key_with_a_vector() -> None:
    assert_sql(
        upsert(Loan, ["branch", "number"], ["embedding"], branch="x", number=1, embedding=[1, 2]),
        sqlite="""
            INSERT INTO loan (branch, number, embedding) VALUES (:branch, :number, :embedding)
            ON CONFLICT (branch, number) DO UPDATE SET embedding = excluded.embedding
            RETURNING branch, number, embedding""",
        postgresql="""
            INSERT INTO loan (branch, number, embedding)
            VALUES (:branch, :number::BIGINT, :embedding)
            ON CONFLICT (branch, number) DO UPDATE SET embedding = excluded.embedding
            RETURNING loan.branch, loan.number, loan.embedding""",
        mysql=unsupported("upsert"),
        mariadb=unsupported("upsert"),
    )


def test_only_the_chosen_fields_are_overwritten() -> None:
    assert_sql(
        upsert(Book, ["id"], ["title", "year"], id=1, title="x", year=None),
        sqlite="""
            INSERT INTO book (id, title, year) VALUES (:id, :title, :year)
            ON CONFLICT (id) DO UPDATE SET title = excluded.title, year = excluded.year
            RETURNING id, title, year, author_id, embedding""",
        postgresql="""
            INSERT INTO book (id, title, year)
            VALUES (:id::BIGINT, :title, :year::BIGINT)
            ON CONFLICT (id) DO UPDATE SET title = excluded.title, year = excluded.year
            RETURNING book.id, book.title, book.year, book.author_id, book.embedding""",
        mysql=unsupported("upsert"),
        mariadb=unsupported("upsert"),
    )
