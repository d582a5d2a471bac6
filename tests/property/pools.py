"""Values to draw from: few enough to meet, and all that an engine might get wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any, TypeAlias

import numpy as np

from tests.strategies import Components, as_float32, axes

SIZES: dict[str, tuple[float, ...]] = {
    "float32": (1.0, 1e-3, 1e5),
    "float16": (1.0, 100.0),
    "sparse": (1.0, 1e3),
}
WHOLE: dict[str, tuple[float, ...]] = {
    "int8": (-128, -127, -1, 0, 0, 1, 2, 64, 127),
    "bit": (0, 1),
    "float32": (0.0, 1.0, -1.0, 2.0, 0.5, -0.25),
    "float16": (0.0, 1.0, -1.0, 2.0, 0.5, -0.25),
    "sparse": (0.0, 0.0, 0.0, 1.0, -2.5),
}


@cache
def vectors(dimension: int, kind: str) -> tuple[Components, ...]:
    """About fifty, simple ones first: zero, axes, small numbers, parallels, and any."""
    random = Random(dimension)  # noqa: S311  # no secret is made of it
    made = [(0.0,) * dimension, *axes(dimension), (1.0,) * dimension]
    simple = WHOLE[kind]
    made += [tuple(random.choice(simple) for _ in range(dimension)) for _ in range(16)]
    for size in SIZES.get(kind, ()) * 8:
        any_one = [random.gauss(0, size) for _ in range(dimension)]
        kept = random.random() if kind == "sparse" else 1.0
        made.append(tuple(_held(x, kind) if random.random() <= kept else 0.0 for x in any_one))
    if kind in SIZES:
        made += [tuple(_held(x * 0.7, kind) for x in vector) for vector in made[-4:]]
    return tuple(dict.fromkeys(made))


def _held(value: float, kind: str) -> float:
    """The nearest number that the kind holds."""
    return float(np.float16(value)) if kind == "float16" else as_float32(value)


KEYS = ("a", "b", "c", "é😀", "a.b", "", 'q"\\', "$", "%s:x", "0", "[0]", "a b", "'", "length")
STRINGS = (
    *("", "a", "b", "A", "ab", "é", "日", "😀", "\ufffd", "5", "true", "null", "%", "_", "a\\b"),
    *('"a"', " a", "a ", "\n", "a%b", "2024-02-29", "2024-03-01", "1999-12-31", "2024-02-29\n"),
    *("2024-2-29", "2024-02-29T00:00:00", "\uff12024-02-29", "x2024-02-29", "2024-02-290", "{}"),
    *("2024-02-2", "20240-2-29", "2024-02-28", "2024/02/29"),
)
NUMBERS = (
    *(0, 1, -1, 2, 5, 5.0, 5.5, -0.0, 1.0, 0.1, 0.30000000000000004, -1.5, 1e15),
    *(2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 2**31, 1e300, -1e300, 5e-324, 1e22),
)
SCALARS = (*NUMBERS[:9], *STRINGS[:6], True, False, None, *NUMBERS[9:], *STRINGS[6:])


def _containers(seed: int, count: int) -> list[Any]:
    random = Random(seed)  # noqa: S311  # no secret is made of it
    return [_container(random, 2) for _ in range(count)]


def _container(random: Random, depth: int) -> Any:
    size = random.choice((0, 1, 1, 2, 2, 3, 4))
    if random.random() < 0.5:
        return [_value(random, depth) for _ in range(size)]
    return {_often_first(random, KEYS): _value(random, depth) for _ in range(size)}


def _value(random: Random, depth: int) -> Any:
    if depth and random.random() < 0.4:
        return _container(random, depth - 1)
    return _often_first(random, SCALARS)


def _often_first(random: Random, values: Sequence[Any]) -> Any:
    return values[int(len(values) * random.random() ** 2)]


def _simple_first(values: list[Any]) -> tuple[Any, ...]:
    return tuple(sorted(values, key=lambda value: len(repr(value))))


CONTAINERS: tuple[Any, ...] = _simple_first(
    [
        *([], {}, [1], ["a"], [True], [None], [[]], [{}], {"a": 1}, {"a": 1.0}, {"a": None}),
        *([1, 2], [2, 1], [1, "1"], ["a", "b"], [1, True], {"a": {"b": 1}}, {"b": 1, "a": 2}),
        *({"a": 2, "b": 1}, {"a": [1, "a"]}, [0, False], [2**53 + 1], [2**53], {"a": True}),
        *_containers(1, 120),
    ]
)


def _of(kind: type[Any]) -> tuple[Any, ...]:
    return tuple(value for value in CONTAINERS if type(value) is kind)


OBJECTS, ARRAYS = _of(dict), _of(list)
VALUES: tuple[Any, ...] = (*SCALARS, *CONTAINERS)
FLAGS = (True, False)
DAYS = tuple(text for text in STRINGS if text[1:4].isdigit())
Theme: TypeAlias = "tuple[tuple[str, tuple[Any, ...]], ...]"
"""Of the documents of some rows the keys, and of each key the values that most have."""


def _theme(random: Random) -> Theme:
    keys = dict.fromkeys(_often_first(random, KEYS) for _ in range(4))
    return tuple(
        (
            key,
            random.choice((NUMBERS, NUMBERS, STRINGS, STRINGS, DAYS, DAYS, FLAGS, ARRAYS, OBJECTS)),
        )
        for key in keys
    )


def _themes(seed: int, count: int) -> tuple[Theme, ...]:
    random = Random(seed)  # noqa: S311  # no secret is made of it
    return tuple(_theme(random) for _ in range(count))


THEMES = _themes(2, 60)
