"""What an index reads from the database, over a connection of its own and in one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from agentorm.embedded.codes import Vectors
from agentorm.embedded.places import Numbers
from agentorm.vectors import Metric

CHUNK = 2_048
_FILE = "SELECT file FROM pragma_database_list WHERE name = 'main'"


@dataclass(frozen=True, slots=True)
class Opener:
    """How to open connections to a database beside those of its users.

    Attributes:
        refusal: what the driver raises, of any kind.
        name: of the database in this process; empty where each connection has one of its own.
    """

    connect: Callable[[], Any]
    refusal: type[Exception]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Statements:
    """The SQL of one indexed column; ``:name`` are parameters, as SQLite knows them.

    Attributes:
        clock: the last change of the log, its stamp, and the version of the schema.
        followed: how many of the triggers that write the log are there as they were made.
        goes_on: whether an entry is there, and none behind it says that any row may have changed.
        since: of the log an entry and all behind it, up to a number: sequence, row, stamp.
        changed: the rows behind a clock, each once, with the vectors that they have now.
        ends: the least and the greatest number of a row.
        next: the first row with a vector from a number on.
        rows: all rows with their vectors.
        read: some rows, of their numbers in JSON, with their vectors, by number.
        stretch: the rows with vectors from a number on, up to so many.
    """

    clock: str
    followed: str
    goes_on: str
    since: str
    changed: str
    ends: str
    next: str
    rows: str
    read: str
    stretch: str


@dataclass(frozen=True, slots=True)
class Declared:
    """A column and the index that is declared for it.

    Attributes:
        label: the column, for messages.
        name: of the index, which its log has too.
        triggers: the very SQL of those that write the log, by name.
    """

    label: str
    name: str
    dimension: int
    metric: Metric
    recall: float
    statements: Statements
    triggers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    """The last change of a log: its number, its mark, and the schema's version then."""

    at: int
    stamp: int
    schema: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows that have a vector.

    Attributes:
        odd: the numbers of more that have bytes which are no vector of the column.
    """

    numbers: Numbers
    vectors: Vectors
    odd: frozenset[int] = frozenset()


def rows_of(read: Sequence[Sequence[Any]], dimension: int) -> Rows:
    """Rows of number and packed vector."""
    size = 4 * dimension
    fit = [row for row in read if type(row[1]) is bytes and len(row[1]) == size]
    numbers = np.fromiter((row[0] for row in fit), np.int64, len(fit))
    packed = np.frombuffer(b"".join([row[1] for row in fit]), "<f4")
    vectors = packed.reshape(len(fit), dimension).astype(np.float32, copy=False)
    if len(fit) == len(read):
        return Rows(numbers, vectors)
    fitting = {row[0] for row in fit}
    odd = (row[0] for row in read if row[1] is not None and row[0] not in fitting)
    return Rows(numbers, vectors, frozenset(odd))


class Snapshot:
    """What one read transaction sees."""

    def __init__(self, connection: Any, declared: Declared) -> None:
        self._connection, self._declared = connection, declared

    def clock(self) -> Clock | None:
        """Where the log stands; None where no log follows the rows."""
        statements = self._declared.statements
        followed = self._rows(statements.followed, self._declared.triggers)
        if followed[0][0] != len(self._declared.triggers):
            return None
        found = self._rows(statements.clock)
        return Clock(*found[0]) if found else None

    def file(self) -> str:
        """The path of the database, or what it is called in memory."""
        ((path,),) = self._rows(_FILE)
        return str(path)

    def is_in(self, clock: int, stamp: int) -> bool:
        """Whether this log once stood there, and tells all that came since."""
        found = self._rows(self._declared.statements.goes_on, {"clock": clock, "stamp": stamp})
        return bool(found[0][0])

    def changed(self, clock: int) -> Iterator[Sequence[Sequence[Any]]]:
        """The rows behind a clock, and what vector each has now, if any."""
        return self._chunks(self._declared.statements.changed, {"clock": clock})

    def rows(self) -> Iterator[Rows]:
        """All rows with a vector."""
        for part in self._chunks(self._declared.statements.rows):
            yield rows_of(part, self._declared.dimension)

    def ends(self) -> tuple[int, int] | None:
        """The least and the greatest number of a row."""
        ((least, most),) = self._rows(self._declared.statements.ends)
        return None if least is None else (least, most)

    def sample(self, size: int) -> Rows:
        """About so many rows, from all over the table."""
        ends = self.ends()
        if ends is None:
            return rows_of([], self._declared.dimension)
        chance = np.random.default_rng(size)
        starts = chance.integers(ends[0], ends[1], size, endpoint=True).tolist()
        step = self._declared.statements.next
        found = {row[0]: row for start in starts for row in self._rows(step, {"start": start})}
        return rows_of([*found.values()], self._declared.dimension)

    def _rows(self, sql: str, parameters: Any = ()) -> list[Any]:
        with closing(self._connection.execute(sql, parameters)) as cursor:
            found: list[Any] = cursor.fetchall()
            return found

    def _chunks(self, sql: str, parameters: Any = ()) -> Iterator[list[Any]]:
        with closing(self._connection.execute(sql, parameters)) as cursor:
            while part := cursor.fetchmany(CHUNK):
                yield part


@contextmanager
def snapshot(opener: Opener, declared: Declared) -> Generator[Snapshot]:
    """A connection of its own, for as long as one transaction reads."""
    with closing(opener.connect()) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN").close()
        try:
            yield Snapshot(connection, declared)
        finally:
            connection.execute("ROLLBACK").close()
