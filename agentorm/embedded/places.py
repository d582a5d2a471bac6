"""Where the rows of a table are kept: from the number of a row to its place.

A change gives a new map; whoever searches by the old one finds what was there before. Only rows
that are new may be written into the old map's arrays too: their places are beyond all it has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Places = NDArray[np.int64]
NOWHERE = -1
_MOST_HOLES = 8
_ALWAYS_DENSE = 65_536
_MOST_RECENT = 4_096


@dataclass(frozen=True, slots=True)
class PlaceMap:
    """The places of rows by their numbers.

    Attributes:
        dense: by the number itself, where these are few times as many as rows.
        numbers: else in ascending order, with their `places`.
        recent: what came after, and goes before both.
    """

    dense: NDArray[np.int32] | None
    numbers: Numbers
    places: Places
    recent: dict[int, int]

    @staticmethod
    def of(numbers: Numbers) -> PlaceMap:
        """The map of rows in adjacent places, from the first."""
        return _made(numbers, np.arange(len(numbers)))

    def find(self, numbers: Numbers) -> Places:
        """The place of each, or `NOWHERE`."""
        found = self._older(numbers)
        if self.recent:
            get = self.recent.get
            for i, number in enumerate(numbers.tolist()):
                place = get(number)
                if place is not None:
                    found[i] = place
        return found

    def moved(self, numbers: Numbers, places: Places) -> PlaceMap:
        """With these rows in new places, or `NOWHERE`."""
        dense = self._with_room(numbers)
        if dense is not None:
            dense[numbers] = places
            given = {*numbers.tolist()} if self.recent else set[int]()
            recent = {number: at for number, at in self.recent.items() if number not in given}
            return replace(self, dense=dense, recent=recent)
        recent = {**self.recent, **dict(zip(numbers.tolist(), places.tolist(), strict=True))}
        changed = replace(self, recent=recent)
        return changed if len(recent) <= _MOST_RECENT else _anew(changed)

    def _with_room(self, numbers: Numbers) -> NDArray[np.int32] | None:
        """A copy of `dense` that reaches these numbers; None where that would be mostly holes."""
        if self.dense is None or numbers.min(initial=0) < 0:
            return None
        needed, there = int(numbers.max(initial=0)) + 1, len(self.dense)
        if needed <= there:
            return self.dense.copy()
        if needed > there + max(there, _ALWAYS_DENSE, _MOST_HOLES * len(numbers)):
            return None
        grown = np.full(_roomy(needed), NOWHERE, np.int32)
        grown[:there] = self.dense
        return grown

    def _older(self, numbers: Numbers) -> Places:
        if self.dense is not None:
            inside = (numbers >= 0) & (numbers < len(self.dense))
            found = np.full(len(numbers), NOWHERE, np.int64)
            found[inside] = self.dense[numbers[inside]]
            return found
        if not len(self.numbers):
            return np.full(len(numbers), NOWHERE, np.int64)
        at = np.minimum(np.searchsorted(self.numbers, numbers), len(self.numbers) - 1)
        return np.where(self.numbers[at] == numbers, self.places[at], NOWHERE)

    @property
    def memory(self) -> int:
        """Bytes."""
        held = 0 if self.dense is None else self.dense.nbytes
        return held + self.numbers.nbytes + self.places.nbytes + 100 * len(self.recent)


def _made(numbers: Numbers, places: Places) -> PlaceMap:
    nothing = np.empty(0, np.int64)
    most = int(numbers.max(initial=0)) + 1
    is_dense = most <= max(_ALWAYS_DENSE, _MOST_HOLES * len(numbers))
    if numbers.min(initial=0) >= 0 and is_dense:
        dense = np.full(_roomy(most), NOWHERE, np.int32)
        dense[numbers] = places
        return PlaceMap(dense, nothing, nothing, {})
    order = np.argsort(numbers)
    return PlaceMap(None, numbers[order], places[order], {})


def _roomy(needed: int) -> int:
    return needed + needed // 4 + _MOST_RECENT


def _anew(held: PlaceMap) -> PlaceMap:
    """The same without `recent`."""
    numbers, places = held.numbers, held.places
    if held.dense is not None:
        numbers = np.flatnonzero(held.dense != NOWHERE).astype(np.int64)
        places = held.dense[numbers].astype(np.int64)
    added = np.fromiter(held.recent, np.int64, len(held.recent))
    at = np.fromiter(held.recent.values(), np.int64, len(held.recent))
    older = ~np.isin(numbers, added)
    there = at != NOWHERE
    return _made(
        np.concatenate([numbers[older], added[there]]),
        np.concatenate([places[older], at[there]]),
    )
