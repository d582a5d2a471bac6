"""Rankings that an index may serve: where it does, and the form in which it cannot."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import joinedload

from agentorm import Search, col, repository
from agentorm.endings import Endings
from agentorm.statement import statement
from tests.compile.library import Author, Copy, Page, Picture
from tests.compile.sql_of import MARIADB_BEHIND_MYSQL, assert_sql, folded, sql_of, unsupported

PAGES, PICTURES = repository(Page), repository(Picture)
TEXTS, IMAGES = PAGES.similar_to([1, 2], on="text"), PAGES.similar_to([1, 2, 3, 4], on="image")
ALIKE = PICTURES.similar_to([1, 2, 3])


def test_an_index_serves_its_own_metric_and_a_limit() -> None:
    assert_sql(
        PAGES.similar_to([1, 2, 3, 4], on=Page.image).limit(3),
        sqlite="""
            SELECT page.id, page.distance, page.text, page.image,
            CASE WHEN page.image IS NOT NULL
            THEN vec_distance_l2(page.image, :image_1) END AS distance_to_query
            FROM page
            WHERE page.id IN (SELECT page.id FROM page
                ORDER BY CASE WHEN page.image IS NOT NULL
                THEN vec_distance_l2(page.image, :image_1) END NULLS LAST, page.id
                LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance_to_query NULLS LAST, page.id""",
        postgresql="""
            SELECT page.id, page.distance, page.text, page.image,
            (page.image <-> :image_1) AS distance_to_query
            FROM page ORDER BY distance_to_query, page.id LIMIT :param_1::INTEGER""",
        mysql="""
            SELECT page.id, CAST(page.image AS BINARY) AS image FROM page
            WHERE page.image IS NOT NULL;
            SELECT page.id, page.distance, CAST(page.text AS BINARY) AS text,
            CAST(page.image AS BINARY) AS image, CAST(page.image AS BINARY) AS image FROM page
            WHERE page.id IN (:id_1_1)""",
        mariadb="""
            SELECT page.id, page.distance, page.text, page.image,
            CAST(VEC_DISTANCE_EUCLIDEAN(page.image, :image_1) AS DOUBLE) AS distance_to_query
            FROM page ORDER BY VEC_DISTANCE_EUCLIDEAN(page.image, :image_1) LIMIT :param_1""",
    )


@pytest.mark.parametrize(
    ("query", "distance"),
    [
        (TEXTS.limit(3), "(page.text <#> :text_1)"),
        (TEXTS, "((page.text <#> :text_1) + 0)"),
        (
            PAGES.similar_to([1, 2], on="text", metric="l2").limit(3),
            "((page.text <-> :text_1) + 0)",
        ),
    ],
)
def test_only_what_an_index_may_answer_is_written_for_it(
    query: Endings[Any, Any], distance: str
) -> None:
    assert f" {distance} AS distance_to_query" in query.sql("postgresql")


MARIADB_SELECTED = """
    SELECT picture.id, picture.owner_id, picture.pixels,
    GREATEST(CAST(VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) AS DOUBLE), 0.0) AS distance
    FROM picture"""
MARIADB_INDEXED = "ORDER BY VEC_DISTANCE_COSINE(picture.pixels, :pixels_1)"
MARIADB_EXACT = (
    "ORDER BY -GREATEST(CAST(VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) AS DOUBLE), 0.0) DESC,"
    " picture.id"
)
COSINE, LENGTH = (
    "GREATEST(CAST(VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) AS DOUBLE), 0.0)",
    "CAST(VEC_DISTANCE_EUCLIDEAN(picture.pixels, :pixels_1) AS DOUBLE)",
)


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        (ALIKE.limit(3), f"{MARIADB_INDEXED} LIMIT :param_1"),
        (ALIKE.limit(3).offset(2), f"{MARIADB_INDEXED} LIMIT :param_1"),
        (ALIKE.max_distance(0.5).limit(3), f"{MARIADB_INDEXED} LIMIT :param_1"),
        (
            ALIKE.where(col(Picture.id) > 5).limit(3),
            f"WHERE picture.id > :id_1 {MARIADB_INDEXED} LIMIT :param_1",
        ),
        (ALIKE, MARIADB_EXACT),
        (ALIKE.where(col(Picture.id) > 5), f"WHERE picture.id > :id_1 {MARIADB_EXACT}"),
    ],
)
def test_mariadb_sorts_by_the_bare_distance_where_the_index_serves(
    query: Endings[Any, Any], rest: str
) -> None:
    """A tie-break behind it, or any function around it, and the index serves no longer."""
    assert sql_of(query, "mariadb") == folded(f"{MARIADB_SELECTED} {rest}")


def test_the_statement_for_others_is_served_by_the_index_too() -> None:
    served = sql_of(ALIKE.max_distance(0.5).limit(3).statement(), "mariadb")
    assert served == folded("""
        SELECT picture.id, picture.owner_id, picture.pixels,
        GREATEST(CAST(VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) AS DOUBLE), 0.0) AS distance
        FROM picture
        WHERE GREATEST(CAST(VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) AS DOUBLE), 0.0) <=
        :param_1
        ORDER BY VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) LIMIT :param_2""")
    without_limit = f"{MARIADB_SELECTED} {MARIADB_EXACT}"
    assert sql_of(ALIKE.statement(), "mariadb") == folded(without_limit)
    by_length = PICTURES.similar_to([1, 2, 3], metric="l2")
    assert sql_of(by_length.statement(), "mariadb") == folded(without_limit.replace(COSINE, LENGTH))


def test_another_metric_than_the_index_ranks_by_is_exact_on_mariadb() -> None:
    expected = f"{MARIADB_SELECTED} {MARIADB_EXACT} LIMIT :param_1"
    query = PICTURES.similar_to([1, 2, 3], metric="l2").limit(3)
    assert sql_of(query, "mariadb") == folded(expected.replace(COSINE, LENGTH))
    for metric in ("l1", "inner_product"):
        scan = sql_of(PICTURES.similar_to([1, 2, 3], metric=metric).limit(3), "mariadb")
        assert scan == folded("""
            SELECT picture.id, picture.pixels AS pixels FROM picture
            WHERE picture.pixels IS NOT NULL;
            SELECT picture.id, picture.owner_id, picture.pixels, picture.pixels AS pixels
            FROM picture WHERE picture.id IN (:id_1_1)""")


def test_what_mariadb_has_no_index_for_is_scanned_in_spite_of_its_declaration() -> None:
    assert sql_of(TEXTS.limit(3), "mariadb") == folded("""
        SELECT page.id, page.text AS text FROM page WHERE page.text IS NOT NULL;
        SELECT page.id, page.distance, page.text, page.image, page.text AS text
        FROM page WHERE page.id IN (:id_1_1)""")


def test_exactly_is_the_same_ranking_with_ties_broken_on_mariadb() -> None:
    exact = f"{MARIADB_SELECTED} {MARIADB_EXACT} LIMIT :param_1"
    assert sql_of(statement(ALIKE.limit(3), indexed=False), "mariadb") == folded(exact)
    assert sql_of(statement(IMAGES.limit(3), indexed=False), "mariadb") == folded("""
        SELECT page.id, page.distance, page.text, page.image,
        CAST(VEC_DISTANCE_EUCLIDEAN(page.image, :image_1) AS DOUBLE) AS distance_to_query
        FROM page ORDER BY -CAST(VEC_DISTANCE_EUCLIDEAN(page.image, :image_1) AS DOUBLE) DESC,
        page.id LIMIT :param_1""")


def test_a_server_of_mariadb_behind_mysql_is_asked_as_mariadb() -> None:
    indexed = f"{MARIADB_SELECTED} {MARIADB_INDEXED} LIMIT :param_1"
    assert sql_of(statement(ALIKE.limit(3)), MARIADB_BEHIND_MYSQL) == folded(indexed)
    exact = f"{MARIADB_SELECTED} {MARIADB_EXACT} LIMIT :param_1"
    assert sql_of(statement(ALIKE.limit(3), indexed=False), MARIADB_BEHIND_MYSQL) == folded(exact)


def test_a_collection_loaded_beside_what_an_index_serves() -> None:
    """The index serves within; outside, the few rows are sorted again with ties broken."""
    query = ALIKE.options(joinedload(Picture.copies)).limit(3)  # type: ignore[arg-type]
    assert_sql(
        query,
        sqlite="""
            SELECT picture.id, picture.owner_id, picture.pixels,
            CASE WHEN picture.pixels IS NOT NULL
            THEN max(vec_distance_cosine(picture.pixels, :pixels_1), 0.0) END AS distance,
            copy_1.id AS id_1, copy_1.distance AS distance_1, copy_1.picture_id
            FROM picture LEFT OUTER JOIN copy AS copy_1 ON picture.id = copy_1.picture_id
            WHERE picture.id IN (SELECT picture.id FROM picture
                ORDER BY CASE WHEN picture.pixels IS NOT NULL
                THEN max(vec_distance_cosine(picture.pixels, :pixels_1), 0.0) END NULLS LAST,
                picture.id LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, picture.id""",
        postgresql="""
            SELECT anon_1.id, anon_1.owner_id, anon_1.pixels, anon_1.distance, copy_1.id AS id_1,
            copy_1.distance AS distance_1, copy_1.picture_id
            FROM (SELECT picture.id AS id, picture.owner_id AS owner_id, picture.pixels AS pixels,
                (picture.pixels <=> :pixels_1) AS distance
                FROM picture ORDER BY distance, picture.id LIMIT :param_1::INTEGER) AS anon_1
            LEFT OUTER JOIN copy AS copy_1 ON anon_1.id = copy_1.picture_id
            ORDER BY anon_1.distance, anon_1.id""",
        mysql="""
            SELECT picture.id, CAST(picture.pixels AS BINARY) AS pixels FROM picture
            WHERE picture.pixels IS NOT NULL;
            SELECT picture.id, picture.owner_id, CAST(picture.pixels AS BINARY) AS pixels,
            CAST(picture.pixels AS BINARY) AS pixels, copy_1.id AS id_1, copy_1.distance,
            copy_1.picture_id
            FROM picture LEFT OUTER JOIN copy AS copy_1 ON picture.id = copy_1.picture_id
            WHERE picture.id IN (:id_2_1)""",
        mariadb="""
            SELECT anon_1.id, anon_1.owner_id, anon_1.pixels, anon_1.distance, copy_1.id AS id_1,
            copy_1.distance AS distance_1, copy_1.picture_id
            FROM (SELECT picture.id AS id, picture.owner_id AS owner_id, picture.pixels AS pixels,
                GREATEST(CAST(VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) AS DOUBLE), 0.0) AS
                distance
                FROM picture ORDER BY VEC_DISTANCE_COSINE(picture.pixels, :pixels_1)
                LIMIT :param_1) AS anon_1
            LEFT OUTER JOIN copy AS copy_1 ON anon_1.id = copy_1.picture_id
            ORDER BY -anon_1.distance DESC, anon_1.id""",
    )


def test_another_row_loaded_beside_what_an_index_serves_on_mariadb() -> None:
    query = ALIKE.options(joinedload(Picture.owner)).limit(3)  # type: ignore[arg-type]
    assert sql_of(query, "mariadb") == folded("""
        SELECT picture.id, picture.owner_id, picture.pixels,
        GREATEST(CAST(VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) AS DOUBLE), 0.0) AS distance,
        author_1.id AS id_1, author_1.name FROM picture
        LEFT OUTER JOIN author AS author_1 ON author_1.id = picture.owner_id
        ORDER BY VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) LIMIT :param_1""")


def test_joins_beside_what_an_index_serves_on_mariadb() -> None:
    one = ALIKE.join(Picture.owner).where(col(Author.id) > 2).limit(3)
    assert sql_of(one, "mariadb") == folded(f"""
        {MARIADB_SELECTED} INNER JOIN author ON author.id = picture.owner_id
        WHERE author.id > :id_1 {MARIADB_INDEXED} LIMIT :param_1""")
    many = ALIKE.join(Picture.copies).where(col(Copy.id) > 2).limit(3)
    assert sql_of(many, "mariadb") == folded("""
        SELECT picture.id, picture.owner_id, picture.pixels,
        GREATEST(CAST(VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) AS DOUBLE), 0.0) AS distance
        FROM picture
        WHERE picture.id IN (SELECT picture.id FROM picture
            INNER JOIN copy ON picture.id = copy.picture_id WHERE copy.id > :id_1)
        ORDER BY VEC_DISTANCE_COSINE(picture.pixels, :pixels_1) LIMIT :param_1""")


def test_exactly_is_written_so_that_no_index_serves() -> None:
    assert_sql(
        statement(TEXTS.limit(3), indexed=False),
        sqlite="""
            SELECT page.id, page.distance, page.text, page.image,
            CASE WHEN page.text IS NOT NULL
            THEN (coalesce(vec_distance_cosine(page.text, :text_1), 1.0) - 1.0)
            * vec_distance_l2(page.text, zeroblob(length(:text_1)))
            * vec_distance_l2(:text_1, zeroblob(length(:text_1))) END AS distance_to_query
            FROM page ORDER BY distance_to_query NULLS LAST, page.id
            LIMIT :param_1 OFFSET :param_2""",
        postgresql="""
            SELECT page.id, page.distance, page.text, page.image,
            ((page.text <#> :text_1) + 0) AS distance_to_query
            FROM page ORDER BY distance_to_query, page.id LIMIT :param_1::INTEGER""",
        mysql=unsupported("the distance inner_product in SQL"),
        mariadb=unsupported("the distance inner_product in SQL"),
    )


def test_a_column_called_distance_is_never_sorted_by_instead() -> None:
    """Within an expression MariaDB takes a name for a column before it takes it for a label."""
    sql = sql_of(ALIKE.options(joinedload(Picture.copies)), "mariadb")  # type: ignore[arg-type]
    assert "copy_1.distance" in sql
    assert "-distance DESC" not in sql


def test_the_exact_ranker_is_served_by_no_index() -> None:
    exact = Search(ranker="exact")
    query = ALIKE.limit(3).tune(exact)
    assert_sql(
        query,
        sqlite="""
            SELECT picture.id, picture.owner_id, picture.pixels,
            CASE WHEN picture.pixels IS NOT NULL
            THEN max(vec_distance_cosine(picture.pixels, :pixels_1), 0.0) END AS distance
            FROM picture
            WHERE picture.id IN (SELECT picture.id FROM picture
                ORDER BY CASE WHEN picture.pixels IS NOT NULL
                THEN max(vec_distance_cosine(picture.pixels, :pixels_1), 0.0) END NULLS LAST,
                picture.id LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, picture.id""",
        postgresql="""
            SELECT picture.id, picture.owner_id, picture.pixels,
            ((picture.pixels <=> :pixels_1) + 0) AS distance
            FROM picture ORDER BY distance, picture.id LIMIT :param_1::INTEGER""",
        mysql=sql_of(ALIKE.limit(3), "mysql"),
        mariadb=f"{MARIADB_SELECTED} {MARIADB_EXACT} LIMIT :param_1",
    )
    assert "+ 0)" in sql_of(query.statement(), "postgresql")


def test_what_is_tuned_otherwise_is_no_part_of_the_sql() -> None:
    for engine in ("sqlite", "postgresql", "mysql", "mariadb"):
        tuned = ALIKE.limit(3).tune(Search(ef=9, probes=3))
        assert sql_of(tuned, engine) == sql_of(ALIKE.limit(3), engine)
