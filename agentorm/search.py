"""How a ranking is to search, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentorm.errors import InvalidQuery

_MOST_EF, _MOST_PROBES = 1000, 32768


@dataclass(frozen=True, slots=True)
class Search:
    """How far a vector index looks for one query, or that none may serve it.

    An intent: an engine without such an index ignores it, and `explain` says so.

    Args:
        ef: how many candidates an HNSW search keeps, 1 to 1000: ``hnsw.ef_search`` on PostgreSQL,
            which takes no more, and ``mhnsw_ef_search`` on MariaDB, which takes 10000.
        probes: how many lists an IVFFlat search reads, 1 to 32768: ``ivfflat.probes``.
        ranker: ``"exact"``, so that no approximate index serves.

    Raises:
        InvalidQuery: a number outside its range, or another ranker.

    Example:
        ``repository(Doc).similar_to(vec).tune(Search(ef=200)).limit(5)`` runs on PostgreSQL after
        ``SELECT set_config('hnsw.ef_search', '200', true)``, and what it was is put back behind it.
    """

    ef: int | None = None
    probes: int | None = None
    ranker: str | None = None

    def __post_init__(self) -> None:
        _within("ef", self.ef, _MOST_EF)
        _within("probes", self.probes, _MOST_PROBES)
        if self.ranker is not None and self.ranker != "exact":
            raise InvalidQuery(
                f"expected the ranker 'exact' or none, got {self.ranker!r}",
                hint="each engine has its own otherwise",
            )

    @property
    def is_exact(self) -> bool:
        """Whether no approximate index may serve."""
        return self.ranker == "exact"


def _within(name: str, value: Any, most: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidQuery(f"{name} is an integer from 1 to {most}, got {value!r}")


UNTUNED = Search()
