"""What a run found, as data, and the machine it was found on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TypeVar


@dataclass(frozen=True)
class Measured:
    """One contender at one work: seconds of each run, in the order of the rounds.

    Attributes:
        repeats: how often a run did it.
    """

    engine: str
    work: str
    contender: str
    cpu: tuple[float, ...]
    wall: tuple[float, ...]
    repeats: int = 1


@dataclass(frozen=True)
class Absent:
    """A contender that takes no part on an engine, and why."""

    engine: str
    contender: str
    reason: str


R = TypeVar("R", Measured, Absent)


@dataclass(frozen=True)
class Report:
    """A run: the machine, the engines, and what was measured."""

    header: tuple[str, ...]
    engines: dict[str, list[str]]
    measured: tuple[Measured, ...]
    absent: tuple[Absent, ...] = field(default=())

    def json(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    def over(self, older: Report) -> Report:
        """This run, and of an older one the engines that this one lacks.

        Raises:
            ValueError: they are of another machine, or other versions.
        """
        if older.header != self.header:
            raise ValueError(f"expected a run of {self.header}, got {older.header}")
        return Report(
            header=self.header,
            engines=older.engines | self.engines,
            measured=(*_others(older.measured, self), *self.measured),
            absent=(*_others(older.absent, self), *self.absent),
        )

    @classmethod
    def read(cls, written: str) -> Report:
        """What `json` has written."""
        found = json.loads(written)
        return cls(
            header=tuple(found["header"]),
            engines=found["engines"],
            measured=tuple(
                Measured(**each | {name: tuple(each[name]) for name in ("cpu", "wall")})
                for each in found["measured"]
            ),
            absent=tuple(Absent(**each) for each in found["absent"]),
        )


def _others(all_: Iterable[R], newer: Report) -> list[R]:
    return [one for one in all_ if one.engine not in newer.engines]
