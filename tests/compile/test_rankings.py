"""Rankings: one statement where the engine computes the distance, the two of a scan elsewhere."""

from __future__ import annotations

import pytest

from agentorm import Metric, col, repository
from agentorm.counting import counted
from agentorm.errors import InvalidQuery
from agentorm.statement import statement
from tests.compile.library import Author, Book, Loan
from tests.compile.sql_of import assert_sql, dialect, unsupported

LOANS = repository(Loan)
SCAN = """
    SELECT loan.branch, loan.number, loan.embedding AS embedding FROM loan
    WHERE loan.embedding IS NOT NULL;
    SELECT loan.branch, loan.number, loan.embedding, loan.embedding AS embedding FROM loan
    WHERE (loan.branch, loan.number) IN ((:param_1_1_1, :param_1_1_2))"""
MYSQL_SCAN = """
    SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding FROM loan
    WHERE loan.embedding IS NOT NULL;
    SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding,
    CAST(loan.embedding AS BINARY) AS embedding FROM loan
    WHERE (loan.branch, loan.number) IN ((:param_1_1_1, :param_1_1_2))"""
MARIADB_NEAREST = """
    SELECT loan.branch, loan.number, loan.embedding,
    CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) AS distance
    FROM loan ORDER BY
    -CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) DESC,
    loan.branch, loan.number"""
NEAREST = LOANS.similar_to([1, 2])


def test_without_a_limit_every_row_is_ranked_and_no_index_asked() -> None:
    assert_sql(
        NEAREST,
        sqlite="""
            SELECT loan.branch, loan.number, loan.embedding,
            CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l2(loan.embedding, :embedding_1) END AS distance
            FROM loan ORDER BY distance NULLS LAST, loan.branch, loan.number""",
        postgresql="""
            SELECT loan.branch, loan.number, loan.embedding,
            ((loan.embedding <-> :embedding_1) + 0) AS distance
            FROM loan ORDER BY distance, loan.branch, loan.number""",
        mysql=MYSQL_SCAN,
        mariadb=MARIADB_NEAREST,
    )


SQLITE_DISTANCES = {
    Metric.COSINE: "max(vec_distance_cosine(loan.embedding, :embedding_1), 0.0)",
    Metric.L2: "vec_distance_l2(loan.embedding, :embedding_1)",
    Metric.L1: "vec_distance_l1(loan.embedding, :embedding_1)",
    Metric.INNER_PRODUCT: """
        (coalesce(vec_distance_cosine(loan.embedding, :embedding_1), 1.0) - 1.0)
        * vec_distance_l2(loan.embedding, zeroblob(length(:embedding_1)))
        * vec_distance_l2(:embedding_1, zeroblob(length(:embedding_1)))""",
}
POSTGRESQL_OPERATORS = {
    Metric.COSINE: "<=>",
    Metric.L2: "<->",
    Metric.L1: "<+>",
    Metric.INNER_PRODUCT: "<#>",
}
MARIADB_FUNCTIONS = {
    Metric.COSINE: "GREATEST(CAST(VEC_DISTANCE_COSINE(loan.embedding, :embedding_1) AS DOUBLE),"
    " 0.0)",
    Metric.L2: "CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE)",
}


@pytest.mark.parametrize("metric", SQLITE_DISTANCES)
def test_every_metric(metric: Metric) -> None:
    assert_sql(
        LOANS.similar_to([1, 2], metric=metric).limit(3),
        sqlite="""
            SELECT loan.branch, loan.number, loan.embedding,
            CASE WHEN loan.embedding IS NOT NULL THEN vec_distance() END AS distance
            FROM loan
            WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
                ORDER BY CASE WHEN loan.embedding IS NOT NULL THEN vec_distance() END NULLS LAST,
                loan.branch, loan.number LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, loan.branch, loan.number""".replace(
            "vec_distance()", SQLITE_DISTANCES[metric]
        ),
        postgresql="""
            SELECT loan.branch, loan.number, loan.embedding,
            ((loan.embedding <> :embedding_1) + 0) AS distance
            FROM loan ORDER BY distance, loan.branch, loan.number
            LIMIT :param_1::INTEGER""".replace("<>", POSTGRESQL_OPERATORS[metric]),
        mysql=MYSQL_SCAN,
        mariadb=SCAN
        if metric not in MARIADB_FUNCTIONS
        else """
            SELECT loan.branch, loan.number, loan.embedding,
            MEASURE AS distance
            FROM loan ORDER BY -MEASURE DESC, loan.branch, loan.number
            LIMIT :param_1""".replace("MEASURE", MARIADB_FUNCTIONS[metric]),
    )


