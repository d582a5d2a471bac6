"""Fusions: one statement where the engine computes the distance, each ranking apart elsewhere."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import registry

from agentorm import (
    HNSW,
    Entity,
    Field,
    Search,
    UnsupportedFeature,
    Vector,
    Weighted,
    repository,
    text_field,
    vector_field,
)
from agentorm.counting import counted
from tests.compile.sql_of import assert_sql, sql_of, unsupported


class Shelf(Entity, registry=registry()):
    """Apart from the tables of other tests."""


class Essay(Shelf, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: str
    body: str = text_field(search="english")
    embedding: Vector = vector_field(2, metric="l2")


BOTH = repository(Essay).similar_to([1, 2]).matching("river")


PLACES_SQLITE = """
            SELECT essay.id, essay.topic, essay.body, essay.embedding, fused.distance,
                fused.text_score, fused.fused_score
            FROM essay JOIN (SELECT legs.key_0 AS key_0, max(legs.distance) AS distance,
                max(legs.text_score) AS text_score, sum(legs.share) AS fused_score
            FROM (SELECT nearest.key_0 AS key_0, nearest.distance AS distance, NULL AS
                text_score, :param_1 / ((:param_2 + row_number() OVER (ORDER BY
                nearest.distance, nearest.key_0)) + 0.0) AS share
            FROM (SELECT essay.id AS key_0, CASE WHEN essay.embedding IS NOT NULL THEN
                vec_distance_l2(essay.embedding, :embedding_1) END AS distance
            FROM essay
            WHERE essay.topic = :topic_1 ORDER BY distance NULLS LAST, essay.id
            LIMIT :param_3 OFFSET :param_4) AS nearest
            WHERE nearest.distance <= :distance_1
            UNION ALL SELECT matched.key_0 AS key_0, NULL AS distance, matched.text_score AS
                text_score, :param_5 / ((:param_6 + row_number() OVER (ORDER BY
                matched.text_score DESC, matched.key_0)) + 0.0) AS share
            FROM (SELECT essay.id AS key_0, found.text_score AS text_score
            FROM essay JOIN (SELECT ft_essay_body.rowid AS key_0, -bm25(ft_essay_body) AS
                text_score
            FROM ft_essay_body
            WHERE ft_essay_body MATCH :words_1) AS found ON essay.id = found.key_0
            WHERE essay.topic = :topic_1
            ORDER BY found.text_score DESC, essay.id
            LIMIT :param_7 OFFSET :param_8) AS matched) AS legs
            GROUP BY legs.key_0) AS fused ON essay.id = fused.key_0
            ORDER BY fused.fused_score DESC, essay.id
            LIMIT :param_9 OFFSET :param_10"""
PLACES_POSTGRESQL = """
            SELECT essay.id, essay.topic, essay.body, essay.embedding, fused.distance,
                fused.text_score, fused.fused_score
            FROM essay JOIN (SELECT legs.key_0 AS key_0, max(legs.distance) AS distance,
                max(legs.text_score) AS text_score, sum(legs.share) AS fused_score
            FROM (SELECT nearest.key_0 AS key_0, nearest.distance AS distance, NULL AS
                text_score, :param_1 / CAST((:param_2 + row_number() OVER (ORDER BY
                nearest.distance, nearest.key_0)) AS DOUBLE PRECISION) AS share
            FROM (SELECT essay.id AS key_0, ((essay.embedding <-> :embedding_1) + 0) AS distance
            FROM essay
            WHERE essay.topic = :topic_1 ORDER BY distance, essay.id
            LIMIT :param_3::INTEGER) AS nearest
            WHERE nearest.distance <= :distance_1
            UNION ALL SELECT matched.key_0 AS key_0, NULL AS distance, matched.text_score AS
                text_score, :param_4 / CAST((:param_5 + row_number() OVER (ORDER BY
                matched.text_score DESC, matched.key_0)) AS DOUBLE PRECISION) AS share
            FROM (SELECT essay.id AS key_0, found.text_score AS text_score
            FROM essay JOIN (SELECT essay.id AS key_0, ts_rank(essay.body_search,
                to_tsquery('english', :words_1::VARCHAR), 1) AS text_score
            FROM essay
            WHERE essay.body_search @@ to_tsquery('english', :words_1::VARCHAR)) AS found ON
                essay.id = found.key_0
            WHERE essay.topic = :topic_1
            ORDER BY found.text_score DESC, essay.id
            LIMIT :param_6::INTEGER) AS matched) AS legs
            GROUP BY legs.key_0) AS fused ON essay.id = fused.key_0
            ORDER BY fused.fused_score DESC, essay.id
            LIMIT :param_7::INTEGER"""
PLACES_MYSQL = """
            SELECT essay.id AS key_0, found.text_score
            FROM essay INNER JOIN (SELECT essay.id AS key_0, MATCH (essay.body_search) AGAINST
                (:words_1 IN BOOLEAN MODE) AS text_score
            FROM essay
            WHERE MATCH (essay.body_search) AGAINST (:words_1 IN BOOLEAN MODE)) AS found ON
                essay.id = found.key_0
            WHERE essay.topic = :topic_1
            ORDER BY found.text_score DESC, essay.id
            LIMIT :param_1;
            SELECT essay.id, CAST(essay.embedding AS BINARY) AS embedding
            FROM essay
            WHERE essay.topic = :topic_1 AND essay.embedding IS NOT NULL;
            SELECT essay.id, essay.topic, essay.body, CAST(essay.embedding AS BINARY) AS
                embedding, CAST(essay.embedding AS BINARY) AS embedding
            FROM essay
            WHERE essay.topic = :topic_1 AND essay.id IN (:id_1_1)"""
PLACES_MARIADB = """
            SELECT essay.id, essay.topic, essay.`body`, essay.embedding, fused.distance,
                fused.text_score, fused.fused_score
            FROM essay INNER JOIN (SELECT legs.key_0 AS key_0, max(legs.distance) AS distance,
                max(legs.text_score) AS text_score, sum(legs.share) AS fused_score
            FROM (SELECT nearest.key_0 AS key_0, nearest.distance AS distance, NULL AS
                text_score, :param_1 / (:param_2 + row_number() OVER (ORDER BY nearest.distance,
                nearest.key_0)) AS share
            FROM (SELECT essay.id AS key_0, CAST(VEC_DISTANCE_EUCLIDEAN(essay.embedding,
                :embedding_1) AS DOUBLE) AS distance
            FROM essay
            WHERE essay.topic = :topic_1 ORDER BY -CAST(VEC_DISTANCE_EUCLIDEAN(essay.embedding,
                :embedding_1) AS DOUBLE) DESC, essay.id
            LIMIT :param_3) AS nearest
            WHERE nearest.distance <= :distance_1
            UNION ALL SELECT matched.key_0 AS key_0, NULL AS distance, matched.text_score AS
                text_score, :param_4 / (:param_5 + row_number() OVER (ORDER BY
                matched.text_score DESC, matched.key_0)) AS share
            FROM (SELECT essay.id AS key_0, found.text_score AS text_score
            FROM essay INNER JOIN (SELECT essay.id AS key_0, MATCH (essay.body_search) AGAINST
                (:words_1 IN BOOLEAN MODE) AS text_score
            FROM essay
            WHERE MATCH (essay.body_search) AGAINST (:words_1 IN BOOLEAN MODE)) AS found ON
                essay.id = found.key_0
            WHERE essay.topic = :topic_1
            ORDER BY found.text_score DESC, essay.id
            LIMIT :param_6) AS matched) AS legs
            GROUP BY legs.key_0) AS fused ON essay.id = fused.key_0
            ORDER BY fused.fused_score DESC, essay.id
            LIMIT :param_7"""


def test_places_are_added_up() -> None:
    assert_sql(
        BOTH.where(Essay.topic == "x").fuse().limit(3),
        sqlite=PLACES_SQLITE,
        postgresql=PLACES_POSTGRESQL,
        mysql=PLACES_MYSQL,
        mariadb=PLACES_MARIADB,
    )


SCORES_SQLITE = """
            SELECT essay.id, essay.topic, essay.body, essay.embedding, fused.distance,
                fused.text_score, fused.fused_score
            FROM essay JOIN (SELECT legs.key_0 AS key_0, max(legs.distance) AS distance,
                max(legs.text_score) AS text_score, sum(legs.share) AS fused_score
            FROM (SELECT scored.key_0 AS key_0, scored.distance AS distance, NULL AS text_score,
                :param_1 * CASE WHEN (max(scored.score) OVER () = min(scored.score) OVER ())
                THEN :param_2 ELSE (scored.score - min(scored.score) OVER ()) /
                ((max(scored.score) OVER () - min(scored.score) OVER ()) + 0.0) END AS share
            FROM (SELECT nearest.key_0 AS key_0, nearest.distance AS distance, :param_3 /
                ((:distance_1 + nearest.distance) + 0.0) AS score
            FROM (SELECT essay.id AS key_0, CASE WHEN essay.embedding IS NOT NULL THEN
                vec_distance_l2(essay.embedding, :embedding_1) END AS distance
            FROM essay) AS nearest
            WHERE nearest.distance <= :distance_2) AS scored
            UNION ALL SELECT matched.key_0 AS key_0, NULL AS distance, matched.text_score AS
                text_score, :param_4 * CASE WHEN (max(matched.text_score) OVER () =
                min(matched.text_score) OVER ()) THEN :param_5 ELSE (matched.text_score -
                min(matched.text_score) OVER ()) / ((max(matched.text_score) OVER () -
                min(matched.text_score) OVER ()) + 0.0) END AS share
            FROM (SELECT essay.id AS key_0, found.text_score AS text_score
            FROM essay JOIN (SELECT ft_essay_body.rowid AS key_0, -bm25(ft_essay_body) AS
                text_score
            FROM ft_essay_body
            WHERE ft_essay_body MATCH :words_1) AS found ON essay.id = found.key_0
            WHERE CASE WHEN essay.embedding IS NOT NULL THEN vec_distance_l2(essay.embedding,
                :embedding_2) END <= :param_6
            ORDER BY found.text_score DESC, essay.id) AS matched) AS legs
            GROUP BY legs.key_0) AS fused ON essay.id = fused.key_0
            ORDER BY fused.fused_score DESC, essay.id"""
SCORES_POSTGRESQL = """
            SELECT essay.id, essay.topic, essay.body, essay.embedding, fused.distance,
                fused.text_score, fused.fused_score
            FROM essay JOIN (SELECT legs.key_0 AS key_0, max(legs.distance) AS distance,
                max(legs.text_score) AS text_score, sum(legs.share) AS fused_score
            FROM (SELECT scored.key_0 AS key_0, scored.distance AS distance, NULL AS text_score,
                :param_1 * CASE WHEN (max(scored.score) OVER () = min(scored.score) OVER ())
                THEN :param_2 ELSE (scored.score - min(scored.score) OVER ()) /
                CAST((max(scored.score) OVER () - min(scored.score) OVER ()) AS DOUBLE
                PRECISION) END AS share
            FROM (SELECT nearest.key_0 AS key_0, nearest.distance AS distance, :param_3 /
                CAST((:distance_1 + nearest.distance) AS DOUBLE PRECISION) AS score
            FROM (SELECT essay.id AS key_0, ((essay.embedding <-> :embedding_1) + 0) AS distance
            FROM essay) AS nearest
            WHERE nearest.distance <= :distance_2) AS scored
            UNION ALL SELECT matched.key_0 AS key_0, NULL AS distance, matched.text_score AS
                text_score, :param_4 * CASE WHEN (max(matched.text_score) OVER () =
                min(matched.text_score) OVER ()) THEN :param_5 ELSE (matched.text_score -
                min(matched.text_score) OVER ()) / CAST((max(matched.text_score) OVER () -
                min(matched.text_score) OVER ()) AS DOUBLE PRECISION) END AS share
            FROM (SELECT essay.id AS key_0, found.text_score AS text_score
            FROM essay JOIN (SELECT essay.id AS key_0, ts_rank(essay.body_search,
                to_tsquery('english', :words_1::VARCHAR), 1) AS text_score
            FROM essay
            WHERE essay.body_search @@ to_tsquery('english', :words_1::VARCHAR)) AS found ON
                essay.id = found.key_0
            WHERE ((essay.embedding <-> :embedding_2) + 0) <= :param_6
            ORDER BY found.text_score DESC, essay.id) AS matched) AS legs
            GROUP BY legs.key_0) AS fused ON essay.id = fused.key_0
            ORDER BY fused.fused_score DESC, essay.id"""
SCORES_MYSQL = """
            SELECT essay.id AS key_0, found.text_score, CAST(essay.embedding AS BINARY) AS
                embedding
            FROM essay INNER JOIN (SELECT essay.id AS key_0, MATCH (essay.body_search) AGAINST
                (:words_1 IN BOOLEAN MODE) AS text_score
            FROM essay
            WHERE MATCH (essay.body_search) AGAINST (:words_1 IN BOOLEAN MODE)) AS found ON
                essay.id = found.key_0
            ORDER BY found.text_score DESC, essay.id;
            SELECT essay.id, CAST(essay.embedding AS BINARY) AS embedding
            FROM essay
            WHERE essay.embedding IS NOT NULL;
            SELECT essay.id, essay.topic, essay.body, CAST(essay.embedding AS BINARY) AS
                embedding, CAST(essay.embedding AS BINARY) AS embedding
            FROM essay
            WHERE essay.id IN (:id_1_1)"""
SCORES_MARIADB = """
            SELECT essay.id, essay.topic, essay.`body`, essay.embedding, fused.distance,
                fused.text_score, fused.fused_score
            FROM essay INNER JOIN (SELECT legs.key_0 AS key_0, max(legs.distance) AS distance,
                max(legs.text_score) AS text_score, sum(legs.share) AS fused_score
            FROM (SELECT scored.key_0 AS key_0, scored.distance AS distance, NULL AS text_score,
                :param_1 * CASE WHEN (max(scored.score) OVER () = min(scored.score) OVER ())
                THEN :param_2 ELSE (scored.score - min(scored.score) OVER ()) /
                (max(scored.score) OVER () - min(scored.score) OVER ()) END AS share
            FROM (SELECT nearest.key_0 AS key_0, nearest.distance AS distance, :param_3 /
                (:distance_1 + nearest.distance) AS score
            FROM (SELECT essay.id AS key_0, CAST(VEC_DISTANCE_EUCLIDEAN(essay.embedding,
                :embedding_1) AS DOUBLE) AS distance
            FROM essay) AS nearest
            WHERE nearest.distance <= :distance_2) AS scored
            UNION ALL SELECT matched.key_0 AS key_0, NULL AS distance, matched.text_score AS
                text_score, :param_4 * CASE WHEN (max(matched.text_score) OVER () =
                min(matched.text_score) OVER ()) THEN :param_5 ELSE (matched.text_score -
                min(matched.text_score) OVER ()) / (max(matched.text_score) OVER () -
                min(matched.text_score) OVER ()) END AS share
            FROM (SELECT essay.id AS key_0, found.text_score AS text_score
            FROM essay INNER JOIN (SELECT essay.id AS key_0, MATCH (essay.body_search) AGAINST
                (:words_1 IN BOOLEAN MODE) AS text_score
            FROM essay
            WHERE MATCH (essay.body_search) AGAINST (:words_1 IN BOOLEAN MODE)) AS found ON
                essay.id = found.key_0
            WHERE CAST(VEC_DISTANCE_EUCLIDEAN(essay.embedding, :embedding_2) AS DOUBLE) <=
                :param_6
            ORDER BY found.text_score DESC, essay.id) AS matched) AS legs
            GROUP BY legs.key_0) AS fused ON essay.id = fused.key_0
            ORDER BY fused.fused_score DESC, essay.id"""


def test_scores_are_added_up_within_a_threshold() -> None:
    assert_sql(
        BOTH.fuse(Weighted()).max_distance(2),
        sqlite=SCORES_SQLITE,
        postgresql=SCORES_POSTGRESQL,
        mysql=SCORES_MYSQL,
        mariadb=SCORES_MARIADB,
    )


def test_a_count_is_of_what_either_finds() -> None:
    assert_sql(
        counted(BOTH.fuse()),
        sqlite="""
            SELECT count(*) AS count_1
            FROM essay
            LEFT OUTER JOIN (SELECT ft_essay_body.rowid AS key_0, -bm25(ft_essay_body) AS
                text_score
            FROM ft_essay_body
            WHERE ft_essay_body MATCH :words_1) AS found ON essay.id = found.key_0
            WHERE CASE WHEN essay.embedding IS NOT NULL THEN vec_distance_l2(essay.embedding,
                :embedding_1) END <= :param_1
            OR found.text_score IS NOT NULL""",
        postgresql="""
            SELECT count(*) AS count_1
            FROM essay
            LEFT OUTER JOIN (SELECT essay.id AS key_0, ts_rank(essay.body_search,
                to_tsquery('english', :words_1::VARCHAR), 1) AS text_score
            FROM essay
            WHERE essay.body_search @@ to_tsquery('english', :words_1::VARCHAR)) AS found ON
                essay.id = found.key_0
            WHERE (essay.embedding <-> :embedding_1) <= :param_1
            OR found.text_score IS NOT NULL""",
        mysql=unsupported("the distance l2 in SQL"),
        mariadb="""
            SELECT count(*) AS count_1
            FROM essay
            LEFT OUTER JOIN (SELECT essay.id AS key_0, MATCH (essay.body_search) AGAINST
                (:words_1 IN BOOLEAN MODE) AS text_score
            FROM essay
            WHERE MATCH (essay.body_search) AGAINST (:words_1 IN BOOLEAN MODE)) AS found ON
                essay.id = found.key_0
            WHERE CAST(VEC_DISTANCE_EUCLIDEAN(essay.embedding, :embedding_1) AS DOUBLE) <=
                :param_1
            OR found.text_score IS NOT NULL""",
    )


def test_within_a_threshold_that_is_what_is_near() -> None:
    near = repository(Essay).similar_to([1, 2]).max_distance(2)
    for engine in ("sqlite", "postgresql", "mariadb"):
        fused = sql_of(counted(near.matching("river").fuse()), engine)
        assert fused == sql_of(counted(near), engine)


def test_two_fusions_fit_into_one_statement() -> None:
    first, second = BOTH.fuse().statement().subquery(), BOTH.fuse().statement().subquery()
    made = select(first.c.id).join(second, first.c.id == second.c.id)
    assert sql_of(made, "postgresql").count("UNION ALL") == 2


def test_the_statement_for_others_needs_the_distance_in_sql() -> None:
    made = BOTH.fuse().limit(3).statement()
    assert sql_of(made, "postgresql") == sql_of(BOTH.fuse().limit(3), "postgresql")
    with pytest.raises(UnsupportedFeature, match="the distance l2 in SQL"):
        sql_of(made, "mysql")


class Sketch(Shelf, table=True):
    id: int | None = Field(default=None, primary_key=True)
    body: str = text_field(search="english")
    embedding: Vector = vector_field(2, metric="l2", index=HNSW())


def test_where_an_index_may_serve_its_rows_are_sorted_and_counted() -> None:
    """As MariaDB's gives them in no order, and some twice."""
    sql = sql_of(repository(Sketch).similar_to([1, 2]).matching("x").fuse().limit(3), "mariadb")
    assert (
        "FROM (SELECT nearest_read.key_0 AS key_0, nearest_read.distance AS distance,"
        " nearest_read.`read` AS `read`, count(*) OVER () AS held"
        " FROM (SELECT found_nearest.key_0 AS key_0, min(found_nearest.distance) AS distance,"
        " count(*) OVER () AS `read` FROM (SELECT sketch.id AS key_0,"
        " CAST(VEC_DISTANCE_EUCLIDEAN(sketch.embedding, :embedding_1) AS DOUBLE) AS distance"
        " FROM sketch ORDER BY VEC_DISTANCE_EUCLIDEAN(sketch.embedding, :embedding_1)"
        " LIMIT :param_3) AS found_nearest WHERE found_nearest.distance <= :distance_1"
        " GROUP BY found_nearest.key_0) AS nearest_read WHERE nearest_read.distance <= :distance_2"
        " ORDER BY nearest_read.distance, nearest_read.key_0 LIMIT :param_4) AS nearest"
    ) in sql
    exactly = repository(Sketch).similar_to([1, 2]).matching("x").fuse()
    for query in (exactly, exactly.limit(3).tune(Search(ranker="exact"))):
        assert "OVER () AS" not in sql_of(query, "mariadb")
