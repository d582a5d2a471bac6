"""`alembic` at the root of the repository: by URL alone, by a script, and two at once."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from agentorm import Database, SchemaMismatch, memory, repository
from tests.engines import Missing
from tests.migrations.memory_commands import alembic, feed, here, run, told

TABLES = {"agentorm_chunk", "agentorm_document", "agentorm_setting", "agentorm_source"}
LOGS = {"sqlite": {"vx_agentorm_chunk_embedding"}}
CLEAN = "No new upgrade operations detected."
VECTOR_INDEX = {
    "postgresql": "ON agentorm_chunk"
    " USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64);",
    "mariadb": "ON agentorm_chunk (embedding) M=16 DISTANCE=cosine;",
}


def tables(db: Database) -> set[str]:
    with db.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def built(db: Database) -> set[str]:
    """What there is after an upgrade."""
    return {*TABLES, *LOGS.get(db.engine.dialect.name, ()), "agentorm_version"}


def test_up_down_up_and_checked(url: str, db: Database) -> None:
    here(url, "upgrade", "head")
    assert tables(db) == built(db)
    here(url, "downgrade", "base")
    assert tables(db) == {"agentorm_version"}
    here(url, "upgrade", "head")
    here(url, "check")


@pytest.mark.engines("sqlite")
def test_what_the_commands_say(url: str) -> None:
    assert run(url, "upgrade", "head") == ""
    assert run(url, "check") == CLEAN
    assert run(url, "current") == "0001 (head)"


def test_two_at_once_both_end_well(url: str, db: Database) -> None:
    both = [alembic(url, "upgrade", "head") for _ in range(2)]
    assert [told(one) for one in both] == [(0, ""), (0, "")]
    memory.check(db)


def test_the_script_is_taken_by_the_engines_own_client(
    engine_name: str, url: str, db: Database
) -> None:
    script = here(f"{engine_name}://", "upgrade", "head", "--sql")
    assert ("CREATE EXTENSION IF NOT EXISTS vector;" in script) == (engine_name == "postgresql")
    assert VECTOR_INDEX.get(engine_name, ";") in script
    assert "INSERT INTO agentorm_setting (name, value) VALUES ('dimensions', '384');" in script
    assert "INSERT INTO agentorm_version (version_num) VALUES ('0001')" in script
    back = here(f"{engine_name}://", "downgrade", "head:base", "--sql")
    assert "DELETE FROM agentorm_version WHERE agentorm_version.version_num = '0001';" in back
    try:
        feed(engine_name, url, script)
    except Missing as reason:
        pytest.skip(f"no client of {engine_name}: {reason}")
    memory.check(db)
    with db.transaction() as session:
        session.add(memory.Source(uri="a"))
        assert repository(memory.Source, session).count() == 1
    feed(engine_name, url, back)
    assert tables(db) == {"agentorm_version"}
    with db.engine.begin() as connection:
        connection.execute(text("DROP TABLE agentorm_version"))
    feed(engine_name, url, script)
    memory.check(db)


def test_another_dimension_is_an_error_before_anything_changes(url: str, db: Database) -> None:
    run(url, "upgrade", "head", AGENTORM_DIMENSIONS="3")
    wanted = "expected vectors of 384 dimensions, and this database was made for 3; set AGENT"
    with pytest.raises(SchemaMismatch, match=wanted):
        memory.upgrade(db)
    with pytest.raises(SchemaMismatch, match=wanted):
        memory.downgrade(db, "base")
    with pytest.raises(SchemaMismatch, match=wanted):
        memory.check(db)
    with db.engine.connect() as connection, pytest.raises(SchemaMismatch, match=wanted):
        memory.Source.__first_use__(connection)
    with pytest.raises(SchemaMismatch, match=wanted):
        repository(memory.Chunk, db).count()
    assert tables(db) == built(db)


@pytest.mark.engines("sqlite")
def test_the_command_says_it_in_a_line_and_goes_on_with_the_right_one(url: str) -> None:
    run(url, "upgrade", "head", AGENTORM_DIMENSIONS="3")
    said = told(alembic(url, "upgrade", "head", AGENTORM_DIMENSIONS="4"))
    assert said == (
        255,
        (
            "FAILED: expected vectors of 4 dimensions, and this database was made for 3;"
            " set AGENTORM_DIMENSIONS=3; to embed everything anew instead, downgrade to base"
            " with 3 and upgrade with 4"
        ),
    )
    run(url, "downgrade", "base", AGENTORM_DIMENSIONS="3")
    run(url, "upgrade", "head", AGENTORM_DIMENSIONS="4")


@pytest.mark.engines("postgresql")
def test_more_dimensions_than_an_index_takes_are_ranked_without_one(url: str, db: Database) -> None:
    run(url, "upgrade", "head", AGENTORM_DIMENSIONS="2001")
    assert run(url, "check", AGENTORM_DIMENSIONS="2001") == CLEAN
    with db.engine.connect() as connection:
        names = {index["name"] for index in inspect(connection).get_indexes("agentorm_chunk")}
    assert names == {"ix_agentorm_chunk_hash", "uq_agentorm_chunk_document_id_position"}


def test_the_url_may_stand_in_the_command(url: str, db: Database) -> None:
    here("sqlite:////nowhere/at/all.db", "-x", f"url={url}", "upgrade", "head")
    assert tables(db) == built(db)


@pytest.mark.engines("sqlite")
def test_the_url_may_name_a_driver_that_awaits(url: str, db: Database) -> None:
    here(url.replace("sqlite:", "sqlite+aiosqlite:"), "upgrade", "head")
    assert tables(db) == built(db)


def test_an_unknown_driver_is_said_in_a_line() -> None:
    said = told(alembic("sqlite+none:///a.db", "upgrade", "head"))
    assert said == (255, "FAILED: no driver 'sqlite+none'")


def test_without_a_url_it_says_where_to_name_one() -> None:
    said = told(alembic("", "upgrade", "head", DATABASE_URL=""))
    assert said == (255, "FAILED: no database named; set AGENTORM_URL or DATABASE_URL")


def test_a_database_that_is_not_there_is_said_in_a_line() -> None:
    code, said = told(alembic("sqlite:////nowhere/at/all.db", "upgrade", "head"))
    assert (code, said) == (
        255,
        (
            "FAILED: unable to open database file;"
            " check the path of the URL: its folder must be there and writable"
        ),
    )
