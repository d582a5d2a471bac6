"""Values of each scalar type, in the order in which every engine sorts them."""

# ruff: noqa: DTZ001  # a calendar and a clock without a zone are among them

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.contract.models import Mood

TEXTS = [
    "",
    " ",
    "A",
    "Abc",
    "B",
    "a",
    "a ",
    "abc",
    "abc ",
    "b",
    "e\u0301",
    "\u00e4bc",
    "\u00e9",
    "\u4e2d",
    "\ufffd",
    "\U0001f600",
    "\U0001f600a",
]
ASCENDING: dict[str, list[Any]] = {
    "whole": [-(2**63), -1, 0, 1, 2**31, 2**53 + 1, 2**63 - 1],
    "flag": [False, True],
    "real": [-1.7976931348623157e308, -0.1, 0.0, 5e-324, 0.1, 1 / 3, 1e22, 1.7976931348623157e308],
    "text": TEXTS,
    "key": TEXTS,
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
    "clock": [
        datetime(1, 1, 1),
        datetime(1969, 12, 31, 23, 59, 59, 999999),
        datetime(2024, 3, 31, 2, 30),
        datetime(2024, 3, 31, 2, 30, 0, 1),
        datetime(9999, 12, 31, 23, 59, 59, 999999),
    ],
    "day": [date.min, date(1970, 1, 1), date(2024, 2, 29), date.max],
    "hour": [time.min, time(0, 0, 0, 1), time(12, 30), time.max],
    "lasting": [
        timedelta(days=-700_000, microseconds=1),
        timedelta(days=-400),
        timedelta(seconds=-1),
        timedelta(microseconds=-1),
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(hours=25),
        timedelta(days=400, seconds=3, microseconds=5),
        timedelta(days=2_900_000, microseconds=999_999),
    ],
    "mood": [Mood.angry, Mood.calm, Mood.wild],
}
"""For each field of `Scalar`, some values in ascending order."""
