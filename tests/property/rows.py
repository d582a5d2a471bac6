"""Rows made by lot before any is drawn, for a draw costs more than all the rest of an example."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from tests.property import pools
from tests.property.oracle import Row
from tests.property.pools import Theme
from tests.property.shapes import Shape

COUNT = 48


@cache
def rows(shape: Shape, theme: int) -> tuple[Row, ...]:
    """Some rows, whose documents have much in common; those first drawn are the simplest."""
    random = Random(f"{shape} {theme}")  # noqa: S311  # no secret is made of it
    made = [_row(random, shape, pools.THEMES[theme]) for _ in range(COUNT)]
    return tuple(sorted(made, key=lambda row: len(repr(row))))


def _row(random: Random, shape: Shape, theme: Theme) -> Row:
    row: Row = {}
    for name, scalar in shape.scalars.items():
        unknown = scalar.nullable and random.random() < 0.3
        row[name] = None if unknown else random.choice(scalar.pool)
    for name, vector in shape.vectors.items():
        unknown = vector.nullable and random.random() < 0.2
        drawn = random.choice(pools.vectors(vector.dimension, vector.kind))
        row[name] = None if unknown else drawn
    for name, held in shape.documents.items():
        unknown = name in shape.nullable and random.random() < 0.2
        row[name] = None if unknown else _document(random, held, theme)
    return row


def _document(random: Random, held: str, theme: Theme) -> Any:
    if held == "array":
        (_, pool), *_ = theme
        return [_value(random, pool) for _ in range(random.randint(0, 4))]
    if random.random() < 0.15:
        return random.choice(pools.OBJECTS)
    return {key: _value(random, pool) for key, pool in theme if random.random() < 0.8}


def _value(random: Random, pool: tuple[Any, ...]) -> Any:
    return random.choice(pool if random.random() < 0.75 else pools.VALUES)
