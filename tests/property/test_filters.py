"""Conditions, orders and pages without a ranking."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import ColumnElement

from agentorm import Database, MultipleResults, SyncQuery, col, repository
from tests import strategies
from tests.property.conditions import Condition, in_sql
from tests.property.models import KEYS, MODELS, Note, Place, World
from tests.property.oracle import Row, Sort, key_of, ordered, truth
from tests.property.running import (
    examples_share_the_database,
    fewer_examples,
    keys,
    on_every_engine,
    paged,
    sort_keys,
    stored,
    values,
)

pytestmark = on_every_engine


@st.composite
def filtered_rows(draw: st.DrawFn) -> tuple[type[World], list[Row], list[Condition]]:
    model = draw(st.sampled_from(MODELS))
    conditions = draw(st.lists(strategies.conditions(model), min_size=1, max_size=4))
    return model, draw(strategies.rows(model)), conditions


@fewer_examples
@given(filtered_rows())
def test_the_rows_that_pass_are_those_for_which_the_condition_is_true(
    world: Database, made: tuple[type[World], list[Row], list[Condition]]
) -> None:
    model, rows, conditions = made
    with stored(world, (model, rows)) as session:
        for condition in conditions:
            query = repository(model, session).where(in_sql(model, condition))
            passing = [row for row in rows if truth(condition, row) is True]
            expected = [key_of(row, KEYS[model]) for row in ordered(passing, [], KEYS[model])]
            assert keys(query.all()) == expected, condition
            assert query.count() == len(expected), condition
            assert query.exists() == bool(expected), condition


@fewer_examples
@given(filtered_rows())
def test_conditions_given_one_by_one_must_all_be_true(
    world: Database, made: tuple[type[World], list[Row], list[Condition]]
) -> None:
    model, rows, conditions = made
    query: SyncQuery[Any] = repository(model).limit(100)
    for condition in conditions:
        query = query.where(in_sql(model, condition))
    passing = [row for row in rows if all(truth(part, row) is True for part in conditions)]
    with stored(world, (model, rows)) as session:
        found = keys(query.on(session).all())
    assert found == [key_of(row, KEYS[model]) for row in ordered(passing, [], KEYS[model])]


@st.composite
def sorted_rows(draw: st.DrawFn) -> tuple[type[World], list[Row], list[Sort], strategies.Page]:
    model = draw(st.sampled_from(MODELS))
    rows = draw(strategies.rows(model))
    return model, rows, draw(strategies.orders(model)), draw(strategies.pages)


@examples_share_the_database
@given(sorted_rows())
def test_every_ending_gives_the_same_rows_in_the_same_order(
    world: Database, made: tuple[type[World], list[Row], list[Sort], strategies.Page]
) -> None:
    model, rows, sorts, page = made
    whole = ordered(rows, sorts, KEYS[model])
    expected = [key_of(row, KEYS[model]) for row in page.of(whole)]
    with stored(world, (model, rows)) as session:
        query = paged(repository(model, session).order_by(*sort_keys(model, sorts)), page)
        assert keys(query.all()) == expected
        assert keys(query.stream()) == expected
        assert query.count() == len(rows)
        assert query.exists() == bool(rows)
        first = query.first()
        assert ([] if first is None else keys([first])) == expected[:1]
        if len(expected) > 1:
            with pytest.raises(MultipleResults):
                query.one_or_none()
        else:
            only = query.one_or_none()
            assert ([] if only is None else keys([only])) == expected


@fewer_examples
@given(sorted_rows(), st.integers(1, 3))
def test_pages_put_together_are_the_whole(
    world: Database,
    made: tuple[type[World], list[Row], list[Sort], strategies.Page],
    size: int,
) -> None:
    model, rows, sorts, _ = made
    with stored(world, (model, rows)) as session:
        query = repository(model, session).order_by(*sort_keys(model, sorts))
        pages = [query.limit(size).offset(skip).all() for skip in range(0, len(rows) + 1, size)]
        assert keys(entity for page in pages for entity in page) == keys(query.all())


@examples_share_the_database
@given(st.sampled_from(MODELS).flatmap(lambda m: st.tuples(st.just(m), strategies.rows(m))))
def test_every_value_comes_back_as_it_went_in(
    world: Database, made: tuple[type[World], list[Row]]
) -> None:
    model, rows = made
    expected = ordered(rows, [], KEYS[model])
    with stored(world, (model, rows)) as session:
        found = repository(model, session).all()
        assert [
            values(entity, row) for entity, row in zip(found, expected, strict=True)
        ] == expected
        many = repository(model, session).get_many(key_of(row, KEYS[model]) for row in rows)
        assert keys(many) == [key_of(row, KEYS[model]) for row in rows]


LIKE = {
    "a": ["a"],
    "A%": ["A", "AB"],
    "_b": ["ab"],
    "É": ["É"],
    "_": ["A", "\n", "a", "É", "é", "😀"],
    "%😀%": ["😀", "😀!"],
    "": [],
    "%": ["A", "AB", "\n", "a", "ab", "É", "é", "😀", "😀!"],
}


def test_like_compares_code_points(world: Database, subtests: pytest.Subtests) -> None:
    stored_names = ("a", "A", "ab", "AB", "é", "É", "😀", "😀!", "\n")
    rows: list[Row] = [{"name": name, "size": 1, "embedding": [1]} for name in stored_names]
    name = col(Place.name)
    with stored(world, (Place, rows)) as session:
        places = repository(Place, session)
        for pattern, names in LIKE.items():
            with subtests.test(pattern):
                found = places.where(name.like(pattern)).all()
                assert [place.name for place in found] == sorted(names)
                rest = places.where(~name.like(pattern)).all()
                assert [place.name for place in rest] == sorted(set(stored_names) - set(names))


BACKSLASHES = ("%", r"A\B", "\\", "a!b", "a%", r"a\%", r"a\b", "ab", "x\\")
NAME, LABEL = col(Place.name), col(Place.label)


PATTERNS: dict[str, tuple[ColumnElement[bool], list[str]]] = {
    "like": (NAME.like(r"a\%"), [r"a\%", r"a\b"]),
    "like at the end": (NAME.like("%\\"), ["\\", "x\\"]),
    "not like": (NAME.not_like("%\\%"), ["%", "a!b", "a%", "ab"]),
    "ilike": (NAME.ilike(r"a\%"), [r"A\B", r"a\%", r"a\b"]),
    "startswith": (NAME.startswith("a\\"), [r"a\%", r"a\b"]),
    "endswith": (NAME.endswith("\\"), ["\\", "x\\"]),
    "contains": (NAME.contains("\\"), [r"A\B", "\\", r"a\%", r"a\b", "x\\"]),
    "istartswith": (NAME.istartswith("a\\"), [r"A\B", r"a\%", r"a\b"]),
    "icontains": (NAME.icontains(r"\b"), [r"A\B", r"a\b"]),
    "like a field": (NAME.like(LABEL), [*BACKSLASHES]),
    "startswith a field": (NAME.startswith(LABEL), [*BACKSLASHES]),
    "an escape of one's own": (NAME.like("a|%", escape="|"), ["a%"]),
    "autoescape": (NAME.endswith("\\", autoescape=True), ["\\", "x\\"]),
}


def test_a_backslash_in_a_pattern_stands_for_itself(
    world: Database, subtests: pytest.Subtests
) -> None:
    """No engine may take it for an escape unless the user says so."""
    rows: list[Row] = [
        {"name": name, "label": name, "size": 1, "embedding": [1]} for name in BACKSLASHES
    ]
    with stored(world, (Place, rows)) as session:
        for kind, (condition, names) in PATTERNS.items():
            with subtests.test(kind):
                found = repository(Place, session).where(condition).all()
                assert [place.name for place in found] == names


def test_an_enormous_page(world: Database) -> None:
    rows = [{"id": n, "title": "x", "month": 1, "done": True} for n in (1, 2, 3)]
    with stored(world, (Note, rows)) as session:
        notes = repository(Note, session)
        assert keys(notes.limit(2).all()) == [(1,), (2,)]
        assert keys(notes.limit(2**62).all()) == [(1,), (2,), (3,)]
        assert keys(notes.limit(2**63 - 1).offset(2).all()) == [(3,)]
        assert keys(notes.limit(1).offset(2**63 - 1).all()) == []
