"""`run_migrations` in a user's own project: alone, and all or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer
from time import sleep
from typing import Any

import pytest
from sqlalchemy import text

from agentorm import ConstraintViolation, Database, InvalidQuery
from tests.migrations.memory_project import AFTER, BACK, BEFORE, SECOND, Project


@pytest.mark.engines("sqlite")
def test_a_table_that_is_made_anew_keeps_the_rows_that_refer_to_it(project: Project) -> None:
    project.revision(
        "b",
        "a",
        'with op.batch_alter_table("run_owner", recreate="always") as batch:\n'
        '    batch.add_column(sa.Column("town", agentorm.StringType(50)))\n',
    )
    project.run("upgrade", "head")
    assert project.execute("SELECT id, owner_id, age FROM run_pet") == [(1, 1, 7), (2, 2, 8)]
    assert project.execute("PRAGMA foreign_keys") == [(1,)]
    assert project.execute("PRAGMA busy_timeout") == [(10000,)]
    project.execute("DELETE FROM run_owner WHERE id = 1")
    assert project.execute("SELECT id FROM run_pet") == [(2,)]


@pytest.mark.engines("sqlite")
def test_a_revision_may_not_leave_rows_that_refer_to_nothing(project: Project) -> None:
    project.revision("b", "a", 'op.execute("DELETE FROM run_owner")')
    with pytest.raises(ConstraintViolation, match="refer to rows that are gone: 2 in run_pet"):
        project.run("upgrade", "head")
    assert project.execute("SELECT count(*) FROM run_owner") == [(2,)]


@pytest.mark.engines("sqlite")
def test_rows_that_were_broken_before_are_no_hindrance(project: Project) -> None:
    with project.db.engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA foreign_keys = OFF")
        driver.execute("INSERT INTO run_pet VALUES (3, 99, NULL)")
        driver.execute("PRAGMA foreign_keys = ON")
    project.revision("b", "a", SECOND)
    project.run("upgrade", "head")
    assert project.schema() == AFTER


@pytest.mark.engines("sqlite")
def test_sqlite_migrates_outside_of_transactions_only(project: Project) -> None:
    project.revision("b", "a", SECOND)
    with (
        project.db.engine.begin() as connection,
        pytest.raises(InvalidQuery, match=r"cannot migrate within .* of its own: engine\.connect"),
    ):
        project.within(connection, "upgrade", "head")


@pytest.mark.engines("postgresql", "mysql", "mariadb")
def test_other_engines_migrate_in_the_callers_transaction(
    project: Project, engine_name: str
) -> None:
    project.revision("b", "a", SECOND, BACK)
    with project.db.engine.connect() as connection:
        connection.begin()
        project.within(connection, "upgrade", "head")
        connection.rollback()
    if engine_name == "postgresql":
        assert project.schema() == BEFORE
    project.run("upgrade", "head")
    assert project.schema() == AFTER


def test_two_at_once_run_a_slow_revision_once(project: Project, url: str) -> None:
    project.revision("b", "a", f"import time\n{SECOND}\ntime.sleep(0.5)")
    program = (
        "import sys; from alembic import command; from alembic.config import Config\n"
        "config = Config(); config.set_main_option('script_location', sys.argv[1])\n"
        "command.upgrade(config, 'head')"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, project.folder],
            env={**os.environ, "AGENTORM_URL": url},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ended = [(one.communicate(timeout=60)[1], one.returncode) for one in both]
    assert ended == [("", 0), ("", 0)]
    assert project.schema() == AFTER


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("level", ["REPEATABLE READ", "AUTOCOMMIT"])
def test_what_another_did_is_seen_at_any_isolation_level(
    project: Project, url: str, level: str
) -> None:
    project.revision("b", "a", SECOND)
    lock = text("SELECT pg_advisory_xact_lock(hashtext('agentorm schema'))")
    with (
        Database(url) as other,
        Database(url, engine_options={"isolation_level": level}) as project.db,
        ThreadPoolExecutor() as beside,
    ):
        with other.engine.begin() as connection:
            connection.execute(lock)
            waiting = beside.submit(project.run, "upgrade", "head")
            sleep(0.5)
            assert not waiting.done()
            connection.execute(text("UPDATE alembic_version SET version_num = 'b'"))
        waiting.result(timeout=30)
        assert project.schema() == BEFORE


@pytest.mark.engines("postgresql")
def test_a_lock_timeout_of_the_role_is_waited_for_again(project: Project, url: str) -> None:
    project.revision("b", "a", SECOND)
    impatient = {"connect_args": {"options": "-c lock_timeout=50ms"}}
    with (
        Database(url) as other,
        Database(url, engine_options=impatient) as project.db,
        ThreadPoolExecutor() as beside,
    ):
        with other.engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('agentorm schema'))"))
            waiting = beside.submit(project.run, "upgrade", "head")
            sleep(0.5)
            assert not waiting.done()
        waiting.result(timeout=30)
        assert project.schema() == AFTER


@pytest.mark.engines("sqlite")
def test_reading_the_revision_writes_nothing(project: Project, tmp_path: Path) -> None:
    project.db.dispose()
    path = Path(str(project.db.url.database))
    with Database(f"sqlite:///file:{path}?mode=ro&uri=true") as readonly:
        project.db = readonly
        project.run("current")


@pytest.mark.engines("sqlite")
def test_another_writer_is_waited_for_beyond_the_timeout_of_the_url(
    project: Project, url: str
) -> None:
    project.revision("b", "a", SECOND)
    with Database(f"{url}?timeout=0") as impatient, project.db.engine.connect() as other:
        writing = other.execution_options(agentorm_begin="IMMEDIATE").begin()
        ending = Timer(0.5, writing.rollback)
        ending.start()
        project.db = impatient
        project.run("upgrade", "head")
        ending.join()
    assert project.schema() == AFTER
