"""Where a database is and comes from: read-only, copied, restored, attached, or of two models."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import registry
from sqlmodel import Session

from agentorm import HNSW, Database, Entity, Field, ReadOnlyDatabase, Vector, vector_field
from tests.embedded.files import copied
from tests.embedded.oracle import QUESTIONS, rankers, rough_rankers, searched
from tests.embedded.shelves import ByName, ByNumber, filled, table_of

pytestmark = pytest.mark.engines("sqlite")
ByAnother = Callable[..., None]
MODELS = (ByNumber, ByName)
ENOUGH_FOR_A_FILE = 4_200


class ByCosine(Entity, registry=registry()):
    """What the next derives from."""


class ByL2(Entity, registry=registry()):
    """What the other derives from."""


class TableByCosine(ByCosine, table=True):
    __tablename__ = "table_of_two"  # pyright: ignore[reportAssignmentType]
    id: int | None = Field(default=None, primary_key=True)
    n: int = 0
    embedding: Vector | None = vector_field(4, default=None, index=HNSW())


class TableByL2(ByL2, table=True):
    __tablename__ = "table_of_two"  # pyright: ignore[reportAssignmentType]
    id: int | None = Field(default=None, primary_key=True)
    n: int = 0
    embedding: Vector | None = vector_field(4, default=None, metric="l2", index=HNSW())


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return request.param


def moved(model: Any, n: int, *components: float) -> Any:
    table = table_of(model)
    return update(table).where(table.c.n == n).values(embedding=list(components))


@pytest.mark.parametrize("options", ["mode=ro", "immutable=1"])
def test_a_file_that_is_only_read(shelves: Database, path: Path, model: Any, options: str) -> None:
    filled(shelves, model, range(31, 31 + ENOUGH_FOR_A_FILE))
    shelves.dispose()
    before = {file.name for file in path.parent.iterdir()}
    with Database(f"sqlite:///file:{path}?{options}&uri=true") as db:
        assert rough_rankers(db, model) == {"embedded"}
        with pytest.raises(ReadOnlyDatabase):
            filled(db, model, [0])
    files = {file.name for file in path.parent.iterdir()} - before
    assert files <= {f"{path.name}-shm", f"{path.name}-wal", path.name + f"-vx_{named(model)}"}


def named(model: Any) -> str:
    return f"{table_of(model).name}_embedding"


def test_a_backup_over_the_file(
    shelves: Database, path: Path, by_another: ByAnother, model: Any
) -> None:
    """Then as much is written as was lost, so that the log is as long as it was."""
    older = path.with_name("older.db")
    copied(path, older)
    by_another(moved(model, 1, 1, 2, 3, 4))
    assert rankers(shelves, model) == {"embedded"}
    copied(older, path)
    assert rankers(shelves, model) == {"embedded"}
    by_another(moved(model, 1, 1, 2, 3, 4))
    assert rankers(shelves, model) == {"embedded"}
    copied(older, path)
    by_another(moved(model, 1, 4, 3, 2, 1))
    assert rankers(shelves, model) == {"embedded"}


def test_an_older_file_in_its_place(
    shelves: Database, path: Path, by_another: ByAnother, model: Any
) -> None:
    """Its schema has the same version, and its log becomes as long: but of other marks."""
    older = path.with_name("older.db")
    shelves.dispose()
    shutil.copyfile(path, older)
    by_another(moved(model, 1, 1, 2, 3, 4), moved(model, 2, 0, 1, 0, 1))
    assert rankers(shelves, model) == {"embedded"}
    shelves.dispose()
    shutil.copyfile(older, path)
    by_another(moved(model, 3, 1, 2, 3, 4), moved(model, 2, 1, 1, 0, -1))
    assert rankers(shelves, model) == {"embedded"}


@pytest.mark.parametrize("with_index", [True, False])
def test_a_copy_elsewhere(
    shelves: Database, path: Path, by_another: ByAnother, model: Any, *, with_index: bool
) -> None:
    filled(shelves, model, range(31, 31 + ENOUGH_FOR_A_FILE))
    assert rough_rankers(shelves, model) == {"embedded"}
    shelves.dispose()
    kept = path.with_name(f"{path.name}-vx_{named(model)}")
    assert kept.is_file()
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    if with_index:
        shutil.copyfile(kept, copy.with_name(f"{copy.name}-vx_{named(model)}"))
    by_another(moved(model, 1, 1, 2, 3, 4))
    with Database(f"sqlite:///{copy}") as db:
        assert rough_rankers(db, model) == {"embedded"}
        filled(db, model, [9_999])
        assert rough_rankers(db, model) == {"embedded"}
    assert rough_rankers(shelves, model) == {"embedded"}


def test_two_models_of_one_table(path: Path) -> None:
    with Database(f"sqlite:///{path}") as db:
        db.create_all(TableByCosine)
        filled(db, TableByCosine, range(300))
        for _ in range(2):
            assert rankers(db, TableByCosine) == {"embedded"}
            assert rankers(db, TableByL2) == {"embedded"}


def test_statements_that_are_transactions_of_their_own(shelves: Database, model: Any) -> None:
    """There is no snapshot in which an index could stand."""
    assert rankers(shelves, model) == {"embedded"}
    engine = shelves.engine.execution_options(isolation_level="AUTOCOMMIT")
    with Session(engine) as session:
        assert searched(model, session, QUESTIONS[0]).ranker == "native"


def test_tables_by_other_names(shelves: Database, path: Path, model: Any) -> None:
    """The rows are those of an attached database, the log would be that of the first."""
    assert rankers(shelves, model) == {"embedded"}
    other = path.with_name("other.db")
    with Database(f"sqlite:///{other}") as db:
        db.create_all(model)
        filled(db, model, range(50, 90))
    engine = shelves.engine.execution_options(schema_translate_map={None: "other"})
    with engine.connect() as connection:
        connection.execute(text("ATTACH :file AS other"), {"file": str(other)})
        with Session(connection) as session:
            assert searched(model, session, QUESTIONS[0]).ranker == "native"
