"""What Hypothesis makes up: vectors, rows, conditions, orders and pages.

Nonzero components lie between 7e-7 and 1e6. Engines sum in float32, where the squares of smaller
ones vanish and those of much larger ones overflow: no relative tolerance could hold there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from struct import pack, unpack
from typing import Any, TypeAlias
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.property.conditions import (
    OPERATORS,
    And,
    Between,
    Compare,
    CompareFields,
    Condition,
    IsNull,
    IsTrue,
    Like,
    Not,
    OneOf,
    Or,
    Part,
)
from tests.property.models import (
    KEYS,
    VECTORS,
    Bud,
    Cell,
    Event,
    Leaf,
    Mark,
    Mood,
    Note,
    Place,
    Twig,
    World,
)
from tests.property.oracle import Row, Sort

Values: TypeAlias = SearchStrategy[Any]
Components: TypeAlias = tuple[float, ...]

SMALLEST, LARGEST = 1e-6, 1e6
FEW_ROWS = 7
EQUALITY = ("==", "!=")
METRICS = ("cosine", "l2", "inner_product", "l1")


def as_float32(value: float) -> float:
    """The nearest number that float32 holds."""
    (rounded,) = unpack("<f", pack("<f", value))
    return float(rounded)


components: SearchStrategy[float] = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, -0.25]),
    st.floats(as_float32(1e-5), as_float32(LARGEST), width=32),
    st.floats(as_float32(-LARGEST), as_float32(-1e-5), width=32),
    st.sampled_from([as_float32(x) for x in (SMALLEST, -SMALLEST, LARGEST, 1 / 3, 0.1)]),
)
any_float32: SearchStrategy[float] = st.floats(width=32, allow_nan=False, allow_infinity=False)


def long_vector(dimension: int, seed: int, size: float) -> Components:
    """Drawing so many components one by one is slow and shrinks to nothing of use."""
    random = Random(seed)  # noqa: S311  # no secret is made of it
    return tuple(as_float32(random.gauss(0, size)) for _ in range(dimension))


@cache
def vectors(dimension: int) -> SearchStrategy[Components]:
    """Vectors of so many components, zero among them."""
    zero = st.just((0.0,) * dimension)
    if dimension > 8:
        sizes = st.sampled_from([1.0, 1e-3, 1e5])
        long = st.builds(long_vector, st.just(dimension), st.integers(0, 9), sizes)
        return st.one_of(long, zero, st.sampled_from(axes(dimension)))
    short = st.tuples(*[components] * dimension)
    return st.one_of(short, short, short, zero, st.sampled_from(axes(dimension)))


def axes(dimension: int) -> list[Components]:
    """Vectors along a few of the axes, which are at right angles and share distances."""
    places = range(min(dimension, 4))
    return [tuple(float(i == place) for i in range(dimension)) for place in places]


def with_parallels(made: list[Components]) -> list[Components]:
    """These, and the first ones in another length."""
    return made + [tuple(as_float32(x * 0.7) for x in vector) for vector in made[:2]]


@dataclass(frozen=True)
class Scalar:
    """The values of a field, and how it can be asked for."""

    values: Values
    nullable: bool = False
    operators: tuple[str, ...] = tuple(OPERATORS)
    text: bool = False
    flag: bool = False
    type: Any = None
    pool: tuple[Any, ...] = ()

    @property
    def stored(self) -> Values:
        """What rows hold: None too, where the field takes it."""
        return st.one_of(self.values, st.none()) if self.nullable else self.values


characters = st.sampled_from("aaAbB%_é日😀'\"/:\\ \n")
texts = st.text(characters, max_size=4)
patterns = st.text(st.sampled_from("aAbé日😀'\"/!\\ %%%__"), max_size=4)
keys = st.text(characters, min_size=1, max_size=3)
integers = st.one_of(st.integers(-2, 3), st.sampled_from([2**63 - 1, -(2**63)]))
floats = st.sampled_from([0.0, -0.0, 0.1, -1.5, 1.5, 1e300, 5e-324, 0.30000000000000004])
decimals = st.sampled_from([0, 1, -1, 15, -15, 10**18 - 1]).map(lambda n: Decimal(n).scaleb(-6))
moments = st.builds(
    timedelta,
    days=st.sampled_from([0, 1, -300_000, 2_000_000]),
    microseconds=st.integers(-1, 1),
).map(lambda since: datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC) + since)
days = st.sampled_from([date(2024, 2, 29), date(2024, 3, 1), date(1, 1, 1), date(9999, 12, 31)])
uuids = st.sampled_from([UUID(int=n) for n in (0, 1, 2**127, 2**128 - 1)])
flags = st.booleans()

SCALARS: Mapping[type[World], Mapping[str, Scalar]] = {
    Place: {
        "name": Scalar(keys, text=True),
        "label": Scalar(texts, nullable=True, text=True),
        "size": Scalar(integers),
        "open": Scalar(flags, nullable=True, flag=True, operators=EQUALITY),
    },
    Note: {
        "id": Scalar(st.integers(1, 20)),
        "title": Scalar(texts, text=True),
        "subtitle": Scalar(texts, nullable=True, text=True),
        "year": Scalar(integers, nullable=True),
        "month": Scalar(integers),
        "rating": Scalar(floats, nullable=True),
        "price": Scalar(decimals, nullable=True),
        "done": Scalar(flags, flag=True, operators=EQUALITY),
        "flag": Scalar(flags, nullable=True, flag=True, operators=EQUALITY),
        "moment": Scalar(moments, nullable=True),
    },
    Event: {
        "id": Scalar(uuids),
        "cause": Scalar(uuids, nullable=True),
        "day": Scalar(days, nullable=True),
        "mood": Scalar(st.sampled_from(Mood), nullable=True, operators=EQUALITY),
    },
    Cell: {
        "area": Scalar(keys, text=True),
        "number": Scalar(st.integers(-2, 2)),
        "depth": Scalar(floats),
    },
    Leaf: {"id": Scalar(st.integers(1, 99)), "tree": Scalar(st.integers(0, 2))},
    Bud: {"id": Scalar(st.integers(1, 99)), "tree": Scalar(st.integers(0, 2))},
    Twig: {"id": Scalar(st.integers(1, 99))},
    Mark: {"id": Scalar(st.integers(1, 20)), "height": Scalar(integers, nullable=True)},
}
COMPARABLE: Mapping[type[World], tuple[str, str]] = {
    Note: ("year", "month"),
    Event: ("id", "cause"),
}
"""Fields of one type, of which each may be compared to the other."""
RANKED = (Place, Note, Event, Cell)
NULLABLE_VECTORS = {Note, Event, Cell, Leaf}


@st.composite
def rows(draw: DrawFn, model: type[World], *, most: int = FEW_ROWS) -> list[Row]:
    """Rows with different keys; vectors are of a few, so that some are the same or parallel."""
    pools = {
        name: st.sampled_from(with_parallels(draw(st.lists(vectors(size), min_size=1, max_size=4))))
        for name, (size, _) in VECTORS.get(model, {}).items()
    }
    if model in NULLABLE_VECTORS:
        pools = {name: st.one_of(pool, pool, st.none()) for name, pool in pools.items()}
    scalars = {name: scalar.stored for name, scalar in SCALARS[model].items()}
    row = st.fixed_dictionaries({**scalars, **pools})
    names = KEYS[model]
    return draw(st.lists(row, max_size=most, unique_by=lambda row: tuple(row[n] for n in names)))


def conditions(model: type[World]) -> SearchStrategy[Condition]:
    """Trees of conditions on the model's fields."""
    return _CONDITIONS[model]


