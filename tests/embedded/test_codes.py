"""Codes, places and files of an index, each beside the plainest way to do the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentorm.change_logs import declared_index
from agentorm.embedded import files
from agentorm.embedded.calibration import Calibration, Measured
from agentorm.embedded.codes import differing, encoded, fewest, words_of
from agentorm.embedded.contents import Builder, Contents
from agentorm.embedded.measures import apart, kept
from agentorm.embedded.places import NOWHERE, PlaceMap
from agentorm.embedded.searching import Version
from agentorm.embedded.source import Declared
from agentorm.vectors import Metric
from tests.embedded.shelves import DIMENSION, ByName, table_of

CHANCE = np.random.default_rng(7)


def a_version(declared: Declared, rows: int) -> Version:
    """An index of rows by chance."""
    vectors = CHANCE.normal(size=(rows, declared.dimension)).astype(np.float32)
    centre = np.zeros(declared.dimension, np.float32)
    builder = Builder(declared.dimension, keeps=True, expected=rows)
    builder.add(np.arange(rows), encoded(vectors, centre), vectors)
    calibration = Calibration(0.99, (Measured(1, 20, 1.0), Measured(10, 90, 0.995)), rows)
    return Version(builder.finished(), declared.metric, centre, calibration, 12, -34, 5)


@pytest.mark.parametrize("dimension", [1, 8, 63, 64, 65, 200, 384, 1000])
def test_codes_differ_in_as_many_bits_as_signs_differ(dimension: int) -> None:
    vectors = CHANCE.normal(size=(300, dimension)).astype(np.float32)
    centre = vectors.mean(axis=0)
    codes = encoded(vectors, centre)
    assert codes.shape == (words_of(dimension), 300)
    signs = vectors > centre
    expected = [int((signs[0] != other).sum()) for other in signs]
    parts = [codes[:, :100], codes[:, 100:101], codes[:, 101:]]
    assert differing(parts, codes[:, 0]).tolist() == expected


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=300),
    st.integers(1, 320),
)
def test_the_fewest_are_all_up_to_some_number(counts: list[int], wanted: int) -> None:
    found = np.array(counts, np.uint16)
    places = fewest(found, wanted)
    assert len(places) >= min(wanted, len(counts))
    left_out = np.delete(found, places)
    assert not len(left_out) or left_out.min() > found[places].max()


numbers = st.one_of(
    st.integers(0, 40), st.integers(-3, 3), st.sampled_from([10**6, 2**62, -(2**63), 2**63 - 1])
)


@given(st.lists(numbers, unique=True), st.lists(st.lists(numbers, unique=True, min_size=1)))
def test_a_map_of_places_is_a_dictionary(first: list[int], steps: list[list[int]]) -> None:
    known = PlaceMap.of(np.array(first, np.int64))
    expected = {number: place for place, number in enumerate(first)}
    place = len(first)
    asked = np.array([*range(-3, 41), 10**6, 2**62, -(2**63), 2**63 - 1], np.int64)
    for step in steps:
        goes = len(step) % 3 == 0
        places = [NOWHERE if goes else place + i for i in range(len(step))]
        place += len(step)
        before, known = known, known.moved(np.array(step, np.int64), np.array(places, np.int64))
        there = [expected.get(number, NOWHERE) for number in asked.tolist()]
        assert before.find(asked).tolist() == there
        expected |= dict(zip(step, places, strict=True))
        there = [expected.get(number, NOWHERE) for number in asked.tolist()]
        assert known.find(asked).tolist() == there


def test_a_map_with_many_rows_of_wide_numbers_stays_right() -> None:
    wide = CHANCE.permutation(np.arange(0, 10**12, 10**8))
    known = PlaceMap.of(wide)
    late = wide[:5_000] + 1
    known = known.moved(late, np.arange(10_000, 15_000))
    known = known.moved(wide[:10], np.full(10, NOWHERE))
    assert known.find(wide[10:20]).tolist() == [*range(10, 20)]
    assert known.find(wide[:10]).tolist() == [NOWHERE] * 10
    assert known.find(late).tolist() == [*range(10_000, 15_000)]


def test_an_older_version_stays_as_it_was() -> None:
    zeros = np.zeros(8, np.float32)
    contents = Contents.empty(8, keeps=True)
    seen: list[tuple[Contents, dict[int, float]]] = []
    expected: dict[int, float] = {}
    for step in range(60):
        rows = CHANCE.choice(500, size=100, replace=False)
        vectors = np.full((100, 8), step, np.float32)
        contents = contents.added(rows, encoded(vectors, zeros), vectors)
        expected = expected | dict.fromkeys(rows.tolist(), float(step))
        gone = CHANCE.choice(500, size=5, replace=False)
        contents = contents.without(gone)
        expected = {row: value for row, value in expected.items() if row not in set(gone.tolist())}
        seen.append((contents, expected))
    for held, values in seen:
        assert held.live == len(values)
        every = np.array(sorted(values), np.int64)
        places = held.map.find(every)
        assert places.max() < held.size
        found, known = held.vectors_at(places)
        assert known.all()
        assert found[:, 0].tolist() == [values[row] for row in sorted(values)]
        assert held.numbers_at(places).tolist() == every.tolist()


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2, Metric.INNER_PRODUCT])
def test_what_cannot_be_measured_does_not_count(metric: Metric) -> None:
    zero, tiny, huge = [0.0, 0.0], [1e-30, 0.0], [3e38, 3e38]
    odd = [[np.nan, 1.0], [np.inf, 0.0], zero, tiny, huge, [1.0, 2.0]]
    vectors, counted = kept(np.array(odd, np.float32), metric)
    assert counted.tolist() == [False, False, metric is not Metric.COSINE, True, True, True]
    if metric is Metric.COSINE:
        assert np.allclose(np.linalg.norm(vectors[counted], axis=1), 1)
        assert apart(vectors[counted], vectors[3], metric)[0] == pytest.approx(-1)


@pytest.fixture
def declared() -> Declared:
    return declared_index(table_of(ByName).c.embedding, Metric.L2, 0.99, "ByName.embedding")


def test_a_file_holds_what_was_written(declared: Declared, tmp_path: Path) -> None:
    version, path = a_version(declared, 200), tmp_path / "index"
    files.write(path, version, declared)
    found = files.read(path, declared, keeps=True)
    assert (found.clock, found.stamp, found.schema) == (12, -34, 5)
    assert found.calibration == version.calibration
    assert found.contents.all_numbers().tolist() == [*range(200)]
    assert found.contents.codes[0].tolist() == version.contents.codes[0].tolist()
    assert not found.contents.all_known
    assert [each.name for each in tmp_path.iterdir()] == ["index"]


def test_a_damaged_file_is_not_read(declared: Declared, tmp_path: Path) -> None:
    path = tmp_path / "index"
    files.write(path, a_version(declared, 200), declared)
    whole = path.read_bytes()
    for place in [*range(0, len(whole), 7), len(whole) - 1]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(files.Unusable):
            files.read(path, declared, keeps=True)
    for size in [0, 5, 20, 100, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(files.Unusable):
            files.read(path, declared, keeps=True)


def test_what_a_killed_writer_left_is_deleted(declared: Declared, tmp_path: Path) -> None:
    left, young = tmp_path / "index.0123", tmp_path / "index.4567"
    left.write_bytes(b"")
    young.write_bytes(b"")
    os.utime(left, (0, 0))
    files.write(tmp_path / "index", a_version(declared, 3), declared)
    assert {each.name for each in tmp_path.iterdir()} == {"index", "index.4567"}


def test_a_file_of_another_index_is_not_read(declared: Declared, tmp_path: Path) -> None:
    path, column = tmp_path / "index", table_of(ByName).c.embedding
    files.write(path, a_version(declared, 20), declared)
    for metric, recall in ((Metric.COSINE, 0.99), (Metric.L2, 0.9)):
        other = declared_index(column, metric, recall, "ByName.embedding")
        with pytest.raises(files.Unusable, match="of another index or version"):
            files.read(path, other, keeps=True)
    assert declared.dimension == DIMENSION
