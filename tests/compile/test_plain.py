"""Queries without a ranking."""

from __future__ import annotations

from sqlalchemy import not_, or_
from sqlalchemy.orm import joinedload, selectinload

from agentorm import col, repository
from agentorm.counting import counted, first_of
from agentorm.expressions import Explain
from agentorm.statement import statement
from tests.compile.library import Author, Book, Loan
from tests.compile.sql_of import assert_sql

BOOKS = repository(Book)
READ_ON_MYSQL = "CAST(book.embedding AS BINARY) AS embedding"


def test_every_row_in_the_order_of_the_key() -> None:
    expected = """
        SELECT book.id, book.title, book.year, book.author_id, book.embedding
        FROM book ORDER BY book.id"""
    assert_sql(
        BOOKS,
        sqlite=expected,
        postgresql=expected,
        mysql=expected.replace("book.embedding", READ_ON_MYSQL),
        mariadb=expected,
    )


def test_a_composite_key_orders_by_all_its_columns() -> None:
    expected = """
        SELECT loan.branch, loan.number, loan.embedding
        FROM loan ORDER BY loan.branch, loan.number"""
    assert_sql(
        repository(Loan),
        sqlite=expected,
        postgresql=expected,
        mysql=expected.replace("loan.embedding", "CAST(loan.embedding AS BINARY) AS embedding"),
        mariadb=expected,
    )


def test_conditions_are_joined_by_and() -> None:
    plain = """
        SELECT author.id, author.name FROM author
        WHERE author.name = :name_1 AND author.id > :id_1 AND author.id != :id_2
        ORDER BY author.id"""
    assert_sql(
        repository(Author).where(Author.name == "x", col(Author.id) > 3).where(Author.id != 5),
        sqlite=plain,
        postgresql="""
            SELECT author.id, author.name FROM author
            WHERE author.name = :name_1 AND author.id > :id_1::BIGINT
            AND author.id != :id_2::BIGINT
            ORDER BY author.id""",
        mysql=plain,
        mariadb=plain,
    )


def test_a_tree_of_conditions() -> None:
    year = col(Book.year)
    plain = """
        SELECT book.id, book.title, book.year, book.author_id, book.embedding FROM book
        WHERE (book.year IS NULL OR book.year NOT BETWEEN :year_1 AND :year_2)
        AND NOT (book.year = :year_3 OR book.year IN (:year_4_1, :year_4_2))
        ORDER BY book.id"""
    assert_sql(
        BOOKS.where(
            or_(year.is_(None), not_(year.between(1, 2))), not_(or_(year == 3, year.in_([4, 5])))
        ),
        sqlite=plain,
        postgresql="""
            SELECT book.id, book.title, book.year, book.author_id, book.embedding FROM book
            WHERE (book.year IS NULL OR book.year NOT BETWEEN :year_1::BIGINT AND :year_2::BIGINT)
            AND NOT (book.year = :year_3::BIGINT
                     OR book.year IN (:year_4_1::BIGINT, :year_4_2::BIGINT))
            ORDER BY book.id""",
        mysql=plain.replace("book.embedding", READ_ON_MYSQL),
        mariadb=plain,
    )


def test_like() -> None:
    name = col(Author.name)
    concat = """
        SELECT author.id, author.name FROM author
        WHERE author.name LIKE :name_1 AND (author.name LIKE concat(:name_2, '%') ESCAPE '/')
        ORDER BY author.id"""
    assert_sql(
        repository(Author).where(name.like("a%"), name.startswith("b_", autoescape=True)),
        sqlite="""
            SELECT author.id, author.name FROM author
            WHERE author.name LIKE :name_1 AND (author.name LIKE :name_2 || '%' ESCAPE '/')
            ORDER BY author.id""",
        postgresql="""
            SELECT author.id, author.name FROM author
            WHERE author.name LIKE :name_1
            AND (author.name LIKE :name_2 || '%' ESCAPE '/')
            ORDER BY author.id""",
        mysql=concat,
        mariadb=concat,
    )


