"""What a vector ranking is: a field, one vector or several, a metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy import ColumnElement, inspect, or_

from agentorm.errors import InvalidQuery, InvalidVector
from agentorm.models import RankedField, key_columns, vector_field_of
from agentorm.parameters import Parameter
from agentorm.vectors import AnyVector, Kind, Metric, SparseVector, VectorLike

MOST_VECTORS = 100
_AVERAGED = frozenset({Kind.FLOAT32, Kind.FLOAT16})


@dataclass(frozen=True, slots=True, init=False)
class _Several:
    vectors: tuple[Any, ...]

    def __init__(self, vectors: Iterable[Any]) -> None:
        if not isinstance(vectors, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidVector(f"expected vectors or entities, got {vectors!r}")
        given = tuple(vectors)
        if not 1 <= len(given) <= MOST_VECTORS:
            raise InvalidVector(f"expected 1 to {MOST_VECTORS} vectors, got {len(given)}")
        object.__setattr__(self, "vectors", given)


class MeanOf(_Several):
    """Several vectors, or entities, taken as their arithmetic mean, component by component.

    A vector index serves the mean as it serves any vector.

    Args:
        vectors: 1 to 100 vectors of float32 or float16, or entities of the model.

    Raises:
        InvalidVector: none, or more.

    Example:
        ``repository(Doc).similar_to(MeanOf([liked, also_liked])).limit(5)`` binds one vector.
    """

    __slots__ = ()


class AnyOf(_Several):
    """Several vectors, or entities: a row is as near as it is to the nearest of them.

    Every row is ranked, exactly: no vector index serves the least of several distances.

    Args:
        vectors: 1 to 100 vectors, or entities of the model.

    Raises:
        InvalidVector: none, or more.

    Example:
        ``repository(Doc).similar_to(AnyOf([a, b]))`` ranks by
        ``LEAST((doc.embedding <=> :embedding_1), (doc.embedding <=> :embedding_2))``.
    """

    __slots__ = ()


Example: TypeAlias = "VectorLike | MeanOf | AnyOf"
"""What rows are ranked by their nearness to, beside an entity of the model."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Nearest first: which field, to which vector, by which metric.

    Attributes:
        others: further vectors; a row is as far as it is from the nearest of all.
        apart: the conditions that leave the examples themselves out.
        near: conditions of a fusion's ranking by distance alone: what an index has found.
    """

    field: RankedField
    vector: AnyVector
    metric: Metric
    others: tuple[AnyVector, ...] = ()
    apart: tuple[ColumnElement[bool], ...] = attribute(default=(), compare=False)
    near: tuple[ColumnElement[bool], ...] = attribute(default=(), compare=False)

    @property
    def kind(self) -> Kind:
        """What one component of the field's vectors is."""
        return self.field.type.kind

    @property
    def vectors(self) -> tuple[AnyVector, ...]:
        """Every vector of which the nearest counts."""
        return (self.vector, *self.others)

    @property
    def served_by_index(self) -> bool:
        """Whether the declared index, if there is any, knows this metric and this one vector."""
        declared = self.field.index is not None and not self.others
        return declared and self.metric is self.field.metric

    @property
    def named(self) -> str:
        """What rows are ranked by their nearness to, as it is written."""
        return f"AnyOf({[*self.vectors]!r})" if self.others else repr(self.vector)

    def described(self, example: str) -> str:
        """The verb that made it."""
        return f"similar_to({example}, on={self.field.label}, metric={self.metric.value!r})"


def ranking_of(
    model: type[Any], example: Any, *, on: object, metric: str | Metric | None
) -> Ranking:
    """The ranking that these arguments of `similar_to` mean; see there."""
    ranked = vector_field_of(model, on)
    chosen = ranked.metric if metric is None else Metric.named(metric, ranked.type.kind)
    if isinstance(example, Parameter):
        return Ranking(ranked, _placeholder(ranked), chosen)
    given = example.vectors if isinstance(example, _Several) else (example,)
    vectors = [_vector(model, ranked, one) for one in given]
    if isinstance(example, MeanOf):
        vectors = [_mean(ranked, vectors)]
    for vector in vectors:
        _check_direction(ranked, vector, chosen)
    apart = tuple(_is_another(model, one) for one in given if _is_stored(model, one))
    return Ranking(ranked, vectors[0], chosen, tuple(vectors[1:]), apart)


def is_plain_vector(model: type[Any], example: object) -> bool:
    """Whether it can only be a vector: neither an entity of the model nor several examples."""
    return not isinstance(example, (model, _Several, Parameter))


def vector_to_rank_by(ranking: Ranking, example: Any) -> AnyVector:
    """The vector that takes the place of the one of a ranking.

    Raises:
        InvalidVector: no vector, of another kind or dimension, or zero with cosine.
    """
    vector = ranking.field.type.vector(example, field=ranking.field.label)
    _check_direction(ranking.field, vector, ranking.metric)
    return vector


def _check_direction(ranked: RankedField, vector: AnyVector, metric: Metric) -> None:
    if metric is Metric.COSINE and vector.is_zero:
        hint = "rank by another metric, or leave similar_to() out"
        raise InvalidVector("a zero vector has no direction", field=ranked.label, hint=hint)


def _placeholder(ranked: RankedField) -> AnyVector:
    """A vector of the field, that stands for one that is given later."""
    ones = [1] * (ranked.type.dimension or 1)
    if ranked.type.kind is Kind.SPARSE:
        return ranked.type.vector(SparseVector({0: 1}, len(ones)))
    return ranked.type.vector(ones)


def _vector(model: type[Any], ranked: RankedField, example: Any) -> AnyVector:
    if not isinstance(example, model):
        return ranked.type.vector(example, field=ranked.label)
    name = ranked.attribute.key
    held = inspect(example).dict
    if name not in held:
        raise InvalidQuery(
            f"the vector of {ranked.label} is not loaded",
            hint="refresh the entity, or load it without deferring the field",
        )
    if held[name] is None:
        raise InvalidVector("the entity has no vector", field=ranked.label)
    return ranked.type.vector(held[name], field=ranked.label)


def _mean(ranked: RankedField, vectors: list[AnyVector]) -> AnyVector:
    if ranked.type.kind not in _AVERAGED:
        raise InvalidVector(
            f"{ranked.type.kind} vectors have no mean", field=ranked.label, hint="AnyOf(...) ranks"
        )
    mean = np.mean([np.asarray(vector, dtype=np.float64) for vector in vectors], axis=0)
    return ranked.type.vector(mean, field=ranked.label)


def _key(model: type[Any], entity: Any) -> tuple[Any, ...]:
    held = inspect(entity).dict
    return tuple(held.get(column.key) for column in key_columns(model))


def _is_stored(model: type[Any], example: Any) -> bool:
    return isinstance(example, model) and None not in _key(model, example)


def _is_another(model: type[Any], entity: Any) -> ColumnElement[bool]:
    pairs = zip(key_columns(model), _key(model, entity), strict=True)
    return or_(*(column != value for column, value in pairs))
