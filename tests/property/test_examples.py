"""Search by several vectors and by rows, against the rankings by each vector alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agentorm import AnyOf, Database, repository
from tests import strategies
from tests.property.conditions import in_sql
from tests.property.models import VECTORS
from tests.property.oracle import Key
from tests.property.running import (
    fewer_examples,
    key,
    keys,
    on_every_engine,
    paged,
    ranking,
    stored,
)
from tests.strategies import Case, Page

pytestmark = on_every_engine


@fewer_examples
@given(strategies.cases(), strategies.pages, st.data())
def test_a_row_is_as_near_as_it_is_to_the_nearest(
    world: Database, case: Case, page: Page, data: st.DataObject
) -> None:
    dimension, _ = VECTORS[case.model][case.field]
    others = data.draw(st.lists(strategies.vectors(dimension).filter(any), min_size=1, max_size=3))
    with stored(world, (case.model, case.rows)) as session:
        nearest: dict[Key, float] = {}
        for vector in (case.query, *others):
            for hit in ranking(replace(case, query=vector), session).hits():
                nearest[key(hit.entity)] = min(hit.distance, nearest.get(key(hit.entity), 1e308))
        wanted = sorted(nearest, key=lambda name: (nearest[name], name))
        query = repository(case.model, session).similar_to(
            AnyOf([case.query, *others]), on=case.field, metric=case.metric
        )
        if case.condition is not None:
            query = query.where(in_sql(case.model, case.condition))
        hits = query.hits()
        assert [(key(hit.entity), hit.distance) for hit in hits] == [
            (name, nearest[name]) for name in wanted
        ]
        assert keys(paged(query, page).all()) == page.of(wanted)
        assert keys(query.stream()) == wanted
        limit = data.draw(st.sampled_from([*nearest.values(), 0.5]))
        within = [name for name in wanted if nearest[name] <= limit]
        near = query.max_distance(limit)
        assert (keys(near.all()), near.count()) == (within, len(within))


@fewer_examples
@given(strategies.cases(), st.data())
def test_a_row_finds_what_its_vector_finds_but_itself(
    world: Database, case: Case, data: st.DataObject
) -> None:
    with stored(world, (case.model, case.rows)) as session:
        rows = ranking(case, session).all()
        if not rows:
            return
        example = data.draw(st.sampled_from(rows))
        vector = getattr(example, case.field)
        if not any(vector):
            return
        by_vector = keys(ranking(replace(case, query=tuple(vector)), session).all())
        query = repository(case.model, session).similar_to(
            example, on=case.field, metric=case.metric
        )
        if case.condition is not None:
            query = query.where(in_sql(case.model, case.condition))
        assert keys(query.all()) == [name for name in by_vector if name != key(example)]