def _conditions(model: type[World]) -> SearchStrategy[Condition]:
    leaves = st.one_of([of_field(name, scalar) for name, scalar in SCALARS[model].items()])
    if model in COMPARABLE:
        one, other = COMPARABLE[model]
        leaves |= st.builds(
            CompareFields, st.just(one), st.sampled_from(sorted(OPERATORS)), st.just(other)
        )
    return st.recursive(leaves, _joined, max_leaves=5)


def _joined(inner: SearchStrategy[Condition]) -> SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, parts), st.builds(Or, parts))


def of_field(name: str, scalar: Scalar) -> SearchStrategy[Condition]:
    here = st.just(name)
    made: list[SearchStrategy[Condition]] = [
        st.builds(Compare, here, st.sampled_from(scalar.operators), scalar.values),
        st.builds(OneOf, here, st.lists(scalar.stored, max_size=3).map(tuple)),
        st.builds(IsNull, here),
    ]
    if "<" in scalar.operators and not scalar.flag:
        made.append(st.builds(Between, here, scalar.values, scalar.values))
    if scalar.flag:
        made.append(st.builds(IsTrue, here))
    if scalar.text:
        places = st.sampled_from(["startswith", "endswith", "contains"])
        made += [st.builds(Like, here, patterns), st.builds(Part, here, places, texts, flags)]
    return st.one_of(made)


_CONDITIONS = {model: _conditions(model) for model in SCALARS}


def orders(model: type[World]) -> SearchStrategy[list[Sort]]:
    """Some fields to sort by, each in one direction, NULL where it belongs or where it is put."""
    sort = st.builds(
        Sort,
        st.sampled_from(sorted(SCALARS[model])),
        st.booleans(),
        st.sampled_from([None, None, "first", "last"]),
    )
    return st.lists(sort, max_size=3, unique_by=lambda sort: sort.field)


@dataclass(frozen=True)
class Page:
    size: int | None = None
    skip: int = 0

    def of(self, found: list[Any]) -> list[Any]:
        """The rows of this page."""
        return found[self.skip :][: self.size]


pages = st.builds(Page, st.one_of(st.none(), st.integers(1, FEW_ROWS + 2)), st.integers(0, 3))


@dataclass(frozen=True)
class Case:
    """Rows of a model, and a ranking of them."""

    model: type[World]
    field: str
    metric: str | None
    query: Components
    rows: list[Row]
    condition: Condition | None = None

    @property
    def measured_by(self) -> str:
        """The metric that counts."""
        return self.metric or VECTORS[self.model][self.field][1]

    def __repr__(self) -> str:
        rows = "".join(f"\n    {row}" for row in self.rows)
        ranking = f"{self.field} to {self.query} by {self.measured_by} where {self.condition}"
        return f"{self.model.__name__}.{ranking}, rows:{rows or ' none'}"


@st.composite
def cases(
    draw: DrawFn,
    *,
    models: Sequence[type[World]] = RANKED,
    filtered: bool = True,
    most: int = FEW_ROWS,
) -> Case:
    """Rankings; the query is often one of the rows' own vectors."""
    model = draw(st.sampled_from(models))
    made = draw(rows(model, most=most))
    name = draw(st.sampled_from(sorted(VECTORS[model])))
    metric = draw(st.one_of(st.none(), st.sampled_from(METRICS)))
    case = Case(model, name, metric, (), made, condition=None)
    known = [row[name] for row in made if row[name] is not None]
    queries = vectors(VECTORS[model][name][0])
    if known:
        queries = st.one_of(queries, st.sampled_from(known))
    if case.measured_by == "cosine":  # a zero vector has no direction and is refused
        queries = queries.filter(any)
    condition = draw(st.one_of(st.none(), conditions(model))) if filtered else None
    return replace(case, query=draw(queries), condition=condition)
