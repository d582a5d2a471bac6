"""`distance()` and the comparators in selects of the user's own."""

from __future__ import annotations

import pytest
from sqlalchemy import column, func, select, table
from sqlalchemy.orm import aliased

from agentorm import Metric, VectorType, col, distance
from agentorm.errors import DimensionMismatch, InvalidMetric, InvalidQuery
from tests.compile.library import Book, Loan, Page
from tests.compile.sql_of import UNSUPPORTED, assert_sql, unsupported

SQLITE = {
    Metric.COSINE: "max(vec_distance_cosine(loan.embedding, :embedding_1), 0.0)",
    Metric.L2: "vec_distance_l2(loan.embedding, :embedding_1)",
    Metric.L1: "vec_distance_l1(loan.embedding, :embedding_1)",
    Metric.INNER_PRODUCT: """
        (coalesce(vec_distance_cosine(loan.embedding, :embedding_1), 1.0) - 1.0)
        * vec_distance_l2(loan.embedding, zeroblob(length(:embedding_1)))
        * vec_distance_l2(:embedding_1, zeroblob(length(:embedding_1)))""",
}
MARIADB = {
    Metric.COSINE: """
        SELECT loan.number,
        GREATEST(CAST(VEC_DISTANCE_COSINE(loan.embedding, :embedding_1) AS DOUBLE), 0.0) AS far
        FROM loan""",
    Metric.L2: """
        SELECT loan.number,
        CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) AS far FROM loan""",
}
POSTGRESQL = {
    Metric.COSINE: "<=>",
    Metric.L2: "<->",
    Metric.L1: "<+>",
    Metric.INNER_PRODUCT: "<#>",
}
COMPARATORS = {
    Metric.COSINE: "cosine_distance",
    Metric.L2: "l2_distance",
    Metric.L1: "l1_distance",
    Metric.INNER_PRODUCT: "max_inner_product",
}


@pytest.mark.parametrize("metric", SQLITE)
def test_every_metric_by_name_and_by_comparator(metric: Metric) -> None:
    embedding = col(Loan.embedding)
    compared = getattr(embedding, COMPARATORS[metric])([1, 2])
    for found in (distance(Loan.embedding, [1, 2], metric), compared):
        assert_sql(
            select(col(Loan.number), found.label("far")),
            sqlite="""
                SELECT loan.number, CASE WHEN loan.embedding IS NOT NULL
                THEN vec_distance() END AS far FROM loan""".replace(
                "vec_distance()", SQLITE[metric]
            ),
            postgresql="""
                SELECT loan.number, (loan.embedding <> :embedding_1) AS far
                FROM loan""".replace("<>", POSTGRESQL[metric]),
            mysql=unsupported(f"the distance {metric} in SQL"),
            mariadb=MARIADB.get(metric, unsupported(f"the distance {metric} in SQL")),
        )


def test_cosine_is_meant_where_no_metric_is_named() -> None:
    assert_sql(
        select(distance(Loan.embedding, [1, 2])),
        sqlite="""
            SELECT CASE WHEN loan.embedding IS NOT NULL
            THEN max(vec_distance_cosine(loan.embedding, :embedding_1), 0.0) END AS anon_1
            FROM loan""",
        postgresql="SELECT (loan.embedding <=> :embedding_1) AS anon_1 FROM loan",
        mysql=UNSUPPORTED,
        mariadb="""
            SELECT GREATEST(CAST(VEC_DISTANCE_COSINE(loan.embedding, :embedding_1) AS DOUBLE),
            0.0) AS anon_1
            FROM loan""",
    )


def test_in_conditions_orders_and_arithmetic() -> None:
    near = distance(Loan.embedding, [1, 2], "l2")
    statement = select(col(Loan.number)).where(near < 0.5).order_by(near).group_by(col(Loan.number))
    assert_sql(
        statement.having(func.min(1 - near) > 2),
        sqlite="""
            SELECT loan.number FROM loan
            WHERE CASE WHEN loan.embedding IS NOT NULL
                  THEN vec_distance_l2(loan.embedding, :embedding_1) END < :param_1
            GROUP BY loan.number
            HAVING min(:param_2 - CASE WHEN loan.embedding IS NOT NULL
                  THEN vec_distance_l2(loan.embedding, :embedding_1) END) > :min_1
            ORDER BY CASE WHEN loan.embedding IS NOT NULL
                  THEN vec_distance_l2(loan.embedding, :embedding_1) END""",
        postgresql="""
            SELECT loan.number FROM loan WHERE (loan.embedding <-> :embedding_1) < :param_1
            GROUP BY loan.number
            HAVING min(:param_2::INTEGER - (loan.embedding <-> :embedding_1)) > :min_1::INTEGER
            ORDER BY (loan.embedding <-> :embedding_1)""",
        mysql=UNSUPPORTED,
        mariadb="""
            SELECT loan.number FROM loan
            WHERE CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) < :param_1
            GROUP BY loan.number
            HAVING min(:param_2
                - CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE)) > :min_1
            ORDER BY CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE)""",
    )


