"""The words of a searched field are those of the rows, whatever is done to these."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import MetaData, text, update
from sqlalchemy.orm import registry

from agentorm import Database, Entity, Field, Repository, col, dialects, repository, text_field
from tests.contract.text_rows import DOG, FOX, check, found
from tests.engines import NAMES

MOVING = {"mariadb", "mysql"}
"""InnoDB moves many words at once to the disk, and does not find them meanwhile."""


class Stored(Entity, registry=registry()):
    """What all of them derive from."""


class TSDoc(Stored, table=True):
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    body: str | None = text_field(search="english", default=None)
    n: int = 0


class TSPage(Stored, table=True):
    """A key that is no integer."""

    code: str = Field(primary_key=True)
    part: int = Field(primary_key=True, default=1)
    body: str | None = text_field(search="english", default=None)
    n: int = 0


class TSOwner(Stored, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class TSOwned(Stored, table=True):
    id: int | None = Field(default=None, primary_key=True)
    code: str
    body: str | None = text_field(search="simple", default=None)
    owner_id: int = Field(foreign_key="tsowner.id", ondelete="CASCADE")


class TSOwnedPage(Stored, table=True):
    code: str = Field(primary_key=True)
    body: str | None = text_field(search="simple", default=None)
    owner_id: int = Field(foreign_key="tsowner.id", ondelete="CASCADE")


BOTH = pytest.mark.parametrize("model", [TSDoc, TSPage])


@pytest.fixture
def filled(db: Database) -> Database:
    db.create_all(TSDoc, TSPage)
    for model in (TSDoc, TSPage):
        repository(model, db).add_all(
            [model(code="a", body=FOX), model(code="b", body=DOG), model(code="c")]
        )
    return db


def by_code(model: Any, code: str, db: Database) -> Any:
    return repository(model, db).where(model.code == code).one()


@BOTH
def test_rows_are_found_by_their_words(filled: Database, model: Any) -> None:
    assert found(filled, model, "fox") == ["a"]
    assert found(filled, model, "LAZY") == ["b"]
    assert found(filled, model, "none") == []
    check(filled, model)


@BOTH
def test_an_update(filled: Database, model: Any) -> None:
    row = by_code(model, "a", filled)
    row.body = "a slow snail"
    repository(model, filled).update(row)
    repository(model, filled).update_where(model.code == "c", body="another snail")
    repository(model, filled).update_where(model.code == "b", body=None)
    assert found(filled, model, "fox") == []
    assert found(filled, model, "dog") == []
    assert found(filled, model, "snail") == ["a", "c"]
    check(filled, model)


@BOTH
def test_an_update_of_something_else(filled: Database, model: Any) -> None:
    repository(model, filled).update_where(model.code == "a", n=7)
    assert found(filled, model, "fox") == ["a"]
    check(filled, model)


@BOTH
def test_a_delete(filled: Database, model: Any) -> None:
    repository(model, filled).delete(by_code(model, "a", filled))
    repository(model, filled).delete_where(model.code == "b")
    assert found(filled, model, "fox") == []
    assert found(filled, model, "dog") == []
    check(filled, model)


@BOTH
def test_an_upsert(filled: Database, model: Any) -> None:
    rows = [model(code="a", body="a slow snail"), model(code="d", body=DOG)]
    key = [model.code] if model is TSDoc else [model.code, model.part]
    repository(model, filled).upsert(rows, on=key, update=[model.body])
    assert found(filled, model, "fox") == []
    assert found(filled, model, "snail") == ["a"]
    assert found(filled, model, "dog") == ["b", "d"]
    check(filled, model)


def change_and_fail(rows: Repository[Any], model: Any) -> None:
    rows.add(model(code="x", body="a slow snail"))
    rows.update_where(model.code == "a", body="a snail")
    rows.delete_where(model.code == "b")
    raise ZeroDivisionError


@BOTH
def test_what_is_rolled_back_is_not_found(filled: Database, model: Any) -> None:
    with pytest.raises(ZeroDivisionError), filled.transaction() as session:
        change_and_fail(repository(model, session), model)
    assert found(filled, model, "snail") == []
    assert found(filled, model, "fox") == ["a"]
    assert found(filled, model, "dog") == ["b"]
    check(filled, model)


@BOTH
def test_a_savepoint_that_is_rolled_back(filled: Database, model: Any) -> None:
    with filled.transaction() as session:
        repository(model, session).add(model(code="y", body="a slow snail"))
        with pytest.raises(ZeroDivisionError), filled.transaction():
            change_and_fail(repository(model, session), model)
    assert found(filled, model, "snail") == ["y"]
    assert found(filled, model, "fox") == ["a"]
    check(filled, model)


@BOTH
def test_another_key(filled: Database, model: Any) -> None:
    key = {"id": 99} if model is TSDoc else {"code": "z", "part": 9}
    change = update(model).where(col(model.code) == "a").values(**key)
    with filled.transaction() as session:
        session.connection().execute(change)
    assert found(filled, model, "fox") == ["a" if model is TSDoc else "z"]
    check(filled, model)


@BOTH
@pytest.mark.engines("sqlite", "mariadb", "mysql")
def test_a_row_that_is_replaced(filled: Database, model: Any) -> None:
    """By the primary key, and by another unique one."""
    key = ("id", 50) if model is TSDoc else ("part", 1)
    replace = (
        f"REPLACE INTO {model.__name__.lower()} (code, {key[0]}, body, n)"  # noqa: S608
        f" VALUES ('a', {key[1]}, 'a slow snail', 0)"
    )
    with filled.transaction() as session:
        session.connection().execute(text(replace))
    assert found(filled, model, "fox") == []
    assert found(filled, model, "snail") == ["a"]
    check(filled, model)


@pytest.mark.parametrize("model", [TSOwned, TSOwnedPage])
def test_rows_that_go_with_another(db: Database, model: Any) -> None:
    db.create_all(TSOwner, model)
    owner, other = repository(TSOwner, db).add_all([TSOwner(name="a"), TSOwner(name="b")])
    repository(model, db).add_all(
        [model(code="a", body=FOX, owner_id=owner.id), model(code="b", body=FOX, owner_id=other.id)]
    )
    assert found(db, model, "fox") == ["a", "b"]
    repository(TSOwner, db).delete(owner)
    assert found(db, model, "fox") == ["b"]
    check(db, model)


@pytest.mark.engines("sqlite")
def test_new_row_ids_change_nothing(filled: Database) -> None:
    """VACUUM, or a dump, may number the rows of a table without an integer key anew."""
    with filled.transaction() as session:
        session.connection().execute(text("UPDATE tspage SET rowid = rowid + 7"))
    with filled.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")
    assert found(filled, TSPage, "dog") == ["b"]
    repository(TSPage, filled).add(TSPage(code="d", body=DOG))
    repository(TSPage, filled).update_where(TSPage.code == "b", body="a slow snail")
    repository(TSPage, filled).delete_where(TSPage.code == "a")
    assert (found(filled, TSPage, "dog"), found(filled, TSPage, "snail")) == (["d"], ["b"])
    check(filled, TSPage)


@pytest.mark.parametrize(
    "body",
    [
        "needle " + "haystack " * 600_000,
        "needle " + " ".join(f"{n:04x}" for n in range(300_000)),
        "needle " + " ".join(chr(0x20000 + n) for n in range(40_000)) + " " + "é𠀀" * 200_000,
        "needle " + " ".join("ab€" * 1000 + str(n) for n in range(20)),
        "needle " + ".".join(chr(0x1D400 + n % 900) * 3 + str(n) for n in range(100_000)),
    ],
    ids=["long", "many words", "wide", "long words", "points"],
)
def test_large_texts_are_stored(db: Database, body: str) -> None:
    db.create_all(TSDoc)
    repository(TSDoc, db).add(TSDoc(code="a", body=body))
    assert by_code(TSDoc, "a", db).body == body
    if dialects.of(db.engine.dialect).name not in MOVING:
        assert found(db, TSDoc, "needle") == ["a"]


@pytest.mark.parametrize("model", [TSDoc, TSPage])
def test_nothing_is_left_of_a_table(filled: Database, model: Any) -> None:
    filled.drop_all(TSDoc, TSPage)
    metadata = MetaData()
    with filled.session() as session:
        metadata.reflect(session.connection())
        left = session.connection()
        if filled.engine.dialect.name == "sqlite":
            assert left.execute(text("SELECT name FROM sqlite_master")).scalars().all() == []
    assert list(metadata.tables) == []
    filled.create_all(TSDoc, TSPage)
    repository(model, filled).add(model(code="a", body=FOX))
    assert found(filled, model, "fox") == ["a"]


@pytest.mark.engines(*NAMES)
def test_one_that_is_created_twice(db: Database) -> None:
    db.create_all(TSDoc)
    db.create_all(TSDoc, TSPage)
    repository(TSDoc, db).add(TSDoc(code="a", body=FOX))
    assert found(db, TSDoc, "fox") == ["a"]
