"""Vectors come back bit for bit, whatever holds their numbers when they are given."""

from __future__ import annotations

import array
from struct import pack
from typing import Any

import numpy as np
import pytest

from agentorm import (
    HNSW,
    Database,
    DimensionMismatch,
    Entity,
    Field,
    InvalidVector,
    MissingValue,
    Vector,
    repository,
    vector_field,
)
from tests.contract.models import Contract, Doc, vector
from tests.engines import NAMES

pytestmark = pytest.mark.engines(*NAMES)

LARGEST, SMALLEST, SUBNORMAL = 3.4028234663852886e38, 1.1754943508222875e-38, 1.401298464324817e-45


NOTHING: dict[str, Any] = {}


class Broad(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    embedding: Vector = vector_field(1536, index=HNSW())


@pytest.mark.parametrize(
    "components",
    [
        [-0.0, 0.0, -0.0],
        [SUBNORMAL, -SUBNORMAL, 1.0],
        [0.1, 1 / 3, 16777217.0],
        [1e-30, 1.00000012, -7.0],
    ],
    ids=["signed zeros", "subnormal", "rounded", "mixed"],
)
def test_a_vector_comes_back_bit_for_bit(library: Database, components: list[float]) -> None:
    bit_for_bit(library, components)


@pytest.mark.engines(*(name for name in NAMES if name != "mariadb"))
@pytest.mark.parametrize(
    "components",
    [[LARGEST, -LARGEST, 1.0], [SUBNORMAL, -SUBNORMAL, SMALLEST]],
    ids=["largest", "smallest"],
)
def test_extremes_come_back_bit_for_bit(library: Database, components: list[float]) -> None:
    bit_for_bit(library, components)


@pytest.mark.engines("mariadb")
@pytest.mark.parametrize(
    ("taken", "refused", "length"),
    [
        ([1e19, -1.5e19, 1.0], [0.0, 2e19, 1.0], r"2e\+19"),
        ([0.0, -1.1e-16, SMALLEST], [0.0, 9e-17, 0.0], "9e-17"),
    ],
    ids=["long", "short"],
)
def test_mariadb_takes_vectors_of_usual_length(
    library: Database, sent: list[str], taken: list[float], refused: list[float], length: str
) -> None:
    bit_for_bit(library, taken)
    sent.clear()
    with pytest.raises(InvalidVector, match=f"a vector of length {length}, and MariaDB takes"):
        repository(Doc, library).add(Doc(title="y", embedding=vector(*refused)))
    assert sent == []


def bit_for_bit(library: Database, components: Any) -> None:
    docs = repository(Doc, library)
    key = docs.add(Doc(title="x", embedding=components)).id
    row = docs.get(key)
    assert row is not None
    assert row.embedding is not None
    assert row.embedding.tobytes() == pack("<3f", *components)
    assert row == Doc(id=key, title="x", embedding=components)


@pytest.mark.parametrize(
    "given",
    [
        [1, 2, 3],
        (1.0, 2.0, 3.0),
        np.array([1, 2, 3], np.float64),
        np.array([1, 2, 3], ">f4"),
        np.array([9, 1, 9, 2, 9, 3], np.float16)[1::2],
        array.array("f", [1, 2, 3]),
        memoryview(array.array("d", [1, 2, 3])),
        Vector([1, 2, 3]),
    ],
    ids=["list", "tuple", "float64", "big endian", "strided", "array", "buffer", "vector"],
)
def test_a_vector_is_taken_from_whatever_holds_numbers(library: Database, given: Any) -> None:
    docs = repository(Doc, library)
    docs.add(Doc(title="x", embedding=given))
    hits = docs.similar_to(given).limit(1).hits()
    assert hits[0].entity.embedding == Vector([1, 2, 3])
    assert hits[0].distance == pytest.approx(0.0, abs=1e-7)


def test_a_wide_vector_comes_back_through_every_ending(db: Database) -> None:
    db.create_all(Broad)
    numbers: Any = np.sin(np.arange(1536)).astype(np.float32)
    wide = repository(Broad, db)
    key = wide.add(Broad(embedding=numbers)).id
    rows = [
        wide.get(key),
        wide.get_many([key])[0],
        wide.one(),
        next(iter(wide.stream())),
        wide.similar_to(numbers).limit(1).first(),
        wide.upsert([Broad(id=key, embedding=numbers)])[0],
    ]
    assert {row.embedding.tobytes() for row in rows if row} == {numbers.tobytes()}
    assert len(rows) == 6


def test_a_vector_is_replaced_and_removed(library: Database) -> None:
    docs = repository(Doc, library)
    doc = docs.add(Doc(title="x", embedding=vector(1, 0, 0)))
    docs.update(doc, embedding=vector(0, 1, 0))
    assert docs.one().embedding == Vector([0, 1, 0])
    assert docs.update_where(Doc.title == "x", embedding=vector(0, 0, 1)) == 1
    assert docs.one().embedding == Vector([0, 0, 1])
    docs.update(doc, embedding=None)
    assert docs.one().embedding is None


def test_an_equal_vector_is_no_change(library: Database, sent: list[str]) -> None:
    repository(Doc, library).add(Doc(title="x", embedding=vector(1, 0, 0)))
    with library.transaction() as session:
        doc = repository(Doc, session).one()
        doc.embedding = Vector([1, 0, 0])
        sent.clear()
    assert sent == []


def test_vectors_are_compared_as_values(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add_all(
        [Doc(title="a", embedding=vector(1, 0, 0)), Doc(title="b", embedding=vector(0, 1, 0))]
    )
    assert [doc.title for doc in docs.where(Doc.embedding == [0, 1, 0]).all()] == ["b"]
    assert [doc.title for doc in docs.where(Doc.embedding == Vector([1, 0, 0])).all()] == ["a"]


@pytest.mark.parametrize(
    ("given", "kind", "problem"),
    [
        ([1, 2], DimensionMismatch, r"Doc\.embedding: expected a vector of 3 dimensions, got 2"),
        ([1, 2, 3, 4], DimensionMismatch, "expected a vector of 3 dimensions, got 4"),
        ([], InvalidVector, r"Doc\.embedding: a vector has at least one component"),
        ([1, float("nan"), 3], InvalidVector, r"Doc\.embedding: component 1 is nan"),
        ([1, 2, float("-inf")], InvalidVector, r"Doc\.embedding: component 2 is -inf"),
        ([1e39, 0, 0], InvalidVector, r"Doc\.embedding: component 0 is 1e\+39"),
        (["a", "b", "c"], InvalidVector, r"Doc\.embedding: expected numbers, got str"),
        ("abc", InvalidVector, r"Doc\.embedding: expected numbers, got str"),
        (b"abcdefghijkl", InvalidVector, r"from_bytes\(\) reads packed float32"),
        ([[1, 2, 3]], InvalidVector, r"Doc\.embedding: expected one axis, got list of 2 axes"),
        ([1, None, 3], InvalidVector, r"Doc\.embedding: expected numbers, got NoneType"),
        ([True, False, True], InvalidVector, r"Doc\.embedding: expected numbers, got bool"),
        (7, InvalidVector, r"Doc\.embedding: expected numbers along one axis, got int"),
    ],
)
def test_what_is_no_vector_is_refused_before_any_sql(
    library: Database, sent: list[str], given: Any, kind: type[InvalidVector], problem: str
) -> None:
    docs = repository(Doc, library)
    doc = Doc(title="kept", embedding=vector(1, 0, 0))
    sent.clear()
    with pytest.raises(kind, match=problem):
        Doc(title="x", embedding=given)
    with pytest.raises(kind, match=problem):
        doc.embedding = given
    with pytest.raises(kind, match=problem):
        docs.similar_to(given)
    with pytest.raises(kind, match=problem):
        docs.update_where(Doc.title == "x", embedding=given)
    assert doc.embedding == Vector([1, 0, 0])
    assert sent == []


def test_a_required_vector_may_not_be_missing_at_the_write(db: Database) -> None:
    db.create_all(Broad)
    with pytest.raises(MissingValue, match=r"Broad\.embedding: a value is required"):
        repository(Broad, db).add(Broad(**NOTHING))
    assert repository(Broad, db).count() == 0


def test_a_vector_is_a_json_list() -> None:
    class Answer(Entity):
        doc: Doc

    doc = Doc(id=1, title="x", embedding=vector(1, 0.5, 0))
    assert '"embedding":[1.0,0.5,0.0]' in doc.model_dump_json()
    assert Doc.model_validate_json(doc.model_dump_json()) == doc
    assert '"embedding":[1.0,0.5,0.0]' in Answer(doc=doc).model_dump_json()
