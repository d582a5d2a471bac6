"""The DDL of indexes of JSON documents, and the queries that they serve, on four engines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, and_, not_, or_, select
from sqlalchemy.orm import aliased

from agentorm import (
    GIN,
    Entity,
    Field,
    JSONIndex,
    JSONType,
    PathIndex,
    json_field,
    repository,
)
from agentorm.errors import InvalidModel
from agentorm.json_indexes import index_name, json_index
from tests.compile.sql_of import assert_sql, schema_of, sql_of


class JXDoc(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    meta: dict[str, Any] = json_field(
        index=[GIN(), PathIndex("role"), PathIndex("owner", "age", type=int)]
    )
    tags: list[str] = json_field(index=GIN())


META: Any = JXDoc.meta
TAGS: Any = JXDoc.tags
ID: Any = JXDoc.id
TABLE = {
    "sqlite": "CREATE TABLE jx (meta JSON)",
    "postgresql": "CREATE TABLE jx (meta JSONB)",
    "mysql": "CREATE TABLE jx (meta JSON)",
    "mariadb": "CREATE TABLE jx (meta JSON)",
}


def schema_with(*indexes: JSONIndex) -> MetaData:
    metadata = MetaData()
    table = Table("jx", metadata, Column("meta", JSONType()))
    for index in indexes:
        json_index(table.c.meta, index)
    return metadata


def assert_index(index: JSONIndex, *, sqlite: str = "", postgresql: str = "") -> None:
    assert_sql(
        schema_of(schema_with(index), "jx"),
        sqlite=f"{TABLE['sqlite']}; {sqlite}" if sqlite else TABLE["sqlite"],
        postgresql=f"{TABLE['postgresql']}; {postgresql}" if postgresql else TABLE["postgresql"],
        mysql=TABLE["mysql"],
        mariadb=TABLE["mariadb"],
    )


def test_an_index_of_whole_documents() -> None:
    assert_index(
        GIN(), postgresql="CREATE INDEX ix_jx_meta_gin ON jx USING gin (meta jsonb_path_ops)"
    )


def test_an_index_of_text() -> None:
    assert_index(
        PathIndex("role"),
        sqlite="""CREATE INDEX ix_jx_meta_role_string ON jx ((CASE WHEN
            json_type(meta, '$."role"') = 'text' THEN json_extract(meta, '$."role"') END))""",
        postgresql="""CREATE INDEX ix_jx_meta_role_string ON jx (((CASE WHEN
            jsonb_typeof((meta -> 'role')) = 'string' THEN ((meta -> 'role') #>> '{}') END)
            COLLATE "C") NULLS FIRST)""",
    )


@pytest.mark.parametrize("number", [int, float])
def test_an_index_of_numbers(number: type) -> None:
    assert_index(
        PathIndex("owner", "age", type=number),
        sqlite="""CREATE INDEX ix_jx_meta_owner_age_number ON jx ((CASE WHEN
            json_type(meta, '$."owner"."age"') IN ('integer', 'real')
            THEN json_extract(meta, '$."owner"."age"') END))""",
        postgresql="""CREATE INDEX ix_jx_meta_owner_age_number ON jx ((CASE WHEN
            jsonb_typeof(((meta -> 'owner') -> 'age')) = 'number'
            THEN CAST(((meta -> 'owner') -> 'age') AS NUMERIC) END) NULLS FIRST)""",
    )


def test_an_index_of_booleans() -> None:
    assert_index(
        PathIndex("ok", type=bool),
        sqlite="""CREATE INDEX ix_jx_meta_ok_boolean ON jx ((CASE json_type(meta, '$."ok"')
            WHEN 'true' THEN 1 WHEN 'false' THEN 0 END))""",
        postgresql="""CREATE INDEX ix_jx_meta_ok_boolean ON jx ((CASE WHEN
            jsonb_typeof((meta -> 'ok')) = 'boolean' THEN CAST((meta -> 'ok') AS BOOLEAN) END)
            NULLS FIRST)""",
    )


def test_an_index_of_dates_at_a_place() -> None:
    day, first = "'$.\"days\"[0]'", "((meta -> 'days') -> 0)"
    assert_index(
        PathIndex("days", 0, type=date),
        sqlite=f"""CREATE INDEX ix_jx_meta_days_0_date ON jx ((CASE WHEN
            json_type(meta, {day}) = 'text' AND json_extract(meta, {day})
            GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'
            THEN json_extract(meta, {day}) END))""",
        postgresql=f"""CREATE INDEX ix_jx_meta_days_0_date ON jx (((CASE WHEN CASE WHEN
            jsonb_typeof((meta -> 'days')) = 'array' THEN jsonb_typeof({first}) END = 'string'
            THEN CASE WHEN ({first} #>> '{{}}') ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'
            THEN ({first} #>> '{{}}') END END) COLLATE "C") NULLS FIRST)""",
    )


def test_keys_that_sqlite_looks_up_in_a_subquery_are_not_indexed_there() -> None:
    assert_index(
        PathIndex("it's", 'a"b%\\'),
        postgresql="""CREATE INDEX ix_jx_meta_it_s_a_b_b6d9ef23_string ON jx (((CASE WHEN
            jsonb_typeof(((meta -> 'it''s') -> 'a"b%%\\')) = 'string'
            THEN (((meta -> 'it''s') -> 'a"b%%\\') #>> '{}') END) COLLATE "C") NULLS FIRST)""",
    )


NAMES: Sequence[tuple[JSONIndex, str]] = (
    (GIN(), "ix_t_c_gin"),
    (PathIndex("a"), "ix_t_c_a_string"),
    (PathIndex("a", type=float), "ix_t_c_a_number"),
    (PathIndex("a", "b"), "ix_t_c_a_b_string"),
    (PathIndex("a", 0), "ix_t_c_a_0_string"),
)


@pytest.mark.parametrize(("index", "name"), NAMES)
def test_the_name_of_an_index(index: JSONIndex, name: str) -> None:
    assert index_name("t", "c", index) == name


def test_no_two_paths_share_a_name() -> None:
    one = ("a_b", "a b", "a.b", "", "é", "x" * 80, "x" * 81, "0", 0)
    two = (("a", "b"), ("A", "b"), ("a", 0), ("a", "0"), ("x" * 80, "y"), ("a", "b_string"))
    paths: list[tuple[str | int, ...]] = [*((step,) for step in one), *two]
    types: Sequence[type] = (str, int, bool, date)
    names = [index_name("t", "c", PathIndex(*p, type=t)).lower() for p in paths for t in types]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) == 60


def test_an_index_that_is_there_already() -> None:
    with pytest.raises(InvalidModel, match=r"jx\.meta has two indexes ix_jx_meta_n_number"):
        schema_with(PathIndex("n", type=int), PathIndex("n", type=float))


TEXT = "(CASE WHEN json_type(jxdoc.meta, {0}) = 'text' THEN json_extract(jxdoc.meta, {0}) END)"


def only_sqlite(made: Any) -> str:
    """The condition as SQLite has it."""
    return sql_of(made, "sqlite").partition("WHERE ")[2]


def test_a_declared_path_is_spelt_out_on_sqlite() -> None:
    found = select(ID).where(META["role"] == "x")
    assert only_sqlite(found) == TEXT.format("'$.\"role\"'") + " = :param_1"
    assert "'role'" not in sql_of(found, "postgresql")
    assert "role" not in sql_of(found, "mysql") + sql_of(found, "mariadb")


def test_a_declared_path_of_an_alias_is_spelt_out_too() -> None:
    other: Any = aliased(JXDoc)
    found = select(other.id).where(other.meta["owner"]["age"] >= 18)
    assert '\'$."owner"."age"\'' in sql_of(found, "sqlite")


def test_any_other_path_is_bound() -> None:
    for path in (META["rol"], META["role"]["x"], META["owner"], META["roles"], TAGS["role"]):
        assert "$" not in only_sqlite(select(ID).where(path == "x"))


def test_a_declared_path_shares_no_statement_with_another() -> None:
    keys = [
        (META[step] == "x")._generate_cache_key()  # noqa: SLF001  # what the cache asks
        for step in ("role", "rola", "role", "roly")
    ]
    first, second, third, fourth = (key and key.key for key in keys)
    assert first == third != second == fourth


def test_a_filter_by_a_whole_document() -> None:
    assert_sql(
        repository(JXDoc).where(TAGS.contains(["a"])),
        sqlite=sql_of(plain(TAGS.contains(["a"])), "sqlite"),
        postgresql="""SELECT jxdoc.id, jxdoc.meta, jxdoc.tags FROM jxdoc
            WHERE (jxdoc.tags @> :tags_1::JSONB) ORDER BY jxdoc.id""",
        mysql=sql_of(plain(TAGS.contains(["a"])), "mysql"),
        mariadb=sql_of(plain(TAGS.contains(["a"])), "mariadb"),
    )


def plain(condition: Any) -> Any:
    return select(JXDoc).where(condition).order_by(ID)


BARE, GUARDED = "(jxdoc.meta @> ", "(CASE WHEN jsonb_typeof(jxdoc.meta) = 'object'"


@pytest.mark.parametrize(
    "condition",
    [
        META.contains({"role": "x"}),
        and_(ID > 1, META.contains({"role": "x"})),
        or_(META.contains({"role": "x"}), and_(ID > 1, META.contains({"a": 1}))),
    ],
)
def test_where_only_true_counts_the_index_may_serve(condition: Any) -> None:
    found = sql_of(repository(JXDoc).where(condition), "postgresql")
    assert BARE in found
    assert GUARDED not in found


@pytest.mark.parametrize(
    "condition",
    [
        not_(META.contains({"role": "x"})),
        not_(and_(ID > 1, META.contains({"role": "x"}))),
        META.contains({"role": "x"}).is_(None),
    ],
)
def test_unknown_stays_unknown_where_it_is_asked_for(condition: Any) -> None:
    found = sql_of(repository(JXDoc).where(condition), "postgresql")
    assert BARE not in found
    assert GUARDED in found


def test_any_of_several_elements() -> None:
    found = sql_of(repository(JXDoc).where(TAGS.has_any(["a", "b"])), "postgresql")
    assert found.count("(jxdoc.tags @> ") == 2
    assert "CASE" not in found
