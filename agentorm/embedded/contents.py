"""What an index holds: rows in their places, each with its code and, in memory, its vector.

Places are only ever added. A version of the contents knows how many there were when it was made,
so that threads go on searching in one while another adds to the same arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agentorm.embedded.codes import Codes, Vectors, words_of
from agentorm.embedded.packed import Packed, faiss, packed
from agentorm.embedded.places import NOWHERE, Numbers, PlaceMap, Places

MOST_ROOM = 131_072
_LEAST_ROOM, _WORTH_MOVING = 1_024, 16_384
_CHUNK = 8_192
_SHARE = 8
"""A further segment has room for every eighth of the rows that are there."""


class Segment:
    """Room for rows, filled from the start; what is filled stays.

    Attributes:
        known: which vectors are here; one that is not is read from its row.
    """

    def __init__(self, room: int, dimension: int, *, keeps: bool) -> None:
        self.dimension = dimension
        self.numbers: Numbers = np.empty(room, np.int64)
        self.codes: Codes = np.empty((words_of(dimension), room), np.uint64)
        words = words_of(dimension) if faiss() else 0
        self.packed: Packed = np.empty((room if words else 0, 8 * words), np.uint8)
        self.vectors: Vectors | None = np.empty((room, dimension), np.float32) if keeps else None
        self.known: NDArray[np.bool_] = np.zeros(room if keeps else 0, np.bool_)

    @property
    def room(self) -> int:
        """How many rows it can hold."""
        return len(self.numbers)

    def put(self, start: int, numbers: Numbers, codes: Codes, vectors: Vectors | None) -> None:
        """Write rows to places that no version has yet."""
        end = start + len(numbers)
        self.numbers[start:end] = numbers
        self.codes[:, start:end] = codes
        if len(self.packed):
            self.packed[start:end] = packed(codes)
        if self.vectors is not None and vectors is not None:
            self.vectors[start:end] = vectors
            self.known[start:end] = True

    def grown(self, count: int, room: int) -> Segment:
        """So many of the rows with more room."""
        filled = slice(count)
        bigger = Segment(room, self.dimension, keeps=self.vectors is not None)
        bigger.put(0, self.numbers[filled], self.codes[:, filled], None)
        if self.vectors is not None and bigger.vectors is not None:
            bigger.vectors[filled] = self.vectors[filled]
            bigger.known[filled] = self.known[filled]
        return bigger


@dataclass(frozen=True, slots=True)
class Part:
    """So many rows of a segment, and the place of the first."""

    segment: Segment
    count: int
    start: int

    @property
    def codes(self) -> Codes:
        return self.segment.codes[:, : self.count]

    @property
    def numbers(self) -> Numbers:
        return self.segment.numbers[: self.count]

    def filled(self, numbers: Numbers, codes: Codes, vectors: Vectors | None) -> Part:
        """With as many of these rows behind its own as the segment has room for."""
        fits = slice(self.segment.room - self.count)
        held = None if vectors is None else vectors[fits]
        self.segment.put(self.count, numbers[fits], codes[:, fits], held)
        return replace(self, count=self.count + len(numbers[fits]))


@dataclass(frozen=True, slots=True)
class Contents:
    """A version of what is held.

    Attributes:
        live: how many rows there are; further places are of rows that moved or went.
        keeps: whether vectors are held in memory.
    """

    dimension: int
    keeps: bool
    parts: tuple[Part, ...]
    map: PlaceMap
    live: int

    @staticmethod
    def empty(dimension: int, *, keeps: bool) -> Contents:
        """Nothing yet."""
        return Contents(dimension, keeps, (), PlaceMap.of(np.empty(0, np.int64)), 0)

    @property
    def size(self) -> int:
        """How many places are taken."""
        return self.parts[-1].start + self.parts[-1].count if self.parts else 0

    @property
    def codes(self) -> list[Codes]:
        """Of all places, part by part."""
        return [part.codes for part in self.parts]

    @property
    def packed(self) -> list[Packed] | None:
        """The same for faiss; None without it."""
        if not self.parts or not len(self.parts[0].segment.packed):
            return None
        return [part.segment.packed[: part.count] for part in self.parts]

    @property
    def memory(self) -> int:
        """The bytes of what is filled."""
        copies = 1 if self.packed is None else 2
        words = 8 * words_of(self.dimension) * copies
        known = sum(int(part.segment.known[: part.count].sum()) for part in self.parts)
        return self.size * (8 + words) + known * 4 * self.dimension + self.map.memory

    @property
    def all_known(self) -> bool:
        """Whether every vector is held."""
        return self.keeps and all(part.segment.known[: part.count].all() for part in self.parts)

    def all_numbers(self) -> Numbers:
        """The numbers of the rows in all places."""
        return _numbers_of(self.parts)

    def in_chunks(self) -> Iterator[Vectors]:
        """The vectors of all places, as they are held."""
        for part in self.parts:
            assert part.segment.vectors is not None
            for start in range(0, part.count, _CHUNK):
                yield part.segment.vectors[start : min(start + _CHUNK, part.count)]

    def numbers_at(self, places: Places) -> Numbers:
        """The numbers of the rows in these places."""
        found = np.empty(len(places), np.int64)
        for part, here, at in self._by_part(places):
            found[here] = part.segment.numbers[at]
        return found

    def codes_at(self, places: Places) -> Codes:
        """Their codes."""
        found = np.empty((words_of(self.dimension), len(places)), np.uint64)
        for part, here, at in self._by_part(places):
            found[:, here] = part.segment.codes[:, at]
        return found

    def vectors_at(self, places: Places) -> tuple[Vectors, NDArray[np.bool_]]:
        """Their vectors, and which of these are held."""
        found = np.empty((len(places), self.dimension), np.float32)
        known = np.zeros(len(places), np.bool_)
        for part, here, at in self._by_part(places):
            vectors = part.segment.vectors
            if vectors is not None:
                known[here] = part.segment.known[at]
                _take(vectors, at, found, here)
        return found, known

    def learn(self, places: Places, vectors: Vectors) -> None:
        """Keep vectors of these places that were read from their rows."""
        if not self.keeps:
            return
        for part, here, at in self._by_part(places):
            if part.segment.vectors is not None:
                part.segment.vectors[at] = vectors[here]
                part.segment.known[at] = True

    def are_current(self, places: Places, numbers: Numbers) -> NDArray[np.bool_]:
        """Which places still are those of these rows."""
        current: NDArray[np.bool_] = self.map.find(numbers) == places
        return current

    def added(self, numbers: Numbers, codes: Codes, vectors: Vectors) -> Contents:
        """With these rows, whose earlier places no longer count."""
        first, parts, done = self.size, [*self.parts], 0
        while done < len(numbers):
            last = _with_room(parts, self, len(numbers) - done)
            parts[-1] = last.filled(numbers[done:], codes[:, done:], vectors[done:])
            done += parts[-1].count - last.count
        places = np.arange(first, first + len(numbers))
        before = self.map.find(numbers)
        live = self.live + int(np.count_nonzero(before == NOWHERE))
        moved = PlaceMap.of(numbers) if not first else self.map.moved(numbers, places)
        return replace(self, parts=tuple(parts), map=moved, live=live)

    def without(self, numbers: Numbers) -> Contents:
        """Without these rows."""
        there = numbers[self.map.find(numbers) != NOWHERE]
        if not len(there):
            return self
        moved = self.map.moved(there, np.full(len(there), NOWHERE))
        return replace(self, map=moved, live=self.live - len(there))

    def _by_part(self, places: Places) -> Sequence[tuple[Part, slice | NDArray[np.intp], Places]]:
        """Which of the places are in which part, and where there."""
        if len(self.parts) == 1:
            return [(self.parts[0], slice(None), places)]
        found: list[tuple[Part, slice | NDArray[np.intp], Places]] = []
        for part in self.parts:
            here = np.flatnonzero((places >= part.start) & (places < part.start + part.count))
            if len(here):
                found.append((part, here, places[here] - part.start))
        return found


def _numbers_of(parts: Sequence[Part]) -> Numbers:
    return np.concatenate([part.numbers for part in parts] or [np.empty(0, np.int64)])


def _take(vectors: Vectors, at: Places, found: Vectors, here: slice | NDArray[np.intp]) -> None:
    if isinstance(here, slice):
        np.take(vectors, at, axis=0, out=found, mode="clip")
    else:
        found[here] = vectors[at]


def _with_room(parts: list[Part], contents: Contents, wanted: int) -> Part:
    """The last part, after there is room in it for one row or more."""
    last = parts[-1] if parts else None
    if last is not None:
        if last.count < last.segment.room:
            return last
        if last.segment.room < _WORTH_MOVING:
            room = max(2 * last.segment.room, last.count + wanted)
            parts[-1] = replace(last, segment=last.segment.grown(last.count, min(MOST_ROOM, room)))
            return parts[-1]
    start = 0 if last is None else last.start + last.count
    room = min(MOST_ROOM, max(_LEAST_ROOM, wanted, start // _SHARE))
    parts.append(Part(Segment(room, contents.dimension, keeps=contents.keeps), 0, start))
    return parts[-1]


class Builder:
    """Contents that are made of all rows, a chunk at a time."""

    def __init__(self, dimension: int, *, keeps: bool, expected: int) -> None:
        self._dimension, self._keeps = dimension, keeps
        self._room = max(_LEAST_ROOM, expected + expected // _SHARE)
        self._parts: list[Part] = []

    def add(self, numbers: Numbers, codes: Codes, vectors: Vectors | None) -> None:
        """Add rows that are not there yet, with or without their vectors."""
        done = 0
        while done < len(numbers):
            last, held = self._last(), None if vectors is None else vectors[done:]
            self._parts[-1] = last.filled(numbers[done:], codes[:, done:], held)
            done += self._parts[-1].count - last.count

    def finished(self) -> Contents:
        """What came, in the order in which it came."""
        parts = tuple(self._parts)
        numbers = _numbers_of(parts)
        return Contents(self._dimension, self._keeps, parts, PlaceMap.of(numbers), len(numbers))

    def _last(self) -> Part:
        last = self._parts[-1] if self._parts else None
        if last is None or last.count == last.segment.room:
            start = 0 if last is None else last.start + last.count
            room = min(MOST_ROOM, max(_LEAST_ROOM, self._room - start))
            last = Part(Segment(room, self._dimension, keeps=self._keeps), 0, start)
            self._parts.append(last)
        return last
