"""Searches for text: one statement on every engine."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import registry

from agentorm import Entity, Field, Raw, UnsupportedFeature, repository, text_field
from agentorm.counting import counted
from tests.compile.sql_of import assert_sql, unsupported


class Shelved(Entity, registry=registry()):
    """What the tables derive from."""


class Essay(Shelved, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: str
    title: str = text_field(search="simple")
    body: str = text_field(search="english")


class Proof(Shelved, table=True):
    code: str = Field(primary_key=True)
    page: int = Field(primary_key=True)
    body: str = text_field(search="german")


ESSAYS = repository(Essay)
MYSQL = """
    SELECT essay.id, essay.topic, essay.title, essay.{body}, found.text_score
    FROM essay INNER JOIN (SELECT essay.id AS key_0,
    MATCH (essay.body_search) AGAINST (:words_1 IN BOOLEAN MODE) AS text_score FROM essay
    WHERE MATCH (essay.body_search) AGAINST (:words_1 IN BOOLEAN MODE)) AS found
    ON essay.id = found.key_0 WHERE essay.topic = :topic_1
    ORDER BY found.text_score DESC, essay.id LIMIT :param_1"""


def test_the_words_are_one_bound_value() -> None:
    assert_sql(
        ESSAYS.matching("two words", on=Essay.body).where(Essay.topic == "x").limit(3),
        sqlite="""
            SELECT essay.id, essay.topic, essay.title, essay.body, found.text_score
            FROM essay JOIN (SELECT ft_essay_body.rowid AS key_0,
            -bm25(ft_essay_body) AS text_score FROM ft_essay_body
            WHERE ft_essay_body MATCH :words_1) AS found
            ON essay.id = found.key_0 WHERE essay.topic = :topic_1
            ORDER BY found.text_score DESC, essay.id LIMIT :param_1 OFFSET :param_2""",
        postgresql="""
            SELECT essay.id, essay.topic, essay.title, essay.body, found.text_score
            FROM essay JOIN (SELECT essay.id AS key_0, ts_rank(essay.body_search,
            to_tsquery('english', :words_1::VARCHAR), 1) AS text_score FROM essay
            WHERE essay.body_search @@ to_tsquery('english', :words_1::VARCHAR)) AS found
            ON essay.id = found.key_0 WHERE essay.topic = :topic_1
            ORDER BY found.text_score DESC, essay.id LIMIT :param_1::INTEGER""",
        mysql=MYSQL.format(body="body"),
        mariadb=MYSQL.format(body="`body`"),
    )


def test_scores_of_several_fields_are_added_by_weight() -> None:
    mysql = """
        SELECT count(*) AS count_1 FROM essay INNER JOIN
        (SELECT found_in.key_0 AS key_0, sum(found_in.text_score) AS text_score FROM
        (SELECT essay.id AS key_0,
        MATCH (essay.title_search) AGAINST (:words_1 IN BOOLEAN MODE) * :param_1 AS text_score
        FROM essay WHERE MATCH (essay.title_search) AGAINST (:words_1 IN BOOLEAN MODE)
        UNION ALL SELECT essay.id AS key_0,
        MATCH (essay.body_search) AGAINST (:words_2 IN BOOLEAN MODE) AS text_score
        FROM essay WHERE MATCH (essay.body_search) AGAINST (:words_2 IN BOOLEAN MODE)) AS found_in
        GROUP BY found_in.key_0) AS found ON essay.id = found.key_0"""
    assert_sql(
        counted(ESSAYS.matching("two words", on={"title": 4, "body": 1})),
        sqlite="""
            SELECT count(*) AS count_1 FROM essay JOIN
            (SELECT found_in.key_0 AS key_0, sum(found_in.text_score) AS text_score FROM
            (SELECT ft_essay_title.rowid AS key_0, -bm25(ft_essay_title) * :param_1 AS text_score
            FROM ft_essay_title WHERE ft_essay_title MATCH :words_1
            UNION ALL SELECT ft_essay_body.rowid AS key_0, -bm25(ft_essay_body) AS text_score
            FROM ft_essay_body WHERE ft_essay_body MATCH :words_2) AS found_in
            GROUP BY found_in.key_0) AS found ON essay.id = found.key_0""",
        postgresql="""
            SELECT count(*) AS count_1 FROM essay JOIN
            (SELECT found_in.key_0 AS key_0, sum(found_in.text_score) AS text_score FROM
            (SELECT essay.id AS key_0, ts_rank(essay.title_search,
            to_tsquery('simple', :words_1::VARCHAR), 1) * :param_1 AS text_score FROM essay
            WHERE essay.title_search @@ to_tsquery('simple', :words_1::VARCHAR)
            UNION ALL SELECT essay.id AS key_0, ts_rank(essay.body_search,
            to_tsquery('english', :words_2::VARCHAR), 1) AS text_score FROM essay
            WHERE essay.body_search @@ to_tsquery('english', :words_2::VARCHAR)) AS found_in
            GROUP BY found_in.key_0) AS found ON essay.id = found.key_0""",
        mysql=mysql,
        mariadb=mysql,
    )


def test_a_beginning_has_a_way_of_its_own_on_postgresql() -> None:
    mysql = """
        SELECT count(*) AS count_1 FROM essay INNER JOIN (SELECT essay.id AS key_0,
        MATCH (essay.body_search) AGAINST (:words_1 IN BOOLEAN MODE) AS text_score FROM essay
        WHERE MATCH (essay.body_search) AGAINST (:words_1 IN BOOLEAN MODE)) AS found
        ON essay.id = found.key_0"""
    query = """(to_tsquery('english', :words_1::VARCHAR)
        && (to_tsquery('english', :prefix_1::VARCHAR)
        || to_tsquery('simple', :prefix_1::VARCHAR)))"""
    assert_sql(
        counted(ESSAYS.matching("words", prefix="beg", on=Essay.body)),
        sqlite="""
            SELECT count(*) AS count_1 FROM essay JOIN (SELECT ft_essay_body.rowid AS key_0,
            -bm25(ft_essay_body) AS text_score FROM ft_essay_body
            WHERE ft_essay_body MATCH :words_1) AS found ON essay.id = found.key_0""",
        postgresql="""
            SELECT count(*) AS count_1 FROM essay JOIN (SELECT essay.id AS key_0,
            ts_rank(essay.body_search, [], 1) AS text_score FROM essay
            WHERE essay.body_search @@ []) AS found ON essay.id = found.key_0""".replace(
            "[]", query
        ),
        mysql=mysql,
        mariadb=mysql,
    )


def test_a_key_that_is_no_integer_is_looked_up_on_sqlite() -> None:
    mysql = """
        SELECT proof.code, proof.page, proof.{body}, found.text_score FROM proof INNER JOIN
        (SELECT proof.code AS key_0, proof.page AS key_1,
        MATCH (proof.body_search) AGAINST (:words_1 IN BOOLEAN MODE) AS text_score FROM proof
        WHERE MATCH (proof.body_search) AGAINST (:words_1 IN BOOLEAN MODE)) AS found
        ON proof.code = found.key_0 AND proof.page = found.key_1
        ORDER BY found.text_score DESC, proof.code, proof.page"""
    assert_sql(
        repository(Proof).matching("Wort"),
        sqlite="""
            SELECT proof.code, proof.page, proof.body, found.text_score FROM proof JOIN
            (SELECT ft_proof_body_keys.code AS key_0, ft_proof_body_keys.page AS key_1,
            -bm25(ft_proof_body) AS text_score FROM ft_proof_body
            JOIN ft_proof_body_keys ON ft_proof_body_keys.rowid = ft_proof_body.rowid
            WHERE ft_proof_body MATCH :words_1) AS found
            ON proof.code = found.key_0 AND proof.page = found.key_1
            ORDER BY found.text_score DESC, proof.code, proof.page""",
        postgresql="""
            SELECT proof.code, proof.page, proof.body, found.text_score FROM proof JOIN
            (SELECT proof.code AS key_0, proof.page AS key_1, ts_rank(proof.body_search,
            to_tsquery('german', :words_1::VARCHAR), 1) AS text_score FROM proof
            WHERE proof.body_search @@ to_tsquery('german', :words_1::VARCHAR)) AS found
            ON proof.code = found.key_0 AND proof.page = found.key_1
            ORDER BY found.text_score DESC, proof.code, proof.page""",
        mysql=mysql.format(body="body"),
        mariadb=mysql.format(body="`body`"),
    )


def test_what_no_index_holds_is_read_in_the_rows() -> None:
    mysql = """
        SELECT essay.id, essay.topic, essay.title, essay.{body}, found.text_score
        FROM essay INNER JOIN (SELECT essay.id AS key_0,
        0e0 + CASE WHEN {held} THEN :param_1 ELSE :param_2 END AS text_score
        FROM essay WHERE {held}) AS found
        ON essay.id = found.key_0 ORDER BY found.text_score DESC, essay.id"""
    in_mysql = """(LOCATE(LOWER(:text_1 COLLATE utf8mb4_0900_bin), LOWER(essay.body)) > 0
        OR LOCATE(:text_1, essay.body) > 0)"""
    in_mariadb = "LOCATE(LOWER(:text_1), LOWER(essay.`body`)) > 0"
    other = """
        SELECT essay.id, essay.topic, essay.title, essay.body, found.text_score
        FROM essay JOIN (SELECT essay.id AS key_0,
        0e0 + CASE WHEN {held} THEN {one} ELSE {none} END AS text_score
        FROM essay WHERE {held}) AS found
        ON essay.id = found.key_0 ORDER BY found.text_score DESC, essay.id"""
    assert_sql(
        ESSAYS.matching("++", on=Essay.body),
        sqlite=other.format(
            held="instr(lower(essay.body), lower(:text_1)) > 0", one=":param_1", none=":param_2"
        ),
        postgresql=other.format(
            held='strpos(lower(essay.body COLLATE "default"), lower(:text_1::VARCHAR)) > 0',
            one=":param_1",
            none=":param_2",
        ),
        mysql=mysql.format(held=in_mysql, body="body"),
        mariadb=mysql.format(held=in_mariadb, body="`body`"),
    )


def test_a_raw_search_is_for_the_engine_that_it_names() -> None:
    asked = ESSAYS.matching(Raw("sqlite", "NEAR(a b)"), on=Essay.body)
    refused = unsupported("a search in the syntax of sqlite")
    assert_sql(
        asked,
        sqlite="""
            SELECT essay.id, essay.topic, essay.title, essay.body, found.text_score
            FROM essay JOIN (SELECT ft_essay_body.rowid AS key_0,
            -bm25(ft_essay_body) AS text_score FROM ft_essay_body
            WHERE ft_essay_body MATCH :words_1) AS found
            ON essay.id = found.key_0 ORDER BY found.text_score DESC, essay.id""",
        postgresql=refused,
        mysql=refused,
        mariadb=refused,
    )


def test_an_unknown_engine_reads_the_rows() -> None:
    assert "position(lower(" in ESSAYS.matching("words").sql("oracle")
    with pytest.raises(UnsupportedFeature, match="a search in the syntax of oracle"):
        ESSAYS.matching(Raw("oracle", "words")).sql("oracle")
