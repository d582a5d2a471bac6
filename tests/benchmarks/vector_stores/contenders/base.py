"""What a contender is: it writes rows, builds, opens again, and is asked by one or more threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from tests.benchmarks.price.measuring import nothing
from tests.benchmarks.vector_stores.given import Ask, Row, Source, bytes_in

USUAL = 64
EFS = (USUAL, 16, 32, 48, 96, 128, 192, 256, 384, 512, 768)
"""How far a graph is searched: the usual, then what may take it to another's recall."""


@dataclass(frozen=True)
class Way:
    """One way to ask.

    Attributes:
        search: what is timed.
        ids: the rows that came, nearest first.
        before: begins what is not timed, as a transaction.
        after: ends it and forgets.
        gives_rows: whole rows come, with the vectors.
        takes_filters: it can be restricted.
    """

    search: Callable[[Ask], Any]
    ids: Callable[[Any], Sequence[int]]
    before: Callable[[], object] = nothing
    after: Callable[[], object] = nothing
    gives_rows: bool = True
    takes_filters: bool = True


@dataclass(frozen=True)
class Hand:
    """What one thread works with.

    Attributes:
        ways: how it asks, by what is added to the contender's name; the first is the usual.
        insert: adds a row, in a transaction of its own where there are transactions.
    """

    ways: Mapping[str, Way]
    insert: Callable[[Row], object]


class Opened(Protocol):
    """A store that is open."""

    def hand(self, *, writing: bool = False) -> Hand:
        """For one thread; `writing` where another thread may write meanwhile."""
        ...


class Contender(Protocol):
    """A way to keep rows with vectors and find the nearest.

    Attributes:
        name: in the report.
        setting: what it is told, for the report.
        packages: what has to be installed.
        efs: how far its graph may be searched, the usual first; empty where that is not told.
        folders: where its files are; none where they are a server's.
        is_store: it keeps rows and vectors together, with one transaction or call for both.
    """

    @property
    def name(self) -> str: ...
    @property
    def setting(self) -> str: ...
    @property
    def packages(self) -> tuple[str, ...]: ...
    @property
    def efs(self) -> tuple[int, ...]: ...
    @property
    def folders(self) -> tuple[str, ...]: ...
    @property
    def is_store(self) -> bool: ...

    def write(self, source: Source) -> bool:
        """The rows, if they are written before the vectors are searchable: whether they were.

        Raises:
            LeftOut: it cannot take part here.
        """
        ...

    def built(self, source: Source) -> AbstractContextManager[Opened]:
        """Made searchable; in the end everything is on disk."""
        ...

    def opened(self, source: Source) -> AbstractContextManager[Opened]:
        """Opened again."""
        ...

    def disk(self, source: Source) -> int:
        """Bytes that it takes, rows and all."""
        ...

    def drop(self, source: Source) -> None:
        """Leave nothing behind outside the folder."""
        ...


class Kept:
    """What contenders have in common whose files are all in the folder."""

    setting = ""
    packages: tuple[str, ...] = ()
    efs: tuple[int, ...] = ()
    folders: tuple[str, ...] = ()
    is_store = True

    def write(self, source: Source) -> bool:
        return False

    def disk(self, source: Source) -> int:
        return bytes_in(*map(source.place, self.folders))

    def drop(self, source: Source) -> None:
        return
