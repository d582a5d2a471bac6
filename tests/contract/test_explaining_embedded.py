"""What explain() says of the index in the process: how it stands, or why it does not serve."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from agentorm import (
    HNSW,
    RRF,
    AnyOf,
    Approximate,
    Database,
    Entity,
    Explanation,
    Field,
    Search,
    Vector,
    repository,
    text_field,
    vector_field,
)
from agentorm.switch import indexes_switched
from tests.contract.planned import notes_on_serving

pytestmark = [pytest.mark.engines("sqlite"), pytest.mark.usefixtures("usually_indexed")]
ROWS, DIMENSION = 6_000, 64
SERVES = "an index in this process serves: near rows can be missed, never invented"


class ExplainedDoc(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: str = Field(default="a", index=True)
    embedding: Vector = vector_field(DIMENSION, index=Approximate(recall=0.9))


class ExplainedText(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    body: str = text_field(search="simple")
    v: Vector = vector_field(DIMENSION, index=HNSW())


class ExplainedOdd(Entity, table=True):
    id: int | None = Field(default=None, primary_key=True)
    v: Vector = vector_field(DIMENSION, metric="l1", index=HNSW())


def filled(db: Database, rows: int = ROWS) -> Database:
    db.create_all(ExplainedDoc, ExplainedOdd)
    chance = np.random.default_rng(8)
    middles = chance.normal(size=(60, DIMENSION))
    vectors = middles[np.arange(rows) % 60] + chance.normal(size=(rows, DIMENSION)) / 2
    docs = [ExplainedDoc(topic="ab"[i % 2], embedding=Vector(v)) for i, v in enumerate(vectors)]
    with db.transaction() as session:
        repository(ExplainedDoc, session).add_all(docs)
    return db


def ten(query: Any) -> Any:
    return query.limit(10)


def every(query: Any) -> Any:
    return query


def exactly(query: Any) -> Any:
    return query.limit(3).tune(Search(ranker="exact"))


def of_each_topic(query: Any) -> Any:
    return query.best_per(ExplainedDoc.topic).limit(2)


def spread(query: Any) -> Any:
    return query.diverse().limit(2)


def explained(db: Database, change: Callable[[Any], Any] = ten) -> Explanation:
    with db.session() as session:
        query = repository(ExplainedDoc, session).similar_to([1.0] * DIMENSION)
        found: Explanation = change(query).explain()
        return found


def test_how_it_stands(db: Database) -> None:
    filled(db)
    found = explained(db)
    assert (found.ranker, found.exact) == ("embedded", False)
    serves, rows, recall = notes_on_serving(found)
    assert serves == SERVES
    (report,) = db.indexes(ExplainedDoc)
    assert rows == f"it holds 6000 rows in {report.memory} bytes, up to change {report.clock}"
    measured = r"recall 0\.9 was asked for, [01]\.\d{3} measured: \d+ candidates to find 10"
    assert re.fullmatch(measured, recall)
    (sent,) = found.statements
    assert "explaineddoc.id IN (SELECT value FROM json_each(:rows_1))" in sent
    assert "SCAN json_each VIRTUAL TABLE" in found.plan


def test_what_changed_since_and_what_is_filtered(db: Database) -> None:
    filled(db)
    explained(db)
    with db.transaction() as session:
        repository(ExplainedDoc, session).delete_where(ExplainedDoc.id == 1)
        query = repository(ExplainedDoc, session).similar_to([1.0] * DIMENSION)
        found = query.where(ExplainedDoc.topic == "a").limit(ROWS).explain()
    assert found.notes[1].endswith(", and looks at 1 changed since")
    assert found.notes[2] == "recall 0.9 was asked for: all rows are measured to find 6000"
    assert found.notes[3].startswith("of more of the nearest those that pass the filters are taken")


def test_a_group(db: Database) -> None:
    filled(db)
    found = explained(db, of_each_topic)
    assert found.ranker == "embedded"
    assert found.notes[0] == SERVES


def test_behind_a_reranker(db: Database) -> None:
    filled(db)
    found = explained(db, spread)
    assert found.ranker == "embedded"
    assert found.notes[0] == SERVES
    assert found.notes[-2 if "ORM" in found.notes[-1] else -1].startswith("spread by their vectors")


UNLIMITED = "without a limit the index in this process does not serve: every row is ranked, exactly"


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (every, UNLIMITED),
        (
            exactly,
            "exactly, as asked for: the index in this process does not serve",
        ),
    ],
)
def test_what_it_does_not_serve(db: Database, change: Callable[[Any], Any], note: str) -> None:
    filled(db, 5)
    found = explained(db, change)
    assert (found.ranker, found.exact, found.notes[0]) == ("native", True, note)


def test_other_metrics_and_vectors(db: Database) -> None:
    filled(db, 5)
    with db.session() as session:
        docs, odd = repository(ExplainedDoc, session), repository(ExplainedOdd, session)
        one, by_l2 = [1.0] * DIMENSION, docs.similar_to([1.0] * DIMENSION, metric="l2").limit(3)
        several = docs.similar_to(AnyOf([one, one])).limit(3)
        notes = [query.explain().notes[0] for query in (by_l2, several)]
        notes.append(odd.similar_to(one).limit(3).explain().notes[0])
    assert notes == [
        "the index in this process ranks by cosine, not l2",
        "the index in this process does not rank by the nearest of several vectors: exactly",
        "no index in this process follows ExplainedOdd.v, l1 has none: exactly",
    ]


def test_a_fusion(db: Database) -> None:
    db.create_all(ExplainedText)
    vectors = np.random.default_rng(3).normal(size=(1_200, DIMENSION))
    found: list[Explanation] = []
    for part in (vectors[:10], vectors[10:]):
        with db.transaction() as session:
            texts = repository(ExplainedText, session)
            texts.add_all([ExplainedText(body="a fox", v=Vector(v)) for v in part])
        with db.session() as session:
            query = repository(ExplainedText, session).similar_to([1.0] * DIMENSION)
            found.append(query.matching("fox").fuse(RRF()).limit(5).explain())
    assert [(one.ranker, one.exact) for one in found] == [("fusion", True), ("fusion", False)]
    few, many = found
    assert few.notes[0] == "every row is ranked, exactly: its 10 rows are ranked sooner without"
    assert many.notes[0] == SERVES
    assert ["json_each(" in one.statements[0] for one in found] == [False, True]


def test_few_rows(db: Database) -> None:
    filled(db, 5)
    found = explained(db)
    assert (found.ranker, found.exact) == ("native", True)
    assert notes_on_serving(found) == (
        "every row is ranked, exactly: its 5 rows are ranked sooner without",
    )
    with indexes_switched("always"):
        assert (
            explained(db).notes[2] == "recall 0.9 was asked for: all rows are measured to find 10"
        )
    with indexes_switched("off"):
        assert notes_on_serving(explained(db)) == (
            "indexes in the process are switched off: every row is ranked, exactly",
        )


def test_where_no_snapshot_is_shared(db: Database) -> None:
    filled(db)
    with db.session() as session:
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        found = repository(ExplainedDoc, session).similar_to([1.0] * DIMENSION).limit(3).explain()
    assert (found.ranker, found.exact) == ("native", True)
    assert found.notes[0].startswith("every row is ranked, exactly: each statement has its own")


def test_a_missing_log(db: Database) -> None:
    filled(db, 5)
    with db.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER vx_explaineddoc_embedding_trim"))
    (note,) = notes_on_serving(explained(db))
    assert note == (
        "every row is ranked, exactly: its change log is not in the database (a migration or"
        ' db.indexes().rebuild(ExplainedDoc, "embedding") creates it)'
    )


def test_vectors_that_are_not_held(url: str) -> None:
    with Database(url, index_memory=0) as db:
        filled(db)
        found = explained(db)
    assert found.notes[3] == "index_memory leaves no room for vectors: those of candidates are read"
