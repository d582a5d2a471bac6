"""Values come back as they went in, are found by conditions, and sort the same everywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from agentorm import Database, col, repository
from tests.contract.models import Mood, Required, Scalar

ASCENDING: dict[str, list[Any]] = {
    "whole": [-(2**63), -1, 0, 1, 2**31, 2**53 + 1, 2**63 - 1],
    "flag": [False, True],
    "real": [-1.7976931348623157e308, -0.1, 0.0, 5e-324, 0.1, 1 / 3, 1e22, 1.7976931348623157e308],
    "text": [
        "",
        " ",
        "A",
        "B",
        "a",
        "a ",
        "ab",
        "b",
        "e\u0301",
        "\u00e9",
        "\u4e2d",
        "\ufffd",
        "😀",
    ],
    "key": ["", " ", "A", "B", "a", "a ", "ab", "b", "e\u0301", "\u00e9", "\u4e2d", "\ufffd", "😀"],
    "raw": [b"", b"\x00", b"\x00\x01", b"'a", b"a", b"\xff", b"\xff\x00"],
    "uid": [UUID(int=0), UUID(int=1), UUID(int=1 << 127), UUID(int=(1 << 128) - 1)],
    "price": [
        Decimal("-999999999999.999999"),
        Decimal("-0.000001"),
        Decimal(0),
        Decimal("0.000001"),
        Decimal("0.1"),
        Decimal(9),
        Decimal(10),
        Decimal("999999999999.999999"),
    ],
    "moment": [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
        datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
    "day": [date.min, date(1970, 1, 1), date(2024, 2, 29), date.max],
    "hour": [time.min, time(0, 0, 0, 1), time(12, 30), time.max],
    "lasting": [
        timedelta(days=-400),
        timedelta(microseconds=-1),
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(hours=25),
        timedelta(days=400, seconds=3, microseconds=5),
    ],
    "mood": [Mood.angry, Mood.calm, Mood.wild],
}
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


@pytest.mark.parametrize("place", [0, -1])
def test_required_fields_take_their_extremes(db: Database, place: int) -> None:
    db.create_all(Required)
    values = {name: ascending[place] for name, ascending in ASCENDING.items()}
    key = repository(Required, db).add(Required(**values)).id
    row = repository(Required, db).get(key)
    assert row is not None
    assert {name: getattr(row, name) for name in values} == values
