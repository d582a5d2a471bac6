"""Somebody meddles with what follows the rows: the answers stay right, by a longer way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Delete, Integer, column, func, select, table, text, update
from sqlalchemy.schema import CreateTable
from sqlmodel import col

from agentorm import Database, SlowPath, TableMissing, repository
from tests.embedded.oracle import rankers
from tests.embedded.shelves import ByName, ByNumber, ByUid, filled, table_of

pytestmark = pytest.mark.engines("sqlite")
ByAnother = Callable[..., None]
MODELS = (ByNumber, ByName)
GONE = ".*: its change log is not in the database .*, so that every row is ranked"


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return request.param


def moved(model: Any, *components: float) -> Any:
    """All rows get this vector."""
    return update(table_of(model)).values(embedding=list(components))


def log(model: Any) -> str:
    return f"vx_{table_of(model).name}_embedding"


def entries(model: Any) -> Any:
    """The log as a table."""
    return table(log(model), column("rowid"), column("stamp"))


def test_a_table_that_was_there_before_its_index(shelves: Database, by_another: ByAnother) -> None:
    by_another(CreateTable(table_of(ByUid)))
    filled(shelves, ByUid, range(20))
    with pytest.warns(SlowPath, match=GONE):
        assert rankers(shelves, ByUid) == {"native"}
    assert rankers(shelves, ByUid) == {"native"}


@pytest.mark.parametrize("verb", ["insert", "update", "delete", "trim"])
def test_a_trigger_that_is_dropped(
    shelves: Database, by_another: ByAnother, model: Any, verb: str
) -> None:
    assert rankers(shelves, model) == {"embedded"}
    by_another(f"DROP TRIGGER {log(model)}_{verb}", moved(model, 1, 2, 3, 4))
    with pytest.warns(SlowPath, match=GONE):
        assert rankers(shelves, model) == {"native"}
    shelves.indexes().rebuild(model, "embedding")
    assert rankers(shelves, model) == {"embedded"}


def test_a_trigger_that_is_changed(shelves: Database, by_another: ByAnother, model: Any) -> None:
    assert rankers(shelves, model) == {"embedded"}
    name = table_of(model).name
    by_another(
        f"DROP TRIGGER {log(model)}_update",
        f"CREATE TRIGGER {log(model)}_update AFTER UPDATE ON {name} BEGIN SELECT 1; END",
        moved(model, 1, 2, 3, 4),
    )
    with pytest.warns(SlowPath, match=GONE):
        assert rankers(shelves, model) == {"native"}


def test_triggers_that_were_away_for_a_while(
    shelves: Database, by_another: ByAnother, model: Any
) -> None:
    assert rankers(shelves, model) == {"embedded"}
    with shelves.engine.connect() as connection:
        named = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :name"
        asked = {"name": f"{log(model)}_update"}
        sql = connection.execute(text(named), asked).scalar_one()
    by_another(f"DROP TRIGGER {log(model)}_update", moved(model, 1, 2, 3, 4), sql)
    assert rankers(shelves, model) == {"embedded"}


def test_a_log_that_is_emptied(shelves: Database, by_another: ByAnother, model: Any) -> None:
    assert rankers(shelves, model) == {"embedded"}
    by_another(moved(model, 1, 2, 3, 4), entries(model).delete())
    with pytest.warns(SlowPath, match=GONE):
        assert rankers(shelves, model) == {"native"}
    by_another(moved(model, 4, 3, 2, 1))
    assert rankers(shelves, model) == {"embedded"}
    for turn in range(3):
        by_another(moved(model, turn, 1, 0, 0))
        assert rankers(shelves, model) == {"embedded"}


def oldest_gone(model: Any) -> Delete:
    oldest = (
        select(func.min(column("rowid", Integer())) + 49)
        .select_from(entries(model))
        .scalar_subquery()
    )
    gone: Delete = entries(model).delete().where(column("rowid") < oldest)
    return gone


def test_a_log_whose_beginning_is_deleted(
    shelves: Database, by_another: ByAnother, model: Any
) -> None:
    assert rankers(shelves, model) == {"embedded"}
    by_another(moved(model, 1, 2, 3, 4), oldest_gone(model))
    assert rankers(shelves, model) == {"embedded"}


def test_a_log_that_is_dropped(shelves: Database, by_another: ByAnother, model: Any) -> None:
    assert rankers(shelves, model) == {"embedded"}
    by_another(f"DROP TABLE {log(model)}")
    with pytest.warns(SlowPath, match=GONE):
        assert rankers(shelves, model) == {"native"}
    with pytest.raises(TableMissing, match=log(model)):
        filled(shelves, model, [31])
    shelves.indexes().rebuild(model, "embedding")
    filled(shelves, model, [31])
    assert rankers(shelves, model) == {"embedded"}


def test_entries_with_other_marks(shelves: Database, by_another: ByAnother, model: Any) -> None:
    assert rankers(shelves, model) == {"embedded"}
    by_another(
        entries(model).update().values(stamp=column("stamp") + 1),
        moved(model, 1, 2, 3, 4),
    )
    assert rankers(shelves, model) == {"embedded"}


def test_a_dump_that_is_read_again_has_other_rows(tmp_path: Path) -> None:
    place = tmp_path / "dump.db"
    with Database(f"sqlite:///{place}") as db:
        db.create_all(ByName)
        filled(db, ByName, range(1, 31))
        repository(ByName, db).delete_where(col(ByName.name).in_(["k1", "k2", "k7"]))
        assert rankers(db, ByName) == {"embedded"}
        db.dispose()
        with closing(sqlite3.connect(place)) as before:
            dumped = "\n".join(before.iterdump())
        place.unlink()
        with closing(sqlite3.connect(place)) as after:
            after.executescript(dumped)
        assert rankers(db, ByName) == {"embedded"}
