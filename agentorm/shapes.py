"""The shape of a query: what its statement depends on, apart from the values.

Of SQLAlchemy this uses what is not public: what it knows the parts of a statement by.
"""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, inspect, null
from sqlalchemy.sql.cache_key import CacheConst, HasCacheKey
from sqlalchemy.sql.visitors import anon_map

from agentorm.query import Query
from agentorm.selecting import farthest_distance

_USUAL_BITS = 31
_NO_KEY, _LATER_VALUES = CacheConst.NO_CACHE, CacheConst.PARAMS


@dataclass(frozen=True, slots=True)
class Shape:
    """What a statement is known by, and the values of this query in the order of that.

    Attributes:
        key: equal for queries whose statements differ in values alone.
        values: those of joins and conditions, of vectors, then threshold, limit and offset.
        binds: the parameters of this very query's conditions, whose values come first.
    """

    key: tuple[Any, ...]
    values: tuple[Any, ...]
    binds: tuple[BindParameter[Any], ...]


def shape_of(query: Query[Any], *, indexed: bool = True) -> Shape | str:
    """The shape of the query, or why it has none that is told without making its statement."""
    reason = _beyond(query)
    if reason is not None:
        return reason
    ranking = query.ranking
    keys: list[Any] = [query.model, indexed, query.size is None]
    keys += [bool(query.skip), is_long(query.size), is_long(query.skip), query.search]
    binds: list[BindParameter[Any]] = []
    known = anon_map()
    apart = () if ranking is None else ranking.apart
    for part in (_joined(query), query.filters, query.ordering, apart):
        if not _tell(part, known, keys, binds):
            return "a condition has no shape that SQLAlchemy tells"
    values = [*map(value_of, binds)]
    if ranking is not None:
        keys += [ranking.field.label, ranking.metric, _repeated(ranking.vectors)]
        values += ranking.vectors
    farthest = None if ranking is None else farthest_distance(query)
    keys.append(farthest is not None)
    values += [farthest, query.size, query.skip]
    return Shape(tuple(keys), tuple(values), tuple(binds))


def value_of(bind: BindParameter[Any]) -> Any:
    """The value of a parameter, which may be known only now; of `in_` a list."""
    return [*(bind.effective_value or ())] if bind.expanding else bind.effective_value


def is_long(number: int | None) -> bool:
    """Whether SQLAlchemy writes another type for it than for the usual limit or offset."""
    return number is not None and number.bit_length() > _USUAL_BITS


def _beyond(query: Query[Any]) -> str | None:
    if query.text is not None or query.fusion is not None or query.best_of is not None:
        return "text, fusion and groups"
    if query.loaders:
        return "loader options"
    conditions = [join.onclause for join in query.joins if join.onclause is not None]
    if not all(isinstance(condition, HasCacheKey) for condition in conditions):
        return "a join on what is no condition of SQLAlchemy's"
    if query.ranking is None and (query.farthest is not None or query.lowest_score is not None):
        return "thresholds without a ranking"
    return None


def _joined(query: Query[Any]) -> list[Any]:
    """What the joins are, as SQLAlchemy tells it."""
    parts: list[Any] = []
    for join in query.joins:
        parts += [inspect(join.target), null() if join.onclause is None else join.onclause]
    return parts


def _tell(
    parts: Iterable[Any],
    known: anon_map,
    keys: list[Any],
    binds: list[BindParameter[Any]],
) -> bool:
    """Whether SQLAlchemy tells what these are known by; to the lists it adds what.

    What it has seen is the same for all parts, so that one that two of them share is not two.
    """
    keys += [part._gen_cache_key(known, binds) for part in parts]
    keys.append(None)
    return _NO_KEY not in known and _LATER_VALUES not in known


def _repeated(vectors: Sequence[object]) -> tuple[int, ...]:
    """For each, where it stands first: a statement takes the same object for the same value."""
    known = [id(vector) for vector in vectors]
    return tuple(map(known.index, known))
