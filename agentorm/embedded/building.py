"""An index made of all rows, or brought up to date by those that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from agentorm.embedded.calibration import ASKED, Neighbours, calibrated
from agentorm.embedded.codes import encoded
from agentorm.embedded.contents import Builder, Contents
from agentorm.embedded.measures import kept, too_long
from agentorm.embedded.places import NOWHERE
from agentorm.embedded.searching import Version
from agentorm.embedded.source import Clock, Declared, Rows, Snapshot, rows_of

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many rows are done, of about how many."""
_SAMPLED = 2_048


def built(
    snapshot: Snapshot, declared: Declared, clock: Clock, *, keeps: bool, progress: Progress
) -> Version:
    """An index of all rows that the snapshot sees, at that clock."""
    sample, _ = _counted(snapshot.sample(_SAMPLED), declared)
    zeros = np.zeros(declared.dimension, np.float32)
    centre = sample.vectors.mean(axis=0) if len(sample.numbers) else zeros
    asked = Neighbours(sample.numbers[:ASKED], sample.vectors[:ASKED], declared.metric)
    expected = _expected(snapshot)
    builder = Builder(declared.dimension, keeps=keeps, expected=expected)
    done, odd = 0, frozenset[int]()
    for read in snapshot.rows():
        rows, _ = _counted(read, declared)
        builder.add(rows.numbers, encoded(rows.vectors, centre), rows.vectors)
        asked.see(rows.numbers, rows.vectors)
        odd |= rows.odd
        done += len(read.numbers)
        progress(done, max(done, expected))
    contents = builder.finished()
    calibration = calibrated(
        contents.codes, _places(asked, centre, contents), recall=declared.recall
    )
    return Version(
        contents, declared.metric, centre, calibration, clock.at, clock.stamp, clock.schema, odd
    )


def merged(version: Version, snapshot: Snapshot, declared: Declared, clock: Clock) -> Version:
    """The index with what changed up to that clock."""
    contents, odd = version.contents, version.odd
    for part in snapshot.changed(version.clock):
        read = rows_of(part, declared.dimension)
        rows, gone = _counted(read, declared)
        there = {*rows.numbers.tolist()}
        left = np.array([row[0] for row in part if row[0] not in there], np.int64)
        contents = contents.without(np.concatenate([left, gone]))
        if len(rows.numbers):
            codes = encoded(rows.vectors, version.centre)
            contents = contents.added(rows.numbers, codes, rows.vectors)
        odd = odd.difference(row[0] for row in part) | rows.odd
    return replace(version, contents=contents, odd=odd, clock=clock.at, stamp=clock.stamp)


def _counted(rows: Rows, declared: Declared) -> tuple[Rows, Any]:
    """Those that have a distance, as they are kept, and the numbers of the others."""
    long = too_long(rows.vectors)
    vectors, counted = kept(rows.vectors, declared.metric)
    counted &= ~long
    if counted.all():
        return Rows(rows.numbers, vectors, rows.odd), rows.numbers[:0]
    odd = rows.odd.union(rows.numbers[long].tolist())
    return Rows(rows.numbers[counted], vectors[counted], odd), rows.numbers[~counted]


def _expected(snapshot: Snapshot) -> int:
    ends = snapshot.ends()
    return 0 if ends is None else min(ends[1] - ends[0] + 1, 1 << 20)


def _places(asked: Neighbours, centre: Any, contents: Contents) -> Iterable[Any]:
    """The code of each row asked, and the places of its nearest."""
    codes = encoded(asked.vectors, centre)
    for i, nearest in enumerate(asked.nearest()):
        places = contents.map.find(nearest)
        yield codes[:, i], places[places != NOWHERE]
