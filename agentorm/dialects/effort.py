"""How far a vector index is to look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """What one search by an index is for, and how hard it may try.

    Attributes:
        depth: how many rows the query reaches, those of earlier pages included.
        filtered: whether rows that the index finds may be left out afterwards.
        ef: how many candidates a graph keeps, where that was asked for.
        least: how many it keeps at least, where it was not.
        probes: how many lists are read, where that was asked for.
        widened: whether a first search has found too few.
        passing: whether the transaction ends with the query, so that nothing need be put back.
    """

    depth: int
    filtered: bool = False
    ef: int | None = None
    least: int = 0
    probes: int | None = None
    widened: bool = False
    passing: bool = False
