"""A vector is equal to another bit by bit."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from agentorm import Vector, col
from tests.compile.library import Loan
from tests.compile.sql_of import MARIADB_BEHIND_MYSQL, assert_sql, sql_of

embedding = col(Loan.embedding)
other = aliased(Loan, name="other")


@pytest.mark.parametrize(
    ("condition", "rest"),
    [
        (embedding == Vector([1, 2]), "= :param_1"),
        (embedding != [1, 2], "!= :param_1"),
        (embedding.in_([[1, 2], [3, 4]]), "IN (:param_1_1, :param_1_2)"),
    ],
)
def test_with_a_vector(condition: ColumnElement[bool], rest: str) -> None:
    plain = "SELECT loan.number FROM loan WHERE loan.embedding REST".replace("REST", rest)
    assert_sql(
        select(col(Loan.number)).where(condition),
        sqlite=plain,
        postgresql=plain,
        mysql=plain.replace("loan.embedding", "CAST(loan.embedding AS BINARY)"),
        mariadb=plain,
    )


def test_or_distinct_from_it() -> None:
    assert_sql(
        select(col(Loan.number)).where(embedding.is_distinct_from([1, 2])),
        sqlite="SELECT loan.number FROM loan WHERE loan.embedding IS NOT :param_1",
        postgresql="""
            SELECT loan.number FROM loan WHERE loan.embedding IS DISTINCT FROM :param_1""",
        mysql="""
            SELECT loan.number FROM loan
            WHERE NOT (CAST(loan.embedding AS BINARY) <=> :param_1)""",
        mariadb="SELECT loan.number FROM loan WHERE NOT (loan.embedding <=> :param_1)",
    )


def test_with_another_column() -> None:
    plain = """
        SELECT loan.number FROM loan, loan AS other WHERE loan.embedding = other.embedding"""
    assert_sql(
        select(col(Loan.number)).where(embedding == other.embedding),
        sqlite=plain,
        postgresql=plain,
        mysql=plain,
        mariadb=plain,
    )


def test_none_is_asked_of_the_column_itself() -> None:
    plain = "SELECT count(*) AS n FROM loan WHERE loan.embedding IS NOT NULL"
    made: Any = select(func.count().label("n")).select_from(Loan).where(embedding.is_not(None))
    assert_sql(made, sqlite=plain, postgresql=plain, mysql=plain, mariadb=plain)


def test_on_a_mariadb_behind_a_url_of_mysql_as_on_mariadb() -> None:
    made = select(col(Loan.number)).where(embedding == [1, 2])
    assert sql_of(made, MARIADB_BEHIND_MYSQL) == sql_of(made, "mariadb")
