"""Indexes of JSON documents serve, by the engine's own plan, and change no answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import and_, not_, or_, select, text

from agentorm import (
    GIN,
    Database,
    Entity,
    Feature,
    Field,
    PathIndex,
    dialects,
    json_field,
    repository,
)
from tests.contract.planned import notes_on_serving
from tests.filling import insert_rows

ROWS = 2000
ODD = ("a b.$[0]%s:x", "é's")


class JIDoc(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    meta: dict[str, Any] = json_field(
        index=[
            GIN(),
            PathIndex("role"),
            PathIndex("owner", "age", type=int),
            PathIndex("ok", type=bool),
            PathIndex("days", 0, type=date),
            PathIndex("a.b $[0] %s:x"),
            PathIndex(*ODD),
        ]
    )
    tags: list[str] = json_field(index=GIN())


class JIPlain(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    meta: dict[str, Any] = json_field()
    tags: list[str] = json_field()


def document(n: int) -> dict[str, Any]:
    """One in seven lacks each key, or has a value of another type there."""
    meta: dict[str, Any] = {
        "role": f"r{n % 400:03}",
        "owner": {"age": n if n % 3 else n + 0.5},
        "ok": n % 500 == 0,
        "days": [f"{1000 + n % 700:04}-01-02"],
        "a.b $[0] %s:x": f"o{n % 400}",
        ODD[0]: {ODD[1]: f"p{n % 400}"},
    }
    if n % 7 == 0:
        return {key: [None, n, {}, "x"][n % 4] for key in meta if n % 2}
    return meta


@pytest.fixture
def filled(db: Database) -> Database:
    """The same rows with indexes and without, and the engine knows how many there are."""
    models: tuple[Any, ...] = (JIDoc, JIPlain)
    rows = [{"meta": document(n), "tags": [f"t{n % 300}", "all"]} for n in range(ROWS)]
    for model in models:
        db.create_all(model)
        insert_rows(db, model, rows)
    dialect = dialects.of(db.engine.dialect)
    with db.session() as session:
        if Feature.GIN in dialect.features:
            for name in ("meta", "tags"):
                session.connection().execute(
                    text(f"SELECT gin_clean_pending_list('ix_jidoc_{name}_gin')")
                )
        if Feature.JSON_PATH_INDEX in dialect.features:
            session.connection().execute(text("ANALYZE"))
        session.commit()
    return db


Made = Callable[[Any, Any], Any]
BY_PATH: dict[str, tuple[str, Made]] = {
    "text": ("role_string", lambda meta, _: meta["role"] == "r005"),
    "text in": ("role_string", lambda meta, _: meta["role"].in_(["r001", "r002"])),
    "text between": ("role_string", lambda meta, _: meta["role"].between("r010", "r012")),
    "text like": ("role_string", lambda meta, _: meta["role"].like("r01%")),
    "as_string": ("role_string", lambda meta, _: meta["role"].as_string() == "r005"),
    "number": ("owner_age_number", lambda meta, _: meta["owner"]["age"] == 8),
    "float": ("owner_age_number", lambda meta, _: meta["owner", "age"] == 9.5),
    "number in": ("owner_age_number", lambda meta, _: meta["owner"]["age"].in_([1, 2, 9.5])),
    "number between": ("owner_age_number", lambda meta, _: meta["owner"]["age"].between(5, 9.5)),
    "boolean": ("ok_boolean", lambda meta, _: meta["ok"] == True),  # noqa: E712
    "date": ("days_0_date", lambda meta, _: meta["days"][0] == date(1005, 1, 2)),
    "date between": (
        "days_0_date",
        lambda meta, _: meta["days"][0].between(date(1005, 1, 1), date(1008, 1, 2)),
    ),
}
WHOLE: dict[str, tuple[str, Made]] = {
    "holds": ("meta_gin", lambda meta, _: meta.contains({"role": "r005"})),
    "holds deeply": ("meta_gin", lambda meta, _: meta.contains({"owner": {"age": 8}})),
    "has all": ("tags_gin", lambda _, tags: tags.has_all(["t5", "all"])),
    "has any": ("tags_gin", lambda _, tags: tags.has_any(["t5", "t6"])),
    "list": ("tags_gin", lambda _, tags: tags.contains(["t7"])),
}
OTHERS: dict[str, tuple[str, Made]] = {
    "not": ("", lambda meta, _: not_(meta.contains({"role": "r005"}))),
    "not both": ("", lambda meta, _: not_(and_(meta["ok"] == False, meta.contains({"a": 1})))),  # noqa: E712
    "either": (
        "",
        lambda meta, tags: or_(meta["role"] == "r001", tags.contains(["t9"]), meta["x"] == 1),
    ),
    "other type": ("", lambda meta, _: meta["role"] == 3),
    "unequal": ("", lambda meta, _: meta["role"] != "r005"),
    "greater": ("", lambda meta, _: meta["owner"]["age"] >= 1900),
    "in an object": ("", lambda meta, _: meta.contains({})),
    "odd key": ("", lambda meta, _: meta[ODD] == "p9"),
}


COUNTS = {
    "text": 4,
    "text in": 10,
    "text between": 12,
    "text like": 42,
    "as_string": 4,
    "number": 1,
    "float": 1,
    "number in": 3,
    "number between": 4,
    "boolean": 3,
    "date": 3,
    "date between": 9,
    "holds": 4,
    "holds deeply": 1,
    "has all": 7,
    "has any": 14,
    "list": 7,
    "not": 1996,
    "not both": 2000,
    "either": 12,
    "other type": 0,
    "unequal": 1782,
    "greater": 86,
    "in an object": 2000,
    "odd key": 5,
}


def served(db: Database, condition: Any) -> set[str]:
    plan = repository(JIDoc, db).where(condition).explain().plan
    return set(re.findall(r"ix_jidoc_\w+", plan))


@pytest.mark.engines("sqlite", "postgresql")
def test_an_index_of_a_path_serves(filled: Database) -> None:
    odd: Any = JIDoc.meta
    found = {name: served(filled, made(odd, None)) for name, (_, made) in BY_PATH.items()}
    assert found == {name: {f"ix_jidoc_meta_{index}"} for name, (index, _) in BY_PATH.items()}
    (name,) = served(filled, odd["a.b $[0] %s:x"] == "o9")
    assert re.fullmatch("ix_jidoc_meta_a_b_0_s_x_[0-9a-f]{8}_string", name)


@pytest.mark.engines("postgresql")
def test_an_index_of_whole_documents_serves(filled: Database) -> None:
    meta: Any = JIDoc.meta
    tags: Any = JIDoc.tags
    found = {name: served(filled, made(meta, tags)) for name, (_, made) in WHOLE.items()}
    assert found == {name: {f"ix_jidoc_{index}"} for name, (index, _) in WHOLE.items()}
    (name,) = served(filled, meta[ODD] == "p9")
    assert re.fullmatch("ix_jidoc_meta_a_b_0_s_x_s_[0-9a-f]{8}_string", name)


def test_the_answers_are_the_same_with_and_without(filled: Database) -> None:
    indexed: dict[str, list[Any]] = {}
    plain: dict[str, list[Any]] = {}
    models: tuple[tuple[Any, dict[str, list[Any]]], ...] = ((JIDoc, indexed), (JIPlain, plain))
    with filled.session() as session:
        for model, found in models:
            key: Any = model.id
            for name, (_, made) in {**BY_PATH, **WHOLE, **OTHERS}.items():
                query = select(key).where(made(model.meta, model.tags)).order_by(key)
                found[name] = [*session.connection().scalars(query)]
    assert indexed == plain
    assert {name: len(ids) for name, ids in indexed.items()} == COUNTS


@pytest.mark.engines("sqlite", "postgresql")
@pytest.mark.parametrize("descending", [False, True])
def test_an_index_of_text_sorts(filled: Database, descending: bool) -> None:  # noqa: FBT001
    meta: Any = JIDoc.meta
    key = meta["role"].as_string()
    query = repository(JIDoc, filled).order_by(key.desc() if descending else key).limit(3)
    assert "ix_jidoc_meta_role_string" in query.explain().plan
    plain: Any = JIPlain.meta
    key = plain["role"].as_string()
    other = repository(JIPlain, filled).order_by(key.desc() if descending else key).limit(3)
    assert [row.id for row in query.all()] == [row.id for row in other.all()]


SERVES = "the index ix_jidoc_meta_role_string serves"
UNBUILT = "{} builds no index of jidoc.meta by {}: every row is read for it"
NOTES = {
    "sqlite": ((SERVES,), (UNBUILT.format("sqlite", "GIN()"),)),
    "postgresql": ((SERVES,), ("the index ix_jidoc_meta_gin serves",)),
    "mariadb": (
        (UNBUILT.format("mariadb", "PathIndex('role')"),),
        (UNBUILT.format("mariadb", "GIN()"),),
    ),
    "mysql": (
        (UNBUILT.format("mysql", "PathIndex('role')"),),
        (UNBUILT.format("mysql", "GIN()"),),
    ),
}


def test_explain_says_what_serves(engine_name: str, filled: Database) -> None:
    meta: Any = JIDoc.meta
    rows = repository(JIDoc, filled)
    by_path = notes_on_serving(rows.where(meta["role"] == "r005").explain())
    whole = notes_on_serving(rows.where(meta.contains({"role": "r005"})).explain())
    assert (by_path, whole) == NOTES[engine_name]
    assert notes_on_serving(rows.where(meta["undeclared"] == "r005").explain()) == ()


@pytest.mark.engines("sqlite", "postgresql")
def test_explain_says_that_an_index_does_not_serve(engine_name: str, filled: Database) -> None:
    meta: Any = JIDoc.meta
    notes = notes_on_serving(repository(JIDoc, filled).where(meta["role"] != "r005").explain())
    assert notes == ("the engine's plan does without the index ix_jidoc_meta_role_string",)


def test_tables_with_such_indexes_come_and_go(db: Database) -> None:
    for _ in range(2):
        db.create_all(JIDoc)
        db.create_all(JIDoc)
        repository(JIDoc, db).add(JIDoc(meta={"role": "x", "days": ["no day"], "ok": 1}))
        assert repository(JIDoc, db).count() == 1
        db.drop_all(JIDoc)


def test_one_statement_serves_many_values(engine_name: str, filled: Database) -> None:
    meta: Any = JIDoc.meta
    rows = repository(JIDoc, filled)
    for n in range(1, 30):
        found = rows.where(meta["role"] == f"r{n:03}").count()
        assert found == len([m for m in range(ROWS) if m % 7 and m % 400 == n])


def test_capabilities_say_so(engine_name: str, db: Database) -> None:
    features = db.capabilities().features
    found = (Feature.JSON_PATH_INDEX in features, Feature.GIN in features)
    assert (
        found
        == {
            "sqlite": (True, False),
            "postgresql": (True, True),
            "mariadb": (False, False),
            "mysql": (False, False),
        }[engine_name]
    )
