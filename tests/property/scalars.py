"""Values of each type of field: few enough that rows and conditions often have the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from pydantic import NaiveDatetime

from tests.property.conditions import OPERATORS
from tests.property.models import Mood
from tests.strategies import EQUALITY, Scalar

MOMENT = datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC)
CLOCK = MOMENT.replace(tzinfo=None)
STEP = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
BIG = 2**63

TEXTS = (
    *("", "a", "A", "b", "ab", "aB", "%", "_", "é", "日", "😀", "'", '"', "\\", " a", "a ", "\n"),
    *("a%b", "a_b", "e\u0301", "\ufffd", ":x", "%s", "5", "null", "a\\%", "--", "aaaaaaaaaaaaaaa"),
)
POOLS: Mapping[Any, tuple[Any, ...]] = {
    str: TEXTS,
    int: (0, 1, 2, -1, 5, 2**31, 2**53, 2**53 + 1, BIG - 1, -BIG),
    float: (0.0, -0.0, 1.0, 0.1, 0.30000000000000004, -1.5, 5.0, 1e300, 5e-324, 2.0**53),
    Decimal: tuple(map(Decimal, ("0", "1", "-1", "0.000001", "0.1", "999999999999.999999", "5"))),
    bool: (False, True),
    datetime: (MOMENT, MOMENT + STEP, MOMENT - STEP, datetime.min.replace(tzinfo=UTC)),
    NaiveDatetime: (CLOCK, CLOCK + STEP, CLOCK - STEP, datetime.max),  # noqa: DTZ901
    date: (*(date(2024, 2, day) for day in (27, 28, 29)), date(2024, 3, 1), date.min, date.max),
    time: (time.min, time(0, 0, 0, 1), time(12, 30), time.max),
    timedelta: (*(timedelta(days=n) for n in (0, 1, -1, 2, -400, 700_000)), STEP, -STEP, HOUR * 25),
    UUID: tuple(UUID(int=n) for n in (0, 1, 2, 255, 2**64, 2**100, 2**127, 2**128 - 1)),
    bytes: (b"", b"\x00", b"\x00\x01", b"a", b"'a", b"\xff", b"\xff\x00", b"A", b"a "),
    Mood: tuple(Mood),
}
"""Of each type some values, few enough that rows and conditions often have the same."""
UNORDERED = (bool, Mood)


def pooled(kind: Any, *, nullable: bool) -> Scalar:
    """A field of that type."""
    operators = EQUALITY if kind in UNORDERED else tuple(OPERATORS)
    pool = POOLS[kind]
    text, flag, values = kind is str, kind is bool, st.sampled_from(pool)
    return Scalar(values, nullable, operators, text, flag, kind, pool)
