"""Conditions on JSON, most of them on what the rows hold, or on something near it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.property import pools
from tests.property.conditions import (
    OPERATORS,
    As,
    Between,
    Compare,
    CompareFields,
    Condition,
    Exists,
    Has,
    Holds,
    IsNull,
    Like,
    OneOf,
    Part,
    Path,
)
from tests.property.oracle import Row
from tests.property.oracle_json import is_array, is_object, type_of
from tests.property.shapes import Shape

Step: TypeAlias = "str | int"
DATES = tuple(map(date.fromisoformat, ("2024-02-29", "2024-03-01", "1999-12-31", "0001-01-01")))
PATTERNS = (
    "%",
    "a%",
    "_",
    "%b",
    "%é",
    "\\%",
    "a\\b",
    "A%",
    "%a%",
    "日_",
    "",
    "%\n%",
    "%5%",
    "____-%",
)
TYPES: dict[str, Sequence[Any]] = {
    "number": pools.NUMBERS,
    "string": pools.STRINGS,
    "boolean": (True, False),
    "object": pools.OBJECTS,
    "array": pools.ARRAYS,
    "date": DATES,
}
ORDERED = ("number", "string", "date")
EITHER = ("==", "!=")
ALL = tuple(OPERATORS)
ELEMENTS = tuple(value for value in pools.SCALARS if value is not None)
KINDS = {"string": str, "integer": int, "float": float, "boolean": bool, "date": date}
COMPARED: dict[str, Sequence[Any]] = {
    "string": pools.STRINGS,
    "integer": (0, 1, 5, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)),
    "float": (0.0, 0.1, 1.0, 5.0, 5.5, 1e300, -1.5, 2.0**53),
    "boolean": (True, False),
    "date": DATES,
}
"""What the values of ``as_string()`` and its like are compared to."""
BIG = 2**63
CASED = ("null", "string")
booleans = st.booleans()
quarters = st.integers(0, 3)
masks = eighths = st.integers(0, 7)


def chance(draw: DrawFn) -> bool:
    """As often as not."""
    return draw(booleans)


def mostly(draw: DrawFn) -> bool:
    """Three times out of four."""
    return draw(quarters) > 0


@dataclass(frozen=True)
class Node:
    """A place in a document, and what is there."""

    path: Path
    value: Any


def nodes(shape: Shape, rows: Sequence[Row]) -> list[Node]:
    """Every place of the rows' documents."""
    return [
        node
        for row in rows
        for name in shape.documents
        if row[name] is not None
        for node in _below(Path(name), row[name])
    ]


def _below(path: Path, value: Any) -> Iterator[Node]:
    yield Node(path, value)
    steps: Iterable[tuple[Any, Any]] = ()
    if is_object(value):
        steps = value.items()
    if is_array(value):
        steps = enumerate(value)
    for step, inner in steps:
        yield from _below(Path(path.field, (*path.steps, step)), inner)


def leaf(draw: DrawFn, shape: Shape, known: Sequence[Node]) -> Condition:
    if known and mostly(draw):
        near = _or_inside(draw, draw(st.sampled_from(known)))
    else:
        near = Node(draw(_any_path(shape)), draw(_values))
    kind = "date" if near.value in pools.DAYS else type_of(near.value)
    fitting = LEAVES_OF[kind] if mostly(draw) else ANY_LEAF
    made: Condition = draw(st.sampled_from(fitting))(draw, near, shape)
    return made


def _or_inside(draw: DrawFn, node: Node) -> Node:
    """Now and then the first place in it, as if what is no array were one of its own."""
    if draw(eighths):
        return node
    return Node(Path(node.path.field, (*node.path.steps, 0)), node.value)


_values = st.sampled_from(pools.VALUES)
_steps = st.one_of(st.sampled_from("ab"), st.sampled_from(pools.KEYS), st.integers(0, 3))


def _any_path(shape: Shape) -> SearchStrategy[Path]:
    steps = st.lists(_steps, max_size=2).map(tuple)
    return st.builds(Path, st.sampled_from(sorted(shape.documents)), steps)


def path_of(draw: DrawFn, shape: Shape, known: Sequence[Node]) -> Path:
    """Most often one where there is something."""
    return draw(st.sampled_from(known)).path if known and mostly(draw) else draw(_any_path(shape))


def _asked(draw: DrawFn, near: Any, types: Sequence[str]) -> Any:
    """What is there, or another value, most often of its type."""
    kind = type_of(near)
    if kind == "string" and "date" in types and near[1:4].isdigit() and chance(draw):
        kind = "date"
    if kind not in types or not mostly(draw):
        kind = draw(st.sampled_from(types))
    if kind == type_of(near) and mostly(draw):
        return draw(st.sampled_from(_like(near)))
    return draw(st.sampled_from(TYPES[kind]))


def _like(value: Any) -> Sequence[Any]:
    """The value, and what a careless comparison takes for it."""
    if isinstance(value, bool):
        return value, not value
    if isinstance(value, int):
        floats = (float(value),) if abs(value) <= 2**54 else ()
        return value, max(value - 1, -BIG), min(value + 1, BIG - 1), *floats
    if isinstance(value, float):
        return value, *((int(value),) if abs(value) <= 2**54 else ())
    if isinstance(value, str):
        return value, value.swapcase(), f"{value} ", value[:1]
    if is_array(value):
        return value, value[::-1], [_other(item) for item in value]
    return value, {key: _other(item) for key, item in value.items()}


