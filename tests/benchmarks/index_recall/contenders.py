"""Which indexes are measured on which engine, and with which settings."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.index_recall.filling import Recipe
from tests.benchmarks.index_recall.measuring import Setting
from tests.benchmarks.index_recall.models import RecallGraph, RecallLists, RecallPlain

DEFAULTS = Setting("defaults")
_ROOM_TO_BUILD = ("SET LOCAL maintenance_work_mem = '1GB'",)


@dataclass(frozen=True)
class Contender:
    """A table with its index, and what it is searched with."""

    index: str
    recipe: Recipe
    settings: tuple[Setting, ...] = (DEFAULTS,)


_SCAN = (Contender("none", Recipe(RecallPlain)),)
CONTENDERS = {
    "sqlite": _SCAN,
    "postgresql": (
        Contender("HNSW", Recipe(RecallGraph, settings=_ROOM_TO_BUILD)),
        Contender("IVFFlat", Recipe(RecallLists, settings=_ROOM_TO_BUILD)),
    ),
    "mariadb": (Contender("HNSW", Recipe(RecallGraph, index_first=True)),),
    "mysql": _SCAN,
}
"""By the name of the dialect."""
