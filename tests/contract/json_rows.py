"""A row for each kind of value that a JSON document can hold under the key "a"."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, not_

from agentorm import Database, Field, Repository, json_field, repository
from tests.contract.models import Contract


class JsonPathRow(Contract, table=True):
    name: str = Field(primary_key=True)
    doc: dict[str, Any] | list[Any] | str | int | bool | None = json_field()
    wanted: str | None = None
    n: int | None = None


NUMBERS: dict[str, float] = {
    "-2^63": -(2**63),
    "-0.0": -0.0,
    "0": 0,
    "0.1": 0.1,
    "1": 1,
    "1.0": 1.0,
    "5": 5,
    "5.5": 5.5,
    "2^53": 2**53,
    "2^53+1": 2**53 + 1,
    "2^63-1": 2**63 - 1,
    "1e22": 1e22,
    "1e300": 1e300,
}
TEXTS: dict[str, str] = {
    "empty": "",
    "t5": "5",
    "day": "2024-01-01",
    "next day": "2024-01-02",
    "no such day": "2024-02-31",
    "short day": "2024-1-1",
    "day and x": "2024-01-01x",
    "day and line": "2024-01-01\n",
    "ABC": "ABC",
    "abc": "abc",
    "abc blank": "abc ",
    "ttrue": "true",
    "tnull": "null",
    "odd": "50%_'\"\\ \t:x ?",
    "umlaut": "äbc",
    "wide day": "\uff12\uff10\uff12\uff14-01-01",
    "smile": "\U0001f600",
}
ARRAYS: dict[str, list[Any]] = {
    "[]": [],
    "[1]": [1],
    "[1.0, 2]": [1.0, 2],
    "[[1]]": [[1]],
    "mixed": [1, "x", None, True, [5], {"k": 6}, "7", "50%"],
    "big": [2**53 + 1, False],
}
OBJECTS: dict[str, dict[str, Any]] = {
    "{}": {},
    "{b}": {"b": 1, "c": [1, "z", None], "d": {"e": "f", "g": None}},
    "{B}": {"d": {"g": None, "e": "f"}, "c": [1.0, "z", None], "b": 1.0},
    "{1}": {"b": "1", "c": {"0": 1}, "d": {"e": "F"}},
}
BOOLEANS = {"true": True, "false": False}
VALUES: dict[str, Any] = {"null": None, **BOOLEANS, **NUMBERS, **TEXTS, **ARRAYS, **OBJECTS}
ELSEWHERE: dict[str, Any] = {
    "missing": {"z": 1},
    "array": [{"a": 5}],
    "text": "a",
    "number": 5,
    "NULL": None,
}
EVERY = frozenset(VALUES) | frozenset(ELSEWHERE)


def stored(db: Database) -> Repository[JsonPathRow]:
    """A database with all those rows."""
    db.create_all(JsonPathRow)
    rows = repository(JsonPathRow, db)
    rows.add_all(JsonPathRow(name=name, doc={"a": value}) for name, value in VALUES.items())
    rows.add_all(JsonPathRow(name=name, doc=document) for name, document in ELSEWHERE.items())
    return rows


def names(rows: Repository[JsonPathRow], condition: ColumnElement[bool]) -> set[str]:
    return {row.name for row in rows.where(condition).all()}


def truth(
    rows: Repository[JsonPathRow], condition: ColumnElement[bool]
) -> tuple[set[str], set[str]]:
    """The rows of which the condition is true, and those of which it is false."""
    return names(rows, condition), names(rows, not_(condition))
