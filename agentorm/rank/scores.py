"""What a re-ranker is given, and what it must give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import isawaitable, iscoroutine
from math import isfinite, nan
from typing import Any, SupportsFloat

import numpy as np

from agentorm.dialects.tasks import settled
from agentorm.errors import InvalidQuery, InvalidScores
from agentorm.rank.base import Run
from agentorm.reranking import Reranking


def scores_of(reranking: Reranking, entities: Sequence[Any], run: Run) -> list[float]:
    """The scorer's finite number for each of these rows; it is not asked for none at all."""
    if not entities:
        return []
    given: Any = reranking.scorer([*entities])
    if isawaitable(given):
        given = _awaited(given, run)
    return _checked(given, len(entities))


def _awaited(given: Any, run: Run) -> Any:
    if run.connection.dialect.is_async:
        return settled(given)
    if iscoroutine(given):
        given.close()
    raise InvalidQuery(
        "an async scorer on a query that is not awaited",
        hint="give a plain function, or bind the query to an AsyncSession or AsyncDatabase",
    )


def _checked(given: Any, expected: int) -> list[float]:
    ordered = hasattr(given, "__len__") and hasattr(given, "__getitem__")
    if not ordered or isinstance(given, _NOT_ORDERED):
        got = type(given).__name__
        raise InvalidScores(f"expected {expected} scores in a sequence, got {got}")
    if len(given) != expected:
        raise InvalidScores(f"expected {expected} scores, one for each row, got {len(given)}")
    return [_number(score, place) for place, score in enumerate(given)]


_NOT_ORDERED: tuple[Any, ...] = (str, bytes, Mapping)
_NO_NUMBERS: tuple[Any, ...] = (bool, np.bool_, complex)


def _number(given: Any, place: int) -> float:
    fits = isinstance(given, SupportsFloat) and not isinstance(given, _NO_NUMBERS)
    if not fits or getattr(given, "shape", ()) != ():
        raise InvalidScores(f"a score is a number, got {given!r} for row {place}")
    try:
        score = float(given)
    except (ValueError, OverflowError):
        score = nan
    if not isfinite(score):
        raise InvalidScores(f"a score is a finite number, got {given!r} for row {place}")
    return score
