"""What never happens to SQL: a value in its text, another text the second time, a lost percent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import column, select, table

from agentorm import VectorType, col, distance, repository
from agentorm.counting import counted, first_of
from agentorm.endings import Endings
from agentorm.statement import statement
from tests.compile.library import Author, Book, Loan, Note, Odd
from tests.compile.sql_of import DRIVERS, assert_sql, sql_of, unsupported

QUERIES: dict[str, Endings[Any, Any]] = {
    "text": repository(Author).where(Author.name == "v4lue'; --"),
    "like": repository(Author).where(col(Author.name).contains("v4lue", autoescape=True)),
    "list": repository(Author).where(col(Author.name).in_(["v4lue", "v4lue2"])),
    "numbers": repository(Book).where(Book.year == 987654, col(Book.id).between(987655, 987656)),
    "page": repository(Book).limit(987654).offset(987655),
    "json": repository(Note).where(col(Note.meta)["v4lue"].as_string() == "v4lue2"),
    "vector": repository(Loan).similar_to([987654, 987655], metric="l1").limit(987656),
    "threshold": repository(Loan).similar_to([1, 2]).max_distance(987654.25),
    "score": repository(Loan).similar_to([1, 2], metric="inner_product").min_score(987654.25),
    "join": repository(Author).join(Author.books).where(col(Book.title) == "v4lue"),
}


@pytest.mark.parametrize("engine", DRIVERS)
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_no_value_is_ever_in_the_text(query: Endings[Any, Any], engine: str) -> None:
    texts = [query.sql(engine), sql_of(first_of(query), "sqlite"), sql_of(counted(query), "sqlite")]
    assert [text for text in texts if re.search(r"v4lue|9876\d\d", text)] == []


@pytest.mark.parametrize("engine", DRIVERS)
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_same_query_is_the_same_text_every_time(query: Endings[Any, Any], engine: str) -> None:
    first = query.sql(engine)
    for other in DRIVERS:
        query.sql(other)
    assert query.sql(engine) == first


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_statement_compiles_to_the_same_text_every_time(query: Endings[Any, Any]) -> None:
    made = statement(query)
    assert sql_of(made, "sqlite") == sql_of(made, "sqlite") == sql_of(statement(query), "sqlite")
    assert sql_of(made, "postgresql") == sql_of(statement(query), "postgresql")


def test_names_from_the_model_are_quoted_and_never_read_as_templates() -> None:
    scan = """
        SELECT odd.id, CAST(odd.embedding AS BINARY) AS embedding FROM odd
        WHERE odd.`growth %(x)s {column}` IS NULL AND odd.embedding IS NOT NULL;
        SELECT odd.id, odd.`growth %(x)s {column}`, CAST(odd.embedding AS BINARY) AS embedding,
        CAST(odd.embedding AS BINARY) AS embedding FROM odd
        WHERE odd.`growth %(x)s {column}` IS NULL AND odd.id IN (:id_1_1)"""
    assert_sql(
        repository(Odd).where(col(Odd.growth).is_(None)).similar_to([1, 2]).limit(2),
        sqlite="""
            SELECT odd.id, odd."growth %(x)s {column}", odd.embedding,
            CASE WHEN odd.embedding IS NOT NULL
            THEN max(vec_distance_cosine(odd.embedding, :embedding_1), 0.0) END AS distance FROM odd
            WHERE odd.id IN (SELECT odd.id FROM odd
                WHERE odd."growth %(x)s {column}" IS NULL
                ORDER BY CASE WHEN odd.embedding IS NOT NULL
                THEN max(vec_distance_cosine(odd.embedding, :embedding_1), 0.0) END NULLS LAST,
                odd.id LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, odd.id""",
        postgresql="""
            SELECT odd.id, odd."growth %(x)s {column}", odd.embedding,
            ((odd.embedding <=> :embedding_1) + 0) AS distance FROM odd
            WHERE odd."growth %(x)s {column}" IS NULL
            ORDER BY distance, odd.id LIMIT :param_1::INTEGER""",
        mysql=scan,
        mariadb="""
            SELECT odd.id, odd.`growth %(x)s {column}`, odd.embedding,
            GREATEST(CAST(VEC_DISTANCE_COSINE(odd.embedding, :embedding_1) AS DOUBLE), 0.0) AS
            distance FROM odd
            WHERE odd.`growth %(x)s {column}` IS NULL
            ORDER BY
            -GREATEST(CAST(VEC_DISTANCE_COSINE(odd.embedding, :embedding_1) AS DOUBLE), 0.0) DESC,
            odd.id LIMIT :param_1""",
    )


def test_a_vector_column_with_an_odd_name() -> None:
    plain = table("plain", column("100% {vector}", VectorType(2)))
    assert_sql(
        select(distance(plain.c["100% {vector}"], [1, 2], "l2").label("d")),
        sqlite="""
            SELECT CASE WHEN plain."100% {vector}" IS NOT NULL
            THEN vec_distance_l2(plain."100% {vector}", :100_{vector}_1) END AS d FROM plain""",
        postgresql='SELECT (plain."100% {vector}" <-> :100_{vector}_1) AS d FROM plain',
        mysql=unsupported("the distance l2 in SQL"),
        mariadb="""
            SELECT CAST(VEC_DISTANCE_EUCLIDEAN(plain.`100% {vector}`, :100_{vector}_1) AS DOUBLE)
            AS d FROM plain""",
    )


@pytest.mark.parametrize(
    ("engine", "paramstyle", "expected"),
    [
        ("sqlite", "qmark", "odd.id % ? = ?"),
        ("postgresql", "pyformat", "odd.id %% %(id_1)s::BIGINT = %(param_1)s::BIGINT"),
        ("mysql", "pyformat", "odd.id %% %(id_1)s = %(param_1)s"),
        ("mysql", "format", "odd.id %% %s = %s"),
        ("mariadb", "format", "odd.id %% %s = %s"),
    ],
)
def test_a_percent_sign_is_doubled_where_the_driver_reads_it(
    engine: str, paramstyle: str, expected: str
) -> None:
    near = distance(Odd.embedding, [1, 2], "l2")
    conditions = [col(Odd.id) % 7 == 1, *([near < 1.5] if engine != "mysql" else [])]
    sql = sql_of(select(col(Odd.id)).where(*conditions), engine, paramstyle=paramstyle)
    assert expected in sql
    assert "%%%" not in sql


def test_a_name_with_a_percent_sign_is_doubled_beside_a_distance() -> None:
    near = distance(Odd.embedding, [1, 2], "l2")
    made = select(col(Odd.growth)).where(near < 1.5)
    assert sql_of(made, "mariadb", paramstyle="format") == (
        "SELECT odd.`growth %%(x)s {column}` FROM odd"
        " WHERE CAST(VEC_DISTANCE_EUCLIDEAN(odd.embedding, %s) AS DOUBLE) < %s"
    )
    assert sql_of(made, "postgresql", paramstyle="pyformat") == (
        'SELECT odd."growth %%(x)s {column}" FROM odd'
        " WHERE (odd.embedding <-> %(embedding_1)s) < %(param_1)s"
    )
