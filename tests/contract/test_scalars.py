"""Values come back as they went in, are found by conditions, and sort the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlmodel import select

from agentorm import Database, Repository, col, repository
from tests.contract.models import Required, Scalar
from tests.contract.scalars import ASCENDING

COMPARED = [name for name in ASCENDING if name != "flag"]


@pytest.fixture
def scalars(db: Database) -> Repository[Scalar]:
    db.create_all(Scalar)
    return repository(Scalar, db)


@contextmanager
def stored(scalars: Repository[Scalar], name: str) -> Generator[list[Any]]:
    """One row for each value, the greatest first, and one row of NULL in their midst."""
    given: list[Any] = ASCENDING[name]
    backwards = [*reversed(given)]
    backwards.insert(1, None)
    scalars.add_all(Scalar(**{name: value}) for value in backwards)
    try:
        yield given
    finally:
        scalars.delete_where(col(Scalar.id).is_not(None))


def found(scalars: Repository[Scalar], name: str, *conditions: Any) -> list[Any]:
    rows = scalars.where(*conditions).order_by(getattr(Scalar, name)).all()
    return [getattr(row, name) for row in rows]


def test_a_value_comes_back_as_it_went_in(
    scalars: Repository[Scalar], subtests: pytest.Subtests
) -> None:
    for name in ASCENDING:
        with subtests.test(name), stored(scalars, name) as given:
            values = [getattr(row, name) for row in scalars.order_by(Scalar.id).all()]
            backwards = [*reversed(given)]
            assert values == [backwards[0], None, *backwards[1:]]
            assert {type(value) for value in values} == {type(None), type(given[0])}


def test_a_value_is_found_by_conditions(
    scalars: Repository[Scalar], subtests: pytest.Subtests
) -> None:
    for name in ASCENDING:
        with subtests.test(name), stored(scalars, name) as given:
            field = getattr(Scalar, name)
            for place, value in enumerate(given):
                others = given[:place] + given[place + 1 :]
                assert found(scalars, name, field == value) == [value]
                assert found(scalars, name, field != value) == others
            assert found(scalars, name, field.in_(given[:2])) == given[:2]
            assert found(scalars, name, field.in_([None, *given[:2]])) == given[:2]
            assert found(scalars, name, field.not_in(given[:1])) == given[1:]
            assert found(scalars, name, field.is_(None)) == [None]
            assert found(scalars, name, field.is_not(None)) == given


def test_a_value_is_compared(scalars: Repository[Scalar], subtests: pytest.Subtests) -> None:
    for name in COMPARED:
        with subtests.test(name), stored(scalars, name) as given:
            field, middle = getattr(Scalar, name), len(given) // 2
            assert found(scalars, name, field < given[middle]) == given[:middle]
            assert found(scalars, name, field <= given[middle]) == given[: middle + 1]
            assert found(scalars, name, field > given[middle]) == given[middle + 1 :]
            assert found(scalars, name, field >= given[middle]) == given[middle:]


def test_a_value_is_in_a_range(scalars: Repository[Scalar], subtests: pytest.Subtests) -> None:
    for name in COMPARED:
        with subtests.test(name), stored(scalars, name) as given:
            within = getattr(Scalar, name).between(given[1], given[-2])
            assert found(scalars, name, within) == given[1:-1]
            assert found(scalars, name, ~within) == [given[0], given[-1]]


def test_values_sort_the_same_everywhere(
    scalars: Repository[Scalar], subtests: pytest.Subtests
) -> None:
    for name in ASCENDING:
        with subtests.test(name), stored(scalars, name) as given:
            field = getattr(Scalar, name)
            upwards = [getattr(row, name) for row in scalars.order_by(field).all()]
            downwards = [getattr(row, name) for row in scalars.order_by(field.desc()).all()]
            assert upwards == [None, *given]
            assert downwards == [*reversed(given), None]


def test_a_value_is_changed_to_another_and_to_none(
    scalars: Repository[Scalar], subtests: pytest.Subtests
) -> None:
    for name in ASCENDING:
        with subtests.test(name), stored(scalars, name) as given:
            first = scalars.order_by(Scalar.id).first()
            assert first is not None
            scalars.update(first, **{name: given[0]})
            assert getattr(scalars.get(first.id), name) == given[0]
            assert scalars.update_where(col(Scalar.id) == first.id, **{name: None}) == 1
            assert getattr(scalars.get(first.id), name) is None
            assert scalars.update_where(col(Scalar.id) == first.id, **{name: given[-1]}) == 1
            assert getattr(scalars.get(first.id), name) == given[-1]


def test_a_select_of_the_field_gives_the_same(
    db: Database, scalars: Repository[Scalar], subtests: pytest.Subtests
) -> None:
    for name in ASCENDING:
        with subtests.test(name), stored(scalars, name) as given, db.session() as session:
            read = session.exec(select(getattr(Scalar, name)).order_by(col(Scalar.id))).all()
            assert [*read] == [given[-1], None, *reversed(given[:-1])]


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


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_way_to_write_stores_the_same(
    db: Database,
    scalars: Repository[Scalar],
    subtests: pytest.Subtests,
    write: Callable[[Database, list[Scalar]], object],
) -> None:
    for name, given in ASCENDING.items():
        with subtests.test(name):
            values: list[Any] = [*given, None]
            scalars.delete_where(col(Scalar.id).is_not(None))
            write(db, [Scalar(id=n, **{name: value}) for n, value in enumerate(values, start=1)])
            by_key = scalars.get_many(range(1, len(values) + 1))
            assert [getattr(row, name) for row in scalars.order_by(Scalar.id).all()] == values
            assert [getattr(row, name) for row in by_key] == values
            assert [getattr(row, name) for row in scalars.order_by(Scalar.id).stream()] == values


@pytest.mark.parametrize("place", [0, -1])
def test_required_fields_take_their_extremes(db: Database, place: int) -> None:
    db.create_all(Required)
    values = {name: ascending[place] for name, ascending in ASCENDING.items()}
    key = repository(Required, db).add(Required(**values)).id
    row = repository(Required, db).get(key)
    assert row is not None
    assert {name: getattr(row, name) for name in values} == values
