"""Values come back as they went in, are found by conditions, and sort the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from agentorm import Database, col, repository
from tests.contract.models import Required, Scalar
from tests.contract.scalars import ASCENDING

FIELDS = pytest.mark.parametrize("name", ASCENDING)


@pytest.fixture
def stored(db: Database, name: str) -> list[Any]:
    """One row for each value, the greatest first, and one row of NULL in their midst."""
    db.create_all(Scalar)
    values: list[Any] = ASCENDING[name]
    backwards = [*reversed(values)]
    backwards.insert(1, None)
    repository(Scalar, db).add_all(Scalar(**{name: value}) for value in backwards)
    return values


def found(db: Database, name: str, *conditions: Any) -> list[Any]:
    rows = repository(Scalar, db).where(*conditions).order_by(getattr(Scalar, name)).all()
    return [getattr(row, name) for row in rows]


@FIELDS
def test_a_value_comes_back_as_it_went_in(db: Database, name: str, stored: list[Any]) -> None:
    rows = repository(Scalar, db).order_by(Scalar.id).all()
    values = [getattr(row, name) for row in rows]
    backwards = [*reversed(stored)]
    assert values == [backwards[0], None, *backwards[1:]]
    assert {type(value) for value in values} == {type(None), type(stored[0])}


@FIELDS
def test_a_value_is_found_by_conditions(db: Database, name: str, stored: list[Any]) -> None:
    field = getattr(Scalar, name)
    for place, value in enumerate(stored):
        assert found(db, name, field == value) == [value]
        assert found(db, name, field != value) == stored[:place] + stored[place + 1 :]
    assert found(db, name, field.in_(stored[:2])) == stored[:2]
    assert found(db, name, field.not_in(stored[:1])) == stored[1:]
    assert found(db, name, field.is_(None)) == [None]
    assert found(db, name, field.is_not(None)) == stored


@pytest.mark.parametrize("name", [name for name in ASCENDING if name != "flag"])
def test_a_value_is_compared(db: Database, name: str, stored: list[Any]) -> None:
    field, middle = getattr(Scalar, name), len(stored) // 2
    assert found(db, name, field < stored[middle]) == stored[:middle]
    assert found(db, name, field <= stored[middle]) == stored[: middle + 1]
    assert found(db, name, field > stored[middle]) == stored[middle + 1 :]
    assert found(db, name, field >= stored[middle]) == stored[middle:]


@pytest.mark.parametrize("name", [name for name in ASCENDING if name != "flag"])
def test_a_value_is_in_a_range(db: Database, name: str, stored: list[Any]) -> None:
    field = getattr(Scalar, name)
    assert found(db, name, field.between(stored[1], stored[-2])) == stored[1:-1]
    assert found(db, name, ~field.between(stored[1], stored[-2])) == [stored[0], stored[-1]]


@FIELDS
def test_values_sort_the_same_everywhere(db: Database, name: str, stored: list[Any]) -> None:
    field, scalars = getattr(Scalar, name), repository(Scalar, db)
    upwards = [getattr(row, name) for row in scalars.order_by(field).all()]
    downwards = [getattr(row, name) for row in scalars.order_by(field.desc()).all()]
    assert upwards == [None, *stored]
    assert downwards == [*reversed(stored), None]


@FIELDS
def test_a_value_is_changed_to_another_and_to_none(
    db: Database, name: str, stored: list[Any]
) -> None:
    scalars = repository(Scalar, db)
    first = scalars.order_by(Scalar.id).first()
    assert first is not None
    scalars.update(first, **{name: stored[0]})
    assert getattr(scalars.get(first.id), name) == stored[0]
    assert scalars.update_where(col(Scalar.id) == first.id, **{name: None}) == 1
    assert getattr(scalars.get(first.id), name) is None
    assert scalars.update_where(col(Scalar.id) == first.id, **{name: stored[-1]}) == 1
    assert getattr(scalars.get(first.id), name) == stored[-1]


def flushed(db: Database, rows: list[Scalar]) -> None:
    with db.transaction() as session:
        session.add_all(rows)


def overwritten(db: Database, rows: list[Scalar]) -> None:
    scalars = repository(Scalar, db)
    scalars.add_all(Scalar(id=row.id) for row in rows)
    scalars.upsert(rows)


WRITES: dict[str, Callable[[Database, list[Scalar]], object]] = {
    "add": lambda db, rows: [repository(Scalar, db).add(row) for row in rows],
    "add_all": lambda db, rows: repository(Scalar, db).add_all(rows),
    "flush": flushed,
    "upsert": lambda db, rows: repository(Scalar, db).upsert(rows),
    "upsert again": overwritten,
}


@FIELDS
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_way_to_write_stores_the_same(
    db: Database, name: str, write: Callable[[Database, list[Scalar]], object]
) -> None:
    db.create_all(Scalar)
    values: list[Any] = [*ASCENDING[name], None]
    write(db, [Scalar(id=n, **{name: value}) for n, value in enumerate(values, start=1)])
    scalars = repository(Scalar, db)
    assert [getattr(row, name) for row in scalars.order_by(Scalar.id).all()] == values
    assert [getattr(row, name) for row in scalars.get_many(range(1, len(values) + 1))] == values
    assert [getattr(row, name) for row in scalars.order_by(Scalar.id).stream()] == values


@FIELDS
def test_a_select_of_the_field_gives_the_same(db: Database, name: str, stored: list[Any]) -> None:
    with db.session() as session:
        found = session.exec(select(getattr(Scalar, name)).order_by(col(Scalar.id))).all()
    assert [*found] == [stored[-1], None, *reversed(stored[:-1])]


@pytest.mark.parametrize("place", [0, -1])
def test_required_fields_take_their_extremes(db: Database, place: int) -> None:
    db.create_all(Required)
    values = {name: ascending[place] for name, ascending in ASCENDING.items()}
    key = repository(Required, db).add(Required(**values)).id
    row = repository(Required, db).get(key)
    assert row is not None
    assert {name: getattr(row, name) for name in values} == values
