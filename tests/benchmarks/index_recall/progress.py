"""How far a long step is, on stderr."""

from __future__ import annotations

import sys
from time import perf_counter

_QUIET_SECONDS = 10.0


class Progress:
    """Says every ten seconds how much of a step is done, and when it may end."""

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self._title, self._total, self._start = title, total, done
        self._began = self._said = perf_counter()

    @property
    def seconds(self) -> float:
        return perf_counter() - self._began

    def reached(self, done: int) -> None:
        now = perf_counter()
        if done < self._total and now - self._said < _QUIET_SECONDS:
            return
        self._said = now
        left = self.seconds / max(done - self._start, 1) * (self._total - done)
        say(f"{self._title}: {done} of {self._total}, {self.seconds:.0f} s, {left:.0f} s left")


def say(line: str) -> None:
    """One line on stderr, at once."""
    print(line, file=sys.stderr, flush=True)
