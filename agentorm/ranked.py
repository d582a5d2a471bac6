"""The verbs that rank: nearest to a vector, best match of words, and how far to look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic

from sqlalchemy import ColumnElement
from typing_extensions import TypeVar

from agentorm.errors import InvalidQuery
from agentorm.fusion import RRF, Fusion
from agentorm.matching import TextSearch, text_search
from agentorm.parameters import Slot, shown, slotted
from agentorm.rankings import Example, Ranking, ranking_of
from agentorm.search import UNTUNED, Search
from agentorm.thresholds import check_distance, check_score, finite
from agentorm.vectors import Metric
from agentorm.words import Raw

E = TypeVar("E")
Q = TypeVar("Q", bound="Ranked[Any, Any]", default=Any)
_USUAL = RRF()


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Ranked(ABC, Generic[E, Q]):
    """What the rows of a model are ranked by, and which of them are too far off."""

    model: type[Any]
    ranking: Ranking | None = None
    text: TextSearch | None = None
    fusion: Fusion | None = None
    ordering: tuple[ColumnElement[Any], ...] = ()
    farthest: float | None = None
    lowest_score: float | None = None
    search: Search = UNTUNED
    slots: tuple[Slot, ...] = ()

    @abstractmethod
    def _with(self, **changes: Any) -> Q:
        """A query with these fields changed."""

    @property
    def is_ranked(self) -> bool:
        """Whether the query has an order of its own, by distance or by text."""
        return self.ranking is not None or self.text is not None

    @property
    def gives(self) -> tuple[str, ...]:
        """What a hit of it has beside its row."""
        there = {
            "distance": self.ranking is not None,
            "score": self.is_ranked,
            "text_score": self.text is not None,
            "fused_score": self.fusion is not None,
        }
        return tuple(name for name, is_there in there.items() if is_there)

    def similar_to(
        self, vector: Example | E, *, on: object = None, metric: str | Metric | None = None
    ) -> Q:
        """Rank by the distance to this vector, nearest first; ties by primary key.

        Rows without a distance are not in a ranking: those without a vector, and by cosine
        those whose vector is zero.

        Args:
            vector: whatever a value of the field's kind and dimension is made of; an entity of
                the model, whose vector it is then, and which is left out; `MeanOf` or `AnyOf`
                several of them.
            on: the vector field, as ``Doc.embedding`` or its name; due when there are several.
            metric: another than the field declares; no index of the field serves it then.

        Raises:
            InvalidVector: no vector, of another kind or dimension, or zero with cosine.
            InvalidMetric: an unknown metric, or one that does not fit the field.
            InvalidQuery: `on` is missing or no vector field, the entity's vector is not loaded,
                or the query has an order already.
            InvalidFilter: a threshold, given before, that no distance of the metric is.
        """
        self._refuse_order()
        ranking = ranking_of(self.model, vector, on=on, metric=metric)
        slots = slotted(self.slots, "similar_to", vector)
        return _within_range(self._with(ranking=ranking, slots=slots))

    def matching(  # the ways to search, which all end in one statement
        self,
        text: str | Raw = "",
        *,
        on: object = None,
        phrase: str | None = None,
        prefix: str | None = None,
        every: bool = False,
    ) -> Q:
        """Keep the rows whose text matches, best first; ties by primary key.

        What people type is taken as words: runs of letters, marks and numbers. No character has
        a meaning of its own. How words are found, and other forms of them, is each engine's; so
        are the scores.

        Args:
            text: words of which one must be there; more of them rank higher.
            on: the fields: ``Doc.body``, several, or each with its weight,
                ``{Doc.title: 4, Doc.body: 1}``; every searched field without it.
            phrase: words that must be there in a row.
            prefix: what a word that must be there begins with.
            every: all words of the text must be there, in one field.

        Raises:
            InvalidQuery: nothing to search for, a field that is not searched, a weight that is
                negative or no number, no weight above 0, or the query has an order already.
            UnsupportedFeature: a `Raw` search of another engine, when compiled.

        Example:
            ``repository(Doc).matching("vector search").limit(5)`` is, on PostgreSQL,
            ``SELECT doc.id, ..., found.text_score FROM doc JOIN (SELECT doc.id AS key_0,
            ts_rank(doc.body_search, to_tsquery('english', :words_1), 1) AS text_score FROM doc
            WHERE doc.body_search @@ to_tsquery('english', :words_1)) AS found
            ON doc.id = found.key_0 ORDER BY found.text_score DESC, doc.id LIMIT :param_1``.
        """
        self._refuse_order()
        asked = text_search(self.model, text, on=on, phrase=phrase, prefix=prefix, every=every)
        return self._with(text=asked)

    def fuse(self, fusion: Fusion = _USUAL) -> Q:
        """Rank by distance and by text together: the best rows of both as one ranking.

        A row that only one of them finds stays. Filters and thresholds hold for both. A hit's
        ``score`` is its ``fused_score`` then, which is no similarity; ``distance`` and
        ``text_score`` are kept where the row is among the best by that one, NaN and None elsewhere.
        With a limit the `depth` best of each are fused, without one all.

        Args:
            fusion: `RRF` by places, or `Weighted` by scores.

        Raises:
            InvalidQuery: no fusion; by an ending, where `similar_to` or `matching` is missing, or
                limit and offset reach beyond the depth.

        Example:
            ``repository(Doc).similar_to(vec).matching("words").fuse().limit(5)`` is in short
            ``SELECT doc.id, ..., fused.distance, fused.text_score, fused.fused_score FROM doc JOIN
            (SELECT key_0, ..., sum(share) AS fused_score FROM (... UNION ALL ...) GROUP BY key_0)
            AS fused ON doc.id = fused.key_0 ORDER BY fused.fused_score DESC, doc.id LIMIT 5``.
        """
        if not isinstance(fusion, Fusion):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidQuery(
                f"fuse takes RRF or Weighted, got {fusion!r}", hint="fuse(RRF(weights=(2, 1)))"
            )
        return self._with(fusion=fusion)

    def max_distance(self, distance: float) -> Q:
        """Keep rows at this distance or nearer.

        Raises:
            InvalidFilter: not a finite number, or one that no distance of the metric is.
        """
        farthest = finite("max_distance", distance)
        return _within_range(self._with(farthest=farthest))

    def min_score(self, score: float) -> Q:
        """Keep rows of this score or better; `Metric` has the formulas.

        Raises:
            InvalidFilter: not a finite number, or one that no score of the metric is.
        """
        return _within_range(self._with(lowest_score=finite("min_score", score)))

    def tune(self, search: Search) -> Q:
        """Search as far as this says; the last call counts, and its rows are still filtered.

        Raises:
            InvalidQuery: not a `Search`.
        """
        if not isinstance(search, Search):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidQuery(f"tune takes a Search, got {search!r}", hint="tune(Search(ef=200))")
        return self._with(search=search)

    def _refuse_order(self) -> None:
        if self.ordering:
            raise InvalidQuery("a ranking has its own order", hint="leave order_by() out")

    def _ranked_by(self) -> list[str]:
        parts: list[str] = []
        if self.ranking is not None:
            parts += [self.ranking.described(shown(self.slots, "similar_to", self.ranking.named))]
        parts += [] if self.text is None else [self.text.described()]
        return parts + ([] if self.fusion is None else [f"fuse({self.fusion})"])

    def _held_to(self) -> list[str]:
        parts = [] if self.farthest is None else [f"max_distance({self.farthest})"]
        parts += [] if self.lowest_score is None else [f"min_score({self.lowest_score})"]
        return parts + ([] if self.search == UNTUNED else [f"tune({self.search})"])


def _within_range(query: Q) -> Q:
    """The query itself, whose thresholds fit its metric once both are known."""
    ranking = query.ranking
    if ranking is None:
        return query
    if query.farthest is not None:
        check_distance(query.farthest, ranking.metric, len(ranking.vector))
    if query.lowest_score is not None:
        check_score(query.lowest_score, ranking.metric, len(ranking.vector))
    return query
