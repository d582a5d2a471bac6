"""A second look at the best rows: what scores them anew, and what spreads them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias, TypeVar, cast

from numpy.typing import NDArray
from sqlalchemy.orm import InstrumentedAttribute

from agentorm.errors import InvalidQuery
from agentorm.read_models import ReadModel
from agentorm.whole_numbers import whole

E = TypeVar("E")
T = TypeVar("T")
Scores: TypeAlias = Sequence[float] | NDArray[Any]
"""A number for each row, in their order."""
Scorer: TypeAlias = Callable[[list[E]], Scores]
"""What gives each of these rows a score, higher is better."""
AsyncScorer: TypeAlias = Callable[[list[E]], Awaitable[Scores]]
"""The same, awaited."""


@dataclass(frozen=True, slots=True)
class Reranking:
    """Who scores the best rows anew, how many of them, and what they are read into for that."""

    scorer: Callable[[list[Any]], Any]
    depth: int
    target: ReadModel[Any] | None = None

    def __post_init__(self) -> None:
        if not callable(self.scorer):
            raise InvalidQuery(
                f"rerank takes a callable, got {self.scorer!r}",
                hint="rerank(lambda docs: [score(doc) for doc in docs])",
            )
        object.__setattr__(self, "depth", whole("depth", self.depth, at_least=1))

    def described(self) -> str:
        """The verb that made it."""
        name = getattr(self.scorer, "__name__", type(self.scorer).__name__)
        return f"rerank({name}, depth={self.depth})"


@dataclass(frozen=True, slots=True)
class Diversity:
    """How much it counts that a row is near, and how many rows are looked at."""

    lambda_: float
    depth: int

    def __post_init__(self) -> None:
        given: Any = self.lambda_
        fits = isinstance(given, int | float) and not isinstance(given, bool)
        if not fits or not isfinite(given) or not 0 <= given <= 1:
            raise InvalidQuery(
                f"lambda_ is a number from 0 to 1, got {given!r}",
                hint="1 counts how near a row is alone, 0 how new",
            )
        object.__setattr__(self, "depth", whole("depth", self.depth, at_least=1))

    def described(self) -> str:
        """The verb that made it."""
        return f"diverse(lambda_={self.lambda_:g}, depth={self.depth})"


def cross_encoder(
    predict: Callable[[list[tuple[str, str]]], T],
    text: str,
    passage: str | InstrumentedAttribute[Any] | Callable[[Any], str],
) -> Callable[[list[Any]], T]:
    """A scorer for `rerank` of a model that reads the query and a passage together.

    Args:
        predict: what scores pairs of texts, as ``CrossEncoder("...").predict`` of
            sentence-transformers does; or the same, awaited.
        text: what is searched for, the first of each pair.
        passage: the second: a field, as ``Doc.body`` or its name, where None is no text; or
            what makes the text of a row.

    Raises:
        InvalidQuery: `predict` or `passage` is nothing of the kind.

    Example:
        ``rerank(cross_encoder(model.predict, "vector search", Doc.body), depth=50)`` calls
        ``model.predict([("vector search", doc.body), ...])`` once, with 50 pairs.
    """
    read = _reader(passage)
    if not callable(predict):
        raise InvalidQuery(f"expected what scores pairs of texts, got {predict!r}")

    def scorer(entities: list[Any]) -> T:
        return predict([(text, read(entity)) for entity in entities])

    return scorer


def _reader(passage: object) -> Callable[[Any], str]:
    name: Any = getattr(passage, "key", passage)
    if isinstance(name, str):
        return lambda entity: getattr(entity, name) or ""
    if callable(passage):
        return cast("Callable[[Any], str]", passage)
    raise InvalidQuery(
        f"a passage is a field or a callable, got {passage!r}",
        hint="cross_encoder(model.predict, text, Doc.body)",
    )
