"""A ``mysql://`` URL that reaches a MariaDB server: everything works as if it said so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

from agentorm import (
    HNSW,
    Database,
    Feature,
    Field,
    InvalidVector,
    Metric,
    UnsupportedFeature,
    Vector,
    col,
    json_field,
    repository,
    vector_field,
)
from tests.contract.models import Author, Contract, Doc, Tag, vector

pytestmark = pytest.mark.engines("mariadb")


class Aliased(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(unique=True)
    meta: dict[str, Any] = json_field()
    embedding: Vector = vector_field(3, metric="l2", index=HNSW(m=5, ef_construction=20))


class AliasedTwice(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    left: Vector = vector_field(3, index=HNSW())
    right: Vector = vector_field(3, index=HNSW())


@pytest.fixture
def alias(url: str) -> Iterator[Database]:
    with Database(make_url(url).set(drivername="mysql")) as database:
        yield database


@pytest.fixture
def filled(alias: Database) -> Database:
    alias.create_all(Aliased)
    repository(Aliased, alias).add_all(
        Aliased(title=f"t{n:02}", meta={"n": str(n)}, embedding=vector(n, 1, 0)) for n in range(30)
    )
    return alias


def test_its_capabilities_are_mariadbs(alias: Database) -> None:
    able = alias.capabilities()
    assert able.engine == "mariadb"
    assert Feature.HNSW in able.features
    assert (able.rankers[Metric.COSINE], able.rankers[Metric.L1]) == ("native", "scan")
    assert able.notes[0].startswith("MariaDB 1")
    assert alias.url.drivername == "mysql+pymysql"


def test_the_vector_index_is_built_and_serves(filled: Database) -> None:
    with filled.engine.connect() as connection:
        made = connection.execute(text("SHOW CREATE TABLE aliased")).one()[1]
    assert "VECTOR KEY `ix_aliased_embedding_hnsw` (`embedding`) `M`=5 `DISTANCE`=euclidean" in made
    assert "utf8mb4_nopad_bin" in made
    query = repository(Aliased, filled).similar_to([7, 1, 0])
    explained = query.limit(3).explain()
    assert "ix_aliased_embedding_hnsw" in explained.plan
    assert (explained.ranker, explained.exact) == ("native", False)
    hits = query.limit(3).hits()
    assert [(hit.entity.title, hit.distance) for hit in hits] == [
        ("t07", 0),
        ("t06", 1),
        ("t08", 1),
    ]
    assert len(query.limit(60).all()) == 30


def test_writes_streams_and_filters_work(filled: Database) -> None:
    rows = repository(Aliased, filled)
    given = [
        Aliased(title="t03", embedding=vector(9, 9, 9)),
        Aliased(title="T03", embedding=vector(1, 1, 1)),
    ]
    made = rows.upsert(given, on="title")
    assert (made[0].id, made[0].title) == (4, "t03")
    assert rows.where(Aliased.title == "t03").one().embedding == vector(9, 9, 9)
    assert [row.title for row in rows.order_by(Aliased.title).stream()][:2] == ["T03", "t00"]
    assert rows.where(col(Aliased.meta)["n"].as_string() == "5").one().title == "t05"
    assert rows.update_where(Aliased.title == "T03", meta={"a": [1]}) == 1
    assert rows.where(Aliased.title == "T03").one().meta == {"a": [1]}
    assert rows.similar_to([9, 9, 9], metric="l1").limit(1).one().title == "t03"
    with filled.transaction() as session:
        found = repository(Aliased, session)
        assert len([row.title for row in found.stream()]) == 31
        found.delete_where(col(Aliased.title).startswith("t"))
        assert found.count() == 1


def test_its_limits_are_mariadbs(alias: Database, filled: Database) -> None:
    with pytest.raises(UnsupportedFeature, match="mariadb does not support two vector indexes"):
        alias.create_all(AliasedTwice)
    with pytest.raises(InvalidVector, match="scale the vectors"):
        repository(Aliased, filled).add(Aliased(title="x", embedding=vector(3e38, 0, 0)))


def test_the_schema_is_made_by_the_first_thing_that_is_done(url: str) -> None:
    with Database(make_url(url).set(drivername="mysql+pymysql")) as database:
        database.create_all(Aliased)
        with database.engine.connect() as connection:
            made = connection.execute(text("SHOW CREATE TABLE aliased")).one()[1]
        assert "VECTOR KEY" in made
        database.drop_all(Aliased)


@pytest.fixture
def foreign(filled: Database) -> Iterator[Engine]:
    engine = create_engine(filled.url)
    yield engine
    engine.dispose()


def test_a_foreign_engine_ranks_by_the_index(foreign: Engine) -> None:
    with Session(foreign) as session:
        rows = repository(Aliased, session)
        hits = rows.similar_to([7, 1, 0]).limit(3).hits()
        assert [hit.entity.title for hit in hits] == ["t07", "t06", "t08"]
        assert (hits.ranker, hits.exact) == ("native", False)
        assert rows.upsert([Aliased(title="t03", embedding=vector(0, 0, 1))], on="title")[0].id == 4
    with Database(foreign) as database:
        assert database.capabilities().engine == "mariadb"


def test_both_urls_share_one_database(alias: Database, library: Database) -> None:
    alias.create_all(Author, Doc, Tag)
    repository(Doc, alias).add(Doc(title="a", embedding=vector(1, 2, 3)))
    assert repository(Doc, library).one().embedding == vector(1, 2, 3)
    repository(Doc, library).upsert([Doc(title="a", n=5)], on="title")
    assert repository(Doc, alias).one().n == 5
