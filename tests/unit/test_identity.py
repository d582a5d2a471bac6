"""What tells a query from another one, the same in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import registry, selectinload

from agentorm import (
    RRF,
    Entity,
    Field,
    Query,
    Relationship,
    Search,
    Vector,
    col,
    cross_encoder,
    repository,
    text_field,
    vector_field,
)
from agentorm.identity import described, identity_of


class Told(Entity, registry=registry()):
    """What both derive from."""


class Card(Told, table=True):
    __tablename__ = "told_card"  # pyright: ignore[reportAssignmentType]
    id: int | None = Field(default=None, primary_key=True)


class Letter(Told, table=True):
    __tablename__ = "told_letter"  # pyright: ignore[reportAssignmentType]
    id: int | None = Field(default=None, primary_key=True)
    title: str
    n: int | None = None
    day: date | None = None
    body: str = text_field(search="english")
    front: Vector = vector_field(2)
    back: Vector = vector_field(2)
    card_id: int | None = Field(default=None, foreign_key="told_card.id")
    card: Card | None = Relationship()


LETTERS: Query[Letter] = repository(Letter)
NEAR = LETTERS.similar_to([1, 2], on="front")
TEXT = LETTERS.matching("ab")
FUSED = NEAR.matching("ab").fuse()
QUERIES: dict[str, Callable[[], Query[Any]]] = {
    "all": lambda: LETTERS.offset(0),
    "another model": lambda: repository(Card),
    "a condition": lambda: LETTERS.where(Letter.title == "a"),
    "another value": lambda: LETTERS.where(Letter.title == "b"),
    "another operator": lambda: LETTERS.where(Letter.title != "a"),
    "another field": lambda: LETTERS.where(Letter.body == "a"),
    "a list": lambda: LETTERS.where(col(Letter.n).in_([1, 2])),
    "a longer list": lambda: LETTERS.where(col(Letter.n).in_([1, 2, 3])),
    "a date": lambda: LETTERS.where(Letter.day == date(2024, 1, 1)),
    "a later date": lambda: LETTERS.where(Letter.day == date(2024, 1, 2)),
    "an integer": lambda: LETTERS.where(Letter.n == 1),
    "sorted": lambda: LETTERS.order_by(Letter.title),
    "the other way": lambda: LETTERS.order_by(col(Letter.title).desc()),
    "nulls last": lambda: LETTERS.order_by(col(Letter.n).nulls_last()),
    "sorted by another": lambda: LETTERS.order_by(Letter.n),
    "joined": lambda: LETTERS.join(Letter.card),
    "near": lambda: NEAR,
    "near another": lambda: LETTERS.similar_to([1, 2.0000003], on="front"),
    "by another vector": lambda: LETTERS.similar_to([1, 2], on="back"),
    "by another metric": lambda: LETTERS.similar_to([1, 2], on="front", metric="l2"),
    "within": lambda: NEAR.max_distance(0.5),
    "scored": lambda: NEAR.min_score(0.5),
    "tuned": lambda: NEAR.tune(Search(ef=50)),
    "text": lambda: TEXT,
    "other text": lambda: LETTERS.matching("abc"),
    "every word": lambda: LETTERS.matching("ab", every=True),
    "a phrase": lambda: LETTERS.matching(phrase="ab"),
    "a weight": lambda: LETTERS.matching("ab", on={Letter.body: 2}),
    "fused": lambda: FUSED,
    "fused otherwise": lambda: FUSED.fuse(RRF(k=61)),
    "fused less deeply": lambda: FUSED.fuse(RRF(depth=50)),
}
PRINT = """
from tests.unit.test_identity import told
print(*told().values())
"""


def told() -> dict[str, str]:
    dialect = sqlite.dialect()
    return {name: identity_of(made(), dialect) for name, made in QUERIES.items()}


def test_no_two_queries_are_taken_for_each_other() -> None:
    found = told()
    assert len({*found.values()}) == len(found)
    assert {len(identity) for identity in found.values()} == {32}


def test_a_query_written_again_is_the_same() -> None:
    assert told() == told()


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_agrees(seed: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONHASHSEED": seed},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.split() == [*told().values()]


def test_page_and_loaders_do_not_count() -> None:
    dialect = sqlite.dialect()
    loaded = LETTERS.options(selectinload(Letter.card)).limit(3).offset(2)  # type: ignore[arg-type]
    assert identity_of(loaded, dialect) == identity_of(LETTERS, dialect)


def test_another_engine_is_another_query() -> None:
    assert identity_of(LETTERS, postgresql.dialect()) != identity_of(LETTERS, sqlite.dialect())  # type: ignore[no-untyped-call]


def score(weight: int, letters: list[Letter]) -> list[float]:
    return [float(weight) for _ in letters]


def scorer(text: str, weight: list[int]) -> Callable[[list[Letter]], list[float]]:
    def overlap(letters: list[Letter]) -> list[float]:
        return [float(letter.title.count(text)) * weight[0] for letter in letters]

    return overlap


class Scorer:
    pass


def test_values_of_any_kind_are_told_apart() -> None:
    values: list[Any] = [None, True, 1, 1.0, "1", b"1", -0.0, 0.0, [1], (1,), {1}, {"a": 1}]
    values += [[1, [2]], [[1], 2], Vector([1, 2]), np.array([1.0, 2.0]), np.array([1.0, 3.0])]
    values += [np.arange(5000), np.arange(5000) + (np.arange(5000) == 2500), score, Letter]
    values += [scorer("a", [1]), scorer("b", [1]), lambda: 1, cross_encoder(max, "a", "body")]
    values += [cross_encoder(max, "b", "body")]
    values += [partial(score, 1), partial(score, 2), Letter.title, Letter.body, Search(ef=1)]
    found = [json.dumps(described(value)) for value in values]
    assert len({*found}) == len(values)


def test_addresses_in_memory_do_not_count() -> None:
    assert described(Scorer()) == described(Scorer())
    assert described(scorer("a", [1])) == described(scorer("a", [2]))
    assert described({"b": 1, "a": 2}) == described({"a": 2, "b": 1})
