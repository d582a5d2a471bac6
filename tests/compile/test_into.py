"""What is read into a class leaves all other columns where they are, the vectors above all."""

from __future__ import annotations

from typing import NamedTuple

from agentorm import repository
from agentorm.statement import statement
from tests.compile.library import Author, Book, Loan
from tests.compile.sql_of import assert_sql

BOOKS = repository(Book)


class Spine(NamedTuple):
    title: str
    author_id: int | None


class Found(NamedTuple):
    title: str
    distance: float


class Lent(NamedTuple):
    number: int
    score: float


def test_the_columns_of_a_query() -> None:
    assert_sql(
        BOOKS.join(Book.author).where(Author.name == "a").limit(5).into(Spine),
        sqlite="""
            SELECT book.title, book.author_id FROM book JOIN author ON author.id = book.author_id
            WHERE author.name = :name_1 ORDER BY book.id LIMIT :param_1 OFFSET :param_2""",
        postgresql="""
            SELECT book.title, book.author_id FROM book JOIN author ON author.id = book.author_id
            WHERE author.name = :name_1 ORDER BY book.id LIMIT :param_1::INTEGER""",
        mysql="""
            SELECT book.title, book.author_id
            FROM book INNER JOIN author ON author.id = book.author_id
            WHERE author.name = :name_1 ORDER BY book.id LIMIT :param_1""",
        mariadb="""
            SELECT book.title, book.author_id
            FROM book INNER JOIN author ON author.id = book.author_id
            WHERE author.name = :name_1 ORDER BY book.id LIMIT :param_1""",
    )


def test_the_columns_of_a_ranking() -> None:
    """A scan reads the vectors anyway, and of the rows that it found those alone."""
    assert_sql(
        BOOKS.similar_to([1, 2, 2]).limit(5).into(Found),
        sqlite="""
            SELECT book.title, CASE WHEN book.embedding IS NOT NULL
            THEN max(vec_distance_cosine(book.embedding, :embedding_1), 0.0) END AS distance
            FROM book WHERE book.id IN (SELECT book.id FROM book
            ORDER BY CASE WHEN book.embedding IS NOT NULL
            THEN max(vec_distance_cosine(book.embedding, :embedding_1), 0.0) END NULLS LAST,
            book.id LIMIT :param_1 OFFSET :param_2) ORDER BY distance NULLS LAST, book.id""",
        postgresql="""
            SELECT book.title, ((book.embedding <=> :embedding_1) + 0) AS distance
            FROM book ORDER BY distance, book.id LIMIT :param_1::INTEGER""",
        mysql="""
            SELECT book.id, CAST(book.embedding AS BINARY) AS embedding FROM book
            WHERE book.embedding IS NOT NULL;
            SELECT book.title, book.id, CAST(book.embedding AS BINARY) AS embedding
            FROM book WHERE book.id IN (:id_1_1)""",
        mariadb="""
            SELECT book.title, GREATEST(CAST(
            VEC_DISTANCE_COSINE(book.embedding, :embedding_1) AS DOUBLE), 0.0) AS distance
            FROM book ORDER BY -GREATEST(CAST(
            VEC_DISTANCE_COSINE(book.embedding, :embedding_1) AS DOUBLE), 0.0) DESC, book.id
            LIMIT :param_1""",
    )


def test_a_key_that_is_half_asked_for() -> None:
    assert_sql(
        repository(Loan).similar_to([1, 2]).into(Lent),
        sqlite="""
            SELECT loan.number, CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l2(loan.embedding, :embedding_1) END AS distance
            FROM loan ORDER BY distance NULLS LAST, loan.branch, loan.number""",
        postgresql="""
            SELECT loan.number, ((loan.embedding <-> :embedding_1) + 0) AS distance
            FROM loan ORDER BY distance, loan.branch, loan.number""",
        mysql="""
            SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding FROM loan
            WHERE loan.embedding IS NOT NULL;
            SELECT loan.number, loan.branch, CAST(loan.embedding AS BINARY) AS embedding FROM loan
            WHERE (loan.branch, loan.number) IN ((:param_1_1_1, :param_1_1_2))""",
        mariadb="""
            SELECT loan.number,
            CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) AS distance
            FROM loan ORDER BY
            -CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) DESC,
            loan.branch, loan.number""",
    )


def test_groups_are_found_by_key() -> None:
    best = """
        SELECT book.title, book.author_id FROM book {join} (SELECT ranked.key_0 AS key_0,
        ranked.{position} AS {position}, row_number() OVER (PARTITION BY ranked.grouped
        ORDER BY ranked.{position}, ranked.key_0) AS place_in_group FROM (SELECT book.id AS key_0,
        book.author_id AS grouped, row_number() OVER (ORDER BY book.id) AS {position} FROM book)
        AS ranked) AS best ON book.id = best.key_0
        WHERE best.place_in_group = :place_in_group_1{cast} ORDER BY best.{position}, book.id"""
    plain, quoted = "position", "`position`"
    assert_sql(
        BOOKS.best_per(Book.author_id).into(Spine),
        sqlite=best.format(join="JOIN", position=plain, cast=""),
        postgresql=best.format(join="JOIN", position=plain, cast="::INTEGER"),
        mysql=best.format(join="INNER JOIN", position=plain, cast=""),
        mariadb=best.format(join="INNER JOIN", position=quoted, cast=""),
    )


def test_a_scorer_before_is_given_whole_rows_and_one_behind_its_own() -> None:
    near = BOOKS.similar_to([1, 2, 2])
    whole = near.rerank(len, depth=5).into(Spine).sql("postgresql")  # type: ignore[arg-type]
    assert whole.startswith(
        "SELECT book.title, book.author_id, book.id, book.year, book.embedding, ((book.embedding"
    )
    own = near.into(Spine).rerank(len, depth=5).sql("postgresql")  # type: ignore[arg-type]
    assert own.startswith("SELECT book.title, book.author_id, ((book.embedding <=>")
    spread = near.into(Spine).diverse(depth=5).sql("postgresql")
    assert spread.startswith("SELECT book.title, book.author_id, book.embedding, ((book")


def test_the_statement_is_of_columns() -> None:
    query = BOOKS.similar_to([1, 2, 2]).into(Found)
    assert query.statement().selected_columns.keys() == ["title", "distance"]
    assert statement(BOOKS.into(Spine)).selected_columns.keys() == ["title", "author_id"]
