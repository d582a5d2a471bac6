"""sqlite-vec's functions, computed in Python where sqlite-vec cannot be loaded."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan, nan, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agentorm.vectors import PACKED

NOTE = "SQLite's distance functions run in Python (numpy), slower than sqlite-vec"

_Floats: TypeAlias = NDArray[np.float64]


def register(connection: Any) -> None:
    """Give a DBAPI connection the functions ``vec_distance_...``, ``vec_int8`` and ``vec_bit``.

    Of cosine, l2 and l1 they take two BLOBs of packed little-endian float32, or ``vec_int8`` of
    packed int8; of hamming ``vec_bit`` of packed bits. They fail where sqlite-vec's fail: on NULL,
    on an empty BLOB, on BLOBs of different lengths. Cosine with a zero vector is NULL. They compute
    in float64, so that very small and very large components are right too, unlike sqlite-vec's.
    """
    for name, distance, prepare in _FUNCTIONS:
        over_blobs = _over_blobs(distance, prepare)
        connection.create_function(name, 2, over_blobs, deterministic=True)
    connection.create_function("vec_distance_hamming", 2, _hamming, deterministic=True)
    connection.create_function("vec_int8", 1, _float32_of_int8, deterministic=True)
    connection.create_function("vec_bit", 1, bytes, deterministic=True)


def _hamming(row: bytes, query: bytes) -> float:
    if len(row) != len(query) or not row:
        raise ValueError(f"vectors of {len(row)} and {len(query)} bytes have no distance")
    return float((int.from_bytes(row) ^ int.from_bytes(query)).bit_count())


def _float32_of_int8(packed: bytes) -> bytes:
    """The functions of distances are told by no type what they are given, as sqlite-vec's are."""
    return np.frombuffer(packed, np.int8).astype(PACKED).tobytes()


def _over_blobs(
    distance: Callable[[_Floats, _Floats], float], prepare: Callable[[_Floats], _Floats]
) -> Callable[[bytes, bytes], float]:
    latest = b"", np.empty(0)

    def over_blobs(row: bytes, query: bytes) -> float:
        nonlocal latest
        if len(row) != len(query) or not row:
            raise ValueError(f"vectors of {len(row)} and {len(query)} bytes have no distance")
        known, prepared = latest
        if known != query:
            prepared = prepare(_floats(query))
            latest = query, prepared
        return distance(_floats(row), prepared)

    return over_blobs


def _floats(packed: bytes) -> _Floats:
    return np.frombuffer(packed, PACKED).astype(np.float64)


def _norm(vector: _Floats) -> float:
    return sqrt(vector.dot(vector))


def _unit(vector: _Floats) -> _Floats:
    norm = _norm(vector)
    return vector / norm if norm else np.full_like(vector, nan)


def _cosine(row: _Floats, unit_query: _Floats) -> float:
    """NaN, which is NULL to SQLite, with a zero vector."""
    norm = _norm(row)
    if not norm:
        return nan
    cosine = float(row.dot(unit_query)) / norm
    return nan if isnan(cosine) else 1.0 - min(max(cosine, -1.0), 1.0)


def _l2(row: _Floats, query: _Floats) -> float:
    return _norm(row - query)


def _l1(row: _Floats, query: _Floats) -> float:
    return float(np.abs(row - query).sum())


def _as_is(query: _Floats) -> _Floats:
    return query


_FUNCTIONS = (
    ("vec_distance_cosine", _cosine, _unit),
    ("vec_distance_l2", _l2, _as_is),
    ("vec_distance_l1", _l1, _as_is),
)
