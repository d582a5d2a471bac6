"""Vectors as one bit for each component, and how many bits differ: a first, rough distance.

The bit says on which side of the centre of all vectors a component lies. The number of bits in
which two vectors differ grows with the angle between them (Charikar, Similarity estimation
techniques from rounding algorithms, 2002), so the nearest are among the rows of the fewest, and
need to be measured truly only among these.

The bits are kept as 64-bit words, the first word of every row, then the second of every row: each
pass of numpy is over adjacent memory.
"""

from __future__ import annotations

from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint64]
Vectors = NDArray[np.float32]
BITS = 64
_ROWS_AT_A_TIME = 65_536
"""Rows whose words and counts stay in a core's own cache: 800 KB."""
_WORDS_IN_A_BYTE = 3
"""Words whose counts, of up to 64 each, can be summed up in one byte."""
_SAMPLED = 4_096
_SPARE = 1.1


def words_of(dimension: int) -> int:
    """How many words the bits of a vector take."""
    return -(-dimension // BITS)


def encoded(vectors: Vectors, centre: Vectors) -> Codes:
    """The words of some vectors, a row for each word."""
    bits = np.packbits(vectors > centre, axis=1, bitorder="little")
    padded = np.zeros((len(vectors), words_of(vectors.shape[1]) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return np.ascontiguousarray(padded.view("<u8").astype(np.uint64, copy=False).T)


class _Scratch(local):
    """What a thread writes to while it counts, kept for its next search."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}

    def array(self, name: str, size: int, dtype: type[Any]) -> NDArray[Any]:
        kept = self._arrays.get(name)
        if kept is None or len(kept) < size:
            kept = self._arrays[name] = np.empty(size + size // 4, dtype)
        return kept[:size]


_scratch = _Scratch()


def differing(parts: list[Codes], code: Codes) -> NDArray[np.uint16]:
    """In how many bits each row differs from a vector, the parts one after the other.

    The array is the thread's own, until its next call.
    """
    total = sum(part.shape[1] for part in parts)
    found = _scratch.array("found", total, np.uint16)
    words = _scratch.array("words", _ROWS_AT_A_TIME, np.uint64)
    counts = _scratch.array("counts", _ROWS_AT_A_TIME, np.uint8)
    sums = _scratch.array("sums", _ROWS_AT_A_TIME, np.uint8)
    start = 0
    for part in parts:
        for first in range(0, part.shape[1], _ROWS_AT_A_TIME):
            rows = part[:, first : first + _ROWS_AT_A_TIME]
            size = rows.shape[1]
            _count(
                rows, code, found[start : start + size], words[:size], counts[:size], sums[:size]
            )
            start += size
    return found


def _count(  # what is written to is given, so that nothing is allocated
    rows: Codes,
    code: Codes,
    found: NDArray[np.uint16],
    words: NDArray[np.uint64],
    counts: NDArray[np.uint8],
    sums: NDArray[np.uint8],
) -> None:
    for i, row in enumerate(rows):
        np.bitwise_xor(row, code[i], out=words)
        is_first = i % _WORDS_IN_A_BYTE == 0
        np.bitwise_count(words, out=sums if is_first else counts)
        if not is_first:
            np.add(sums, counts, out=sums)
        is_last = i % _WORDS_IN_A_BYTE == _WORDS_IN_A_BYTE - 1 or i == len(rows) - 1
        if is_last and i < _WORDS_IN_A_BYTE:
            found[:] = sums
        elif is_last:
            np.add(found, sums, out=found)


def fewest(found: NDArray[np.uint16], wanted: int) -> NDArray[np.intp]:
    """The places of at least so many rows of the fewest differing bits, ties all included.

    The limit is guessed by a sample, then raised until there are enough.
    """
    if wanted >= len(found):
        return np.arange(len(found))
    limit = _guessed(found, wanted)
    while True:
        near = np.less_equal(found, limit, out=_scratch.array("near", len(found), np.bool_))
        if np.count_nonzero(near) >= wanted:
            return np.flatnonzero(near)
        limit += 1


def _guessed(found: NDArray[np.uint16], wanted: int) -> int:
    sample = found[:: max(1, len(found) // _SAMPLED)]
    place = min(int(_SPARE * wanted * len(sample) / len(found)), len(sample) - 1)
    return int(np.partition(sample, place)[place])
