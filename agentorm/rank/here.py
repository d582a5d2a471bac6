"""What an index in the process comes to for one query as things stand, for `explain`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentorm.checking import depth_of
from agentorm.dialects import Dialect
from agentorm.embedded.index import Standing
from agentorm.expressions import AnySelect
from agentorm.listed import AmongListed
from agentorm.query import Query
from agentorm.rank.base import Run, with_keys
from agentorm.rank.held import Held
from agentorm.rank.indexing import is_filtered, more
from agentorm.rank.inside import Passed, placed_in
from agentorm.rank.native import Native

_SERVES = "an index in this process serves: near rows can be missed, never invented"
_FILTERED = (
    "of more of the nearest those that pass the filters are taken, or all that pass are measured:"
    " whichever took less before, until there are enough"
)


class Outside(Native):
    """The engine ranks, for the index in the process does not serve."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        return (self._reason,)


class Inside(Native):
    """The index in the process serves, as it stands."""

    name = "embedded"

    def __init__(self, held: Held, standing: Standing) -> None:
        self._held, self._standing = held, standing

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return False

    @property
    def finalists(self) -> AmongListed:
        """How they are told in SQL."""
        return AmongListed(self._held.number, self._standing.changes)

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        """The finalists are read, by their numbers."""
        asked = query if query.best_of is None else with_keys(more(query))
        filters = (*asked.filters, self.finalists)
        return super().statements(replace(asked, filters=filters), dialect)

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        said = [_SERVES, self._rows(), self._recall(depth_of(more(query)))]
        contents = self._standing.version.contents
        if not contents.keeps:
            said.append("index_memory leaves no room for vectors: those of candidates are read")
        elif not contents.all_known:
            said.append("vectors that are not in memory yet are read as searches come by them")
        return (*said, _FILTERED) if is_filtered(query) else tuple(said)

    def _rows(self) -> str:
        version, changes = self._standing.version, len(self._standing.changes)
        beside = f", and looks at {changes} changed since" if changes else ""
        size = f"{version.contents.live} rows in {version.contents.memory} bytes"
        return f"it holds {size}, up to change {version.clock}{beside}"

    def _recall(self, depth: int) -> str:
        version = self._standing.version
        asked = f"recall {version.calibration.recall:g} was asked for"
        if version.is_measured_whole(depth):
            return f"{asked}: all rows are measured to find {depth}"
        found = version.calibration.recall_at(depth)
        wanted = version.wanted(depth)
        return f"{asked}, {found:.3f} measured: {wanted} candidates to find {depth}"


def as_it_stands(query: Query[Any], run: Run) -> Inside | Outside:
    """The index after it was brought up to date as by a search, or why it does not serve."""
    found = placed_in(query, run)
    if isinstance(found, Passed):
        return Outside(f"every row is ranked, exactly: {found.reason}")
    return Inside(found.held, found.standing)
