"""Which indexes are measured on which engine, and with which settings."""

from __future__ import annotations

from dataclasses import dataclass

from agentorm import HalfVector, Search
from tests.benchmarks.index_recall.filling import Recipe
from tests.benchmarks.index_recall.measuring import Setting
from tests.benchmarks.index_recall.models import RecallGraph, RecallHalves, RecallLists, RecallPlain

DEFAULTS, EXACT = Setting("defaults"), Setting("exact", Search(ranker="exact"))
_ROOM_TO_BUILD = ("SET LOCAL maintenance_work_mem = '1GB'",)


@dataclass(frozen=True)
class Contender:
    """A table with its index, and what it is searched with.

    Attributes:
        tolerance: how true its distances are.
    """

    index: str
    recipe: Recipe
    settings: tuple[Setting, ...] = (DEFAULTS,)
    tolerance: float = 1e-5


def _by_ef(*given: int) -> tuple[Setting, ...]:
    return (DEFAULTS, *(Setting(f"ef={ef}", Search(ef=ef)) for ef in given))


def _by_probes(*given: int) -> tuple[Setting, ...]:
    return (DEFAULTS, *(Setting(f"probes={many}", Search(probes=many)) for many in given))


_SCAN = (Contender("none", Recipe(RecallPlain)),)
CONTENDERS = {
    "sqlite": _SCAN,
    "postgresql": (
        Contender(
            "HNSW", Recipe(RecallGraph, settings=_ROOM_TO_BUILD), (*_by_ef(100, 200, 400), EXACT)
        ),
        Contender(
            "HNSW float16",
            Recipe(RecallHalves, kind=HalfVector, settings=_ROOM_TO_BUILD),
            _by_ef(100, 200, 400),
            tolerance=2e-3,
        ),
        Contender("IVFFlat", Recipe(RecallLists, settings=_ROOM_TO_BUILD), _by_probes(3, 10, 30)),
    ),
    "mariadb": (
        Contender("HNSW", Recipe(RecallGraph, index_first=True), (*_by_ef(200, 400), EXACT)),
    ),
    "mysql": _SCAN,
}
"""By the name of the dialect."""
