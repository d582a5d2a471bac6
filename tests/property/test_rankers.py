"""The scan ranker against the native one, on an engine that has both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentorm import Database, Metric, SlowPath, Vector, repository
from agentorm.places import running
from agentorm.rank import ranker_of
from agentorm.rank.scan import Scan
from tests import strategies
from tests.property.models import KEYS, Note
from tests.property.oracle import Key, key_of
from tests.property.oracle_vectors import ranked
from tests.property.running import (
    fewer_examples,
    key,
    paged,
    ranking,
    stored,
)
from tests.strategies import Case, Page

pytestmark = pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")

SCAN = Scan()


@pytest.mark.engines("sqlite", "postgresql", "mariadb")
@fewer_examples
@given(strategies.cases(), strategies.pages)
def test_a_scan_finds_what_the_engine_finds(world: Database, case: Case, page: Page) -> None:
    with stored(world, (case.model, case.rows)) as session:
        query = ranking(case, session)
        native = {key(hit.entity): hit.distance for hit in query.hits()}
        with running(session, case.model) as run:
            ranker = world.capabilities().rankers[Metric(case.measured_by)]
            assert ranker_of(query, run.dialect).name == ranker
            whole = SCAN.nearest(query, run)
            part = SCAN.nearest(paged(query, page), run)
            found = {key(hit.entity): hit.distance for hit in whole.rows}
            assert (whole.exact, SCAN.count(query, run)) == (True, len(native))
            assert [key(hit.entity) for hit in SCAN.stream(query, run)] == list(found)
            assert [key(hit.entity) for hit in part.rows] == page.of(list(found))
    assert found.keys() == native.keys()
    for row in ranked(case.rows, case.field, case.query, case.measured_by):
        name = key_of(row.row, KEYS[case.model])
        if name in found:
            assert abs(found[name] - native[name]) <= row.high - row.low


@pytest.mark.engines("sqlite", "postgresql", "mariadb")
@fewer_examples
@given(strategies.cases(), st.data())
def test_a_scan_keeps_what_is_within_a_threshold(
    world: Database, case: Case, data: st.DataObject
) -> None:
    with stored(world, (case.model, case.rows)) as session:
        query = ranking(case, session)
        with running(session, case.model) as run:
            rows = SCAN.nearest(query, run).rows
            limit = data.draw(st.sampled_from([hit.distance for hit in rows] or [0.0]))
            near = query.max_distance(limit)
            wanted: list[Key] = [key(hit.entity) for hit in rows if hit.distance <= limit]
            assert [key(hit.entity) for hit in SCAN.nearest(near, run).rows] == wanted
            assert [key(hit.entity) for hit in SCAN.stream(near, run)] == wanted
            assert SCAN.count(near, run) == len(wanted)
            page = data.draw(strategies.pages)
            part = [key(hit.entity) for hit in SCAN.nearest(paged(near, page), run).rows]
            assert part == page.of(wanted)


@pytest.mark.engines("postgresql-without-pgvector", "mysql", "mariadb-10.11")
def test_the_long_way_is_announced_once(world: Database, engine_name: str) -> None:
    server = engine_name.partition("-")[0]
    notes = repository(Note, world)
    notes.add(Note(id=1, title="x", month=1, done=True, embedding=Vector([1, 2, 3])))
    with pytest.warns(SlowPath, match=f"{server} does not compute cosine here") as caught:
        (hit,) = notes.similar_to([1, 2, 3]).hits()
    assert hit.entity.id == 1
    assert len(caught) == 1
    assert len(notes.similar_to([1, 2, 3]).all()) == 1
    with pytest.warns(SlowPath, match=f"{server} does not compute l2 here"):
        assert notes.similar_to([1, 2, 3], metric="l2").count() == 1


@pytest.mark.sync("the test does not stand where the ending is awaited")
@pytest.mark.engines("postgresql-without-pgvector", "mysql", "mariadb-10.11")
def test_the_long_way_is_announced_to_the_caller(world: Database) -> None:
    with pytest.warns(SlowPath) as caught:
        assert repository(Note, world).similar_to([1, 2, 3]).all() == []
    assert [warning.filename for warning in caught] == [__file__]
