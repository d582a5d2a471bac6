"""Rankings of vectors that PostgreSQL indexes as half vectors only."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnClause, column, select

from agentorm import (
    HNSW,
    Entity,
    Field,
    Search,
    Vector,
    VectorType,
    distance,
    repository,
    vector_field,
)
from agentorm.endings import Endings
from agentorm.expressions import NearestFirst
from tests.compile.sql_of import assert_sql, sql_of


class WideCompiled(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: Vector = vector_field(2001, metric="l2", index=HNSW())


class WiderCompiled(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: Vector = vector_field(4001, metric="l2", index=HNSW())


ONES = [1.0] * 2001
RANKED = repository(WideCompiled).similar_to(ONES)
SELECTED = "SELECT widecompiled.id, widecompiled.v,"


def test_the_order_is_that_of_the_index_and_the_distance_is_true() -> None:
    assert_sql(
        RANKED.limit(10).offset(20),
        sqlite="""
            SELECT widecompiled.id, widecompiled.v,
            CASE WHEN widecompiled.v IS NOT NULL
            THEN vec_distance_l2(widecompiled.v, :v_1) END AS distance FROM widecompiled
            WHERE widecompiled.id IN (SELECT widecompiled.id FROM widecompiled
                ORDER BY CASE WHEN widecompiled.v IS NOT NULL
                THEN vec_distance_l2(widecompiled.v, :v_1) END NULLS LAST,
                widecompiled.id LIMIT :param_1 OFFSET :param_2)
            ORDER BY distance NULLS LAST, widecompiled.id""",
        postgresql=f"""{SELECTED}
            (widecompiled.v <-> :v_1) AS distance FROM widecompiled
            ORDER BY (CAST(widecompiled.v AS HALFVEC(2001))
            <-> CAST(CAST(:v_1 AS VECTOR(2001)) AS HALFVEC(2001)))
            LIMIT :param_1::INTEGER""",
        mysql="""SELECT widecompiled.id, CAST(widecompiled.v AS BINARY) AS v FROM widecompiled
            WHERE widecompiled.v IS NOT NULL;
            SELECT widecompiled.id, CAST(widecompiled.v AS BINARY) AS v,
            CAST(widecompiled.v AS BINARY) AS v FROM widecompiled
            WHERE widecompiled.id IN (:id_1_1)""",
        mariadb=f"""{SELECTED}
            CAST(VEC_DISTANCE_EUCLIDEAN(widecompiled.v, :v_1) AS DOUBLE) AS distance
            FROM widecompiled ORDER BY VEC_DISTANCE_EUCLIDEAN(widecompiled.v, :v_1)
            LIMIT :param_1""",
    )


EXACT = "((widecompiled.v <-> :v_1) + 0) AS distance FROM widecompiled ORDER BY distance,"


@pytest.mark.parametrize(
    "query",
    [
        RANKED,
        RANKED.limit(10).tune(Search(ranker="exact")),
        repository(WideCompiled).similar_to([65505.0] * 2001).limit(10),
        repository(WideCompiled).similar_to([1e-5] * 2001).limit(10),
    ],
    ids=["no limit", "as asked for", "beyond float16", "below float16"],
)
def test_what_the_index_cannot_answer_is_exact(query: Endings[Any, Any]) -> None:
    assert EXACT in sql_of(query, "postgresql")


def test_another_metric_is_exact() -> None:
    query = repository(WideCompiled).similar_to(ONES, metric="l1").limit(10)
    assert "((widecompiled.v <+> :v_1) + 0) AS distance" in sql_of(query, "postgresql")
    assert "HALFVEC" not in sql_of(query, "postgresql")


def test_beyond_the_widest_index_every_row_is_ranked() -> None:
    query = repository(WiderCompiled).similar_to([1.0] * 4001).limit(10)
    assert "((widercompiled.v <-> :v_1) + 0) AS distance" in sql_of(query, "postgresql")
    assert "HALFVEC" not in sql_of(query, "postgresql")


def test_a_distance_in_any_select_is_the_plain_one() -> None:
    made = select(distance(WideCompiled.v, ONES, "l2"))
    assert sql_of(made, "postgresql") == (
        "SELECT (widecompiled.v <-> :v_1) AS anon_1 FROM widecompiled"
    )


def test_the_dimension_is_part_of_the_cache_key() -> None:
    def key(dimension: int) -> object:
        wide: ColumnClause[Any] = column("v", VectorType(dimension))
        order = NearestFirst(distance(wide, wide, "l2").label("d"), [column("id")])
        return order._generate_cache_key()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    assert key(2001) == key(2001)
    assert key(2001) != key(2002)
