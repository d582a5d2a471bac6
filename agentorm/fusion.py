"""Two rankings as one: what each place, or each score, of a row counts for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from sqlalchemy import BindParameter, ColumnElement, Double, case, func, literal

from agentorm.errors import InvalidQuery
from agentorm.whole_numbers import whole

_LEAST = 1e-100
_RANGE = f"what is not 0 lies from {_LEAST:g} to {1 / _LEAST:g}"
DEPTH = 100
"""How many rows of each ranking are fused, where nothing else is said."""


class Fusion(ABC):
    """A way to make one ranking of two.

    Attributes:
        weights: what the ranking by distance counts, and the ranking by text.
        depth: how many rows of each, the best, are fused in a query with a limit.
        takes_scores: whether scores count, and not places alone.
    """

    weights: tuple[float, float]
    depth: int
    takes_scores: ClassVar[bool]

    @abstractmethod
    def shares(self, weight: float, scores: Sequence[float]) -> list[float]:
        """What each row of one ranking gets by its place there, from its scores, best first."""

    @abstractmethod
    def share(
        self, weight: float, score: ColumnElement[Any], order: Sequence[ColumnElement[Any]]
    ) -> ColumnElement[Any]:
        """The same as SQL over the rows of one ranking."""

    def _check(self) -> None:
        name = type(self).__name__
        object.__setattr__(self, "weights", _weights(name, self.weights))
        object.__setattr__(self, "depth", whole(f"the depth of {name}", self.depth, at_least=1))


@dataclass(frozen=True, slots=True)
class RRF(Fusion):
    """Reciprocal rank fusion: only places count, so the scores need not compare.

    A row gets ``weight / (k + place)`` from each ranking that finds it, places from 1, and what it
    gets is added up. Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms
    Condorcet and individual Rank Learning Methods", SIGIR 2009, where k is 60.

    Args:
        k: above 0; the greater, the less the first places count for more than those behind them.
        weights: what the ranking by distance counts, and the ranking by text; none negative, one
            above 0.
        depth: how many rows of each, the best, are fused; 1 or more.

    Raises:
        InvalidQuery: a value outside its range.

    Example:
        ``repository(Doc).similar_to(vec).matching("words").fuse(RRF(weights=(2, 1))).limit(5)``
        gives the row that is third by distance and not found by its text 2 / 63.
    """

    takes_scores: ClassVar[bool] = False
    k: float = 60
    weights: tuple[float, float] = (1, 1)
    depth: int = DEPTH

    def __post_init__(self) -> None:
        self._check()
        if not _is_number(self.k) or self.k <= 0:
            raise InvalidQuery(f"k of RRF is a finite number above 0, got {self.k!r}", hint=_RANGE)

    def shares(self, weight: float, scores: Sequence[float]) -> list[float]:
        return [weight / (self.k + place) for place in range(1, len(scores) + 1)]

    def share(
        self, weight: float, score: ColumnElement[Any], order: Sequence[ColumnElement[Any]]
    ) -> ColumnElement[Any]:
        place = func.row_number().over(order_by=order)
        return _number(weight) / (_number(self.k) + place)


@dataclass(frozen=True, slots=True)
class Weighted(Fusion):
    """The sum of both scores, each brought to the range from 0 to 1 and weighted.

    In each ranking the best score of its rows is 1, the worst 0, and the rest lie between in
    proportion: ``(score - worst) / (best - worst)``, and 1 if all are equal. Of the distance it is
    the score by the formula of `Metric`. A ranking that does not find a row gives it 0.

    Args:
        weights: what the ranking by distance counts, and the ranking by text; none negative, one
            above 0.
        depth: how many rows of each, the best, are fused; 1 or more.

    Raises:
        InvalidQuery: a value outside its range.

    Example:
        ``repository(Doc).similar_to(vec).matching("words").fuse(Weighted((0.7, 0.3))).limit(5)``
        gives the row that is nearest and not found by its text 0.7.
    """

    takes_scores: ClassVar[bool] = True
    weights: tuple[float, float] = (0.5, 0.5)
    depth: int = DEPTH

    def __post_init__(self) -> None:
        self._check()

    def shares(self, weight: float, scores: Sequence[float]) -> list[float]:
        best, worst = max(scores, default=0.0), min(scores, default=0.0)
        if best == worst:
            return [weight * 1.0] * len(scores)
        return [weight * ((score - worst) / (best - worst)) for score in scores]

    def share(
        self, weight: float, score: ColumnElement[Any], order: Sequence[ColumnElement[Any]]
    ) -> ColumnElement[Any]:
        best, worst = func.max(score).over(), func.min(score).over()
        part = (score - worst) / (best - worst)
        return _number(weight) * case((best == worst, _number(1.0)), else_=part)


def _number(value: float) -> BindParameter[float]:
    return literal(float(value), Double())


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return value == 0 or _LEAST <= abs(value) <= 1 / _LEAST


def _weights(name: str, given: Any) -> tuple[float, float]:
    problem = f"{name} takes two weights, of the distance and of the text"
    weights = cast("tuple[Any, ...]", given)
    if not isinstance(given, tuple | list) or len(weights) != 2:
        raise InvalidQuery(f"{problem}, got {given!r}", hint=f"{name}(weights=(2, 1))")
    if not all(_is_number(weight) and weight >= 0 for weight in weights):
        problem = f"a weight is a finite number of 0 or more, got {given!r}"
        raise InvalidQuery(problem, hint=_RANGE)
    by_distance, by_text = map(float, weights)
    if by_distance == by_text == 0.0:
        raise InvalidQuery(f"{problem}, and both are 0", hint="one of them counts")
    return by_distance, by_text
