"""Upsert by keys of every type: equal as Python means it, and no two distinct keys are one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from agentorm import Database, Field, json_field, repository
from tests.contract.models import Contract, Mood

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql")

NOON = datetime(2024, 1, 1, 12, 0, 0, 1, tzinfo=UTC)


class Keyed(Contract, table=True):
    """A unique key of each scalar type; the others stay NULL, which is never a key twice."""

    id: int | None = Field(default=None, primary_key=True)
    note: str = ""
    whole: int | None = Field(default=None, unique=True)
    flag: bool | None = Field(default=None, unique=True)
    real: float | None = Field(default=None, unique=True)
    text: str | None = Field(default=None, unique=True)
    raw: bytes | None = Field(default=None, unique=True, max_length=40)
    uid: UUID | None = Field(default=None, unique=True)
    price: Decimal | None = Field(default=None, unique=True)
    moment: datetime | None = Field(default=None, unique=True)
    day: date | None = Field(default=None, unique=True)
    hour: time | None = Field(default=None, unique=True)
    lasting: timedelta | None = Field(default=None, unique=True)
    mood: Mood | None = Field(default=None, unique=True)


class Named(Contract, table=True):
    name: str = Field(primary_key=True)
    n: int = 0


class Everything(Contract, table=True):
    """Values of every type that are written and read back."""

    name: str = Field(primary_key=True)
    real: float
    uid: UUID
    price: Decimal
    moment: datetime
    hour: time
    lasting: timedelta
    mood: Mood
    raw: bytes
    tree: dict[str, Any] = json_field()
    maybe: dict[str, Any] | None = json_field()


DISTINCT: dict[str, list[Any]] = {
    "whole": [0, -1, 1, 2**63 - 1, -(2**63)],
    "flag": [False, True],
    "real": [0.0, 0.1, 0.1 + 2**-56, 1e308, 5e-324, 1e-300, -1.5, 2.0**53],
    "text": [
        "",
        " ",
        "a",
        "a ",
        "A",
        "ä",
        "a\u0308",
        "á",
        "ß",
        "ss",
        "\U0001f600",
        "\U0001f601",
        "a\t",
        "a%",
        "a_",
        "a\\",
        "a'",
        'a"',
        "\uff41",
        "\u0130",
        "i",
        "\u0131",
        "Straße",
        "Strasse",
        "a\u200b",
    ],
    "raw": [b"", b" ", b"a", b"a ", b"a\0", b"A", b"\xff", b"\\", b"'", b"a\0\0", bytes(40)],
    "uid": [UUID(int=0), UUID(int=1), UUID(int=2**128 - 1), UUID(int=1 << 64)],
    "price": [
        Decimal(0),
        Decimal("0.000001"),
        Decimal("-0.000001"),
        Decimal("999999999999.999999"),
        Decimal("999999999999.999998"),
        Decimal("0.1"),
    ],
    "moment": [
        NOON,
        NOON.replace(microsecond=0),
        NOON.replace(microsecond=2),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
    "day": [date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31), date(2024, 2, 29)],
    "hour": [time(0), time(23, 59, 59, 999999), time(0, 0, 0, 1), time(12)],
    "lasting": [
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(days=400),
        -timedelta(days=1),
        timedelta(microseconds=-1),
        timedelta(hours=25),
    ],
    "mood": [Mood.angry, Mood.calm, Mood.wild],
}


def test_distinct_keys_are_distinct_rows_and_equal_ones_are_one(db: Database) -> None:
    db.create_all(Keyed)
    for key, values in DISTINCT.items():
        rows = repository(Keyed, db).where(getattr(Keyed, key).is_not(None))
        upsert = repository(Keyed, db).upsert
        first = upsert([Keyed(**{key: value}, note="old") for value in values], on=key)
        assert [getattr(row, key) for row in first] == values
        backwards = [Keyed(**{key: value}, note=f"new {n}") for n, value in enumerate(values)]
        again = upsert(backwards[::-1], on=key)
        assert [row.id for row in again] == [row.id for row in reversed(first)]
        assert [row.note for row in again] == [f"new {n}" for n in reversed(range(len(values)))]
        stored = {getattr(row, key): row.note for row in rows.all()}
        assert stored == {value: f"new {n}" for n, value in enumerate(values)}


EQUAL: list[tuple[str, Any, Any]] = [
    ("price", Decimal("1.5"), Decimal("1.500000")),
    ("price", Decimal("0.0"), Decimal("-0.00")),
    ("price", Decimal(100), Decimal("1E+2")),
    ("real", 0.0, -0.0),
    ("moment", NOON, NOON.astimezone(timezone(timedelta(hours=-7)))),
    ("moment", NOON, NOON.replace(tzinfo=None)),
]


def test_equal_keys_of_another_form_are_one_row(db: Database) -> None:
    db.create_all(Keyed)
    rows = repository(Keyed, db)
    for key, one, other in EQUAL:
        (first,) = rows.upsert([Keyed(**{key: one}, note="one")], on=key)
        (second,) = rows.upsert([Keyed(**{key: other}, note="other")], on=key)
        assert (second.id, second.note) == (first.id, "other")
        (third,) = rows.upsert([Keyed(**{key: one}), Keyed(**{key: other}, note="last")], on=key)
        assert (third.id, third.note) == (first.id, "last")
        assert rows.one().note == "last"
        rows.delete(third)


def test_a_primary_key_of_text_is_case_accent_and_blank_sensitive(db: Database) -> None:
    db.create_all(Named)
    rows, names = repository(Named, db), ["a", "A", "ä", "a ", " a", "a\u0308", ""]
    made = rows.upsert([Named(name=name, n=n) for n, name in enumerate(names)])
    assert [(row.name, row.n) for row in made] == list(zip(names, range(7), strict=True))
    rows.upsert([Named(name="A", n=10), Named(name="a ", n=30)])
    assert [rows.get(name) for name in names] == [
        Named(name=name, n=n) for name, n in zip(names, [0, 10, 2, 30, 4, 5, 6], strict=True)
    ]


def test_rows_of_every_type_are_read_back_at_once(db: Database, sent: list[str]) -> None:
    db.create_all(Everything)
    rows = [
        Everything(
            name=f"{n:03}",
            real=n / 3,
            uid=UUID(int=n),
            price=Decimal(n) / 8,
            moment=NOON.astimezone(timezone(timedelta(hours=n % 12))) + timedelta(microseconds=n),
            hour=time(1, 2, 3, n),
            lasting=timedelta(days=-n, microseconds=n),
            mood=list(Mood)[n % 3],
            raw=bytes([n, 39, 92, 0]),
            tree={"a": [n, {"b": None}], "c": 0.5},
            maybe=None if n % 2 else {"ä": "ß"},
        )
        for n in range(100)
    ]
    expected = [row.model_copy() for row in rows]
    sent.clear()
    made = repository(Everything, db).upsert(rows)
    assert made == expected
    assert repository(Everything, db).order_by(Everything.name).all() == expected
    assert sum(" FOR UPDATE" in statement for statement in sent) == 0
