"""The index of one column in one database: built when it is first asked for, and kept current."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any, TypeAlias
from weakref import WeakSet, WeakValueDictionary

import numpy as np

from agentorm.embedded import files
from agentorm.embedded.building import Progress, built, merged
from agentorm.embedded.places import Numbers
from agentorm.embedded.searching import Version
from agentorm.embedded.source import Clock, Declared, Opener, Snapshot, rows_of, snapshot

MOST_CHANGES = 2_048
"""Changes beyond the index that are looked at one by one."""
_WORTH_MERGING = 64
_WORN = 2
_WORTH_A_FILE, _SHARE = 4_096, 8
_SAID_EVERY = 2.0
_PASSING = "locked"
_NO_ROWS: Numbers = np.empty(0, np.int64)
_FIRST, _STRETCH = -(1 << 63), 1_024
Fetch: TypeAlias = Callable[[str, Any], Sequence[Sequence[Any]]]
"""Reads rows in the transaction of who searches."""
_log = logging.getLogger("agentorm")
_all: WeakSet[EmbeddedIndex] = WeakSet()
_shared: WeakValueDictionary[tuple[str, Declared], EmbeddedIndex] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class Standing:
    """A version of an index, and the rows that changed beyond it for who searches."""

    version: Version
    changes: Numbers


class EmbeddedIndex:
    """Used by all threads: each searches in the version that is current when it comes.

    Attributes:
        version: the newest; None before the first, and where the rows are not followed.
        why: why there is none.
        unsaved: why there is no file of it beside the database, where there should be one.
        room: how many bytes it may take; None for as many as there are.
        progress: how many rows are done, of about how many, while it is being built.
    """

    def __init__(self, declared: Declared, opener: Opener) -> None:
        self.declared = declared
        self.version: Version | None = None
        self.why = self.unsaved = ""
        self.room: int | None = None
        self.progress: tuple[int, int] | None = None
        self._opener = opener
        self._saved: int | None = None
        self._unread: int | None = None
        self._lock = Lock()
        _all.add(self)

    def refresh(self, progress: Progress | None = None) -> None:
        """Know what is committed now; where another thread is about it, do nothing."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._refresh(progress)
        finally:
            self._lock.release()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Know what is committed now, after whichever thread is about it."""
        with self._lock:
            self._refresh(progress)

    def discard(self) -> None:
        """Hold nothing any more, neither here nor beside the database."""
        with self._lock, suppress(self._opener.refusal):
            self.version, self._saved, self._unread = None, None, None
            with snapshot(self._opener, self.declared) as seen:
                path = files.path_beside(seen.file(), self.declared)
            if path is not None:
                files.remove(path)

    @property
    def lacks_log(self) -> str:
        """What is to be said where nothing follows the rows, and what helps."""
        model, _, field = self.declared.label.partition(".")
        way = f'a migration or db.indexes().rebuild({model}, "{field}") creates it'
        return f"its change log is not in the database ({way})"

    def read_on(self, standing: Standing, fetch: Fetch) -> None:
        """After a search, hold some more of the vectors that a file does not have.

        They are the reader's: of rows that have not changed for it since the version's clock.
        """
        start = self._unread
        if start is None or not standing.version.contents.keeps:
            return
        read = fetch(self.declared.statements.stretch, {"start": start, "most": _STRETCH})
        standing.version.learn(rows_of(read, self.declared.dimension), standing.changes)
        self._unread = read[-1][0] + 1 if len(read) == _STRETCH else None

    def unlock(self) -> None:
        """In a child of a fork, whose parent's threads hold nothing any more."""
        self._lock = Lock()

    def forget(self) -> None:
        """Hold nothing any more; the next search begins anew."""
        self.version = None

    def _telling(self, progress: Progress) -> Progress:
        def tell(done: int, of: int) -> None:
            self.progress = done, of
            progress(done, of)

        return tell

    def _refresh(self, progress: Progress | None) -> None:
        try:
            self._read_anew(self._telling(progress or _Said(self.declared.label)))
        finally:
            self.progress = None

    def _read_anew(self, progress: Progress) -> None:
        if not self._opener.name:
            self.why = "the memory of one connection cannot be read beside it"
            return
        try:
            with snapshot(self._opener, self.declared) as seen:
                clock = seen.clock()
                if clock is None:
                    self.version, self.why = None, self.lacks_log
                    return
                self.version, self.why = self._current(seen, clock, progress), ""
                self._save(seen, self.version)
        except self._opener.refusal as error:
            self.why = "" if _PASSING in str(error) else f"it could not be read: {error}"
            _log.info("the index of %s: %s", self.declared.label, self.why)

    def _current(self, seen: Snapshot, clock: Clock, progress: Progress) -> Version:
        version = self.version or self._read(seen)
        if version is not None and self._goes_on(version, seen, clock):
            if clock.at == version.clock:
                return version
            return merged(version, seen, self.declared, clock)
        self._saved = self._unread = None
        return built(seen, self.declared, clock, keeps=self._keeps(seen), progress=progress)

    def _keeps(self, seen: Snapshot) -> bool:
        """Whether vectors are held in memory, as many rows as there may be."""
        ends = seen.ends()
        rows = 0 if ends is None else ends[1] - ends[0] + 1
        return self.room is None or rows * 4 * self.declared.dimension <= self.room

    def _read(self, seen: Snapshot) -> Version | None:
        """What the file beside the database holds; None where there is none that can be read."""
        path = files.path_beside(seen.file(), self.declared)
        if path is None:
            return None
        try:
            version = files.read(path, self.declared, keeps=self._keeps(seen))
        except files.Unusable as why:
            _log.info("the index of %s is built anew, %s: %s", self.declared.label, path, why)
            return None
        except OSError:
            return None
        self._saved, self._unread = version.clock, _FIRST
        return version

    def _save(self, seen: Snapshot, version: Version) -> None:
        """Keep it beside the database, where to build it anew takes longer than to read it."""
        rows = version.contents.live
        behind = rows if self._saved is None else version.clock - self._saved
        path = files.path_beside(seen.file(), self.declared)
        if path is None or rows < _WORTH_A_FILE or behind < max(_WORTH_A_FILE, rows // _SHARE):
            return
        self._saved, self.unsaved = version.clock, ""
        try:
            files.write(path, version, self.declared)
        except OSError as error:
            self.unsaved = str(error)
            _log.info("the index of %s is not kept: %s", self.declared.label, error)

    def _goes_on(self, version: Version, seen: Snapshot, clock: Clock) -> bool:
        """Whether what changed since is in the log, and is little enough to be merged."""
        if version.schema != clock.schema:
            return False
        changed = version.contents.size + clock.at - version.clock - version.calibration.rows
        is_worn = changed > max(MOST_CHANGES, version.calibration.rows // _WORN)
        return not is_worn and seen.is_in(version.clock, version.stamp)


def shared_index(declared: Declared, opener: Opener) -> EmbeddedIndex:
    """The index of a column of a database, one for all engines of this process."""
    if not opener.name:
        return EmbeddedIndex(declared, opener)
    key = opener.name, declared
    found = _shared.get(key)
    return found or _shared.setdefault(key, EmbeddedIndex(declared, opener))


def changes_since(version: Version, read: Sequence[Sequence[Any]]) -> Numbers | None:
    """The rows that changed for a reader beyond a version, of what it read of the log.

    None where the version is not of its past: it sees less, or another log.
    """
    if version.odd or not read:
        return None
    if (read[0][0], read[0][2]) != (version.clock, version.stamp):
        return None
    if len(read) == 1:
        return _NO_ROWS
    numbers = [row[1] for row in read[1:]]
    if len(numbers) > MOST_CHANGES or None in numbers:
        return None
    return np.unique(np.array(numbers, np.int64))


def is_worth_merging(changes: Numbers) -> bool:
    """Whether so many changes cost every search more than to merge them once."""
    return len(changes) > _WORTH_MERGING


class _Said:
    """Progress that is logged, where it takes long."""

    def __init__(self, label: str) -> None:
        self._label, self._next = label, monotonic() + _SAID_EVERY

    def __call__(self, done: int, of: int) -> None:
        if monotonic() >= self._next:
            self._next = monotonic() + _SAID_EVERY
            _log.info("the index of %s: %d of about %d rows", self._label, done, of)


def _after_fork() -> None:
    """A child must not inherit a lock that no thread of its own will release."""
    for index in _all:
        index.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
