"""The statements of `upsert`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from agentorm import dialects
from tests.compile.library import Author, Book, Loan
from tests.compile.sql_of import assert_sql, folded, sql_of

ENGINES = ("sqlite", "postgresql", "mysql", "mariadb")


def upsert(
    model: type[Any], key: list[str], overwrite: list[str], **values: Any
) -> Callable[[str], ClauseElement]:
    """What makes the statement for an engine, with the rows if they come back with it."""

    def made(engine: str) -> ClauseElement:
        dialect = dialects.declared(engine)
        insert = dialect.upsert(model, key, overwrite).values(**values)
        return insert.returning(model) if dialect.upsert_returns else insert

    return made


def test_by_the_primary_key() -> None:
    plain = """
        INSERT INTO author (id, name) VALUES (:id, :name)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING author.id, author.name"""
    mysql = """
        INSERT INTO author (id, name) VALUES (:id, :name)
        ON DUPLICATE KEY UPDATE id =
        IF(author.id <=> VALUES(id),
            author.id, (SELECT NULL AS anon_1 UNION ALL SELECT NULL AS anon_1)),
        name = VALUES(name)"""
    assert_sql(
        upsert(Author, ["id"], ["name"], id=1, name="x"),
        sqlite=plain.replace("author.id, author.name", "id, name"),
        postgresql="""
            INSERT INTO author (id, name)
            VALUES (:id::BIGINT, :name)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING author.id, author.name""",
        mysql=mysql,
        mariadb=mysql + " RETURNING author.id, author.name",
    )


def test_by_another_unique_key() -> None:
    mysql = """
        INSERT INTO author (name) VALUES (:name)
        ON DUPLICATE KEY UPDATE
        name = IF(author.name <=> VALUES(name),
            author.name, (SELECT NULL AS anon_1 UNION ALL SELECT NULL AS anon_1))"""
    assert_sql(
        upsert(Author, ["name"], ["name"], name="x"),
        sqlite="""
            INSERT INTO author (name) VALUES (:name)
            ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, name""",
        postgresql="""
            INSERT INTO author (name) VALUES (:name)
            ON CONFLICT (name) DO UPDATE SET name = excluded.name
            RETURNING author.id, author.name""",
        mysql=mysql,
        mariadb=mysql + " RETURNING author.id, author.name",
    )


def test_by_a_composite_key_with_a_vector() -> None:
    mysql = """
        INSERT INTO loan (branch, number, embedding) VALUES (:branch, :number, :embedding)
        ON DUPLICATE KEY UPDATE branch =
        IF((loan.branch <=> VALUES(branch)) AND (loan.number <=> VALUES(number)),
            loan.branch, (SELECT NULL AS anon_1 UNION ALL SELECT NULL AS anon_1)),
        embedding = VALUES(embedding)"""
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
        mysql=mysql,
        mariadb=mysql + " RETURNING loan.branch, loan.number, loan.embedding",
    )


def test_only_the_chosen_fields_are_overwritten() -> None:
    mysql = """
        INSERT INTO book (id, title, year) VALUES (:id, :title, :year)
        ON DUPLICATE KEY UPDATE id =
        IF(book.id <=> VALUES(id),
            book.id, (SELECT NULL AS anon_1 UNION ALL SELECT NULL AS anon_1)),
        title = VALUES(title), year = VALUES(year)"""
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
        mysql=mysql,
        mariadb=mysql + " RETURNING book.id, book.title, book.year, book.author_id, book.embedding",
    )


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
@pytest.mark.parametrize("key", [["branch", "number"], ["number", "branch"]])
def test_a_key_alone_is_compared_before_any_of_it_is_assigned(key: list[str], engine: str) -> None:
    """The assignments are made from left to right, and each sees those before it."""
    by_branch = """
        INSERT INTO loan (branch, number) VALUES (:branch, :number)
        ON DUPLICATE KEY UPDATE branch =
        IF((loan.branch <=> VALUES(branch)) AND (loan.number <=> VALUES(number)),
            loan.branch, (SELECT NULL AS anon_1 UNION ALL SELECT NULL AS anon_1))"""
    by_number = """
        INSERT INTO loan (branch, number) VALUES (:branch, :number)
        ON DUPLICATE KEY UPDATE number =
        IF((loan.number <=> VALUES(number)) AND (loan.branch <=> VALUES(branch)),
            loan.number, (SELECT NULL AS anon_1 UNION ALL SELECT NULL AS anon_1))"""
    expected = by_branch if key[0] == "branch" else by_number
    if engine == "mariadb":
        expected += " RETURNING loan.branch, loan.number, loan.embedding"
    assert sql_of(upsert(Loan, key, key, branch="x", number=1), engine) == folded(expected)


class MySQL8(MySQLDialect_pymysql):
    """As it is once connected to MySQL 8.0.20 or later, where VALUES() is deprecated."""

    supports_statement_cache = True
    _requires_alias_for_on_duplicate_key = True


def test_the_new_row_has_a_name_on_a_mysql_that_knows_such() -> None:
    made = upsert(Loan, ["branch", "number"], ["embedding"], branch="x", number=1, embedding=[1, 2])
    assert folded(str(made("mysql").compile(dialect=MySQL8(paramstyle="named")))) == folded("""
        INSERT INTO loan (branch, number, embedding) VALUES (:branch, :number, :embedding) AS new
        ON DUPLICATE KEY UPDATE branch =
        IF((loan.branch <=> new.branch) AND (loan.number <=> new.number),
            loan.branch, (SELECT NULL AS anon_1 UNION ALL SELECT NULL AS anon_1)),
        embedding = new.embedding""")


def test_mysql_alone_does_not_give_the_rows_back() -> None:
    silent = [name for name in ENGINES if not dialects.declared(name).upsert_returns]
    assert silent == ["mysql"]
