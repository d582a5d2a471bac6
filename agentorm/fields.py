"""How the fields of an entity are declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticUndefined, core_schema
from sqlmodel import Field

from agentorm.errors import InvalidModel, InvalidVector
from agentorm.indexes import VectorIndex
from agentorm.json_types import JSONType
from agentorm.refusals import shown
from agentorm.types import VectorType
from agentorm.vectors import Kind, Metric, Vector, VectorLike, as_vector

__all__ = ["Field", "VectorField", "json_field", "vector_field"]


@dataclass(frozen=True, slots=True)
class VectorField:
    """What `vector_field` declared, kept as ``column.info["agentorm"]``.

    Raises:
        InvalidModel: a dimension below 1, or an index that does not know the metric.
    """

    dimension: int
    kind: Kind
    metric: Metric
    index: VectorIndex | None

    def __post_init__(self) -> None:
        if type(self.dimension) is not int or self.dimension < 1:
            raise InvalidModel(f"a vector has 1 dimension or more, got {self.dimension!r}")
        if self.index is not None and self.metric not in self.index.metrics:
            raise InvalidModel(
                f"{type(self.index).__name__} cannot rank by {self.metric}",
                hint=f"it knows {', '.join(sorted(self.index.metrics))}",
            )

    def vector(self, value: VectorLike) -> Vector:
        """The value as a vector of this field.

        Raises:
            InvalidVector: it is no vector.
            DimensionMismatch: it is one of another length.
        """
        return as_vector(value, dimension=self.dimension)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        accepted = get_args(source) or (source,)
        if set(accepted) - {NoneType} != {Vector}:
            raise InvalidModel(
                f"the vector field {handler.field_name} is annotated {source}",
                hint="annotate it Vector, or Vector | None",
            )
        schema = core_schema.no_info_plain_validator_function(
            self._validated,
            serialization=core_schema.plain_serializer_function_ser_schema(
                Vector.tolist, when_used="json", return_schema=core_schema.list_schema()
            ),
        )
        return core_schema.nullable_schema(schema) if NoneType in accepted else schema

    def _validated(self, value: Any) -> Vector:
        try:
            return self.vector(value)
        except InvalidVector as error:
            line = InitErrorDetails(type="value_error", ctx={"error": error}, input=shown(value))
            raise ValidationError.from_exception_data("vector", [line]) from None

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        array: JsonSchemaValue = {
            "type": "array",
            "items": {"type": "number"},
            "minItems": self.dimension,
            "maxItems": self.dimension,
        }
        return {"anyOf": [array, {"type": "null"}]} if schema["type"] == "nullable" else array


def vector_field(
    dimension: int,
    *,
    metric: str | Metric = Metric.COSINE,
    index: VectorIndex | None = None,
    kind: str | Kind = Kind.FLOAT32,
    default: Any = PydanticUndefined,
    default_factory: Callable[[], VectorLike] | None = None,
) -> Any:
    """Declare a vector beside the row; annotate it ``Vector``, or ``Vector | None``.

    Whatever holds so many numbers is accepted for it and kept as a `Vector`.

    Args:
        dimension: how many components every value has.
        metric: the distance that queries mean unless they name another.
        index: how an engine that can is to index it; without one it is ranked exactly.
        kind: what one component is.
        default: the value where none is given, None for a nullable field.
        default_factory: what makes the default.

    Raises:
        InvalidModel: a dimension below 1, an unknown kind, a default that is no such vector,
            an index that does not know the metric.
        InvalidMetric: an unknown metric, or one that does not fit the kind.

    Example:
        ``embedding: Vector = vector_field(384, index=HNSW(m=16))`` is, on PostgreSQL,
        ``embedding VECTOR(384) NOT NULL``, and an index of this column.
    """
    column_type = VectorType(dimension, kind)
    spec = VectorField(dimension, column_type.kind, Metric.named(metric, column_type.kind), index)
    if default is not PydanticUndefined and default is not None:
        try:
            default = spec.vector(default)
        except InvalidVector as error:
            raise InvalidModel(f"the default is no vector of this field: {error}") from error
    field = Field(
        default=default,
        default_factory=default_factory,
        sa_type=column_type,
        sa_column_kwargs={"info": {"agentorm": spec}},
    )
    field.metadata.append(spec)
    return field


def json_field(
    *,
    default: Any = PydanticUndefined,
    default_factory: Callable[[], Any] | None = None,
    nullable: bool | None = None,
) -> Any:
    """Declare a JSON document beside the row, changes to which are seen at any depth.

    Without a default an entity starts with an empty dict or list, or with None, as the
    annotation says.

    Args:
        default: the value where none is given.
        default_factory: what makes the default.
        nullable: whether the column takes NULL, if the annotation does not tell.

    Example:
        ``meta: dict[str, Any] = json_field()`` is ``meta JSONB NOT NULL`` on PostgreSQL and
        starts as ``{}``.
    """
    return Field(
        default=default,
        default_factory=default_factory,
        nullable=PydanticUndefined if nullable is None else nullable,
        sa_type=JSONType(),
    )
