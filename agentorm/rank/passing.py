"""How to search under filters: look at more of the nearest, or list all rows that pass.

Which of both takes less depends on how many rows pass and whether an index of the engine serves
the filters. For each shape of a query it is remembered how it went.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from agentorm.embedded.searching import Version
from agentorm.recent import Recent
from agentorm.shapes import Shape

MOST_SHAPES = 500
_MORE = 1.5
"""So many times the rows are looked at among which there should be enough."""
_SPARE, _LEAST_SHARE = 8, 8
_TIMES = 3
"""So many times a way is tried before it is told to be the longer one: a machine has hiccups."""
_SECONDS, _OF_CANDIDATE, _OF_ROW = 0.4e-3, 0.5e-6, 1.5e-6
"""What a search takes beside its candidates, and each of them, and each row that is read."""


@dataclass(frozen=True, slots=True)
class Passing:
    """What is known of the rows that pass the filters of one shape.

    Attributes:
        share: of all rows, as last seen.
        listing: what it took, the last times, to list them and search among them.
        looking: what it took to look at so many of the nearest.
    """

    share: float = 0.25
    listing: tuple[float, ...] = ()
    looking: tuple[float, ...] = ()

    def looked_at(self, depth: int) -> int:
        """Of how many of the nearest rows there should be so many that pass."""
        return ceil(_MORE * depth / self.share) + _SPARE

    def is_listed_sooner(self, version: Version, depth: int) -> bool:
        """Whether to list all rows that pass takes less than to look at more."""
        most = self.looked_at(depth)
        candidates = version.wanted(most)
        if _LEAST_SHARE * candidates > version.contents.live:
            return True
        if len(self.listing) < _TIMES:
            return bool(self.listing)
        guessed = _SECONDS + _OF_CANDIDATE * candidates + _OF_ROW * most
        return min(self.listing) < min(self.looking, default=guessed)

    def too_few(self, passed: int, of: int) -> Passing:
        """After so few of so many passed."""
        return replace(self, share=max(passed, 0.5) / of, looking=())

    def looked(self, seconds: float) -> Passing:
        """After there were enough among the nearest."""
        return replace(self, looking=(*self.looking[1 - _TIMES :], seconds))

    def listed(self, passed: int, of: int, seconds: float) -> Passing:
        """After all were listed."""
        listing = (*self.listing[1 - _TIMES :], seconds)
        return replace(self, share=max(passed, 1) / max(of, 1), listing=listing)


class Experience:
    """What is known of filters, by the shape of their queries."""

    def __init__(self) -> None:
        self._known: Recent[Passing] = Recent(MOST_SHAPES)

    def of(self, shape: Shape | str) -> tuple[object, Passing]:
        """What it is known by, and how it went."""
        key = shape if isinstance(shape, str) else shape.key
        return key, self._known.get(key) or Passing()

    def keep(self, key: object, passing: Passing) -> None:
        """Remember how it went."""
        self._known.keep(key, passing)
