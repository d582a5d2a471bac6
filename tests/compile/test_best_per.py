"""The first row of each group: a window, unless an index serves or numpy ranks."""

from __future__ import annotations

import pytest

from agentorm import InvalidQuery, repository
from agentorm.counting import counted
from tests.compile.library import Author, Book, Loan, Picture
from tests.compile.sql_of import assert_sql, sql_of

SORTED = """
    SELECT book.id, book.title, book.year, book.author_id, {embedding} FROM book
    {join} (SELECT ranked.key_0 AS key_0, ranked.{position} AS {position},
    row_number() OVER (PARTITION BY ranked.grouped ORDER BY ranked.{position}, ranked.key_0)
    AS place_in_group
    FROM (SELECT book.id AS key_0, book.year AS grouped,
    row_number() OVER (ORDER BY author.name, book.id) AS {position}
    FROM book {join} author ON author.id = book.author_id) AS ranked) AS best
    ON book.id = best.key_0 {join} author ON author.id = book.author_id
    WHERE best.place_in_group = :place_in_group_1{cast} ORDER BY best.{position}, book.id"""
NEAREST = """
    SELECT loan.branch, loan.number, loan.embedding, best.distance FROM loan
    {join} (SELECT ranked.key_0 AS key_0, ranked.key_1 AS key_1, ranked.distance AS distance,
    row_number() OVER (PARTITION BY ranked.grouped
    ORDER BY ranked.distance, ranked.key_0, ranked.key_1) AS place_in_group
    FROM (SELECT loan.branch AS key_0, loan.number AS key_1, loan.branch AS grouped,
    {distance} AS distance FROM loan WHERE loan.number > :number_1{big}) AS ranked
    WHERE ranked.distance <= :distance_1) AS best
    ON loan.branch = best.key_0 AND loan.number = best.key_1
    WHERE best.place_in_group = :place_in_group_1{cast}
    ORDER BY best.distance, loan.branch, loan.number"""
POSTGRESQL = {"join": "JOIN", "cast": "::INTEGER", "big": "::BIGINT"}
SQLITE = {"join": "JOIN", "cast": "", "big": ""}
INNER = {"join": "INNER JOIN", "cast": "", "big": ""}


def tallied(loans: list[Loan]) -> list[int]:
    return [loan.number for loan in loans]


def test_the_nearest_of_each_group_is_the_first_in_its_window() -> None:
    assert_sql(
        repository(Loan).similar_to([1, 2]).where(Loan.number > 3).best_per(Loan.branch),
        sqlite=NEAREST.format(
            distance="CASE WHEN loan.embedding IS NOT NULL"
            " THEN vec_distance_l2(loan.embedding, :embedding_1) END",
            **SQLITE,
        ),
        postgresql=NEAREST.format(distance="((loan.embedding <-> :embedding_1) + 0)", **POSTGRESQL),
        mysql="""
            SELECT loan.branch, loan.number, loan.branch AS grouped,
            CAST(loan.embedding AS BINARY) AS embedding FROM loan
            WHERE loan.number > :number_1 AND loan.embedding IS NOT NULL;
            SELECT loan.branch, loan.number, CAST(loan.embedding AS BINARY) AS embedding,
            CAST(loan.embedding AS BINARY) AS embedding FROM loan
            WHERE loan.number > :number_1
            AND (loan.branch, loan.number) IN ((:param_1_1_1, :param_1_1_2))""",
        mariadb=NEAREST.format(
            distance="CAST(VEC_DISTANCE_EUCLIDEAN(loan.embedding, :embedding_1) AS DOUBLE)",
            **INNER,
        ),
    )


def test_the_first_in_an_order_is_the_first_by_its_place() -> None:
    plain = "book.embedding"
    assert_sql(
        repository(Book).join(Book.author).order_by(Author.name).best_per(Book.year),
        sqlite=SORTED.format(embedding=plain, position="position", **SQLITE),
        postgresql=SORTED.format(embedding=plain, position="position", **POSTGRESQL),
        mysql=SORTED.format(
            embedding="CAST(book.embedding AS BINARY) AS embedding", position="position", **INNER
        ),
        mariadb=SORTED.format(embedding=plain, position="`position`", **INNER),
    )


def test_an_index_is_asked_for_rows() -> None:
    query = repository(Picture).similar_to([1, 2, 3]).best_per(Picture.owner_id).limit(3)
    by_index = sql_of(query, "postgresql")
    assert by_index.endswith("FROM picture ORDER BY distance, picture.id LIMIT :param_1::INTEGER")
    assert "row_number" not in query.sql("mariadb")
    assert "row_number" in query.limit(10_000).sql("postgresql")
    assert "row_number" in str(query.statement())


def test_groups_are_counted() -> None:
    sql = """
        SELECT count(*) AS count_1 FROM (SELECT DISTINCT book.author_id AS grouped FROM book
        WHERE book.year = :year_1{cast}) AS {groups}"""
    assert_sql(
        counted(repository(Book).where(Book.year == 1).best_per(Book.author_id)),
        sqlite=sql.format(cast="", groups="groups"),
        postgresql=sql.format(cast="::BIGINT", groups="groups"),
        mysql=sql.format(cast="", groups="`groups`"),
        mariadb=sql.format(cast="", groups="groups"),
    )


def test_rows_that_are_looked_at_again_are_asked_for_to_that_depth() -> None:
    loans = repository(Loan).similar_to([1, 2])
    looked_at, depth = loans.rerank(tallied, depth=7), loans.limit(7)
    for engine in ("sqlite", "postgresql", "mysql", "mariadb"):
        assert looked_at.limit(2).offset(1).sql(engine) == depth.sql(engine)
        assert loans.diverse(depth=7).sql(engine) == depth.sql(engine)
        both = looked_at.diverse(depth=3)
        assert both.sql(engine) == depth.sql(engine)
    with pytest.raises(InvalidQuery, match=r"^rerank\(\) and diverse\(\) run in this process"):
        looked_at.statement()


def test_verbs_are_shown_in_the_order_of_their_steps() -> None:
    query = repository(Loan).diverse(0.25).rerank(tallied).best_per("branch").similar_to([1, 2])
    assert repr(query.limit(3)) == (
        "SyncQuery(Loan).similar_to(Vector([1.0, 2.0]), on=Loan.embedding, metric='l2')"
        ".best_per(branch).rerank(tallied, depth=50).diverse(lambda_=0.25, depth=50).limit(3)"
    )