def _other(value: Any) -> Any:
    """Another scalar, which some languages take for the same."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return bool(value) if value in (0, 1) else str(value)
    return {None: False, "": None, "a": "A"}.get(value, value) if type_of(value) in CASED else value


def _compare(draw: DrawFn, near: Node, _: Shape) -> Condition:
    asked = _asked(draw, near.value, tuple(TYPES))
    operators = ALL if type_of(asked) in ORDERED else EITHER
    return Compare(near.path, draw(st.sampled_from(operators)), asked)


def _compare_date(draw: DrawFn, near: Node, _: Shape) -> Condition:
    return Compare(near.path, draw(st.sampled_from(ALL)), draw(st.sampled_from(DATES)))


def _between(draw: DrawFn, near: Node, _: Shape) -> Condition:
    low = _asked(draw, near.value, ORDERED)
    high = draw(st.sampled_from(TYPES[type_of(low)]))
    return Between(near.path, *(sorted((low, high)) if mostly(draw) else (low, high)))


def _one_of(draw: DrawFn, near: Node, _: Shape) -> Condition:
    first = _asked(draw, near.value, ("number", "string", "boolean"))
    others = draw(st.lists(st.sampled_from(TYPES[type_of(first)]), max_size=2))
    values = (first, *others) if mostly(draw) else ()
    return OneOf(near.path, values, chance(draw))


def _is_null(draw: DrawFn, near: Node, _: Shape) -> Condition:
    return IsNull(near.path, chance(draw), chance(draw))


def _exists(_: DrawFn, near: Node, __: Shape) -> Condition:
    return Exists(near.path)


def _text(draw: DrawFn, near: Node, _: Shape) -> Condition:
    verb = draw(
        st.sampled_from(("like", "ilike", "not_like", "startswith", "endswith", "contains"))
    )
    text = _asked(draw, near.value, ("string",))
    if verb.endswith("like"):
        patterns = (*PATTERNS, f"{text[:1]}%", f"%{text[-1:]}", text, text.swapcase())
        return Like(near.path, draw(st.sampled_from(patterns)), verb)
    part = draw(st.sampled_from((text, text[:1], text[1:], text[-1:])))
    return Part(near.path, verb, part, chance(draw))


def _holds(draw: DrawFn, near: Node, _: Shape) -> Condition:
    held = _asked(draw, near.value, ("object", "array"))
    return Holds(near.path, _part(draw, held))


def _part(draw: DrawFn, whole: Any) -> Any:
    """Some of its keys and of its elements that are no containers."""
    if is_object(whole):
        kept = _kept(draw, sorted(whole))
        return {key: _part(draw, whole[key]) for key in kept}
    if is_array(whole):
        kept = _kept(draw, [e for e in whole if not isinstance(e, dict | list)])
        return kept if mostly(draw) else [_other(element) for element in kept]
    return whole


def _kept(draw: DrawFn, items: list[Any]) -> list[Any]:
    mask = draw(masks) if items else 0
    return [item for place, item in enumerate(items[:3]) if not mask >> place & 1]


def _has(draw: DrawFn, near: Node, _: Shape) -> Condition:
    array: list[Any] = near.value if is_array(near.value) else []
    there = [e for e in array if e is not None and not isinstance(e, dict | list)]
    values = _kept(draw, there if mostly(draw) else [_other(element) for element in there])
    values += draw(st.lists(st.sampled_from(ELEMENTS), max_size=1))
    asked = tuple(value for value in values if value is not None)
    return Has(near.path, draw(st.sampled_from(("has_any", "has_all"))), asked)


def _as_value(draw: DrawFn, near: Node, shape: Shape) -> Condition:
    kind = accessor(draw, near.value)
    operators = EITHER if kind == "boolean" else ALL
    name = draw(st.sampled_from(operators))
    fields = [f for f, scalar in shape.scalars.items() if scalar.type is KINDS[kind]]
    if fields and chance(draw):
        return CompareFields(draw(st.sampled_from(fields)), name, As(near.path, kind))
    return Compare(As(near.path, kind), name, draw(st.sampled_from(COMPARED[kind])))


def accessor(draw: DrawFn, value: Any) -> str:
    """One that fits the value, or any."""
    fitting = ("date",) if value in pools.DAYS else FITTING.get(type_of(value), ())
    return draw(st.sampled_from(fitting if fitting and mostly(draw) else tuple(KINDS)))


FITTING = {"string": ("string", "date"), "number": ("integer", "float"), "boolean": ("boolean",)}
Leaf: TypeAlias = Callable[[DrawFn, Node, Shape], Condition]
LEAVES_OF: dict[str, tuple[Leaf, ...]] = {
    "number": (_compare, _compare, _between, _one_of, _as_value),
    "string": (_compare, _compare, _between, _one_of, _text, _text, _as_value),
    "date": (_compare_date, _compare_date, _between, _one_of, _text, _as_value),
    "boolean": (_compare, _one_of, _as_value),
    "null": (_is_null, _exists, _compare),
    "object": (_compare, _holds, _holds, _exists),
    "array": (_compare, _holds, _has, _has),
}
ANY_LEAF: tuple[Leaf, ...] = (
    *(_is_null, _exists, _compare, _between, _one_of, _text, _holds, _has, _as_value),
)
