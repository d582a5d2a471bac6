"""Keys of every scalar type: found, changed and sorted, and never one for another."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import NaiveDatetime
from sqlalchemy.orm import registry

from agentorm import (
    ConstraintViolation,
    Database,
    Entity,
    Field,
    Repository,
    Vector,
    col,
    repository,
    vector_field,
)
from tests.contract.models import Mood
from tests.contract.scalars import ASCENDING


class Keyed(Entity, registry=registry()):
    """What rows hold beside their key; the vectors are all the same."""

    note: str = ""
    embedding: Vector = vector_field(2, metric="l2", default=Vector([1, 2]))


class ByInteger(Keyed, table=True):
    key: int | None = Field(default=None, primary_key=True)


class ByFlag(Keyed, table=True):
    key: bool = Field(primary_key=True)


class ByFloat(Keyed, table=True):
    key: float = Field(primary_key=True)


class ByText(Keyed, table=True):
    key: str = Field(primary_key=True)


class ByBytes(Keyed, table=True):
    key: bytes = Field(primary_key=True)


class ByUuid(Keyed, table=True):
    key: UUID = Field(primary_key=True)


class ByDecimal(Keyed, table=True):
    key: Decimal = Field(primary_key=True)


class ByMoment(Keyed, table=True):
    key: datetime = Field(primary_key=True)


class ByClock(Keyed, table=True):
    key: NaiveDatetime = Field(primary_key=True)


class ByDay(Keyed, table=True):
    key: date = Field(primary_key=True)


class ByHour(Keyed, table=True):
    key: time = Field(primary_key=True)


class ByDuration(Keyed, table=True):
    key: timedelta = Field(primary_key=True)


class ByMood(Keyed, table=True):
    key: Mood = Field(primary_key=True)


MODELS: dict[type[Any], list[Any]] = {
    ByInteger: ASCENDING["whole"],
    ByFlag: ASCENDING["flag"],
    ByFloat: ASCENDING["real"],
    ByText: ASCENDING["text"],
    ByBytes: ASCENDING["raw"],
    ByUuid: ASCENDING["uid"],
    ByDecimal: ASCENDING["price"],
    ByMoment: ASCENDING["moment"],
    ByClock: ASCENDING["clock"],
    ByDay: ASCENDING["day"],
    ByHour: ASCENDING["hour"],
    ByDuration: ASCENDING["lasting"],
    ByMood: ASCENDING["mood"],
}


@pytest.fixture
def tables(db: Database) -> Database:
    db.create_all(*MODELS)
    return db


@contextmanager
def stored(tables: Database, model: type[Any]) -> Generator[Repository[Any]]:
    """A row of each key, the greatest first."""
    rows, backwards = repository(model, tables), [*reversed(MODELS[model])]
    try:
        assert keys_of(rows.add_all(model(key=k, note=repr(k)) for k in backwards)) == backwards
        yield rows
    finally:
        rows.delete_where(model.key.is_not(None))


def keys_of(rows: list[Any]) -> list[Any]:
    return [row.key for row in rows]


def test_a_row_is_found_by_its_key(tables: Database, subtests: pytest.Subtests) -> None:
    for model, keys in MODELS.items():
        with subtests.test(model.__name__), stored(tables, model) as rows:
            for key in keys:
                row: Any = rows.get(key)
                assert (row.key, type(row.key), row.note) == (key, type(key), repr(key))
            backwards = [*reversed(keys)]
            assert [row.note for row in rows.get_many(backwards)] == [
                repr(key) for key in backwards
            ]
            assert keys_of(rows.where(model.key.in_(keys[:2])).all()) == keys[:2]
            assert keys_of(rows.where(model.key != keys[0]).all()) == keys[1:]


def test_rows_are_sorted_by_their_key(tables: Database, subtests: pytest.Subtests) -> None:
    for model, keys in MODELS.items():
        with subtests.test(model.__name__), stored(tables, model) as rows:
            assert keys_of(rows.all()) == keys
            assert keys_of([*rows.stream()]) == keys
            assert keys_of(rows.order_by(model.key.desc()).all()) == [*reversed(keys)]
            assert keys_of(rows.limit(1).offset(1).all()) == [keys[1]]


@pytest.mark.parametrize("metric", ["l2", "l1"])
def test_rows_as_near_are_sorted_by_their_key(
    tables: Database, subtests: pytest.Subtests, metric: str
) -> None:
    """One of the metrics is MariaDB's own, the other is ranked by the scan."""
    for model, keys in MODELS.items():
        with subtests.test(model.__name__), stored(tables, model) as rows:
            near = rows.similar_to([1, 2], metric=metric)
            assert keys_of(near.all()) == keys
            assert keys_of(near.limit(1).all()) == keys[:1]
            assert keys_of([*near.stream()]) == keys


def test_a_row_is_changed_by_its_key(tables: Database, subtests: pytest.Subtests) -> None:
    for model, keys in MODELS.items():
        with subtests.test(model.__name__), stored(tables, model) as rows:
            rows.update(rows.get(keys[0]), note="updated")
            assert rows.update_where(model.key == keys[1], note="changed") == 1
            written = rows.upsert(model(key=key, note=f"{n}") for n, key in enumerate(keys[2:]))
            assert keys_of(written) == keys[2:]
            notes = ["updated", "changed", *map(str, range(len(keys) - 2))]
            assert [row.note for row in rows.all()] == notes
            rows.delete(rows.get(keys[0]))
            assert rows.delete_where(model.key == keys[-1]) == 1
            assert keys_of(rows.all()) == keys[1:-1]


def test_a_key_is_there_once(tables: Database, subtests: pytest.Subtests) -> None:
    for model, keys in MODELS.items():
        with subtests.test(model.__name__), stored(tables, model) as rows:
            for key in keys:
                with pytest.raises(ConstraintViolation):
                    rows.add(model(key=key, note="twice"))
            assert rows.where(model.note == "twice").count() == 0


def test_zero_and_negative_keys_are_kept_beside_made_ones(db: Database) -> None:
    db.create_all(ByInteger)
    rows = repository(ByInteger, db)
    rows.add_all([ByInteger(key=0), ByInteger(key=-5)])
    made = rows.add(ByInteger(note="made")).key
    assert made is not None
    assert made > 0
    assert keys_of(rows.order_by(col(ByInteger.key)).all()) == [-5, 0, made]
    assert rows.add(ByInteger(key=7)).key == 7
