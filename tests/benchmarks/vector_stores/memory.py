"""What memory a process holds."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Memory:
    """Bytes that are resident.

    Attributes:
        own: those of no file, which nothing can take back.
        mapped: those of files, which the system drops when it needs room.
    """

    own: int
    mapped: int

    def beyond(self, before: Memory) -> Memory:
        """How much more than before."""
        return Memory(max(0, self.own - before.own), max(0, self.mapped - before.mapped))


def resident() -> Memory | None:
    """Of this process; None where the system does not tell, which is all but Linux."""
    gc.collect()
    if not _STATUS.exists():
        return None
    lines = (line.split() for line in _STATUS.read_text(encoding="ascii").splitlines())
    told = {words[0]: int(words[1]) * 1024 for words in lines if words and words[-1] == "kB"}
    return Memory(told["RssAnon:"] + told["RssShmem:"], told["RssFile:"])
