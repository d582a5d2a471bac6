"""What a run found, as data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar


@dataclass(frozen=True)
class Built:
    """What it takes to make rows searchable.

    Attributes:
        rows: how many there are.
        setting: what the contender is told.
        write: seconds to write the rows beforehand; None where the vectors bring them, or another
            contender wrote them.
        build: seconds until the first answer, `reopen` likewise.
        own: bytes of memory after building, `own_reopened` after opening again.
        mapped: bytes of files in memory after opening again.
        disk: bytes of all files, rows and all.
    """

    rows: int
    contender: str
    setting: str
    write: float | None
    build: float
    reopen: float
    own: int | None
    own_reopened: int | None
    mapped: int | None
    disk: int


@dataclass(frozen=True)
class Searched:
    """Searches of one contender.

    Attributes:
        way: how it was asked, added to its name; empty for the usual.
        ef: how far its graph was searched.
        tuned: for another's recall.
        is_store: the contender keeps rows and vectors together.
        share: of the rows pass the filter.
        seconds: of each search, in the order of the queries.
        recall: the mean share of the true nearest that came.
        fewer: how many searches gave fewer rows than there are.
    """

    rows: int
    contender: str
    way: str
    ef: int | None
    tuned: bool
    is_store: bool
    gives_rows: bool
    k: int
    share: float
    seconds: tuple[float, ...]
    recall: float
    fewer: int

    @property
    def label(self) -> str:
        """The contender and how it was asked."""
        ef = f"ef={self.ef}" if self.tuned else ""
        return ", ".join(part for part in (self.contender, self.way, ef) if part)


@dataclass(frozen=True)
class Threaded:
    """Searches per second of so many threads together, a number a round."""

    rows: int
    contender: str
    threads: int
    per_second: tuple[float, ...]


@dataclass(frozen=True)
class Inserted:
    """Searches while rows were inserted.

    Attributes:
        searches: seconds of each.
        inserts: seconds of each.
        elapsed: seconds in all.
        fresh: the share of new rows that the next search found; None where none was looked for.
    """

    rows: int
    contender: str
    searches: tuple[float, ...]
    inserts: tuple[float, ...]
    elapsed: float
    fresh: float | None


@dataclass(frozen=True)
class Absent:
    """Who takes no part, and why."""

    rows: int
    contender: str
    reason: str


R = TypeVar("R", Built, Searched, Threaded, Inserted, Absent)


@dataclass(frozen=True)
class Report:
    """A run: the machine, what each size is made of, and what was measured.

    Attributes:
        sizes: lines that tell of each number of rows.
    """

    header: tuple[str, ...]
    sizes: dict[int, list[str]]
    built: tuple[Built, ...] = ()
    searched: tuple[Searched, ...] = ()
    threaded: tuple[Threaded, ...] = ()
    inserted: tuple[Inserted, ...] = ()
    absent: tuple[Absent, ...] = ()

    def json(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    def over(self, older: Report) -> Report:
        """This run, and of an older one the sizes that this one lacks.

        Raises:
            ValueError: they are of another machine, or other versions.
        """
        if older.header != self.header:
            raise ValueError(f"expected a run of {self.header}, got {older.header}")
        return Report(
            header=self.header,
            sizes=dict(sorted((older.sizes | self.sizes).items())),
            built=(*_others(older.built, self), *self.built),
            searched=(*_others(older.searched, self), *self.searched),
            threaded=(*_others(older.threaded, self), *self.threaded),
            inserted=(*_others(older.inserted, self), *self.inserted),
            absent=(*_others(older.absent, self), *self.absent),
        )

    @classmethod
    def read(cls, written: str) -> Report:
        """What `json` has written."""
        found = json.loads(written)
        return cls(
            header=tuple(found["header"]),
            sizes={int(rows): lines for rows, lines in found["sizes"].items()},
            built=_read(Built, found["built"]),
            searched=_read(Searched, found["searched"]),
            threaded=_read(Threaded, found["threaded"]),
            inserted=_read(Inserted, found["inserted"]),
            absent=_read(Absent, found["absent"]),
        )


def _read(kind: type[R], written: Iterable[dict[str, Any]]) -> tuple[R, ...]:
    make: Any = kind
    return tuple(make(**{key: _frozen(value) for key, value in each.items()}) for each in written)


def _frozen(value: Any) -> Any:
    listed: Any = value
    return tuple(listed) if isinstance(value, list) else value


def _others(all_: Iterable[R], newer: Report) -> list[R]:
    return [one for one in all_ if one.rows not in newer.sizes]
