"""The verbs that look at the best rows again: one of each group, other scores, more variety."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic

from typing_extensions import TypeVar

from agentorm.errors import InvalidQuery
from agentorm.models import field_name, mapper_of
from agentorm.ranked import Ranked
from agentorm.read_models import ReadModel
from agentorm.reranking import Diversity, Reranking, Scorer
from agentorm.types import VectorType

E = TypeVar("E")
Q = TypeVar("Q", bound="Reordered[Any, Any]", default=Any)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Reordered(Ranked[E, Q], Generic[E, Q]):
    """What becomes of the best rows, in this order whatever the order of the calls.

    Filters and thresholds come first, then the ranking, `best_per`, `rerank`, `diverse`, and the
    page last.
    """

    best_of: str | None = None
    reranking: Reranking | None = None
    diversity: Diversity | None = None
    target: ReadModel[Any] | None = None

    @property
    def reach(self) -> int | None:
        """How many rows a second look takes in, beyond which no page goes; None without one."""
        looks = [look.depth for look in (self.reranking, self.diversity) if look is not None]
        return min(looks, default=None)

    def best_per(self, field: object) -> Q:
        """Keep the first row of each value of the field: the best one of each document, say.

        It is the first in the order of the query: of the ranking, of `order_by`, else of the
        keys. Rows without a value are one group. Limit, offset and `count` are of groups then.

        Args:
            field: as ``Chunk.document_id`` or its name.

        Raises:
            InvalidQuery: no field of the model, or one of vectors or JSON.
            UnknownField: the model has no field of that name.

        Example:
            ``repository(Chunk).similar_to(vec).best_per(Chunk.document_id).limit(5)`` is, where
            the engine computes the distance and no index serves, ``SELECT chunk.id, ...,
            best.distance FROM chunk JOIN (SELECT chunk.id AS key_0, ... AS distance,
            row_number() OVER (PARTITION BY chunk.document_id ORDER BY ..., chunk.id) AS place
            FROM chunk) AS best ON chunk.id = best.key_0 WHERE best.place = :place_1
            ORDER BY best.distance, chunk.id LIMIT :param_1``.
        """
        name = field_name(self.model, field)
        kind: Any = mapper_of(self.model).column_attrs[name].columns[0].type
        if isinstance(kind, VectorType) or not getattr(kind, "impl_instance", kind).hashable:
            raise InvalidQuery(f"{self.model.__name__}.{name} is nothing to group by")
        return self._with(best_of=name)

    def rerank(self, scorer: Scorer[E], depth: int = 50) -> Q:
        """Sort the best rows by scores of your own, higher first; ties as they were.

        Without a limit these rows are the answer. A hit's `score` is the new one; its distance
        and its other scores stay.

        Args:
            scorer: called once with the entities, best first, unless there are none; gives a
                finite number for each. Called behind `into` it is given what that makes of
                the rows. On an awaited query it may be an ``async def``. Its own errors pass
                through as they are.
            depth: how many rows it is given, 1 or more.

        Raises:
            InvalidQuery: no callable, or no such depth; at the ending: the query does not rank,
                its limit and offset go beyond the depth, or an async scorer is not awaited.
            InvalidScores: at the ending: not as many scores as rows, or one is no finite number.

        Example:
            ``similar_to(vec).rerank(lambda docs: [doc.votes for doc in docs], depth=50).limit(5)``
            ranks as ``similar_to(vec).limit(50)`` does, and gives the 5 with the most votes.
        """
        return self._with(reranking=Reranking(scorer, depth, self.target))

    def diverse(self, lambda_: float = 0.5, depth: int = 50) -> Q:
        """Take the best rows in an order that avoids what resembles a row before.

        Maximal marginal relevance: each row is the one with the greatest
        ``lambda_ * relevance - (1 - lambda_) * greatest similarity to a row before``. Relevance
        is the hit's score, within 0 to 1 where the ranking was fused or re-ranked; similarity is
        the metric's score of two rows, and 0 where one has no vector. Ties go to the earlier row.
        Scores and distances stay what they were, so that hits are not sorted by them.

        Args:
            lambda_: from 0, new above all, to 1, as ranked before.
            depth: how many rows are looked at, 1 or more.

        Raises:
            InvalidQuery: `lambda_` or `depth` is out of range; at the ending: the query has no
                `similar_to`, or its limit and offset go beyond the depth.

        Source: J. Carbonell and J. Goldstein, The use of MMR, diversity-based reranking for
        reordering documents and producing summaries, SIGIR 1998.
        """
        return self._with(diversity=Diversity(lambda_, depth))

    def _looked_at(self) -> list[str]:
        parts = [] if self.best_of is None else [f"best_per({self.best_of})"]
        return parts + [
            look.described() for look in (self.reranking, self.diversity) if look is not None
        ]
