"""What a ranking gives back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Hit(Generic[E]):
    """One row of a ranking.

    Attributes:
        entity: the row, or what `into` made of it.
        distance: how far its vector is, smaller is nearer; NaN where it was not measured, as for
            a row without a vector that its text has found: comparisons with it are false.
        score: what the hit is ranked by, higher is better: the score of the distance, for which
            `Metric` has the formulas, the text's, both fused, or a re-ranker's. A fused score is
            no similarity.
        text_score: how well its text matches, as this engine counts; None where it does not, or
            was not asked.
        fused_score: both as one; None where nothing was fused.
    """

    entity: E
    distance: float
    score: float
    text_score: float | None = None
    fused_score: float | None = None


class Hits(Sequence[Hit[E]], Generic[E]):
    """The rows of a ranking, best first, and how far they can be trusted.

    They are sorted by score, unless `diverse` spread them.

    Attributes:
        complete: there are as many as asked for, or no more that pass filters and thresholds;
            False where that is not sure.
        exact: these are the true nearest, not the nearest that an index knew.
        ranker: where they come from: ``native``, ``scan``, ``text`` or ``fusion``.
    """

    __slots__ = ("_hits", "complete", "exact", "ranker")

    def __init__(self, hits: Sequence[Hit[E]], *, complete: bool, exact: bool, ranker: str) -> None:
        self._hits = tuple(hits)
        self.complete = complete
        self.exact = exact
        self.ranker = ranker

    @property
    def entities(self) -> list[E]:
        """The rows alone, best first."""
        return [hit.entity for hit in self._hits]

    def __len__(self) -> int:
        return len(self._hits)

    @overload
    def __getitem__(self, index: int) -> Hit[E]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Hit[E]]: ...
    def __getitem__(self, index: int | slice) -> Hit[E] | Sequence[Hit[E]]:
        return self._hits[index]

    def __iter__(self) -> Iterator[Hit[E]]:
        return iter(self._hits)

    def __repr__(self) -> str:
        quality = "exact" if self.exact else "approximate"
        gaps = "" if self.complete else ", incomplete"
        return f"<{len(self)} hits, {quality}{gaps}, by the {self.ranker} ranker>"


class Page(Sequence[E], Generic[E]):
    """Some rows of a query in their order, and how to get at those behind them.

    Attributes:
        hits: the same rows with distance and scores; None where the query does not rank.
        next: the cursor of the following page; None at the end.
    """

    __slots__ = ("_entities", "hits", "next")

    def __init__(self, entities: Sequence[E], *, hits: Hits[E] | None, next: str | None) -> None:  # noqa: A002
        self._entities = tuple(entities)
        self.hits = hits
        self.next = next

    def __len__(self) -> int:
        return len(self._entities)

    @overload
    def __getitem__(self, index: int) -> E: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[E]: ...
    def __getitem__(self, index: int | slice) -> E | Sequence[E]:
        return self._entities[index]

    def __iter__(self) -> Iterator[E]:
        return iter(self._entities)

    def __repr__(self) -> str:
        more = "the last" if self.next is None else "more follow"
        return f"<a page of {len(self)} rows, {more}>"


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a query would be answered on the engine it is bound to; ``print`` it.

    Attributes:
        ranker: ``native``, ``scan``, ``text``, ``fusion``, or ``none`` without a ranking.
        exact: whether the answer is sure to be the true one, without an approximate index.
        statements: the SQL it sends, in order, with named parameters.
        plan: the engine's own plan of the first of them.
        notes: what is worth knowing: a slow path and why, an index that cannot serve.
        index: the index that serves by that plan, of vectors, else of text; where none does,
            `notes` says why.
    """

    ranker: str
    exact: bool
    statements: tuple[str, ...]
    plan: str
    notes: tuple[str, ...] = ()
    index: str | None = None

    def __str__(self) -> str:
        quality = "exact" if self.exact else "approximate"
        parts = [f"ranker: {self.ranker} ({quality})"]
        parts += [] if self.index is None else [f"index: {self.index}"]
        parts += [f"note: {note}" for note in self.notes]
        parts += [f"sql:\n{sql}" for sql in self.statements]
        return "\n".join([*parts, f"plan:\n{self.plan}"])
