"""The same codes for faiss-cpu, which counts differing bits faster; where it is installed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentorm.embedded.codes import Codes

Packed = NDArray[np.uint8]
"""A row of bytes for each vector."""
_BY_COUNTING = "mc"


@cache
def faiss() -> Any:
    """faiss, or None where it is not installed or too old."""
    try:
        found = import_module("faiss")
    except ImportError:
        return None
    return found if hasattr(found, "knn_hamming") else None


def packed(codes: Codes) -> Packed:
    """The bytes of some codes."""
    return np.ascontiguousarray(codes.T).view(np.uint8)


def fewest_packed(parts: list[Packed], code: Packed, wanted: int) -> NDArray[np.int64]:
    """The places of so many rows of the fewest differing bits."""
    bits: list[NDArray[np.int32]] = []
    places: list[NDArray[np.int64]] = []
    start = 0
    with _one_thread():
        for part in parts:
            most = min(wanted, len(part))
            found, at = faiss().knn_hamming(code, part, most, variant=_BY_COUNTING)
            bits.append(found[0])
            places.append(at[0] + start)
            start += len(part)
    if len(parts) == 1:
        return places[0]
    every = np.concatenate(bits)
    return np.concatenate(places)[np.argsort(every, kind="stable")[:wanted]]


@contextmanager
def _one_thread() -> Generator[None]:
    """For one query others would wait for a core in vain; OpenMP keeps this for each thread."""
    before = faiss().omp_get_max_threads()
    faiss().omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss().omp_set_num_threads(before)
