"""An index as a file beside the database, so that it need not be built at every start.

It holds the codes, a thirtieth of the vectors; these are read from their rows as searches come by
them. A file is written under another name and then renamed. Its parts are checked by their sums,
and it only counts for the very log that it was written for: the entry at its clock has a random
mark. What is damaged, stale, of another database, of a backup or of another version is built anew.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from glob import escape
from math import prod
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from agentorm.embedded.calibration import Calibration, Measured
from agentorm.embedded.contents import Builder
from agentorm.embedded.searching import Version
from agentorm.embedded.source import Declared

_FORMAT = 1
_MAGIC = b"agentorm index\n"
_LONGEST_HEAD = 1 << 16
_ABANDONED = 60.0
"""Seconds after which nobody still writes to a file of another name."""
_TYPES = {"centre": "<f4", "numbers": "<i8", "codes": "<u8"}


class Unusable(Exception):
    """A file that is not what was written for this index, and why."""


def path_beside(database: str, declared: Declared) -> Path | None:
    """Where the index of a database file is kept; None where that is in memory."""
    return Path(f"{database}-{declared.name}") if Path(database).is_file() else None


def write(path: Path, version: Version, declared: Declared) -> None:
    """Write the file anew: all of it, or it stays as it was.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    contents = version.contents
    numbers = contents.all_numbers()
    codes = np.concatenate(contents.codes, axis=1)
    current = contents.are_current(np.arange(len(numbers)), numbers)
    arrays: dict[str, NDArray[Any]] = {
        "centre": version.centre,
        "numbers": numbers[current],
        "codes": codes[:, current],
    }
    packed = {name: array.astype(_TYPES[name]).tobytes() for name, array in arrays.items()}
    head = _known_by(declared) | {
        "clock": version.clock,
        "stamp": version.stamp,
        "schema": version.schema,
        "calibration": asdict(version.calibration),
        "rows": int(np.count_nonzero(current)),
        "sums": {name: crc32(part) for name, part in packed.items()},
    }
    line = json.dumps(head).encode()
    _replace(path, [_MAGIC, b"%d %d\n" % (len(line), crc32(line)), line, *packed.values()])


def read(path: Path, declared: Declared, *, keeps: bool) -> Version:
    """The index that the file holds, without its vectors.

    Raises:
        Unusable: it is damaged, or of another index or version.
        OSError: it is not there, or cannot be read.
    """
    data = memoryview(path.read_bytes())
    head, start = _head(data)
    if {name: head.get(name) for name in _known_by(declared)} != _known_by(declared):
        raise Unusable("it is of another index or version")
    words = -(-declared.dimension // 64)
    shapes = {"centre": (declared.dimension,), "numbers": (-1,), "codes": (words, -1)}
    arrays: dict[str, NDArray[Any]] = {}
    for name, dtype in _TYPES.items():
        shape = tuple(head["rows"] if size < 0 else size for size in shapes[name])
        end = start + np.dtype(dtype).itemsize * prod(shape)
        if crc32(data[start:end]) != head["sums"][name]:
            raise Unusable(f"its {name} are damaged")
        arrays[name] = np.frombuffer(data[start:end], dtype).reshape(shape)
        start = end
    return _version(head, arrays, declared, keeps=keeps)


def _version(
    head: dict[str, Any], arrays: dict[str, NDArray[Any]], declared: Declared, *, keeps: bool
) -> Version:
    given = head["calibration"]
    measured = tuple(Measured(**one) for one in given["measured"])
    builder = Builder(declared.dimension, keeps=keeps, expected=head["rows"])
    builder.add(arrays["numbers"].astype(np.int64), arrays["codes"].astype(np.uint64), None)
    return Version(
        builder.finished(),
        declared.metric,
        arrays["centre"].astype(np.float32),
        Calibration(given["recall"], measured, given["rows"]),
        head["clock"],
        head["stamp"],
        head["schema"],
    )


def _known_by(declared: Declared) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "name": declared.name,
        "dimension": declared.dimension,
        "metric": declared.metric.value,
        "recall": declared.recall,
    }


def _head(data: memoryview) -> tuple[dict[str, Any], int]:
    """What the file says of itself, and where its arrays begin."""
    start = bytes(data[: len(_MAGIC) + 32])
    if not start.startswith(_MAGIC):
        raise Unusable("it is no index")
    try:
        sizes = start[len(_MAGIC) : start.index(b"\n", len(_MAGIC))]
        length, total = map(int, sizes.split())
    except ValueError as error:
        raise Unusable("its head is damaged") from error
    begin = len(_MAGIC) + len(sizes) + 1
    line = bytes(data[begin : begin + min(length, _LONGEST_HEAD)])
    if crc32(line) != total:
        raise Unusable("its head is damaged")
    head: dict[str, Any] = json.loads(line)
    return head, begin + length


def _replace(path: Path, parts: list[bytes]) -> None:
    """No reader ever sees a part of it, and nothing is left behind where that fails."""
    aside = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        with aside.open("xb") as file:
            file.writelines(parts)
        aside.replace(path)
        _tidy(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def _tidy(path: Path) -> None:
    """Delete what processes left that were killed while they wrote."""
    for left in path.parent.glob(f"{escape(path.name)}.*"):
        with suppress(OSError):
            if time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()


def remove(path: Path) -> None:
    """Delete the file, if there is one that can be deleted."""
    with suppress(OSError):
        path.unlink()