def test_a_page_of_a_ranking() -> None:
    assert_sql(
        NEAREST.limit(3).offset(6),
        sqlite="""
            SELECT loan.branch, loan.number, loan.embedding,
            CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l2(loan.embedding, :embedding_1) END AS distance
            FROM loan
            WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
                ORDER BY CASE WHEN loan.embedding IS NOT NULL
                THEN vec_distance_l2(loan.embedding, :embedding_1) END NULLS LAST,
                loan.branch, loan.number LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, loan.branch, loan.number""",
        postgresql="""
            SELECT loan.branch, loan.number, loan.embedding,
            ((loan.embedding <-> :embedding_1) + 0) AS distance
            FROM loan ORDER BY distance, loan.branch, loan.number
            LIMIT :param_1::INTEGER OFFSET :param_2::INTEGER""",
        mysql=MYSQL_SCAN,
        mariadb=f"{MARIADB_NEAREST} LIMIT :param_1, :param_2",
    )


def test_conditions_filter_before_the_ranking() -> None:
    scan = """
        SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding FROM loan
        WHERE loan.number > :number_1 AND loan.embedding IS NOT NULL;
        SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding,
        CAST(loan.embedding AS BINARY) AS embedding FROM loan
        WHERE loan.number > :number_1
        AND (loan.branch, loan.number) IN ((:param_1_1_1, :param_1_1_2))"""
    assert_sql(
        NEAREST.where(Loan.number > 5).limit(3),
        sqlite="""
            SELECT loan.branch, loan.number, loan.embedding,
            CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l2(loan.embedding, :embedding_1) END AS distance
            FROM loan
            WHERE (loan.branch, loan.number) IN (SELECT loan.branch, loan.number FROM loan
                WHERE loan.number > :number_1 ORDER BY CASE WHEN loan.embedding IS NOT NULL
                THEN vec_distance_l2(loan.embedding, :embedding_1) END NULLS LAST,
                loan.branch, loan.number LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, loan.branch, loan.number""",
        postgresql="""
            SELECT loan.branch, loan.number, loan.embedding,
            ((loan.embedding <-> :embedding_1) + 0) AS distance
            FROM loan WHERE loan.number > :number_1::BIGINT
            ORDER BY distance, loan.branch, loan.number LIMIT :param_1::INTEGER""",
        mysql=scan,
        mariadb="""
            SELECT loan.branch, loan.number, loan.embedding,
            CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) AS distance
            FROM loan WHERE loan.number > :number_1
            ORDER BY
            -CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) DESC,
            loan.branch, loan.number LIMIT :param_1""",
    )


def test_the_order_of_the_verbs_changes_nothing() -> None:
    one = LOANS.similar_to([1, 2]).where(Loan.number > 5).limit(3).offset(1).max_distance(2)
    other = LOANS.max_distance(2).offset(1).limit(3).where(Loan.number > 5).similar_to([1, 2])
    for engine in ("sqlite", "postgresql", "mysql", "mariadb"):
        assert one.sql(engine) == other.sql(engine)


SQLITE_WITHIN = """
    SELECT loan.branch, loan.number, loan.embedding,
    CASE WHEN loan.embedding IS NOT NULL
    THEN vec_distance_l2(loan.embedding, :embedding_1) END AS distance
    FROM loan
    WHERE CASE WHEN loan.embedding IS NOT NULL
    THEN vec_distance_l2(loan.embedding, :embedding_1) END <= :param_1
    ORDER BY distance NULLS LAST, loan.branch, loan.number"""
POSTGRESQL_WITHIN = """
    SELECT loan.branch, loan.number, loan.embedding,
    ((loan.embedding <-> :embedding_1) + 0) AS distance
    FROM loan WHERE ((loan.embedding <-> :embedding_1) + 0) <= :param_1
    ORDER BY distance, loan.branch, loan.number"""
