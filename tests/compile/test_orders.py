"""Where NULL sorts: as the smallest value on every engine, or where the user puts it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnElement, func, not_, or_

from agentorm import col, repository
from agentorm.statement import statement
from tests.compile.library import Author, Book
from tests.compile.sql_of import assert_sql, folded, sql_of

AUTHORS, BOOKS = repository(Author), repository(Book)
READ_ON_MYSQL = "CAST(book.embedding AS BINARY) AS embedding"


def test_null_sorts_as_the_smallest() -> None:
    plain = """
        SELECT book.id, book.title, book.year, book.author_id, book.embedding FROM book
        ORDER BY book.year, book.author_id, book.year DESC, book.id"""
    assert_sql(
        BOOKS.order_by(Book.year, col(Book.author_id).asc(), col(Book.year).desc()),
        sqlite=plain,
        postgresql="""
            SELECT book.id, book.title, book.year, book.author_id, book.embedding FROM book
            ORDER BY book.year NULLS FIRST, book.author_id NULLS FIRST,
            book.year DESC NULLS LAST, book.id""",
        mysql=plain.replace("book.embedding", READ_ON_MYSQL),
        mariadb=plain,
    )


def test_what_is_never_null_sorts_plainly() -> None:
    expected = """
        SELECT author.id, author.name FROM author
        ORDER BY author.name, author.name DESC, author.id"""
    assert_sql(
        repository(Author).order_by(Author.name).order_by(col(Author.name).desc()),
        sqlite=expected,
        postgresql=expected,
        mysql=expected,
        mariadb=expected,
    )


def test_an_expression_may_be_null_and_sorts_so() -> None:
    plain = """
        SELECT author.id, author.name FROM author
        ORDER BY length(author.name), -author.id DESC, author.id"""
    assert_sql(
        repository(Author).order_by(func.length(Author.name), (-col(Author.id)).desc()),
        sqlite=plain,
        postgresql="""
            SELECT author.id, author.name FROM author
            ORDER BY length(author.name) NULLS FIRST, -author.id DESC NULLS LAST, author.id""",
        mysql=plain,
        mariadb=plain,
    )


YEAR = col(Book.year)


@pytest.mark.parametrize(
    ("key", "words", "mysql"),
    [
        (YEAR.nulls_last(), "book.year NULLS LAST", "book.year IS NULL, book.year"),
        (YEAR.nulls_first(), "book.year NULLS FIRST", "book.year IS NOT NULL, book.year"),
        (YEAR.asc().nulls_last(), "book.year ASC NULLS LAST", "book.year IS NULL, book.year"),
        (YEAR.asc().nulls_first(), "book.year ASC NULLS FIRST", "book.year IS NOT NULL, book.year"),
        (
            YEAR.desc().nulls_last(),
            "book.year DESC NULLS LAST",
            "book.year IS NULL, book.year DESC",
        ),
        (
            YEAR.desc().nulls_first(),
            "book.year DESC NULLS FIRST",
            "book.year IS NOT NULL, book.year DESC",
        ),
        (
            func.abs(YEAR).nulls_last(),
            "abs(book.year) NULLS LAST",
            "abs(book.year) IS NULL, abs(book.year)",
        ),
    ],
)
def test_the_place_of_null_that_the_user_gives_stays(
    key: ColumnElement[Any], words: str, mysql: str
) -> None:
    """MySQL and MariaDB do not know NULLS FIRST and NULLS LAST."""
    select = """
        SELECT book.id, book.title, book.year, book.author_id, book.embedding FROM book
        ORDER BY"""
    assert_sql(
        BOOKS.order_by(key),
        sqlite=f"{select} {words.replace(' ASC', '')}, book.id",
        postgresql=f"{select} {words.replace(' ASC', '')}, book.id",
        mysql=f"{select.replace('book.embedding', READ_ON_MYSQL)} {mysql}, book.id",
        mariadb=f"{select} {mysql}, book.id",
    )


def test_the_place_of_null_is_kept_for_what_is_never_null_too() -> None:
    select = "SELECT author.id, author.name FROM author ORDER BY"
    assert_sql(
        AUTHORS.order_by(col(Author.name).desc().nulls_last()),
        sqlite=f"{select} author.name DESC NULLS LAST, author.id",
        postgresql=f"{select} author.name DESC NULLS LAST, author.id",
        mysql=f"{select} author.name IS NULL, author.name DESC, author.id",
        mariadb=f"{select} author.name IS NULL, author.name DESC, author.id",
    )


def test_the_place_of_null_of_a_value_is_bound_once_more() -> None:
    query = AUTHORS.order_by((col(Author.id) % 7).nulls_last())
    assert sql_of(statement(query), "mysql", paramstyle="format") == folded("""
        SELECT author.id, author.name FROM author
        ORDER BY (author.id %% %s) IS NULL, (author.id %% %s), author.id""")


def test_the_place_of_null_of_a_negation() -> None:
    """NOT binds less than IS NULL does."""
    key = not_(or_(YEAR == 1, YEAR == 2)).desc().nulls_first()
    select = "SELECT book.id, book.title, book.year, book.author_id, book.embedding FROM book"
    negated = "NOT (book.year = :year_1 OR book.year = :year_2)"
    expected = f"{select} ORDER BY ({negated}) IS NOT NULL, {negated} DESC, book.id"
    assert sql_of(BOOKS.order_by(key), "mariadb") == expected
