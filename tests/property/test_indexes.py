"""Rankings that an index may answer: rows can be missed, but never invented, stale or too few."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from agentorm import Database, Vector, repository
from tests import strategies
from tests.property.models import VECTORS, Bud, Leaf, Twig, World
from tests.property.oracle import key_of, truth
from tests.property.oracle_vectors import ranked
from tests.property.running import (
    examples_share_the_database,
    key,
    on_every_engine,
    paged,
    ranking,
    stored,
)
from tests.strategies import Case, Page

pytestmark = on_every_engine

pages = st.builds(Page, st.integers(1, 6), st.integers(0, 3))


@st.composite
def cases(draw: st.DrawFn, model: type[World] = Leaf) -> Case:
    """By the metric of the index."""
    case = draw(strategies.cases(models=[model], most=20))
    dimension, _ = VECTORS[model][case.field]
    query = draw(strategies.vectors(dimension).filter(any))
    return Case(model, case.field, None, query, case.rows, case.condition)


@contextmanager
def indexed(world: Database, case: Case) -> Generator[Session]:
    """A session in which PostgreSQL reads nothing but indexes, if it can."""
    with stored(world, (case.model, case.rows)) as session:
        if world.engine.dialect.name == "postgresql":
            session.connection().execute(text("SET LOCAL enable_seqscan = off"))
        yield session


@pytest.mark.engines("sqlite", "postgresql", "mysql")
@examples_share_the_database
@given(cases(), pages)
def test_rows_are_never_invented_nor_too_few(leaves: Database, case: Case, page: Page) -> None:
    check_rows(leaves, case, page)


@pytest.mark.engines("mariadb")
@examples_share_the_database
@given(cases(Bud), pages)
def test_nor_by_mariadbs_index(world: Database, case: Case, page: Page) -> None:
    check_rows(world, case, page)


def check_rows(world: Database, case: Case, page: Page) -> None:
    passing = [r for r in case.rows if case.condition is None or truth(case.condition, r) is True]
    rows = {
        key_of(found.row, ("id",)): found
        for found in ranked(passing, case.field, case.query, case.measured_by)
    }
    with indexed(world, case) as session:
        hits = paged(ranking(case, session), page).hits()
        found = [(hit.distance, key(hit.entity)) for hit in hits]
        assert hits.complete
    assert len(found) == len(page.of(list(rows)))
    assert found == sorted(set(found))
    for distance, name in found:
        assert rows[name].low <= distance <= rows[name].high


@pytest.mark.engines("sqlite", "postgresql", "mysql")
@examples_share_the_database
@given(cases(), pages, st.data())
def test_a_threshold_keeps_as_many_rows_as_there_are_within_it(
    leaves: Database, case: Case, page: Page, data: st.DataObject
) -> None:
    check_threshold(leaves, case, page, data)


@pytest.mark.engines("mariadb")
@examples_share_the_database
@given(cases(Bud), pages, st.data())
def test_a_threshold_keeps_as_many_rows_by_mariadbs_index(
    world: Database, case: Case, page: Page, data: st.DataObject
) -> None:
    """Its index counts off a page in an order of its own among distances as near as that."""
    check_threshold(world, case, page, data, tolerance=1e-5)


def check_threshold(
    world: Database, case: Case, page: Page, data: st.DataObject, *, tolerance: float = 0.0
) -> None:
    """An index whose lists are found by chance may miss the nearest, and then says so."""
    with indexed(world, case) as session:
        query = ranking(case, session)
        distances = [hit.distance for hit in query.hits()]
        limit = data.draw(st.sampled_from(distances or [0.0]))
        slack = tolerance * abs(limit)
        least, most = (
            len(page.of([distance for distance in distances if distance <= limit + more]))
            for more in (-slack, slack)
        )
        hits = paged(query.max_distance(limit), page).hits()
        assert all(hit.distance <= limit for hit in hits)
        assert len(hits) <= most
        assert not hits.complete or least <= len(hits)
        assert hits.complete or not hits.exact


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize(
    ("field", "name"), [("front", "ix_leaf_front_hnsw"), ("back", "ix_leaf_back_ivfflat")]
)
def test_the_plan_names_the_index(leaves: Database, field: str, name: str) -> None:
    case = Case(Leaf, field, None, (1.0,) * VECTORS[Leaf][field][0], [])
    with indexed(leaves, case) as session:
        session.connection().execute(text("SET LOCAL enable_sort = off"))
        explanation = ranking(case, session).limit(3).explain()
        assert f"Index Scan using {name}" in explanation.plan
        assert (explanation.ranker, explanation.exact) == ("native", False)
        whole = ranking(case, session).explain()
        assert name not in whole.plan
        assert whole.exact


@pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql")
def test_what_an_index_overlooks_is_found_when_too_few_rows_are_near_enough(
    world: Database, engine_name: str
) -> None:
    """Nearest to 6.5 is the list around 10; those at 4 are nearer, and in the list around 1."""
    places = [0.0] * 6 + [4.0] * 3 + [10.0] * 8
    rows = [{"id": n, "place": [place]} for n, place in enumerate(places, start=1)]
    with stored(world, (Twig, rows)) as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            connection.execute(text("REINDEX INDEX ix_twig_place_ivfflat"))
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        near = repository(Twig, session).similar_to([6.5]).max_distance(3)
        assert near.count() == 3
        assert [hit.distance for hit in near.hits()] == [2.5, 2.5, 2.5]
        assert [hit.distance for hit in near.limit(3).hits()] == [2.5, 2.5, 2.5]
        page = [twig.id for twig in near.limit(2).offset(1).all()]
        assert page == [8, 9] or (engine_name == "mariadb" and page in ([7, 8], [7, 9]))
        assert near.limit(1).all() != []


def test_without_a_limit_a_ranking_is_exact_on_every_engine(world: Database) -> None:
    buds = repository(Bud, world)
    buds.add_all(Bud(id=n, tree=1, front=Vector([n, 0, 0, 0])) for n in range(1, 60))
    hits = buds.similar_to([0, 0, 0, 0]).hits()
    assert hits.exact
    assert [hit.distance for hit in hits] == [float(n) for n in range(1, 60)]
