"""Pages against the whole: of any rows, sorted by anything, of any size, while rows come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from agentorm import Database, Page, SyncQuery, repository
from agentorm.selecting import has_key
from tests import strategies
from tests.property.conditions import Condition, in_sql
from tests.property.models import KEYS, World
from tests.property.oracle import Key, Row, Sort, key_of
from tests.property.running import (
    examples_share_the_database,
    fewer_examples,
    keys,
    on_every_engine,
    ranking,
    sort_keys,
    stored,
)
from tests.strategies import RANKED, Case

pytestmark = on_every_engine

MOST_ROWS = 10
Asked: TypeAlias = tuple[type[World], list[Row], list[Sort], Condition | None]
models: st.SearchStrategy[type[World]] = st.sampled_from(RANKED)
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@st.composite
def sorted_rows(draw: st.DrawFn, *, most: int = MOST_ROWS) -> Asked:
    model = draw(models)
    rows = draw(strategies.rows(model, most=most))
    condition = draw(st.one_of(st.none(), st.none(), strategies.conditions(model)))
    return model, rows, draw(strategies.orders(model)), condition


def asked_of(asked: Asked, session: Session) -> SyncQuery[World]:
    model, _, sorts, condition = asked
    query: SyncQuery[World] = repository(model, session).order_by(*sort_keys(model, sorts))
    return query if condition is None else query.where(in_sql(model, condition))


def walked(query: SyncQuery[World], sizes: Sequence[int]) -> list[Page[World]]:
    """All pages, of these sizes in turn."""
    pages = [query.page(size=sizes[0])]
    while pages[-1].next is not None:
        pages.append(query.page(pages[-1].next, size=sizes[len(pages) % len(sizes)]))
    return pages


@examples_share_the_database
@given(sorted_rows(), sizes)
def test_all_pages_are_all_rows(world: Database, asked: Asked, sizes: list[int]) -> None:
    model, rows, *_ = asked
    with stored(world, (model, rows)) as session:
        query = asked_of(asked, session)
        whole, pages = keys(query.all()), walked(query, sizes)
        assert [key for page in pages for key in keys(page)] == whole
        full = [len(page) == sizes[n % len(sizes)] for n, page in enumerate(pages)]
        assert all(full[:-1])
        assert len(whole) == 0 or len(pages[-1]) > 0


@fewer_examples
@given(strategies.cases(most=MOST_ROWS), sizes)
def test_all_pages_are_the_whole_ranking(world: Database, case: Case, sizes: list[int]) -> None:
    with stored(world, (case.model, case.rows)) as session:
        query = ranking(case, session)
        whole, pages = query.hits(), walked(query, sizes)
        hits = [hit for page in pages for hit in page.hits or ()]
        assert [(hit.entity, hit.distance) for hit in hits] == [
            (hit.entity, hit.distance) for hit in whole
        ]
        assert [key for page in pages for key in keys(page)] == keys(whole.entities)


@fewer_examples
@given(sorted_rows(), st.integers(1, 4), st.data())
def test_rows_that_come_and_go_move_no_other(
    world: Database, asked: Asked, size: int, data: st.DataObject
) -> None:
    model, rows, *_ = asked
    first = data.draw(st.integers(0, len(rows)))
    with stored(world, (model, rows[:first])) as session:
        query, docs = asked_of(asked, session), repository(model, session)
        there = set(keys(query.all()))
        page = query.page(size=size)
        seen = keys(page)
        gone = data.draw(st.sets(st.sampled_from([key_of(r, KEYS[model]) for r in rows] or [()])))
        _delete(docs, model, gone)
        come = [row for row in rows[first:] if key_of(row, KEYS[model]) not in gone]
        docs.add_all(model(**row) for row in come)
        while page.next is not None:
            page = query.page(page.next, size=size)
            seen += keys(page)
        assert len({*seen}) == len(seen)
        assert there - gone <= {*seen}
        whole = keys(query.all())
        kept = [key for key in seen if key in whole]
        assert kept == [key for key in whole if key in kept]


def _delete(docs: Any, model: type[World], gone: set[Key]) -> None:
    if gone - {()}:
        docs.delete_where(has_key(model, [*gone]))
