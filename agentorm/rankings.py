"""What a vector ranking is: a field, a vector, a metric."""

from __future__ import annotations

from dataclasses import dataclass

from agentorm.errors import InvalidVector
from agentorm.models import RankedField, vector_field_of
from agentorm.vectors import AnyVector, Kind, Metric, VectorLike


@dataclass(frozen=True, slots=True)
class Ranking:
    """Nearest first: which field, to which vector, by which metric."""

    field: RankedField
    vector: AnyVector
    metric: Metric

    @property
    def kind(self) -> Kind:
        """What one component of the field's vectors is."""
        return self.field.type.kind

    @property
    def served_by_index(self) -> bool:
        """Whether the declared index, if there is any, knows this metric."""
        return self.field.index is not None and self.metric is self.field.metric

    def described(self) -> str:
        """The verb that made it."""
        return f"similar_to({self.vector!r}, on={self.field.label}, metric={self.metric.value!r})"


def ranking_of(
    model: type, vector: VectorLike, *, on: object, metric: str | Metric | None
) -> Ranking:
    """The ranking that these arguments of `similar_to` mean; see there."""
    field = vector_field_of(model, on)
    chosen = field.metric if metric is None else Metric.named(metric, field.type.kind)
    checked = field.type.vector(vector, field=field.label)
    if chosen is Metric.COSINE and checked.is_zero:
        hint = "rank by another metric, or leave similar_to() out"
        raise InvalidVector("a zero vector has no direction", field=field.label, hint=hint)
    return Ranking(field, checked, chosen)
