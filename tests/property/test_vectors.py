"""Vectors bit for bit, and the arithmetic of metrics."""

from __future__ import annotations

import copy
import json
import pickle
from array import array
from math import inf, isclose
from struct import pack

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sqlalchemy import text

from agentorm import Database, InvalidQuery, Metric, Vector, repository
from tests import strategies
from tests.engines import NAMES
from tests.property.models import Event, Note
from tests.property.oracle import Row
from tests.property.running import examples_share_the_database, stored

FLOAT_METRICS = [Metric(name) for name in strategies.METRICS]
any_vector = st.lists(strategies.any_float32, min_size=1, max_size=9)
three = st.tuples(*[strategies.any_float32] * 3)
usual = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0]),
    st.floats(2.0**-50, 2.0**62, width=32),
    st.floats(-(2.0**62), -(2.0**-50), width=32),
)
usual_three = st.tuples(usual, usual, usual)
"""Of a length that every engine takes: MariaDB wants 1e-16 to 1.8e19, or zero."""


def packed(components: list[float] | tuple[float, ...]) -> bytes:
    return pack(f"<{len(components)}f", *components)


@given(any_vector)
@example([-0.0, 0.0])
@example([1e-45, -3.4028234663852886e38])
def test_a_vector_holds_the_bits_it_was_given(components: list[float]) -> None:
    bits = packed(components)
    for vector in (
        Vector(components),
        Vector(tuple(components)),
        Vector(np.array(components, np.float64)),
        Vector(np.array(components, np.float32)),
        Vector(np.array(components, ">f4")),
        Vector.from_bytes(bits),
        Vector(array("f", components)),
        Vector(memoryview(array("f", components))),
    ):
        assert vector.tobytes() == bits
        assert vector == Vector.from_bytes(bits)
        assert hash(vector) == hash(Vector.from_bytes(bits))
        assert packed(vector.tolist()) == packed(list(vector)) == bits
        assert np.asarray(vector).tobytes() == bits
        assert len(vector) == len(components)


@given(any_vector)
def test_a_copy_is_the_same_vector(components: list[float]) -> None:
    vector = Vector(components)
    adapter = TypeAdapter(Vector)
    assert copy.copy(vector) is vector
    assert copy.deepcopy(vector) is vector
    assert pickle.loads(pickle.dumps(vector)) == vector  # noqa: S301  # it was dumped here
    assert adapter.validate_json(adapter.dump_json(vector)) == vector
    assert packed(json.loads(adapter.dump_json(vector))) == vector.tobytes()


@given(any_vector, any_vector)
def test_vectors_are_equal_when_their_bits_are(one: list[float], other: list[float]) -> None:
    assert (Vector(one) == Vector(other)) == (packed(one) == packed(other))


@pytest.mark.engines(*(name for name in NAMES if name != "mariadb"))
@examples_share_the_database
@given(st.lists(three, min_size=1, max_size=4))
@example([(1e-45, -3.4028234663852886e38, 1.1754943508222875e-38)])
@example([(-0.0, 0.0, -1e-45)])
def test_a_vector_comes_back_bit_for_bit(
    world: Database, given_vectors: list[tuple[float, ...]]
) -> None:
    check_bits(world, given_vectors)


@pytest.mark.engines("mariadb")
@examples_share_the_database
@given(st.lists(usual_three, min_size=1, max_size=4))
@example([(1e-45, -1.8e19, 1.1754943508222875e-38)])
@example([(-0.0, 0.0, -0.0)])
def test_a_vector_of_usual_length_comes_back_bit_for_bit(
    world: Database, given_vectors: list[tuple[float, ...]]
) -> None:
    check_bits(world, given_vectors)


def check_bits(world: Database, given_vectors: list[tuple[float, ...]]) -> None:
    rows: list[Row] = [
        {"id": n, "title": "x", "month": 1, "done": True, "embedding": vector}
        for n, vector in enumerate(given_vectors, start=1)
    ]
    bits = [packed(vector) for vector in given_vectors]
    with stored(world, (Note, rows)) as session:
        notes = repository(Note, session)
        assert [bytes_of(note) for note in notes.all()] == bits
        assert [bytes_of(note) for note in notes.stream()] == bits
        session.expunge_all()
        written = notes.upsert(Note(**row) for row in rows)
        assert [bytes_of(note) for note in written] == bits
        session.expunge_all()
        assert [bytes_of(note) for note in notes.get_many(range(1, len(rows) + 1))] == bits


def bytes_of(note: Note) -> bytes:
    assert note.embedding is not None
    return note.embedding.tobytes()


@pytest.mark.engines("postgresql")
@examples_share_the_database
@given(three)
def test_a_vector_that_comes_back_as_text_is_the_same(
    world: Database, components: tuple[float, ...]
) -> None:
    row: Row = {"id": 1, "title": "x", "month": 1, "done": True, "embedding": components}
    with stored(world, (Note, [row])) as session:
        found = session.connection().execute(text("SELECT embedding FROM note")).scalar_one()
        assert found.tobytes() == packed(components)


@pytest.mark.engines(*NAMES)
@examples_share_the_database
@given(usual_three, usual_three)
def test_several_vectors_of_a_row_are_not_mixed_up(
    world: Database, one: tuple[float, ...], other: tuple[float, ...]
) -> None:
    text_vector, image = [*one, *other, 1.0, 2.0], other[:2]
    row: Row = {"id": "00000000-0000-0000-0000-000000000001", "text": text_vector, "image": image}
    with stored(world, (Event, [row])) as session:
        (event,) = repository(Event, session).all()
        assert (event.text, event.image) == (Vector(text_vector), Vector(image))


metrics = st.sampled_from(FLOAT_METRICS)
distances = st.floats(0, 1e6) | st.sampled_from([0.0, 1.0, 1e-6])


@given(metrics, distances)
def test_a_distance_is_that_of_its_score(metric: Metric, distance: float) -> None:
    back = metric.distance_of(metric.score(distance, 3), 3)
    assert isclose(back, distance, rel_tol=1e-9, abs_tol=1e-9)


@given(metrics, st.floats(1e-6, 1.0))
def test_a_score_is_that_of_its_distance(metric: Metric, score: float) -> None:
    assert isclose(metric.score(metric.distance_of(score, 3), 3), score, rel_tol=1e-9)


@given(metrics, distances, distances)
def test_a_nearer_row_scores_higher(metric: Metric, one: float, other: float) -> None:
    assume(one < other)
    assert metric.score(one, 3) >= metric.score(other, 3)


@pytest.mark.parametrize(
    ("metric", "distance", "score"),
    [
        (Metric.COSINE, 0.25, 0.75),
        (Metric.COSINE, 2.0, -1.0),
        (Metric.L2, 3.0, 0.25),
        (Metric.L1, 0.0, 1.0),
        (Metric.INNER_PRODUCT, -7.5, 7.5),
        (Metric.HAMMING, 2.0, 0.75),
        (Metric.JACCARD, 0.125, 0.875),
    ],
)
def test_the_formulas(metric: Metric, distance: float, score: float) -> None:
    assert metric.score(distance, 8) == score
    assert metric.distance_of(score, 8) == distance


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        (Metric.COSINE, 1.1),
        (Metric.L2, 0.0),
        (Metric.L2, 1.1),
        (Metric.L1, -0.5),
        (Metric.JACCARD, 2.0),
        (Metric.INNER_PRODUCT, inf),
    ],
)
def test_a_score_that_no_distance_has(metric: Metric, score: float) -> None:
    with pytest.raises(InvalidQuery, match="score"):
        metric.distance_of(score, 8)
