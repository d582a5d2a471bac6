"""Verbs as pure functions: what they leave alone, and in which order they may come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import selectinload

from agentorm import (
    RRF,
    Database,
    Field,
    InvalidQuery,
    NotBound,
    Search,
    SyncQuery,
    Vector,
    Weighted,
    repository,
    text_field,
    vector_field,
)
from tests import strategies
from tests.property.conditions import in_sql
from tests.property.models import VECTORS, Note, World
from tests.property.running import sort_keys

Query: TypeAlias = SyncQuery[Note]
Verb: TypeAlias = Callable[[Query], Query]
PURE = (
    *("similar_to", "where", "limit", "offset", "max_distance", "min_score", "options", "join"),
    *("tune", "best_per", "diverse", "rerank"),
)


class Leaflet(World, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    body: str = text_field(search="simple")
    embedding: Vector = vector_field(2)


def _scored(rows: list[Any]) -> list[float]:
    return [0.0] * len(rows)


SEARCHES = (Search(ef=100), Search(probes=3), Search(ranker="exact"))


@st.composite
def rankings(draw: st.DrawFn) -> Verb:
    vector = draw(strategies.vectors(VECTORS[Note]["embedding"][0]).filter(any))
    metric = draw(st.sampled_from(strategies.METRICS))
    return lambda query: query.similar_to(vector, metric=metric)


def conditions() -> st.SearchStrategy[Verb]:
    made = strategies.conditions(Note).map(lambda condition: in_sql(Note, condition))
    return made.map(lambda condition: lambda query: query.where(condition))


def calls(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Verb]:
    return values.map(lambda value: lambda query: getattr(query, name)(value))


VERBS: dict[str, st.SearchStrategy[Verb]] = {
    "similar_to": rankings(),
    "where": conditions(),
    "limit": calls("limit", st.integers(1, 9)),
    "offset": calls("offset", st.integers(0, 9)),
    "max_distance": calls("max_distance", st.floats(0, 2)),
    "min_score": calls("min_score", st.floats(0.01, 1)),
    "options": calls("options", st.just(selectinload(Note.place))),  # type: ignore[arg-type]
    "join": calls("join", st.just(Note.place)),
    "tune": calls("tune", st.sampled_from(SEARCHES)),
    "best_per": calls("best_per", st.sampled_from(["year", Note.place_name])),
    "diverse": calls("diverse", st.sampled_from([0.0, 0.5, 1.0])),
    "rerank": calls("rerank", st.just(_scored)),
}
TEXTUAL: dict[str, st.SearchStrategy[Callable[[Any], Any]]] = {
    "similar_to": calls("similar_to", st.just([1, 2])),
    "matching": calls("matching", st.sampled_from(["some words", "others"])),
    "fuse": calls("fuse", st.sampled_from([RRF(k=5), Weighted(weights=(1, 2))])),
    "limit": calls("limit", st.integers(1, 9)),
    "max_distance": calls("max_distance", st.floats(0, 2)),
    "tune": calls("tune", st.sampled_from(SEARCHES)),
    "best_per": calls("best_per", st.just("title")),
    "diverse": calls("diverse", st.just(0.5)),
    "rerank": calls("rerank", st.just(_scored)),
}
ORDER_BY: st.SearchStrategy[Verb] = strategies.orders(Note).map(
    lambda sorts: lambda query: query.order_by(*sort_keys(Note, sorts))
)


def started() -> Query:
    return repository(Note).offset(0)


def parts(query: SyncQuery[Any]) -> dict[str, Any]:
    return {part.name: getattr(query, part.name) for part in fields(query)}


def identities(query: Query) -> dict[str, Any]:
    """Each field, and of a tuple each item, by its identity; no field is mutable below that."""
    return {
        name: tuple(map(id, query.__dict__[name])) if isinstance(value, tuple) else id(value)
        for name, value in parts(query).items()
    }


def described(query: SyncQuery[Any]) -> dict[str, Any]:
    """The fields of a query, expressions as text."""
    texts = {name: tuple(map(str, parts(query)[name])) for name in ("filters", "ordering")}
    return {**parts(query), **texts, "sql": query.sql("postgresql"), "repr": repr(query)}


@given(st.lists(st.one_of(*VERBS.values()), max_size=4), st.one_of(*VERBS.values()))
def test_a_verb_never_changes_its_receiver(before: list[Verb], verb: Verb) -> None:
    query = started()
    for earlier in before:
        query = earlier(query)
    known, text = identities(query), repr(query)
    assert verb(query) is not query
    assert identities(query) == known
    assert repr(query) == text


@given(ORDER_BY, conditions())
def test_order_by_never_changes_its_receiver(order_by: Verb, where: Verb) -> None:
    query = where(started())
    known = identities(query)
    ordered = order_by(query)
    assert identities(query) == known
    known = identities(ordered)
    order_by(ordered)
    assert identities(ordered) == known


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Verb], list[Verb]]:
    """Different verbs, in two orders."""
    chosen = draw(st.lists(st.sampled_from(PURE), min_size=2, unique=True))
    verbs = [draw(VERBS[name]) for name in {"similar_to", *chosen}]
    return verbs, draw(st.permutations(verbs))


def applied(verbs: list[Verb]) -> Query:
    query = started()
    for verb in verbs:
        query = verb(query)
    return query


@given(shuffled())
def test_different_verbs_may_come_in_any_order(orders: tuple[list[Verb], list[Verb]]) -> None:
    one, other = map(applied, orders)
    assert described(one) == described(other)


@given(st.data(), st.permutations(list(TEXTUAL)))
def test_verbs_of_a_hybrid_search_may_come_in_any_order(
    data: st.DataObject, order: list[str]
) -> None:
    verbs = {name: data.draw(made, label=name) for name, made in TEXTUAL.items()}
    made: list[SyncQuery[Leaflet]] = []
    for names in (list(TEXTUAL), order):
        query = repository(Leaflet).offset(0)
        for name in names:
            before = repr(query)
            changed = verbs[name](query)
            assert repr(query) == before
            query = changed
        made.append(query)
    assert described(made[0]) == described(made[1])


@given(conditions(), st.integers(1, 9), st.integers(0, 9), ORDER_BY)
def test_without_a_ranking_too(where: Verb, size: int, skip: int, order_by: Verb) -> None:
    one = order_by(where(started()).limit(size).offset(skip))
    other = where(order_by(started()).offset(skip).limit(size))
    assert described(one) == described(other)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 9), st.integers(0, 9))
def test_of_two_limits_or_offsets_the_last_counts(a: int, b: int, x: int, y: int) -> None:
    query = started().limit(a).offset(x).limit(b).offset(y)
    assert (query.size, query.skip) == (b, y)


@given(rankings(), ORDER_BY)
def test_a_ranking_has_its_order(ranking: Verb, order_by: Verb) -> None:
    with pytest.raises(InvalidQuery, match="a ranking has its own order"):
        ranking(started()).order_by(Note.year)
    with pytest.raises(InvalidQuery, match="a ranking has its own order"):
        ranking(started().order_by(Note.year))


@given(st.lists(st.one_of(*VERBS.values()), max_size=3))
def test_binding_changes_the_place_alone(verbs: list[Verb]) -> None:
    query = applied(verbs)
    db = Database("sqlite://")
    bound = query.on(db)
    assert bound.where_to_run is db
    assert query.where_to_run is None
    assert parts(bound) | {"where_to_run": None} == parts(query)
    with pytest.raises(NotBound, match=r"all\(\) has nowhere to run"):
        query.all()


def test_every_verb_is_asked() -> None:
    public = {name for name in dir(SyncQuery) if not name.startswith("_")}
    endings = {"all", "hits", "first", "one", "one_or_none", "count", "exists", "stream", "page"}
    told = {"explain", "sql", "statement", "on", "order_by"}
    attributes = {part.name for part in fields(SyncQuery)}
    told |= {"is_ranked", "reach", "gives", "into", "prepared"}
    assert public - endings - told - attributes == set(PURE) | set(TEXTUAL)