MARIADB_WITHIN = """
    SELECT loan.branch, loan.number, loan.embedding,
    CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) AS distance
    FROM loan
    WHERE CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) <= :param_1
    ORDER BY
    -CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) DESC,
    loan.branch, loan.number"""


def test_the_nearest_within_a_distance() -> None:
    assert_sql(
        NEAREST.max_distance(1.5),
        sqlite=SQLITE_WITHIN,
        postgresql=POSTGRESQL_WITHIN,
        mysql=MYSQL_SCAN,
        mariadb=MARIADB_WITHIN,
    )


def test_the_nearest_of_a_score() -> None:
    assert_sql(
        NEAREST.min_score(0.5),
        sqlite=SQLITE_WITHIN,
        postgresql=POSTGRESQL_WITHIN,
        mysql=MYSQL_SCAN,
        mariadb=MARIADB_WITHIN,
    )


def test_of_two_thresholds_the_nearer_counts() -> None:
    query = NEAREST.max_distance(1.5).min_score(0.9)
    made = statement(query).compile(dialect=dialect("sqlite"))
    assert sorted(v for v in made.params.values() if isinstance(v, float)) == [0.11111111111111104]


def test_with_a_limit_a_threshold_only_cuts_the_end_off_and_is_left_to_the_reader() -> None:
    limited = NEAREST.limit(3)
    for engine in ("sqlite", "postgresql", "mysql", "mariadb"):
        assert limited.max_distance(1.5).sql(engine) == limited.sql(engine)


def test_the_statement_for_others_holds_the_threshold_itself() -> None:
    assert_sql(
        NEAREST.max_distance(1.5).limit(3).statement(),
        sqlite=f"{SQLITE_WITHIN} LIMIT :param_2 OFFSET :param_3",
        postgresql=f"{POSTGRESQL_WITHIN} LIMIT :param_2::INTEGER",
        mysql=unsupported("the distance l2 in SQL"),
        mariadb=f"{MARIADB_WITHIN} LIMIT :param_2",
    )


def test_a_count_of_a_ranking_leaves_out_what_has_no_distance() -> None:
    assert_sql(
        counted(NEAREST.limit(3).offset(1)),
        sqlite="""
            SELECT count(*) AS count_1 FROM loan
            WHERE CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l2(loan.embedding, :embedding_1) END <= :param_1""",
        postgresql="""
            SELECT count(*) AS count_1 FROM loan
            WHERE (loan.embedding <-> :embedding_1) <= :param_1""",
        mysql=unsupported("the distance l2 in SQL"),
        mariadb="""
            SELECT count(*) AS count_1 FROM loan
            WHERE CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE)
            <= :param_1""",
    )


def test_the_filters_of_a_ranking_may_hold_subqueries() -> None:
    query = (
        repository(Book).similar_to([1, 2, 3]).where(col(Book.author).has(col(Author.name) == "x"))
    )
    assert_sql(
        counted(query),
        sqlite="""
            SELECT count(*) AS count_1 FROM book
            WHERE (EXISTS (SELECT 1 FROM author
                   WHERE author.id = book.author_id AND author.name = :name_1))
            AND CASE WHEN book.embedding IS NOT NULL
            THEN max(vec_distance_cosine(book.embedding, :embedding_1), 0.0) END <= :param_1""",
        postgresql="""
            SELECT count(*) AS count_1 FROM book
            WHERE (EXISTS (SELECT 1 FROM author
                   WHERE author.id = book.author_id
                   AND author.name = :name_1))
            AND (book.embedding <=> :embedding_1) <= :param_1""",
        mysql=unsupported("the distance cosine in SQL"),
        mariadb="""
            SELECT count(*) AS count_1 FROM book
            WHERE (EXISTS (SELECT 1 FROM author
                   WHERE author.id = book.author_id AND author.name = :name_1))
            AND GREATEST(CAST(VEC_DISTANCE_COSINE(book.embedding, :embedding_1) AS DOUBLE), 0.0)
            <= :param_1""",
    )


def test_a_threshold_without_a_ranking_is_refused() -> None:
    for query in (LOANS.max_distance(1.0), LOANS.min_score(0.5)):
        with pytest.raises(InvalidQuery, match="a threshold without a ranking"):
            query.sql("sqlite")
