"""sqlite-vec's functions of int8 and bits, where Python computes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from agentorm import BitVector, Int8Vector
from agentorm.dialects import sqlite_numpy


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A connection that has nothing but these functions."""
    with closing(sqlite3.connect(":memory:")) as made:
        sqlite_numpy.register(made)
        yield made


@pytest.mark.parametrize(
    ("function", "expected"),
    [("l1", 510.0), ("l2", (2 * 255**2) ** 0.5), ("cosine", 2.0)],
)
def test_distances_of_small_integers(
    connection: sqlite3.Connection, function: str, expected: float
) -> None:
    asked = f"SELECT vec_distance_{function}(vec_int8(?), vec_int8(?))"
    given = (Int8Vector([-128, -128]).tobytes(), Int8Vector([127, 127]).tobytes())
    assert connection.execute(asked, given).fetchone() == (pytest.approx(expected),)


def test_bits_that_differ(connection: sqlite3.Connection) -> None:
    asked = "SELECT vec_distance_hamming(vec_bit(?), vec_bit(?))"
    one, other = BitVector("1" * 9).tobytes(), BitVector("0" * 8 + "1").tobytes()
    assert connection.execute(asked, (one, other)).fetchone() == (8.0,)
    for odd in (b"", b"\x00", None):
        with pytest.raises(sqlite3.OperationalError):
            connection.execute(asked, (odd, one))
