"""Hostile names, paths and values in filters: no SQL error, no row that should not be there.

``AGENTORM_HOSTILE`` is how many each test tries on each engine, 1,000 unless it says otherwise.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import ColumnElement, case, select
from sqlmodel import Session

from agentorm import Database, InvalidFilter, parse_filter, repository
from tests.filtered import Filtered, FilteredShelf, leaf

HOW_MANY = int(os.environ.get("AGENTORM_HOSTILE", "1000"))
BATCH = 50
PIECES = [
    *["'", '"', "`", "''", '"' * 2, "\\", "\\'", "%", "_", "%%", "%s", "%(x)s", ":x", "?", "$1"],
    *["--", "-- ", "#", "/*", "*/", "/*!50000 ", ";", ")", "(", "]", "}", "{", "[", "$", ".", ","],
    *[" OR 1=1", " UNION SELECT 1", "; DROP TABLE filtered", "' OR '1'='1", "') OR ('1'='1"],
    *["\\u0000", "\\x27", "\\\\", "\b", "\t", "\n", "\r", "\x1a", "\x7f", "\x85", "\u2028"],
    *["\u02bc", "\uff07", "\u00e9", "e\u0301", "\U0001f600", "\ufeff", "\uffff", "\U0010ffff"],
    *["$.a", "$[0]", "a.b", "[0]", "**", "@", "null", "true", "0", "1", "5", "1e5", "0x10", "a"],
    *["{name}", "{0}", "{expression}", "__class__", "select", "x'41'", "E'\\n'", "\x00", "\ud800"],
]
PLAIN = ["title", "n", "flag", "real", "price", "day", "at", "uid", "shade", "kind", "hour"]
OPERATORS = [
    *["eq", "ne", "lt", "ge", "in", "not_in", "between", "like", "ilike", "contains"],
    *["starts_with", "has_any", "has_all", "is_null", "exists"],
]


class Hostile:
    """Makes filters of pieces that have broken other programs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311

    def text(self) -> str:
        if self.random.random() < 0.01:
            return self.random.choice(PIECES) * self.random.choice([100, 5_000, 70_000])
        return "".join(self.random.choices(PIECES, k=self.random.randint(1, 5)))

    def number(self) -> Any:
        some = [0, -1, 5, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 10**30, 1e308, 5e-324]
        return self.random.choice([*some, 0.1, float("nan"), float("inf"), True, False, None])

    def value(self, depth: int = 0) -> Any:
        kind = self.random.random()
        if kind < 0.6 or depth > 2:
            return self.text()
        if kind < 0.8:
            return self.number()
        size = self.random.randint(0, 3)
        if kind < 0.9:
            return [self.value(depth + 1) for _ in range(size)]
        return {self.text(): self.value(depth + 1) for _ in range(size)}

    def path(self) -> list[Any]:
        places = [0, 1, -1, 2**31 - 1, 2**31, True, 1.5, None]
        size = self.random.randint(0, 4)
        return [
            self.text() if self.random.random() < 0.8 else self.random.choice(places)
            for _ in range(size)
        ]

    def anything(self) -> Any:
        """A document that may mean something."""
        field = self.random.choice([*PLAIN, "meta", "tags", self.text(), f"meta.{self.text()}"])
        op = self.random.choice([*OPERATORS, self.text()])
        value = self.value()
        if op in {"in", "not_in", "between", "has_any", "has_all"} and self.random.random() < 0.9:
            value = [self.value(2), self.value(2)]
        made = {**leaf(field, op, value), **({"path": self.path()} if field == "meta" else {})}
        return {"not": made} if self.random.random() < 0.2 else made

    def never(self) -> Any:
        """A document that finds no row, if it means anything."""
        place = self.random.choice(["title", "meta.a", "tags"])
        op = self.random.choice(["eq", "in", "starts_with", "contains", "like"])
        word = f"{self.text()}no row holds this"
        if place == "tags" or op == "in":
            return leaf(place, "has_any" if place == "tags" else "in", [word, self.text() + "?!"])
        return leaf(place, op, word)


@pytest.fixture
def few(db: Database) -> Database:
    db.create_all(FilteredShelf, Filtered)
    rows = [
        Filtered(title="a", n=5, flag=True, real=1.5, meta={"a": "b", "n": 5}, tags=["a", 5]),
        Filtered(title="'", meta={"'": ["'"], "a": {"b": 1}}, tags=[]),
        Filtered(),
    ]
    repository(Filtered, db).add_all(rows)
    return db


def understood(documents: Iterator[Any]) -> list[ColumnElement[bool]]:
    """The conditions of those that mean something; the others say where they do not."""
    conditions: list[ColumnElement[bool]] = []
    refused: list[InvalidFilter] = []
    for document in documents:
        try:
            conditions.append(parse_filter(Filtered, document))
        except InvalidFilter as error:
            refused.append(error)
    assert all(error.path.startswith("$") and str(error).encode() for error in refused)
    return conditions


def outcomes(session: Session, conditions: list[ColumnElement[bool]]) -> list[tuple[int, ...]]:
    """For each row 1, 2 or 3: true, false or unknown; many conditions are asked at once."""
    found: list[tuple[int, ...]] = []
    for start in range(0, len(conditions), BATCH):
        asked = conditions[start : start + BATCH]
        kinds = [case((each, 1), (~each, 2), else_=3) for each in asked]
        rows = session.connection().execute(select(*kinds).select_from(Filtered)).all()
        found += zip(*rows, strict=True)
    return found


def test_hostile_filters_are_refused_or_answered(few: Database) -> None:
    hostile = Hostile(1)
    documents = (hostile.anything() for _ in range(HOW_MANY))
    with few.session() as session:
        conditions = understood(documents)
        assert len(conditions) > HOW_MANY / 10
        found = outcomes(session, conditions)
    assert {len(each) for each in found} == {3}
    assert {kind for each in found for kind in each} == {1, 2, 3}
    assert repository(Filtered, few).count() == 3


def test_hostile_text_finds_no_row_that_does_not_hold_it(few: Database) -> None:
    hostile = Hostile(2)
    documents = (hostile.never() for _ in range(HOW_MANY))
    with few.session() as session:
        conditions = understood(documents)
        assert len(conditions) > HOW_MANY / 2
        found = outcomes(session, conditions)
    assert {kind for each in found for kind in each} == {2, 3}
