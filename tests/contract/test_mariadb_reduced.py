"""A MariaDB older than 11.7, which has no vectors: they are bytes there, and numpy ranks them."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from agentorm import (
    HNSW,
    ConstraintViolation,
    Database,
    Feature,
    Field,
    SlowPath,
    UnsupportedFeature,
    Vector,
    col,
    repository,
    vector_field,
)
from agentorm import distance as distance_to
from tests.contract.models import Contract, Doc, Json, Mood, Scalar, vector
from tests.contract.undone import undone

pytestmark = pytest.mark.engines("mariadb-10.11")


class Old(Contract, table=True):
    """An index that this server cannot build, over a vector that may be missing."""

    id: int | None = Field(default=None, primary_key=True)
    n: int = Field(unique=True)
    embedding: Vector | None = vector_field(4, metric="l2", default=None, index=HNSW())


def test_its_capabilities_tell_the_reason(db: Database) -> None:
    able = db.capabilities()
    assert able.engine == "mariadb"
    assert able.features == {Feature.FULL_TEXT, Feature.UPSERT, Feature.CONCURRENT_WRITERS}
    assert set(able.rankers.values()) == {"scan"}
    assert able.notes[0].startswith("MariaDB 10.11")
    assert able.notes[1] == (
        "the server, older than 11.7, has no vectors: they are BLOB, numpy ranks them"
    )


def test_vectors_are_bytes_and_come_back_bit_for_bit(library: Database) -> None:
    docs = repository(Doc, library)
    given = [vector(3e38, -0.0, 1e-45), vector(1.1, -3e38, 7), vector(0, 0, 0)]
    docs.add_all(Doc(title=str(n), embedding=v) for n, v in enumerate(given))
    assert [doc.embedding for doc in docs.order_by(Doc.id).all()] == given
    with library.engine.connect() as connection:
        made = connection.execute(text("SHOW CREATE TABLE doc")).one()[1]
    assert "`embedding` longblob DEFAULT NULL" in made
    assert "utf8mb4_nopad_bin" in made


@pytest.mark.parametrize("metric", ["cosine", "l2", "inner_product", "l1"])
def test_every_metric_is_ranked_by_the_scan(db: Database, metric: str) -> None:
    db.create_all(Old)
    rows, query = (
        np.random.default_rng(3).standard_normal((300, 4)).astype(np.float32),
        [1, 2, 3, 4],
    )
    repository(Old, db).add_all(Old(n=n, embedding=Vector(v)) for n, v in enumerate(rows))
    repository(Old, db).add_all([Old(n=-1), Old(n=-2, embedding=vector(0, 0, 0, 0))])
    v, q = rows.astype(np.float64), np.array(query)
    found = {
        "cosine": 1 - v @ q / np.linalg.norm(v, axis=1) / np.linalg.norm(q),
        "l2": np.linalg.norm(v - q, axis=1),
        "inner_product": -(v @ q),
        "l1": np.abs(v - q).sum(axis=1),
    }[metric]
    expected = [int(n) for n in np.argsort(found, kind="stable")]
    ranking = repository(Old, db).similar_to(query, metric=metric)
    hits = ranking.where(Old.n >= 0).limit(50).hits()
    assert [hit.entity.n for hit in hits] == expected[:50]
    assert [hit.distance for hit in hits] == pytest.approx(np.sort(found)[:50].tolist(), rel=1e-5)
    assert (hits.ranker, hits.exact, hits.complete) == ("scan", True, True)
    assert [row.n for row in ranking.where(Old.n >= 0).stream()] == expected
    assert ranking.count() == (300 if metric == "cosine" else 301)
    assert [row.n for row in ranking.where(Old.n < 0).all()] == ([] if metric == "cosine" else [-2])


def test_the_long_way_is_announced_once(library: Database) -> None:
    docs = repository(Doc, library).similar_to([1, 0, 0]).limit(1)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert (docs.all(), docs.all(), docs.count()) == ([], [], 0)
    assert [one.category for one in seen] == [SlowPath]
    assert "mariadb does not compute cosine here (MariaDB 10.11" in str(seen[0].message)
    assert "older than 11.7" in docs.explain().notes[0]


def test_a_distance_in_a_plain_condition_is_refused(library: Database) -> None:
    near = distance_to(col(Doc.embedding), [1, 2, 2], metric="l2") < 1
    with pytest.raises(UnsupportedFeature, match="mariadb does not support"):
        repository(Doc, library).where(near).all()


def test_scalars_and_json_come_back(db: Database) -> None:
    db.create_all(Scalar, Json)
    given = Scalar(
        whole=2**63 - 1,
        flag=False,
        real=1e-300,
        text="ß\U0001f600 ",
        key="A ",
        raw=b"\0'\\",
        uid=UUID(int=2**127 + 1),
        price=Decimal("-999999999999.999999"),
        moment=datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        day=date(9999, 12, 31),
        hour=time(0, 0, 0, 1),
        lasting=timedelta(days=-1, microseconds=1),
        mood=Mood.wild,
    )
    expected = given.model_copy()
    scalars, trees = repository(Scalar, db), repository(Json, db)
    scalars.add(given)
    assert scalars.one() == expected.model_copy(update={"id": given.id})
    assert [scalars.where(Scalar.key == key).count() for key in ("A ", "A", "a ", "Ä ")] == [
        1,
        0,
        0,
        0,
    ]
    tree = {"a": [1, 2.5, None, True, {"ä": "\U0001f600"}], "b": "5"}
    trees.add(Json(tree=tree, items=[tree, []], maybe=None))
    assert (trees.one().tree, trees.one().items, trees.one().maybe) == (tree, [tree, []], None)
    assert trees.where(col(Json.tree)["b"].as_string() == "5").count() == 1
    assert trees.where(col(Json.tree)["missing"].as_string().is_(None)).count() == 1


def test_upserts_find_their_row(db: Database) -> None:
    db.create_all(Old)
    rows = repository(Old, db)
    rows.add_all([Old(n=1, embedding=vector(1, 2, 3, 4)), Old(n=2)])
    made = rows.upsert([Old(n=3), Old(id=1, n=2, embedding=vector(4, 3, 2, 1))], on=Old.n)
    assert [(row.id, row.n) for row in made] == [(made[0].id, 3), (2, 2)]
    with pytest.raises(ConstraintViolation):
        rows.upsert([Old(id=1, n=9)], on="n")
    with pytest.raises(ConstraintViolation):
        rows.upsert([Old(id=1, n=2)])
    assert rows.similar_to([4, 3, 2, 1]).limit(1).one().id == 2
    assert [row.n for row in rows.order_by(Old.n).all()] == [1, 2, 3]


def test_transactions_and_streams(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add_all(Doc(title=f"{n:04}", n=n, embedding=vector(1, n, 0)) for n in range(1200))
    with undone(library) as session:
        repository(Doc, session).delete_where(Doc.n > 3)
        assert [doc.n for doc in docs.similar_to([1, 0, 0]).all()] == [0, 1, 2, 3]
    with library.transaction() as session:
        inner = repository(Doc, session)
        assert [doc.n for doc in inner.order_by(Doc.title).stream()] == list(range(1200))
        assert [doc.n for doc in inner.similar_to([1, 0, 0]).stream()] == list(range(1200))
        inner.update_where(Doc.n >= 1000, topic="late")
    assert docs.where(Doc.topic == "late").count() == 200
