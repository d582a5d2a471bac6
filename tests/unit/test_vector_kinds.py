"""Vectors of every kind as values: what they take, hold, refuse, and how they travel."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, cast

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from agentorm import (
    AnyVector,
    BitVector,
    DimensionMismatch,
    HalfVector,
    Int8Vector,
    InvalidMetric,
    InvalidVector,
    Kind,
    Metric,
    SparseVector,
    Vector,
)
from agentorm.vectors import as_vector, distances, vector_class

VALUES: dict[Kind, AnyVector] = {
    Kind.FLOAT32: Vector([1, -0.5, 3]),
    Kind.FLOAT16: HalfVector([1, -0.5, 3]),
    Kind.INT8: Int8Vector([1, -128, 127]),
    Kind.BIT: BitVector([1, 0, 1, 1, 0, 0, 0, 1, 1]),
    Kind.SPARSE: SparseVector({7: 2.5, 0: -1}, 9),
}
PACKED = {
    Kind.FLOAT32: "0000803f000000bf00004040",
    Kind.FLOAT16: "003c00b80042",
    Kind.INT8: "01807f",
    Kind.BIT: "b180",
    Kind.SPARSE: "0900000002000000" + "0000000007000000" + "000080bf00002040",
}
SHOWN = {
    Kind.FLOAT32: "Vector([1.0, -0.5, 3.0])",
    Kind.FLOAT16: "HalfVector([1.0, -0.5, 3.0])",
    Kind.INT8: "Int8Vector([1, -128, 127])",
    Kind.BIT: "BitVector([1, 0, 1, ... 9 in all])",
    Kind.SPARSE: "SparseVector({0: -1.0, 7: 2.5}, 9)",
}
IN_JSON: dict[Kind, Any] = {
    Kind.FLOAT32: [1.0, -0.5, 3.0],
    Kind.FLOAT16: [1.0, -0.5, 3.0],
    Kind.INT8: [1, -128, 127],
    Kind.BIT: [1, 0, 1, 1, 0, 0, 0, 1, 1],
    Kind.SPARSE: {"dimension": 9, "values": {"0": -1.0, "7": 2.5}},
}
KINDS = pytest.mark.parametrize("kind", Kind)


@KINDS
def test_a_value_is_packed_and_shown(kind: Kind) -> None:
    value = VALUES[kind]
    assert value.kind is kind
    assert type(value) is vector_class(kind)
    assert value.tobytes().hex() == PACKED[kind]
    assert repr(value) == SHOWN[kind]
    assert len(value) == value.dimension == (9 if kind in {Kind.BIT, Kind.SPARSE} else 3)


@KINDS
def test_a_value_is_immutable_and_equal_by_its_bits(kind: Kind) -> None:
    value = VALUES[kind]
    again = pickle.loads(pickle.dumps(value))  # noqa: S301
    assert (again, type(again), hash(again)) == (value, type(value), hash(value))
    assert copy.copy(value) is value
    assert copy.deepcopy(value) is value
    for name in ("_packed", "anything"):
        with pytest.raises(AttributeError, match=f"a {type(value).__name__} is immutable"):
            setattr(value, name, b"")
    assert all(value != other for other in VALUES.values() if other is not value)
    assert value != value.tobytes()


def test_the_same_bits_of_another_kind_or_dimension_are_another_value() -> None:
    assert Int8Vector([0, 0]) != HalfVector([0])
    assert BitVector([1]) != BitVector([1, 0])
    assert SparseVector({}, 2) != SparseVector({}, 3)
    assert HalfVector([0.0]) != HalfVector([-0.0])
    assert SparseVector({0: -0.0, 1: 0}, 3) == SparseVector({}, 3)


@KINDS
def test_a_value_goes_through_json(kind: Kind) -> None:
    of: Any = vector_class(kind)
    model: Any = type("Held", (BaseModel,), {"__annotations__": {"v": of}})
    held = model(v=VALUES[kind])
    assert json.loads(held.model_dump_json()) == {"v": IN_JSON[kind]}
    assert held.model_dump() == {"v": VALUES[kind]}
    assert model.model_validate_json(held.model_dump_json()).v == VALUES[kind]
    assert model.model_json_schema()["properties"]["v"] == of.json_schema() | {"title": "V"}
    with pytest.raises(ValidationError):
        model(v="abc")


def test_the_schema_of_each_kind() -> None:
    number = {"type": "number"}
    assert Vector.json_schema(3) == {
        "type": "array",
        "items": number,
        "minItems": 3,
        "maxItems": 3,
    }
    assert HalfVector.json_schema() == {
        "type": "array",
        "items": {"type": "number", "minimum": -65504, "maximum": 65504},
    }
    assert Int8Vector.json_schema() == {
        "type": "array",
        "items": {"type": "integer", "minimum": -128, "maximum": 127},
    }
    assert BitVector.json_schema() == {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": 1},
    }
    assert SparseVector.json_schema(9) == {
        "type": "object",
        "properties": {
            "dimension": {"type": "integer", "const": 9},
            "values": {
                "type": "object",
                "patternProperties": {"^(0|[1-9][0-9]*)$": number},
                "additionalProperties": False,
            },
        },
        "required": ["dimension", "values"],
        "additionalProperties": False,
    }


def test_components_are_numbers_of_python() -> None:
    half, small = HalfVector([0.5, 2]), Int8Vector([1, -2, 3])
    assert [*half] == half[:] == [0.5, 2.0]
    assert (half[-1], small[1], small[1:]) == (2.0, -2, [-2, 3])
    assert [type(x) for x in (half[0], small[0])] == [float, int]
    bits = BitVector([True, False, True])
    assert ([*bits], bits[0], bits[1:], bits[-1]) == ([1, 0, 1], 1, [0, 1], 1)
    with pytest.raises(IndexError):
        bits[3]


def test_numpy_reads_them_without_a_copy_where_it_can() -> None:
    half, small = HalfVector([0.5, 2]), Int8Vector([1, -2])
    for vector, dtype in ((half, np.float16), (small, np.int8)):
        array = np.asarray(vector)
        assert array.dtype == dtype
        assert not array.flags.writeable
        assert not array.flags.owndata
    assert np.asarray(half, np.float64).tolist() == [0.5, 2.0]
    bits = np.asarray(BitVector("0101"))
    assert bits.dtype == np.bool_
    assert bits.tolist() == [False, True, False, True]
    assert np.asarray(BitVector("01"), np.float32).tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="needs a copy"):
        BitVector("01").__array__(copy=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([65504, -65504, 65519.9], [65504, -65504, 65504]),
        (
            [5.960464477539063e-08, 2.9e-8, 6.1e-5],
            [5.960464477539063e-08, 0, 6.097555160522461e-05],
        ),
        ([0.1, 1 / 3, 2049], [0.0999755859375, 0.333251953125, 2048]),
        (Vector([0.1, 2]), [0.0999755859375, 2]),
        (np.array([1, 2], np.int64), [1, 2]),
    ],
)
def test_half_vectors_are_rounded(given: Any, expected: list[float]) -> None:
    assert HalfVector(given).tolist() == expected


@pytest.mark.parametrize(
    ("of", "given", "problem"),
    [
        (HalfVector, [1, 65520], "component 1 is 65520, which is no finite float16"),
        (HalfVector, [float("nan")], "component 0 is nan, which is no finite float16"),
        (HalfVector, ["a"], "expected numbers, got str as component 0"),
        (HalfVector, b"ab", "expected numbers, got bytes; HalfVector.from_bytes() reads packed"),
        (Int8Vector, [0, 128], "component 1 is 128, which is no integer from -128 to 127"),
        (Int8Vector, [-129], "component 0 is -129, which is no integer from -128 to 127"),
        (Int8Vector, [1.0, 0.5], "component 1 is 0.5, which is no integer from -128 to 127"),
        (Int8Vector, [float("nan")], "component 0 is nan, which is no integer from -128 to 127"),
        (Int8Vector, [True, False], "expected numbers, got bool as component 0"),
        (Int8Vector, [[1], [2]], "expected one axis, got list of 2 axes"),
        (BitVector, [0, 2], "component 1 is 2, which is no bit: 0 or 1"),
        (BitVector, [0.5], "component 0 is 0.5, which is no bit: 0 or 1"),
        (BitVector, "012", "expected numbers, got str as component 2"),
        (BitVector, [], "a vector has at least one component"),
        (BitVector, "", "a vector has at least one component"),
        (SparseVector, {1: 2.0}, "a mapping does not tell the dimension"),
        (SparseVector, [0.0, float("inf")], "component 1 is inf, which is no finite float32"),
    ],
)
def test_what_is_no_vector_of_the_kind_is_refused(of: Any, given: Any, problem: str) -> None:
    with pytest.raises(InvalidVector) as refused:
        of(given)
    assert str(refused.value).startswith(problem)


def test_integral_floats_are_integers_and_bits() -> None:
    assert Int8Vector([1.0, -128.0]) == Int8Vector(np.array([1, -128]))
    assert BitVector([1.0, 0.0]) == BitVector(np.array([True, False])) == BitVector("10")


@pytest.mark.parametrize(
    ("values", "dimension", "problem"),
    [
        ({3: 1.0}, 3, "an index is an integer from 0 to 2, got 3"),
        ({-1: 1.0}, 3, "an index is an integer from 0 to 2, got -1"),
        ({True: 1.0}, 3, "an index is an integer from 0 to 2, got True"),
        ({"1": 1.0}, 3, "an index is an integer from 0 to 2, got '1'"),
        ({1: 1e39}, 3, r"component 1 is 1e+39, which is no finite float32"),
        ({1: "x"}, 3, "expected numbers, got str as component 0"),
        ({}, 0, "a dimension is an integer from 1 to 2147483647, got 0"),
        ({}, True, "a dimension is an integer from 1 to 2147483647, got True"),
        ({"dimension": 3, "values": {"01": 1}}, None, "an index is an integer from 0 to 2"),
        ({"dimension": 3, "values": [1]}, None, "values is an object, got list"),
        ({"dimension": 3.5, "values": {}}, None, "a dimension is an integer from 1 to"),
        ({"dimension": 4, "values": {}}, 3, "expected a vector of 3 dimensions, got 4"),
        ([1.0, 0.0], 3, "expected a vector of 3 dimensions, got 2"),
    ],
)
def test_what_is_no_sparse_vector_is_refused(values: Any, dimension: Any, problem: str) -> None:
    with pytest.raises(InvalidVector) as refused:
        SparseVector(values, dimension)
    assert str(refused.value).startswith(problem)


def test_a_sparse_vector_is_read_by_index() -> None:
    given: Any = {7: 2.5, np.int64(0): -1, 3: 0.0}
    vector = SparseVector(given, 1_000_000_000)
    assert vector.items() == [(0, -1.0), (7, 2.5)]
    assert (vector[7], vector[3], vector[999_999_999]) == (2.5, 0.0, 0.0)
    assert (7 in vector, 3 in vector, "x" in vector) == (True, False, False)
    assert vector.indices.tolist() == [0, 7]
    assert vector.values.tolist() == [-1.0, 2.5]
    assert not vector.indices.flags.writeable
    for place in (-1, 1_000_000_000):
        with pytest.raises(IndexError):
            vector[place]
    with pytest.raises(TypeError):
        iter(cast("Any", vector))


def test_a_sparse_vector_of_components_in_every_place_and_back() -> None:
    vector = SparseVector([0, 1.5, 0, -2], 4)
    assert vector == SparseVector({1: 1.5, 3: -2}, 4) == SparseVector(Vector([0, 1.5, 0, -2]))
    assert vector.to_dense() == Vector([0, 1.5, 0, -2])
    assert SparseVector({}, 3).to_dense() == Vector([0, 0, 0])
    assert repr(SparseVector({}, 3)) == "SparseVector({}, 3)"
    assert repr(SparseVector([1] * 9)) == "SparseVector({0: 1.0, 1: 1.0, 2: 1.0, ... 9 in all}, 9)"


@KINDS
def test_packed_bytes_are_read_and_checked(kind: Kind) -> None:
    value, of = VALUES[kind], vector_class(kind)
    read: Any = of
    size = (9,) if kind is Kind.BIT else ()
    assert read.from_bytes(value.tobytes(), *size) == value
    assert read.from_bytes(memoryview(value.tobytes()), *size) == value
    with pytest.raises(InvalidVector):
        read.from_bytes(b"")
    if kind is not Kind.INT8:
        with pytest.raises(InvalidVector):
            read.from_bytes(value.tobytes() + b"\x01", *size)


def test_bits_behind_the_last_are_no_bits_of_a_vector() -> None:
    assert BitVector.from_bytes(b"\xa0") == BitVector("10100000")
    assert BitVector.from_bytes(b"\xa0", 3) == BitVector("101")
    with pytest.raises(InvalidVector, match="a bit behind the last of 2 is set"):
        BitVector.from_bytes(b"\xa0", 2)
    with pytest.raises(DimensionMismatch, match="expected a vector of 9 dimensions, got 8"):
        BitVector.from_bytes(b"\xa0", 9)


@pytest.mark.parametrize(
    "packed",
    [
        "09000000" + "01000000" + "09000000" + "0000803f",
        "09000000" + "01000000" + "ffffffff" + "0000803f",
        "09000000" + "02000000" + "0100000001000000" + "0000803f0000803f",
        "09000000" + "02000000" + "0200000001000000" + "0000803f0000803f",
        "09000000" + "01000000" + "01000000" + "0000807f",
        "09000000" + "ffffffff",
        "00000000" + "00000000",
    ],
    ids=["beyond", "negative", "twice", "falling", "infinite", "count", "no dimension"],
)
def test_packed_bytes_that_are_no_sparse_vector_are_refused(packed: str) -> None:
    with pytest.raises(InvalidVector):
        SparseVector.from_bytes(bytes.fromhex(packed))


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (Vector([0.1, 70]), Kind.FLOAT16, HalfVector([0.1, 70])),
        (HalfVector([0.1, 70]), Kind.FLOAT32, Vector([0.0999755859375, 70])),
        (Vector([0, 2]), Kind.SPARSE, SparseVector({1: 2}, 2)),
        ({1: 2}, Kind.SPARSE, SparseVector({1: 2}, 2)),
        ({"dimension": 2, "values": {"1": 2}}, Kind.SPARSE, SparseVector({1: 2}, 2)),
        ([1, 0], Kind.BIT, BitVector("10")),
        ([1, 0], Kind.INT8, Int8Vector([1, 0])),
    ],
)
def test_what_is_accepted_for_a_kind(value: Any, kind: Kind, expected: AnyVector) -> None:
    assert as_vector(value, dimension=2, kind=kind) == expected


@pytest.mark.parametrize(
    ("value", "kind", "problem"),
    [
        (Vector([1, 0]), Kind.BIT, "expected a BitVector, got a Vector; BitVector(numpy.asarray("),
        (
            Vector([1, 0]),
            Kind.INT8,
            "expected a Int8Vector, got a Vector; Int8Vector(list(vector))",
        ),
        (BitVector("10"), Kind.FLOAT32, "expected a Vector, got a BitVector; Vector(list(vector))"),
        (Int8Vector([1, 2]), Kind.FLOAT16, "expected a HalfVector, got a Int8Vector"),
        (SparseVector({}, 2), Kind.FLOAT32, "expected a Vector, got a SparseVector; to_dense()"),
        (Vector([1e6, 0]), Kind.FLOAT16, "component 0 is 1000000.0, which is no finite float16"),
        ({"dimension": 3, "values": {}}, Kind.SPARSE, "expected a vector of 2 dimensions, got 3"),
    ],
)
def test_what_is_of_another_kind_is_refused(value: Any, kind: Kind, problem: str) -> None:
    with pytest.raises(InvalidVector) as refused:
        as_vector(value, dimension=2, kind=kind, field="Doc.v")
    assert str(refused.value).startswith(f"Doc.v: {problem}")


def test_metrics_fit_their_kinds() -> None:
    assert [m.value for m in Metric if m.fits(Kind.BIT)] == ["hamming", "jaccard"]
    for kind in set(Kind) - {Kind.BIT}:
        assert [m.value for m in Metric if m.fits(kind)] == ["cosine", "l2", "inner_product", "l1"]
    assert (Metric.usual(Kind.BIT), Metric.usual(Kind.INT8)) == (Metric.HAMMING, Metric.COSINE)
    with pytest.raises(InvalidMetric, match="cosine does not compare bit vectors; choose from"):
        Metric.named("cosine", Kind.BIT)


def test_zero_vectors() -> None:
    zeros = (HalfVector([0, -0.0]), Int8Vector([0]), BitVector("000"), SparseVector({}, 5))
    assert all(zero.is_zero for zero in zeros)
    assert not any(value.is_zero for value in VALUES.values())


def test_distances_of_bits() -> None:
    query = BitVector("110000001")
    others = ["110000001", "000000000", "001111110", "110000000"]
    rows = np.frombuffer(b"".join(BitVector(o).tobytes() for o in others), np.uint8).reshape(4, -1)
    assert distances(rows, query, Metric.HAMMING).tolist() == [0.0, 3.0, 9.0, 1.0]
    assert distances(rows, query, Metric.JACCARD).tolist() == [0.0, 1.0, 1.0, 1 - 2 / 3]
    zeros = np.zeros((1, 2), np.uint8)
    assert distances(zeros, BitVector("000000000"), Metric.JACCARD).tolist() == [1.0]
    with pytest.raises(InvalidMetric):
        distances(rows, query, Metric.COSINE)


def test_distances_of_small_integers_are_exact() -> None:
    long = np.array([[-128] * 16000, [127] * 16000], np.int8)
    query = Int8Vector([-128] * 16000)
    assert distances(long, query, Metric.L1).tolist() == [0.0, 255.0 * 16000]
    assert distances(long, query, Metric.INNER_PRODUCT).tolist() == [
        -16384.0 * 16000,
        16256.0 * 16000,
    ]
    assert distances(long, query, Metric.L2).tolist() == [0.0, 255.0 * 16000**0.5]
    assert distances(long, query, Metric.COSINE).tolist() == [0.0, 2.0]
