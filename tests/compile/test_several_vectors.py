"""Search by several vectors: the least of their distances, or their mean."""

from __future__ import annotations

from agentorm import AnyOf, MeanOf, Vector, repository
from tests.compile.library import Book, Loan
from tests.compile.sql_of import assert_sql


def test_the_least_of_several_distances() -> None:
    assert_sql(
        repository(Loan).similar_to(AnyOf([[1, 2], [3, 4]])).limit(2),
        sqlite="""
            SELECT loan.branch, loan.number, loan.embedding,
            min(CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l2(loan.embedding, :embedding_1) END,
            CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l2(loan.embedding, :embedding_2) END) AS distance
            FROM loan
            WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
                ORDER BY min(CASE WHEN loan.embedding IS NOT NULL
                THEN vec_distance_l2(loan.embedding, :embedding_1) END,
                CASE WHEN loan.embedding IS NOT NULL
                THEN vec_distance_l2(loan.embedding, :embedding_2) END) NULLS LAST,
                loan.branch, loan.number LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, loan.branch, loan.number""",
        postgresql="""
            SELECT loan.branch, loan.number, loan.embedding,
            LEAST(((loan.embedding <-> :embedding_1) + 0),
            ((loan.embedding <-> :embedding_2) + 0)) AS distance
            FROM loan ORDER BY distance, loan.branch, loan.number LIMIT :param_1::INTEGER""",
        mysql="""
            SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding
            FROM loan WHERE loan.embedding IS NOT NULL;
            SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding,
            CAST(loan.embedding AS BINARY) AS embedding FROM loan
            WHERE (loan.branch, loan.number) IN ((:param_1_1_1, :param_1_1_2))""",
        mariadb="""
            SELECT loan.branch, loan.number, loan.embedding,
            LEAST(CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE),
            CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_2) AS DOUBLE)) AS distance
            FROM loan ORDER BY
            -LEAST(CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE),
            CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_2) AS DOUBLE)) DESC,
            loan.branch, loan.number LIMIT :param_1""",
    )


def test_a_mean_is_one_vector() -> None:
    loans = repository(Loan)
    mean = loans.similar_to(MeanOf([[1, 2], [3, 6]])).limit(2)
    assert mean.sql("postgresql") == loans.similar_to([2, 4]).limit(2).sql("postgresql")
    assert repr(mean) == repr(loans.similar_to([2, 4]).limit(2))


def test_an_entity_is_left_out() -> None:
    book = Book(id=7, title="a", embedding=Vector([1, 2, 3]))
    sql = repository(Book).similar_to(book).limit(1).sql("sqlite").replace("\n", " ")
    assert "WHERE book.id != :id_1 ORDER BY" in sql
    loan = Loan(branch="a", number=1, embedding=Vector([1, 2]))
    sql = repository(Loan).similar_to(loan).limit(1).sql("sqlite").replace("\n", " ")
    assert "WHERE loan.branch != :branch_1 OR loan.number != :number_1 ORDER BY" in sql
