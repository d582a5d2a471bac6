"""How the fields of an entity are declared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, cast, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticUndefined, core_schema
from sqlmodel import Field

from agentorm.errors import InvalidModel, InvalidVector
from agentorm.indexes import MOST_INDEXED, VectorIndex
from agentorm.json_indexes import JSONIndex
from agentorm.json_types import JSONType
from agentorm.refusals import shown
from agentorm.text_indexes import TextField
from agentorm.types import VectorType
from agentorm.vectors import (
    AnyVector,
    Kind,
    Metric,
    SparseVector,
    VectorLike,
    as_vector,
    vector_class,
)

__all__ = ["Field", "JSONField", "VectorField", "json_field", "text_field", "vector_field"]


@dataclass(frozen=True, slots=True)
class VectorField:
    """What `vector_field` declared, kept as ``column.info["agentorm"]``.

    Raises:
        InvalidModel: a dimension below 1, or an index that does not know the kind or the metric.
    """

    dimension: int
    kind: Kind
    metric: Metric
    index: VectorIndex | None

    def __post_init__(self) -> None:
        if type(self.dimension) is not int or self.dimension < 1:
            raise InvalidModel(f"a vector has 1 dimension or more, got {self.dimension!r}")
        if self.index is not None:
            self.index.check(self.metric, self.kind)

    def vector(self, value: VectorLike) -> AnyVector:
        """The value as a vector of this field.

        Raises:
            InvalidVector: it is no vector of this kind, or one that the index cannot hold.
            DimensionMismatch: it is one of another length.
        """
        vector = as_vector(value, dimension=self.dimension, kind=self.kind)
        if isinstance(vector, SparseVector) and self.index is not None:
            count = len(vector.indices)
            if count > MOST_INDEXED:
                raise InvalidVector(
                    f"{count} components are not 0, and the index takes up to {MOST_INDEXED}",
                    hint="keep the largest of them, or leave the index out",
                )
        return vector

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        accepted, expected = get_args(source) or (source,), vector_class(self.kind)
        if set(accepted) - {NoneType} != {expected}:
            name, of = expected.__name__, "" if self.kind is Kind.FLOAT32 else f"{self.kind} "
            raise InvalidModel(
                f"the {of}vector field {handler.field_name} is annotated {source}",
                hint=f"annotate it {name}, or {name} | None",
            )
        schema = core_schema.no_info_plain_validator_function(
            self._validated,
            serialization=core_schema.plain_serializer_function_ser_schema(
                expected.to_json, when_used="json"
            ),
        )
        return core_schema.nullable_schema(schema) if NoneType in accepted else schema

    def _validated(self, value: Any) -> AnyVector:
        try:
            return self.vector(value)
        except InvalidVector as error:
            line = InitErrorDetails(type="value_error", ctx={"error": error}, input=shown(value))
            raise ValidationError.from_exception_data("vector", [line]) from None

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        made = vector_class(self.kind).json_schema(self.dimension)
        return {"anyOf": [made, {"type": "null"}]} if schema["type"] == "nullable" else made


def vector_field(
    dimension: int,
    *,
    metric: str | Metric | None = None,
    index: VectorIndex | None = None,
    kind: str | Kind = Kind.FLOAT32,
    default: Any = PydanticUndefined,
    default_factory: Callable[[], VectorLike] | None = None,
) -> Any:
    """Declare a vector beside the row; annotate it ``Vector``, or ``Vector | None``.

    Whatever holds so many numbers is accepted for it and kept as a `Vector`, or as the class of
    another kind: `HalfVector`, `Int8Vector`, `BitVector` or `SparseVector`, its annotation then.

    Args:
        dimension: how many components every value has.
        metric: the distance that queries mean unless they name another; without it hamming of
            bits, cosine of all else.
        index: how an engine that can is to index it; without one it is ranked exactly.
        kind: what one component is.
        default: the value where none is given, None for a nullable field.
        default_factory: what makes the default.

    Raises:
        InvalidModel: a dimension below 1, an unknown kind, a default that is no such vector,
            an index that does not know the kind or the metric, another annotation.
        InvalidMetric: an unknown metric, or one that does not fit the kind.

    Example:
        ``embedding: Vector = vector_field(384, index=HNSW(m=16))`` is, on PostgreSQL,
        ``embedding VECTOR(384) NOT NULL``, and an index of this column.
    """
    column_type = VectorType(dimension, kind)
    known = column_type.kind
    measured = Metric.named(Metric.usual(known) if metric is None else metric, known)
    spec = VectorField(dimension, known, measured, index)
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


@dataclass(frozen=True, slots=True)
class JSONField:
    """What `json_field` declared, kept as ``column.info["agentorm"]``.

    Raises:
        InvalidModel: two indexes of the same path and type.
    """

    indexes: tuple[JSONIndex, ...]

    def __post_init__(self) -> None:
        labels: dict[str, JSONIndex] = {}
        for index in cast("tuple[Any, ...]", self.indexes):
            if not isinstance(index, JSONIndex):
                raise InvalidModel(
                    f"{index!r} is no index of JSON",
                    hint='declare GIN() or PathIndex("key"), or a list of them',
                )
            if index.label in labels:
                raise InvalidModel(
                    f"{labels[index.label]!r} and {index!r} are the same index",
                    hint="one of each path and type is enough: int and float are both numbers",
                )
            labels[index.label] = index


def json_field(
    *,
    index: JSONIndex | Sequence[JSONIndex] = (),
    default: Any = PydanticUndefined,
    default_factory: Callable[[], Any] | None = None,
    nullable: bool | None = None,
) -> Any:
    """Declare a JSON document beside the row, changes to which are seen at any depth.

    Without a default an entity starts with an empty dict or list, or with None, as the
    annotation says.

    Args:
        index: how an engine that can is to index it, one way or several.
        default: the value where none is given.
        default_factory: what makes the default.
        nullable: whether the column takes NULL, if the annotation does not tell.

    Raises:
        InvalidModel: something that is no index of JSON, or two of the same path and type.

    Example:
        ``meta: dict[str, Any] = json_field(index=PathIndex("role"))`` is ``meta JSONB NOT NULL``
        on PostgreSQL, starts as ``{}``, and has an index of ``Doc.meta["role"]``.
    """
    indexes = JSONField((index,) if isinstance(index, JSONIndex) else tuple(index))
    return Field(
        default=default,
        default_factory=default_factory,
        nullable=PydanticUndefined if nullable is None else nullable,
        sa_type=JSONType(),
        sa_column_kwargs={"info": {"agentorm": indexes}} if indexes.indexes else PydanticUndefined,
    )


def text_field(  # noqa: PLR0913  # what SQLModel's Field takes for text
    *,
    search: str | None = None,
    default: Any = PydanticUndefined,
    default_factory: Callable[[], str] | None = None,
    nullable: bool | None = None,
    unique: bool | None = None,
    index: bool | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    title: str | None = None,
    description: str | None = None,
) -> Any:
    """Declare text that is searched by its words; annotate it ``str``, or ``str | None``.

    Each engine keeps the words in an index of its own kind, which follows the rows by itself.

    Args:
        search: the language of the text, by which PostgreSQL finds other forms of a word, and
            SQLite those of english; ``"simple"`` is for any other. Without one the text is not
            searched.
        default: the value where none is given.
        default_factory: what makes the default.
        nullable: whether the column takes NULL, if the annotation does not tell.
        unique: whether no two rows have the same text.
        index: whether the whole text is indexed too, for comparisons with it.
        min_length: the fewest characters.
        max_length: the most characters.
        title: its title in the JSON schema.
        description: its description there.

    Raises:
        InvalidModel: an unknown language, another annotation, or a field of the table that is
            called as the hidden column, ``<name>_search``.

    Example:
        ``body: str = text_field(search="english")`` is ``body TEXT COLLATE "C" NOT NULL`` on
        PostgreSQL, a hidden ``body_search TSVECTOR GENERATED ALWAYS AS (...) STORED``, and
        ``CREATE INDEX ft_doc_body ON doc USING gin (body_search)``.
    """
    return Field(
        default=default,
        default_factory=default_factory,
        nullable=PydanticUndefined if nullable is None else nullable,
        unique=PydanticUndefined if unique is None else unique,
        index=PydanticUndefined if index is None else index,
        min_length=min_length,
        max_length=max_length,
        title=title,
        description=description,
        sa_column_kwargs={"info": {"agentorm": TextField(search)}},
    )
