"""Vectors of every kind: they come back as they went in, and are ranked alike on every engine."""

from __future__ import annotations

import json
from math import sqrt
from typing import Any

import pytest

from agentorm import (
    AnyVector,
    BitVector,
    Database,
    DimensionMismatch,
    Field,
    HalfVector,
    Int8Vector,
    InvalidMetric,
    InvalidVector,
    Kind,
    Metric,
    SparseVector,
    UnsupportedFeature,
    Vector,
    col,
    repository,
    vector_field,
)
from tests.contract.models import Contract
from tests.engines import NAMES

pytestmark = [
    pytest.mark.engines(*NAMES),
    pytest.mark.filterwarnings("ignore:.* does not compute .* here:agentorm.SlowPath"),
]
HOLDS_SPARSE = pytest.mark.engines("postgresql")


class KindRow(Contract, table=True):
    """A field of each kind that every engine holds."""

    id: int | None = Field(default=None, primary_key=True)
    half: HalfVector | None = vector_field(3, kind="float16", default=None)
    small: Int8Vector | None = vector_field(3, kind="int8", default=None)
    bits: BitVector | None = vector_field(11, kind="bit", default=None)


class KindSparse(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    sparse: SparseVector | None = vector_field(9, kind=Kind.SPARSE, default=None)


class KindVast(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    sparse: SparseVector = vector_field(1_000_000_000, kind="sparse")


class KindFull(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    sparse: SparseVector = vector_field(20_000, kind="sparse")


class KindLong(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    small: Int8Vector = vector_field(8192, kind="int8")
    bits: BitVector = vector_field(4099, kind="bit")


@pytest.fixture
def rows(db: Database) -> Database:
    """An empty table with a field of each kind."""
    db.create_all(KindRow)
    return db


@pytest.fixture
def sparse(db: Database) -> Database:
    """An empty table of sparse vectors."""
    db.create_all(KindSparse)
    return db


EXTREMES: list[tuple[str, AnyVector]] = [
    ("half", HalfVector([65504, -65504, 0.1])),
    ("half", HalfVector([5.960464477539063e-08, -6.097555160522461e-05, -0.0])),
    ("half", HalfVector([0.0, -0.0, 6.103515625e-05])),
    ("small", Int8Vector([-128, 127, 0])),
    ("small", Int8Vector([0, 0, 0])),
    ("bits", BitVector("00000000001")),
    ("bits", BitVector("10000000000")),
    ("bits", BitVector("00000000000")),
    ("bits", BitVector("11111111111")),
]


@pytest.mark.parametrize(
    ("name", "vector"), EXTREMES, ids=[f"{n}-{v.tobytes().hex()}" for n, v in EXTREMES]
)
def test_a_vector_of_each_kind_comes_back_bit_for_bit(
    rows: Database, name: str, vector: AnyVector
) -> None:
    with rows.transaction() as session:
        written = repository(KindRow, session).add(KindRow.model_validate({name: vector}))
        key = written.id
    with rows.session() as session:
        found = repository(KindRow, session).get(key)
        assert found is not None
        read: Any = getattr(found, name)
        assert (type(read), read.tobytes(), len(read)) == (
            type(vector),
            vector.tobytes(),
            len(vector),
        )
        others = {"half", "small", "bits"} - {name}
        assert [getattr(found, other) for other in others] == [None, None]
        assert (
            repository(KindRow, session).where(col(getattr(KindRow, name)) == vector).count() == 1
        )


@HOLDS_SPARSE
@pytest.mark.parametrize(
    "vector",
    [
        SparseVector({}, 9),
        SparseVector({0: 1.5}, 9),
        SparseVector({8: -3.4028234663852886e38, 0: 1.401298464324817e-45}, 9),
        SparseVector([1.0] * 9),
    ],
    ids=repr,
)
def test_a_sparse_vector_comes_back_bit_for_bit(sparse: Database, vector: SparseVector) -> None:
    repository(KindSparse, sparse).add(KindSparse(sparse=vector))
    found = repository(KindSparse, sparse).where(col(KindSparse.sparse) == vector).one()
    assert found.sparse == vector


@HOLDS_SPARSE
def test_a_sparse_vector_of_a_thousand_million_dimensions(db: Database) -> None:
    db.create_all(KindVast)
    vast = SparseVector({999_999_999: 3, 0: 4}, 1_000_000_000)
    repository(KindVast, db).add(KindVast(sparse=vast))
    (hit,) = repository(KindVast, db).similar_to({0: 4}, metric="l2").hits()
    assert (hit.entity.sparse, hit.distance) == (vast, 3.0)


@HOLDS_SPARSE
def test_a_sparse_vector_that_is_too_full_is_refused(db: Database, sent: list[str]) -> None:
    db.create_all(KindFull)
    full = repository(KindFull, db)
    full.add(KindFull(sparse=SparseVector(dict.fromkeys(range(16_000), 1), 20_000)))
    assert len(full.one().sparse.items()) == 16_000
    sent.clear()
    with pytest.raises(InvalidVector, match="16001 components are not 0, and pgvector takes 16000"):
        full.add(KindFull(sparse=SparseVector(dict.fromkeys(range(16_001), 1), 20_000)))
    assert sent == []


def ranked(db: Database, name: str, query: Any, metric: str) -> list[tuple[int, float]]:
    """Key and distance of each row, by all endings alike."""
    docs = repository(KindSparse if name == "sparse" else KindRow, db)
    asked: Any = docs.similar_to(query, on=name, metric=metric)
    hits = asked.hits()
    found = [(hit.entity.id, hit.distance) for hit in hits]
    assert (hits.exact, hits.complete) == (True, True)
    assert hits.ranker == db.capabilities().ranked[hits_kind(name)][Metric(metric)]
    assert [row.id for row in asked.stream()] == [key for key, _ in found]
    assert [row.id for row in asked.limit(2).all()] == [key for key, _ in found[:2]]
    assert [row.id for row in asked.offset(1).all()] == [key for key, _ in found[1:]]
    assert asked.count() == len(found)
    assert asked.max_distance(found[0][1] + 1e-6).count() == sum(
        d <= found[0][1] + 1e-6 for _, d in found
    )
    return found


def hits_kind(name: str) -> Kind:
    """The kind of a field."""
    kinds = {"half": Kind.FLOAT16, "small": Kind.INT8, "bits": Kind.BIT, "sparse": Kind.SPARSE}
    return kinds[name]


def close(expected: list[tuple[int, float]]) -> list[tuple[int, object]]:
    return [(key, pytest.approx(d, rel=1e-5, abs=1e-6)) for key, d in expected]


VECTORS = {1: [1, 2, 2], 2: [2, 4, 4], 3: [2, -2, 1], 4: [-1, -2, -2], 5: None, 6: [0, 0, 0]}
DISTANCES = {
    "cosine": [(1, 0.0), (2, 0.0), (3, 1.0), (4, 2.0)],
    "l2": [(1, 0.0), (2, 3.0), (6, 3.0), (3, sqrt(18)), (4, 6.0)],
    "l1": [(1, 0.0), (2, 5.0), (6, 5.0), (3, 6.0), (4, 10.0)],
    "inner_product": [(2, -18.0), (1, -9.0), (3, 0.0), (6, 0.0), (4, 9.0)],
}


@pytest.mark.parametrize("name", ["half", "small"])
@pytest.mark.parametrize("metric", DISTANCES)
def test_numbers_are_ranked_by_each_metric(rows: Database, name: str, metric: str) -> None:
    repository(KindRow, rows).add_all(
        [KindRow.model_validate({"id": key, name: vector}) for key, vector in VECTORS.items()]
    )
    assert ranked(rows, name, [1, 2, 2], metric) == close(DISTANCES[metric])


@HOLDS_SPARSE
@pytest.mark.parametrize("metric", DISTANCES)
def test_sparse_vectors_are_ranked_by_each_metric(sparse: Database, metric: str) -> None:
    spread = {
        key: None if v is None else SparseVector({2 * n: x for n, x in enumerate(v)}, 9)
        for key, v in VECTORS.items()
    }
    repository(KindSparse, sparse).add_all(
        [KindSparse(id=key, sparse=vector) for key, vector in spread.items()]
    )
    assert ranked(sparse, "sparse", {0: 1, 2: 2, 4: 2}, metric) == close(DISTANCES[metric])


BITS = {
    1: "11100000001",
    2: "11000000000",
    3: "00000000000",
    4: "00011111110",
    5: None,
    6: "1" * 11,
}
OF_BITS = {
    "hamming": [(1, 0.0), (2, 2.0), (3, 4.0), (6, 7.0), (4, 11.0)],
    "jaccard": [(1, 0.0), (2, 0.5), (6, 7 / 11), (3, 1.0), (4, 1.0)],
}
SCORES = {
    "hamming": [1.0, 1 - 2 / 11, 1 - 4 / 11, 1 - 7 / 11, 0.0],
    "jaccard": [1.0, 0.5, 4 / 11, 0.0, 0.0],
}


@pytest.mark.parametrize("metric", OF_BITS)
def test_bits_are_ranked_by_each_metric(rows: Database, metric: str) -> None:
    docs = repository(KindRow, rows)
    docs.add_all([KindRow.model_validate({"id": key, "bits": b}) for key, b in BITS.items()])
    query = BitVector("11100000001")
    assert ranked(rows, "bits", query, metric) == close(OF_BITS[metric])
    hits = docs.similar_to(query, on="bits", metric=metric).hits()
    assert [hit.score for hit in hits] == [pytest.approx(score) for score in SCORES[metric]]
    near = docs.similar_to(query, on="bits", metric=metric).min_score(0.5).all()
    assert [row.id for row in near] == {"hamming": [1, 2, 3], "jaccard": [1, 2]}[metric]


def test_bits_are_ranked_by_hamming_unless_told_otherwise(rows: Database) -> None:
    docs = repository(KindRow, rows)
    docs.add_all([KindRow.model_validate({"id": key, "bits": b}) for key, b in BITS.items()])
    (hit,) = docs.similar_to([0] * 11, on=KindRow.bits).offset(1).limit(1).hits()
    assert (hit.entity.id, hit.distance) == (2, 2.0)


def test_jaccard_of_no_bits_at_all_is_one(rows: Database) -> None:
    docs = repository(KindRow, rows)
    docs.add_all([KindRow.model_validate({"id": key, "bits": b}) for key, b in BITS.items()])
    hits = docs.similar_to([0] * 11, on="bits", metric="jaccard").hits()
    assert [(hit.entity.id, hit.distance) for hit in hits] == [(n, 1.0) for n in (1, 2, 3, 4, 6)]


def test_long_vectors_have_true_distances(db: Database) -> None:
    db.create_all(KindLong)
    long = repository(KindLong, db)
    low, high = Int8Vector([-128] * 8192), Int8Vector([127] * 8192)
    every, last = BitVector([1] * 4099), BitVector([0] * 4098 + [1])
    long.add_all([KindLong(id=1, small=low, bits=every), KindLong(id=2, small=high, bits=last)])
    expected = {
        "l2": [(2, 0.0), (1, 255 * sqrt(8192))],
        "l1": [(2, 0.0), (1, 255.0 * 8192)],
        "inner_product": [(2, -16129.0 * 8192), (1, 16256.0 * 8192)],
        "cosine": [(2, 0.0), (1, 2.0)],
    }
    for metric, distances in expected.items():
        hits = long.similar_to(high, on="small", metric=metric).hits()
        assert [(hit.entity.id, hit.distance) for hit in hits] == close(distances)
    for metric, distances in {
        "hamming": [(2, 0.0), (1, 4098.0)],
        "jaccard": [(2, 0.0), (1, 4098 / 4099)],
    }.items():
        hits = long.similar_to(last, on="bits", metric=metric).hits()
        assert [(hit.entity.id, hit.distance) for hit in hits] == close(distances)


def test_vectors_are_changed_and_upserted(rows: Database) -> None:
    with rows.transaction() as session:
        docs = repository(KindRow, session)
        row = docs.add(KindRow(id=1, half=HalfVector([1, 2, 3]), bits=BitVector("1" * 11)))
        row.half = HalfVector([4, 5, 6])
        docs.update(row)
        docs.upsert([KindRow(id=1, small=Int8Vector([7, 8, 9]))], update=["small"])
        assert docs.update_where(col(KindRow.bits) == [1] * 11, bits=[0] * 11) == 1
    found = repository(KindRow, rows).get(1)
    assert found is not None
    assert (found.half, found.small, found.bits) == (
        HalfVector([4, 5, 6]),
        Int8Vector([7, 8, 9]),
        BitVector("0" * 11),
    )


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("half", [1, 2, 65520], "component 2 is 65520, which is no finite float16"),
        ("half", Int8Vector([1, 2, 3]), "expected a HalfVector, got a Int8Vector"),
        ("small", [1, 2, 128], "component 2 is 128, which is no integer from -128 to 127"),
        ("small", Vector([1, 2, 3]), "expected a Int8Vector, got a Vector"),
        ("bits", Vector([1] * 11), "expected a BitVector, got a Vector"),
        ("bits", [2] * 11, "component 0 is 2, which is no bit: 0 or 1"),
        ("bits", BitVector("1" * 12), "expected a vector of 11 dimensions, got 12"),
    ],
)
def test_a_vector_of_another_kind_is_refused_before_any_sql(
    rows: Database, sent: list[str], name: str, value: Any, problem: str
) -> None:
    sent.clear()
    docs = repository(KindRow, rows)
    with pytest.raises(InvalidVector) as given:
        setattr(KindRow(), name, value)
    with pytest.raises(InvalidVector) as asked:
        docs.similar_to(value, on=name)
    for refused in (given, asked):
        assert str(refused.value).startswith(f"KindRow.{name}: {problem}")
    assert sent == []


@pytest.mark.parametrize(("name", "metric"), [("half", "hamming"), ("bits", "cosine")])
def test_a_metric_of_another_kind_is_refused(rows: Database, name: str, metric: str) -> None:
    with pytest.raises(InvalidMetric, match=f"{metric} does not compare"):
        repository(KindRow, rows).similar_to([0] * 11, on=name, metric=metric)


def test_a_zero_vector_has_no_direction(rows: Database) -> None:
    docs = repository(KindRow, rows)
    for name in ("half", "small"):
        with pytest.raises(InvalidVector, match=f"KindRow.{name}: a zero vector has no direction"):
            docs.similar_to([0, 0, 0], on=name)


@HOLDS_SPARSE
def test_a_sparse_query_is_checked(sparse: Database) -> None:
    docs = repository(KindSparse, sparse)
    with pytest.raises(InvalidVector, match=r"KindSparse\.sparse: a zero vector has no direction"):
        docs.similar_to({})
    with pytest.raises(DimensionMismatch, match=r"KindSparse\.sparse: expected a vector of 9"):
        docs.similar_to(SparseVector({1: 1}, 8))
    with pytest.raises(
        InvalidVector, match=r"KindSparse\.sparse: an index is an integer from 0 to 8"
    ):
        docs.similar_to({9: 1})


@pytest.mark.engines(*(name for name in NAMES if name != "postgresql"))
def test_an_engine_without_sparse_vectors_says_so(db: Database) -> None:
    with pytest.raises(UnsupportedFeature, match="does not support sparse vectors; store them"):
        db.create_all(KindSparse)
    with pytest.raises(UnsupportedFeature, match="does not support sparse vectors; store them"):
        repository(KindSparse, db).similar_to({1: 1}).all()
    assert Kind.SPARSE not in db.capabilities().kinds


def test_an_entity_of_each_kind_goes_through_json(rows: Database) -> None:
    given = KindRow(id=1, half=HalfVector([0.5, 1, 2]), bits=BitVector("1" + "0" * 10))
    dumped = given.model_dump_json()
    assert dumped == '{"id":1,"half":[0.5,1.0,2.0],"small":null,"bits":[1,0,0,0,0,0,0,0,0,0,0]}'
    again = KindRow.model_validate_json(dumped)
    assert (again.half, again.bits, again.small) == (given.half, given.bits, None)
    repository(KindRow, rows).add(again)
    assert json.loads(repository(KindRow, rows).one().model_dump_json()) == json.loads(dumped)
