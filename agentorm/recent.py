"""What was used of late, for all threads."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """At most so many values by their keys; the one that was not used for longest goes first."""

    __slots__ = ("_kept", "_lock", "_most")

    def __init__(self, most: int) -> None:
        self._kept: OrderedDict[Any, V] = OrderedDict()
        self._lock, self._most = Lock(), most

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Any) -> V | None:
        """The value of that key, if it is kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: Any, value: V) -> V:
        """Remember it."""
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value
