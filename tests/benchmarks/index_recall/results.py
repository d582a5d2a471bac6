"""What a run found, as data, and the machine it was found on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import TypeVar

from tests.benchmarks.index_recall.measuring import K, Measured


@dataclass(frozen=True)
class Built:
    """What an index took.

    Attributes:
        load_seconds: to write the rows, with the index where it grows with them.
        index_seconds: to build it afterwards, or None where it grows with the rows.
        index_bytes: its size, where the engine tells it.
        settings: what the server was told for it.
    """

    engine: str
    index: str
    rows: int
    load_seconds: float
    index_seconds: float | None
    index_bytes: int | None
    settings: str


R = TypeVar("R", Built, Measured)


@dataclass(frozen=True)
class Report:
    """A run: the machine, the engines, the indexes and what was measured."""

    header: tuple[str, ...]
    engines: dict[str, list[str]]
    built: tuple[Built, ...]
    measured: tuple[Measured, ...]

    @property
    def wrong(self) -> list[str]:
        """Answers that no index may give."""
        return [
            f"{one.engine} {one.index}, {one.setting}, {one.share:.1%} pass: {fault}"
            for one in self.measured
            for fault in one.wrong
        ]

    def json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    def over(self, older: Report) -> Report:
        """This run, and of an older one the engines that this one lacks.

        Raises:
            ValueError: they are of another machine, or other rows.
        """
        if older.header != self.header:
            raise ValueError(f"expected a run of {self.header}, got {older.header}")
        return Report(
            header=self.header,
            engines=older.engines | self.engines,
            built=(*_others(older.built, self), *self.built),
            measured=(*_others(older.measured, self), *self.measured),
        )

    @classmethod
    def read(cls, written: str) -> Report:
        """What `json` has written."""
        found = json.loads(written)
        return cls(
            header=tuple(found["header"]),
            engines=found["engines"],
            built=tuple(Built(**each) for each in found["built"]),
            measured=tuple(
                Measured(**each | {"wrong": tuple(each["wrong"])}) for each in found["measured"]
            ),
        )


def _others(all_: Iterable[R], newer: Report) -> list[R]:
    return [one for one in all_ if one.engine not in newer.engines]


def header(rows: int, queries: int) -> tuple[str, ...]:
    """Where, and on what."""
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory()}",
        f"agentorm {version('agentorm')}, Python {python_version()}",
        f"{rows} rows, {queries} queries that are not among them, k = {K}, cosine",
    )


def moment() -> str:
    """When, and what else the machine has to do."""
    return f"{datetime.now(UTC):%Y-%m-%d}, load average {os.getloadavg()[1]:.1f} before"


def processor() -> str:
    """The model of the CPU."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def memory() -> str:
    """How much there is."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / 2**30:.0f} GiB"
