"""The rows behind a row: the condition that begins a page, on each engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ClauseElement, func

from agentorm import Query, col, dialects, repository
from agentorm.keyset import keyset_of
from tests.compile.library import Author, Book
from tests.compile.sql_of import assert_sql, dialect

AUTHORS, BOOKS = repository(Author), repository(Book)


def page(query: Query[Any], *after: Any) -> Callable[[str], ClauseElement]:
    """The select of a page of three rows behind the one with these values."""

    def of_engine(engine: str) -> ClauseElement:
        keyset = keyset_of(query, dialects.of(dialect(engine)))
        return keyset.page(query, 3, after or None)

    return of_engine


def test_the_first_page_reads_what_rows_are_sorted_by() -> None:
    plain = """
        SELECT author.id, author.name, author.name AS page_0, author.id AS page_1 FROM author
        ORDER BY author.name, author.id LIMIT """
    assert_sql(
        page(AUTHORS.order_by(Author.name)),
        sqlite=f"{plain}:param_1 OFFSET :param_2",
        postgresql=f"{plain}:param_1::INTEGER",
        mysql=f"{plain}:param_1",
        mariadb=f"{plain}:param_1",
    )


def test_a_page_by_the_key_begins_behind_it() -> None:
    plain = """
        SELECT author.id, author.name, author.id AS page_0 FROM author
        WHERE author.id > :param_1 ORDER BY author.id LIMIT :param_2"""
    assert_sql(
        page(AUTHORS.offset(0), 7),
        sqlite=f"{plain} OFFSET :param_3",
        postgresql=f"{plain}::INTEGER",
        mysql=plain,
        mariadb=plain,
    )


def test_a_field_that_is_never_null_begins_a_range() -> None:
    plain = """
        SELECT author.id, author.name, author.name AS page_0, author.id AS page_1 FROM author
        WHERE author.name <= :param_1 AND (author.name < :param_2
        OR author.name = :param_3 AND author.id > :param_4)
        ORDER BY author.name DESC, author.id LIMIT :param_5"""
    assert_sql(
        page(AUTHORS.order_by(col(Author.name).desc()), "m", 7),
        sqlite=f"{plain} OFFSET :param_6",
        postgresql=f"{plain}::INTEGER",
        mysql=plain,
        mariadb=plain,
    )


def test_null_stands_where_it_sorts() -> None:
    parts = "SELECT author.id, author.name, length(author.name) AS page_0, author.id AS page_1"
    measured = "length(author.name)"
    behind = f"""{parts} FROM author WHERE {measured} < :param_1 OR {measured} IS NULL
        OR {measured} = :param_2 AND author.id > :param_3
        ORDER BY {measured} DESC{{nulls}}, author.id LIMIT :param_4"""
    assert_sql(
        page(AUTHORS.order_by(func.length(Author.name).desc()), "m", 7),
        sqlite=f"{behind.format(nulls='')} OFFSET :param_5",
        postgresql=f"{behind.format(nulls=' NULLS LAST')}::INTEGER",
        mysql=behind.format(nulls=""),
        mariadb=behind.format(nulls=""),
    )
    among = f"""{parts} FROM author WHERE {measured} IS NOT NULL
        OR {measured} IS NULL AND author.id > :param_1
        ORDER BY {measured}{{nulls}}, author.id LIMIT :param_2"""
    assert_sql(
        page(AUTHORS.order_by(func.length(Author.name)), None, 7),
        sqlite=f"{among.format(nulls='')} OFFSET :param_3",
        postgresql=f"{among.format(nulls=' NULLS FIRST')}::INTEGER",
        mysql=among.format(nulls=""),
        mariadb=among.format(nulls=""),
    )


def test_mariadb_compares_as_much_of_a_text_as_it_sorts_by() -> None:
    vector = "book.embedding"
    plain = """
        SELECT book.id, book.title, book.year, book.author_id, {vector},
        {title} AS page_0, book.id AS page_1 FROM book
        WHERE {title} >= :param_1 AND ({title} > :param_2
        OR {title} = :param_3 AND book.id > :param_4)
        ORDER BY {title}, book.id LIMIT :param_5"""
    usual = plain.format(vector=vector, title="book.title")
    assert_sql(
        page(BOOKS.order_by(Book.title), "m", 7),
        sqlite=f"{usual} OFFSET :param_6",
        postgresql=f"{usual}::INTEGER",
        mysql=plain.format(vector=f"CAST({vector} AS BINARY) AS embedding", title="book.title"),
        mariadb=plain.format(vector=vector, title="left(book.title, :left_1)"),
    )
