"""Joins: which rows of a model have a related row that passes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import ColumnElement
from sqlalchemy.orm import joinedload, selectinload

from agentorm import Database, SyncQuery, col, repository
from tests import strategies
from tests.property.conditions import Condition, in_sql
from tests.property.models import KEYS, Cell, Mark, Note, Place
from tests.property.oracle import Row, key_of, ordered, truth
from tests.property.running import (
    examples_share_the_database,
    keys,
    on_every_engine,
    paged,
    stored,
)

pytestmark = on_every_engine


@st.composite
def places_and_notes(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    places = draw(strategies.rows(Place, most=4))
    names = st.sampled_from([None, *(row["name"] for row in places)])
    notes = draw(strategies.rows(Note, most=6))
    return places, [{**row, "place_name": draw(names)} for row in notes]


@st.composite
def cells_and_marks(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    cells = draw(strategies.rows(Cell, most=4))
    owners = st.sampled_from([(None, None), *(key_of(row, KEYS[Cell]) for row in cells)])
    marks: list[Row] = []
    for row in draw(strategies.rows(Mark, most=6)):
        area, number = draw(owners)
        marks.append({**row, "area": area, "number": number})
    return cells, marks


def related(row: Row, others: list[Row], pairs: dict[str, str]) -> list[Row]:
    """The rows of the other table that the foreign key of the pairs ties to this one."""
    return [o for o in others if all(row[a] == o[b] and o[b] is not None for a, b in pairs.items())]


@examples_share_the_database
@given(places_and_notes(), strategies.conditions(Note), strategies.conditions(Place))
def test_to_one_keeps_the_rows_whose_other_row_passes(
    world: Database, made: tuple[list[Row], list[Row]], own: Condition, other: Condition
) -> None:
    places, notes = made
    by_name = {row["name"]: row for row in places}
    passing = [
        note
        for note in notes
        if note["place_name"] is not None
        and truth(own, note) is True
        and truth(other, by_name[note["place_name"]]) is True
    ]
    with stored(world, (Place, places), (Note, notes)) as session:
        query = repository(Note, session).join(Note.place)
        query = query.where(in_sql(Note, own), in_sql(Place, other))
        assert keys(query.all()) == [key_of(row, ("id",)) for row in ordered(passing, [], ("id",))]
        assert query.count() == len(passing)
        by_place = sorted(passing, key=lambda note: (note["place_name"], note["id"]))
        found = query.order_by(Place.name).all()
        assert keys(found) == [key_of(row, ("id",)) for row in by_place]
        nearest = query.similar_to([1, 2, 3], metric="l2")
        assert sorted(keys(nearest.all())) == with_vectors(passing, ("id",))


@examples_share_the_database
@given(places_and_notes(), strategies.conditions(Note), strategies.pages)
def test_to_many_finds_a_row_once(
    world: Database,
    made: tuple[list[Row], list[Row]],
    other: Condition,
    page: strategies.Page,
) -> None:
    places, notes = made
    passing = [
        place
        for place in places
        if any(truth(other, n) is True for n in related(place, notes, {"name": "place_name"}))
    ]
    with stored(world, (Place, places), (Note, notes)) as session:
        query = repository(Place, session).join(Place.notes).where(in_sql(Note, other))
        check(query, passing, ("name",), page)
        nearest = query.similar_to([1.0])
        assert sorted(keys(nearest.all())) == with_vectors(passing, ("name",))
        assert keys(paged(nearest, page).all()) == page.of(keys(nearest.all()))
        assert nearest.count() == len(passing)


@examples_share_the_database
@given(
    cells_and_marks(), strategies.conditions(Cell), strategies.conditions(Mark), strategies.pages
)
def test_to_many_by_a_key_of_two_columns(
    world: Database,
    made: tuple[list[Row], list[Row]],
    own: Condition,
    other: Condition,
    page: strategies.Page,
) -> None:
    cells, marks = made
    pairs = {"area": "area", "number": "number"}
    passing = [
        cell
        for cell in cells
        if truth(own, cell) is True
        and any(truth(other, mark) is True for mark in related(cell, marks, pairs))
    ]
    with stored(world, (Cell, cells), (Mark, marks)) as session:
        conditions: list[ColumnElement[bool]] = [in_sql(Cell, own), in_sql(Mark, other)]
        query = repository(Cell, session).join(Cell.marks).where(*conditions)
        check(query, passing, KEYS[Cell], page)
        nearest = query.similar_to([1.0] * 64, metric="l1")
        assert sorted(keys(nearest.all())) == with_vectors(passing, KEYS[Cell])


def check(
    query: SyncQuery[Any], passing: list[Row], names: tuple[str, ...], page: strategies.Page
) -> None:
    wanted = [key_of(row, names) for row in ordered(passing, [], names)]
    assert keys(query.all()) == keys(query.stream()) == wanted
    assert (query.count(), query.exists()) == (len(wanted), bool(wanted))
    assert keys(paged(query, page).all()) == page.of(wanted)


def with_vectors(rows: list[Row], names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    return sorted(key_of(row, names) for row in rows if row["embedding"] is not None)


PLACES: list[Row] = [
    {"name": name, "size": size, "open": is_open, "embedding": [size]}
    for name, size, is_open in (("a", 3, None), ("b", 1, True), ("c", 2, False), ("d", 9, None))
]
NOTES: list[Row] = [
    {"id": n, "title": "x", "month": n, "done": True, "place_name": "abc"[n % 3]}
    for n in range(1, 10)
]


@pytest.mark.parametrize("load", [joinedload, selectinload])
def test_loading_a_collection_changes_neither_rows_nor_order(world: Database, load: Any) -> None:
    with stored(world, (Place, PLACES), (Note, NOTES)) as session:
        places = repository(Place, session).options(load(Place.notes))
        for query, wanted in (
            (places, ["a", "b", "c", "d"]),
            (places.order_by(col(Place.size).desc()).limit(2), ["d", "a"]),
            (places.order_by(Place.open).limit(3), ["a", "d", "c"]),
            (places.order_by(col(Place.open).desc()).limit(2), ["b", "c"]),
            (places.similar_to([0.0]), ["b", "c", "a", "d"]),
            (places.similar_to([0.0]).limit(2).offset(1), ["c", "a"]),
            (places.similar_to([0.0], metric="l1").max_distance(2.5).limit(9), ["b", "c"]),
        ):
            session.expunge_all()
            found = query.all()
            assert [place.name for place in found] == wanted
            assert [len(place.notes) for place in found] == [3 * (n != "d") for n in wanted]
