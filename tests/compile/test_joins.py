"""Joins: a row of the model stays one row, however many rows of another table match."""

from __future__ import annotations

import pytest

from agentorm import col, repository
from agentorm.counting import counted
from agentorm.errors import InvalidQuery
from tests.compile.library import Author, Book, Chapter, Loan, Stamp
from tests.compile.sql_of import assert_sql

CHAPTERS, AUTHORS, LOANS = repository(Chapter), repository(Author), repository(Loan)


def test_to_one_is_a_plain_join_and_may_sort() -> None:
    mysql = """
        SELECT chapter.id, chapter.heading, chapter.book_id
        FROM chapter INNER JOIN book ON book.id = chapter.book_id
        WHERE book.title = :title_1 ORDER BY book.year, chapter.id"""
    assert_sql(
        CHAPTERS.join(Chapter.book).where(Book.title == "x").order_by(Book.year),
        sqlite="""
            SELECT chapter.id, chapter.heading, chapter.book_id
            FROM chapter JOIN book ON book.id = chapter.book_id
            WHERE book.title = :title_1 ORDER BY book.year, chapter.id""",
        postgresql="""
            SELECT chapter.id, chapter.heading, chapter.book_id
            FROM chapter JOIN book ON book.id = chapter.book_id
            WHERE book.title = :title_1
            ORDER BY book.year NULLS FIRST, chapter.id""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_to_many_is_a_subquery_of_keys() -> None:
    mysql = """
        SELECT author.id, author.name FROM author
        WHERE author.id IN (SELECT author.id FROM author
            INNER JOIN book ON author.id = book.author_id WHERE book.year > :year_1)
        ORDER BY author.id LIMIT :param_1"""
    assert_sql(
        AUTHORS.join(Author.books).where(col(Book.year) > 1900).limit(2),
        sqlite="""
            SELECT author.id, author.name FROM author
            WHERE author.id IN (SELECT author.id FROM author
                JOIN book ON author.id = book.author_id WHERE book.year > :year_1)
            ORDER BY author.id LIMIT :param_1 OFFSET :param_2""",
        postgresql="""
            SELECT author.id, author.name FROM author
            WHERE author.id IN (SELECT author.id FROM author
                JOIN book ON author.id = book.author_id WHERE book.year > :year_1::BIGINT)
            ORDER BY author.id LIMIT :param_1::INTEGER""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_to_many_by_a_composite_key() -> None:
    mariadb = """
        SELECT loan.branch, loan.number, loan.embedding FROM loan
        WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
            INNER JOIN stamp ON loan.branch = stamp.branch AND loan.number = stamp.number
            WHERE stamp.id > :id_1)
        ORDER BY loan.branch, loan.number"""
    assert_sql(
        LOANS.join(Loan.stamps).where(col(Stamp.id) > 2),
        sqlite=mariadb.replace("INNER JOIN", "JOIN"),
        postgresql="""
            SELECT loan.branch, loan.number, loan.embedding FROM loan
            WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
                JOIN stamp ON loan.branch = stamp.branch AND loan.number = stamp.number
                WHERE stamp.id > :id_1::BIGINT)
            ORDER BY loan.branch, loan.number""",
        mysql=mariadb.replace("loan.embedding", "CAST(loan.embedding AS BINARY) AS embedding"),
        mariadb=mariadb,
    )


def test_to_one_by_a_composite_key() -> None:
    mysql = """
        SELECT stamp.id, stamp.day, stamp.branch, stamp.number FROM stamp
        INNER JOIN loan ON loan.branch = stamp.branch AND loan.number = stamp.number
        ORDER BY loan.number DESC, stamp.id"""
    plain = mysql.replace("INNER JOIN", "JOIN")
    assert_sql(
        repository(Stamp).join(Stamp.loan).order_by(col(Loan.number).desc()),
        sqlite=plain,
        postgresql=plain,
        mysql=mysql,
        mariadb=mysql,
    )


def test_to_one_and_to_many_share_the_subquery() -> None:
    mariadb = """
        SELECT book.id, book.title, book.year, book.author_id, book.embedding FROM book
        WHERE book.id IN (SELECT book.id FROM book
            INNER JOIN author ON author.id = book.author_id
            INNER JOIN chapter ON book.id = chapter.book_id
            WHERE author.id > :id_1 AND chapter.id < author.id)
        ORDER BY book.year DESC, book.id"""
    query = repository(Book).join(Book.author).join(Book.chapters)
    query = query.where(col(Author.id) > 1, col(Chapter.id) < col(Author.id))
    assert_sql(
        query.order_by(col(Book.year).desc()),
        sqlite=mariadb.replace("INNER JOIN", "JOIN"),
        postgresql="""
            SELECT book.id, book.title, book.year, book.author_id, book.embedding FROM book
            WHERE book.id IN (SELECT book.id FROM book
                JOIN author ON author.id = book.author_id
                JOIN chapter ON book.id = chapter.book_id
                WHERE author.id > :id_1::BIGINT AND chapter.id < author.id)
            ORDER BY book.year DESC NULLS LAST, book.id""",
        mysql=mariadb.replace("book.embedding", "CAST(book.embedding AS BINARY) AS embedding"),
        mariadb=mariadb,
    )


BY_KEY = """
    SELECT author.id, author.name FROM author
    WHERE author.id IN (SELECT author.id FROM author
        JOIN book ON author.id = book.author_id WHERE book.id > :id_1)
    ORDER BY author.id"""


def test_a_class_joins_by_its_foreign_key() -> None:
    assert_sql(
        AUTHORS.join(Book).where(col(Book.id) > 1),
        sqlite=BY_KEY,
        postgresql=BY_KEY.replace(":id_1", ":id_1::BIGINT"),
        mysql=BY_KEY.replace("JOIN", "INNER JOIN"),
        mariadb=BY_KEY.replace("JOIN", "INNER JOIN"),
    )


def test_a_class_joins_by_the_condition_given() -> None:
    given = BY_KEY.replace("author.id = book.author_id", "book.author_id < author.id")
    assert_sql(
        AUTHORS.join(Book, col(Book.author_id) < col(Author.id)).where(col(Book.id) > 1),
        sqlite=given,
        postgresql=given.replace(":id_1", ":id_1::BIGINT"),
        mysql=given.replace("JOIN", "INNER JOIN"),
        mariadb=given.replace("JOIN", "INNER JOIN"),
    )


def test_a_ranking_with_to_one() -> None:
    scan = """
        SELECT book.id, CAST(book.embedding AS BINARY) AS embedding
        FROM book INNER JOIN author ON author.id = book.author_id
        WHERE author.id > :id_1 AND book.embedding IS NOT NULL;
        SELECT book.id, book.title, book.year, book.author_id,
        CAST(book.embedding AS BINARY) AS embedding, CAST(book.embedding AS BINARY) AS embedding
        FROM book INNER JOIN author ON author.id = book.author_id
        WHERE author.id > :id_1 AND book.id IN (:id_2_1)"""
    query = repository(Book).similar_to([1, 2, 3]).join(Book.author).where(col(Author.id) > 1)
    assert_sql(
        query.limit(2),
        sqlite="""
            SELECT book.id, book.title, book.year, book.author_id, book.embedding,
            CASE WHEN book.embedding IS NOT NULL
            THEN max(vec_distance_cosine(book.embedding, :embedding_1), 0.0) END AS distance
            FROM book
            WHERE book.id IN (SELECT book.id FROM book
                JOIN author ON author.id = book.author_id WHERE author.id > :id_1
                ORDER BY CASE WHEN book.embedding IS NOT NULL
                THEN max(vec_distance_cosine(book.embedding, :embedding_1), 0.0) END NULLS LAST,
                book.id LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, book.id""",
        postgresql="""
            SELECT book.id, book.title, book.year, book.author_id, book.embedding,
            ((book.embedding <=> :embedding_1) + 0) AS distance
            FROM book JOIN author ON author.id = book.author_id WHERE author.id > :id_1::BIGINT
            ORDER BY distance, book.id LIMIT :param_1::INTEGER""",
        mysql=scan,
        mariadb="""
            SELECT book.id, book.title, book.year, book.author_id, book.embedding,
            GREATEST(CAST(VEC_DISTANCE_COSINE(book.embedding, :embedding_1) AS DOUBLE), 0.0) AS
            distance
            FROM book INNER JOIN author ON author.id = book.author_id WHERE author.id > :id_1
            ORDER BY
            -GREATEST(CAST(VEC_DISTANCE_COSINE(book.embedding, :embedding_1) AS DOUBLE), 0.0) DESC,
            book.id LIMIT :param_1""",
    )


def test_a_ranking_with_to_many_by_a_composite_key() -> None:
    scan = """
        SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding FROM loan
        WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
            INNER JOIN stamp ON loan.branch = stamp.branch AND loan.number = stamp.number
            WHERE stamp.id > :id_1)
        AND loan.embedding IS NOT NULL;
        SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding,
        CAST(loan.embedding AS BINARY) AS embedding FROM loan
        WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
            INNER JOIN stamp ON loan.branch = stamp.branch AND loan.number = stamp.number
            WHERE stamp.id > :id_1)
        AND (loan.branch, loan.number) IN ((:param_1_1_1, :param_1_1_2))"""
    assert_sql(
        LOANS.similar_to([1, 2]).join(Loan.stamps).where(col(Stamp.id) > 2).limit(1),
        sqlite="""
            SELECT loan.branch, loan.number, loan.embedding,
            CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l2(loan.embedding, :embedding_1) END AS distance
            FROM loan
            WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
                WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
                    JOIN stamp ON loan.branch = stamp.branch AND loan.number = stamp.number
                    WHERE stamp.id > :id_1)
                ORDER BY CASE WHEN loan.embedding IS NOT NULL
                THEN vec_distance_l2(loan.embedding, :embedding_1) END NULLS LAST,
                loan.branch, loan.number LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, loan.branch, loan.number""",
        postgresql="""
            SELECT loan.branch, loan.number, loan.embedding,
            ((loan.embedding <-> :embedding_1) + 0) AS distance
            FROM loan
            WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
                JOIN stamp ON loan.branch = stamp.branch AND loan.number = stamp.number
                WHERE stamp.id > :id_1::BIGINT)
            ORDER BY distance, loan.branch, loan.number LIMIT :param_1::INTEGER""",
        mysql=scan,
        mariadb="""
            SELECT loan.branch, loan.number, loan.embedding,
            CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) AS distance
            FROM loan
            WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
                INNER JOIN stamp ON loan.branch = stamp.branch AND loan.number = stamp.number
                WHERE stamp.id > :id_1)
            ORDER BY
            -CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) DESC,
            loan.branch, loan.number LIMIT :param_1""",
    )


def test_a_count_over_to_many_counts_rows_of_the_model() -> None:
    mysql = """
        SELECT count(*) AS count_1 FROM author
        WHERE author.id IN (SELECT author.id FROM author
            INNER JOIN book ON author.id = book.author_id WHERE book.id > :id_1)"""
    assert_sql(
        counted(AUTHORS.join(Author.books).where(col(Book.id) > 1)),
        sqlite=mysql.replace("INNER JOIN", "JOIN"),
        postgresql="""
            SELECT count(*) AS count_1 FROM author
            WHERE author.id IN (SELECT author.id FROM author
                JOIN book ON author.id = book.author_id WHERE book.id > :id_1::BIGINT)""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_a_table_that_is_not_joined_is_refused() -> None:
    for query in (CHAPTERS.where(Book.title == "x"), CHAPTERS.order_by(Book.title)):
        with pytest.raises(InvalidQuery, match="book is named and not joined"):
            query.sql("sqlite")


def test_many_rows_give_no_order() -> None:
    with pytest.raises(InvalidQuery, match="cannot be sorted by them"):
        AUTHORS.join(Author.books).order_by(Book.title).sql("sqlite")