def test_a_page() -> None:
    mysql = "SELECT author.id, author.name FROM author ORDER BY author.id LIMIT :param_1, :param_2"
    assert_sql(
        repository(Author).offset(4).limit(3),
        sqlite="""
            SELECT author.id, author.name FROM author ORDER BY author.id
            LIMIT :param_1 OFFSET :param_2""",
        postgresql="""
            SELECT author.id, author.name FROM author ORDER BY author.id
            LIMIT :param_1::INTEGER OFFSET :param_2::INTEGER""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_an_offset_alone() -> None:
    mysql = """
        SELECT author.id, author.name FROM author ORDER BY author.id
        LIMIT :param_1, 18446744073709551615"""
    assert_sql(
        repository(Author).offset(4),
        sqlite="""
            SELECT author.id, author.name FROM author ORDER BY author.id
            LIMIT :param_1 OFFSET :param_2""",
        postgresql="""
            SELECT author.id, author.name FROM author ORDER BY author.id
            LIMIT ALL OFFSET :param_1::INTEGER""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_an_offset_of_nothing_is_none() -> None:
    expected = "SELECT author.id, author.name FROM author ORDER BY author.id"
    assert_sql(
        repository(Author).offset(4).offset(0),
        sqlite=expected,
        postgresql=expected,
        mysql=expected,
        mariadb=expected,
    )


def test_what_is_loaded_by_a_select_of_its_own_changes_nothing() -> None:
    expected = "SELECT author.id, author.name FROM author ORDER BY author.id"
    assert_sql(
        repository(Author).options(selectinload(Author.books)),  # type: ignore[arg-type]
        sqlite=expected,
        postgresql=expected,
        mysql=expected,
        mariadb=expected,
    )


def test_a_collection_loaded_by_a_join_does_not_use_up_the_limit() -> None:
    mariadb = """
        SELECT anon_1.id, anon_1.name, book_1.id AS id_1, book_1.title, book_1.year,
        book_1.author_id, book_1.embedding
        FROM (SELECT author.id AS id, author.name AS name FROM author ORDER BY author.id
              LIMIT :param_1) AS anon_1
        LEFT OUTER JOIN book AS book_1 ON anon_1.id = book_1.author_id ORDER BY anon_1.id"""
    assert_sql(
        repository(Author).options(joinedload(Author.books)).limit(2),  # type: ignore[arg-type]
        sqlite="""
            SELECT anon_1.id, anon_1.name, book_1.id AS id_1, book_1.title, book_1.year,
            book_1.author_id, book_1.embedding
            FROM (SELECT author.id AS id, author.name AS name FROM author ORDER BY author.id
                  LIMIT :param_1 OFFSET :param_2) AS anon_1
            LEFT OUTER JOIN book AS book_1 ON anon_1.id = book_1.author_id ORDER BY anon_1.id""",
        postgresql="""
            SELECT anon_1.id, anon_1.name, book_1.id AS id_1, book_1.title, book_1.year,
            book_1.author_id, book_1.embedding
            FROM (SELECT author.id AS id, author.name AS name FROM author ORDER BY author.id
                  LIMIT :param_1::INTEGER) AS anon_1
            LEFT OUTER JOIN book AS book_1 ON anon_1.id = book_1.author_id ORDER BY anon_1.id""",
        mysql=mariadb.replace("book_1.embedding", "CAST(book_1.embedding AS BINARY) AS embedding"),
        mariadb=mariadb,
    )


def test_a_count_ignores_order_and_page() -> None:
    plain = "SELECT count(*) AS count_1 FROM author WHERE author.name = :name_1"
    query = repository(Author).where(Author.name == "x").order_by(Author.name).limit(2).offset(1)
    assert_sql(
        counted(query),
        sqlite=plain,
        postgresql="""
            SELECT count(*) AS count_1 FROM author
            WHERE author.name = :name_1 """,
        mysql=plain,
        mariadb=plain,
    )


def test_existence_asks_for_one_row_of_nothing() -> None:
    mysql = "SELECT 1 FROM author WHERE author.name = :name_1 LIMIT :param_1"
    query = repository(Author).where(Author.name == "x").order_by(Author.name).limit(2).offset(1)
    assert_sql(
        first_of(query),
        sqlite="""
            SELECT 1 FROM author WHERE author.name = :name_1 LIMIT :param_1 OFFSET :param_2""",
        postgresql="""
            SELECT 1 FROM author WHERE author.name = :name_1
            LIMIT :param_1::INTEGER""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_a_plan_is_asked_for_in_front() -> None:
    select = "SELECT author.id, author.name FROM author ORDER BY author.id"
    assert_sql(
        Explain(statement(repository(Author))),
        sqlite=f"EXPLAIN QUERY PLAN {select}",
        postgresql=f"EXPLAIN {select}",
        mysql=f"EXPLAIN FORMAT=TREE {select}",
        mariadb=f"EXPLAIN FORMAT=JSON {select}",
    )