def test_two_distances_bind_two_vectors() -> None:
    one, two = (distance(Loan.embedding, vector, "l1") for vector in ([1, 2], [3, 4]))
    assert_sql(
        select(one, two),
        sqlite="""
            SELECT CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l1(loan.embedding, :embedding_1) END AS anon_1,
            CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l1(loan.embedding, :embedding_2) END AS anon_2 FROM loan""",
        postgresql="""
            SELECT (loan.embedding <+> :embedding_1) AS anon_1,
            (loan.embedding <+> :embedding_2) AS anon_2 FROM loan""",
        mysql=UNSUPPORTED,
        mariadb=UNSUPPORTED,
    )


def test_between_two_columns_of_which_either_may_be_null() -> None:
    """SQLite's functions raise on NULL, so each side is asked first."""
    other = aliased(Book, name="other")
    assert_sql(
        select(distance(Book.embedding, other.embedding, "l2")),
        sqlite="""
            SELECT CASE WHEN book.embedding IS NOT NULL AND other.embedding IS NOT NULL
            THEN vec_distance_l2(book.embedding, other.embedding) END AS anon_1
            FROM book, book AS other""",
        postgresql="""
            SELECT (book.embedding <-> other.embedding) AS anon_1 FROM book, book AS other""",
        mysql=UNSUPPORTED,
        mariadb="""
            SELECT CAST(VEC_DISTANCE_EUCLIDEAN(book.embedding, other.embedding) AS DOUBLE) AS anon_1
            FROM book, book AS other""",
    )


def test_a_column_of_a_plain_table() -> None:
    plain = table("plain", column("v", VectorType(2)))
    assert_sql(
        select(distance(plain.c.v, [1, 2], "l2")),
        sqlite="""
            SELECT CASE WHEN plain.v IS NOT NULL
            THEN vec_distance_l2(plain.v, :v_1) END AS anon_1 FROM plain""",
        postgresql="SELECT (plain.v <-> :v_1) AS anon_1 FROM plain",
        mysql=UNSUPPORTED,
        mariadb="""
            SELECT CAST(VEC_DISTANCE_EUCLIDEAN(plain.v, :v_1) AS DOUBLE) AS anon_1 FROM plain""",
    )


def test_a_distance_stays_within_a_subquery() -> None:
    inner = select(col(Loan.number), distance(Loan.embedding, [1, 2], "l2").label("far")).subquery(
        "s"
    )
    assert_sql(
        select(inner.c.number, inner.c.far).where(inner.c.far < 1),
        sqlite="""
            SELECT s.number, s.far FROM (SELECT loan.number AS number,
            CASE WHEN loan.embedding IS NOT NULL
            THEN vec_distance_l2(loan.embedding, :embedding_1) END AS far FROM loan) AS s
            WHERE s.far < :far_1""",
        postgresql="""
            SELECT s.number, s.far FROM (SELECT loan.number AS number,
            (loan.embedding <-> :embedding_1) AS far FROM loan) AS s
            WHERE s.far < :far_1::INTEGER""",
        mysql=UNSUPPORTED,
        mariadb="""
            SELECT s.number, s.far FROM (SELECT loan.number AS number,
            CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE) AS far
            FROM loan) AS s WHERE s.far < :far_1""",
    )


def test_an_alias_keeps_its_name() -> None:
    other = aliased(Loan, name="other")
    assert_sql(
        select(distance(other.embedding, [1, 2], "l2")),
        sqlite="""
            SELECT CASE WHEN other.embedding IS NOT NULL
            THEN vec_distance_l2(other.embedding, :embedding_1) END AS anon_1
            FROM loan AS other""",
        postgresql="SELECT (other.embedding <-> :embedding_1) AS anon_1 FROM loan AS other",
        mysql=UNSUPPORTED,
        mariadb="""
            SELECT CAST(VEC_DISTANCE_EUCLIDEAN(other.embedding, :embedding_1) AS DOUBLE) AS anon_1
            FROM loan AS other""",
    )


def test_it_reads_as_text_without_any_engine() -> None:
    """`print(statement)` and SQLAlchemy itself compile for no engine in particular."""
    sql = str(select(col(Loan.number)).where(distance(Loan.embedding, [1, 2], "l2") < 1))
    assert "loan.embedding" in sql


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(InvalidQuery, match=r"distance\(\) needs a vector column"):
        distance(Loan.number, [1, 2])
    with pytest.raises(InvalidMetric, match="unknown metric 'near'"):
        distance(Loan.embedding, [1, 2], "near")
    with pytest.raises(InvalidMetric, match="hamming does not compare float32 vectors"):
        distance(Loan.embedding, [1, 2], "hamming")
    with pytest.raises(DimensionMismatch, match="expected a vector of 2 dimensions, got 3"):
        distance(Loan.embedding, [1, 2, 3])


def test_columns_are_compared_by_their_types() -> None:
    with pytest.raises(DimensionMismatch, match="expected a vector of 4 dimensions, got 2"):
        distance(Page.image, col(Page.text))
    with pytest.raises(InvalidQuery, match="vector"):
        distance(Page.image, col(Page.distance))
