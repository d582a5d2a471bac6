from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Optional

import numpy as np
import pytest
from pydantic import ValidationError
from sqlalchemy import Table
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from agentorm.dialects import Feature
from agentorm.entity import Entity
from agentorm.errors import DimensionMismatch, InvalidMetric, InvalidModel, InvalidVector
from agentorm.fields import Field, VectorField, json_field, vector_field
from agentorm.indexes import HNSW, IVFFlat
from agentorm.json_types import JSONType
from agentorm.tracked import TrackedDict, TrackedList
from agentorm.types import VectorType
from agentorm.vectors import Kind, Metric, Vector


class Unit(Entity, registry=registry()):
    """What the tables here derive from."""


class Indexed(Unit):
    """A mixin with a vector."""

    embedding: Vector = vector_field(3, metric="l2", index=HNSW(m=8, ef_construction=32))


class FieldsPaper(Indexed, table=True):
    id: int | None = Field(default=None, primary_key=True)
    summary: Vector | None = vector_field(2, default=None, index=IVFFlat(lists=5))
    start: Vector = vector_field(2, default=[1, 2])
    made: Vector = vector_field(2, default_factory=lambda: [3, 4])
    meta: dict[str, Any] = json_field()
    tags: Annotated[list[str], "words"] = json_field()
    extra: Optional[dict[str, int]] = json_field()  # noqa: UP045  # both ways are in use
    given: list[int] = json_field(default=[1])
    anything: Any = json_field(default=None, nullable=True)


class FieldsSlide(Indexed, table=True):
    id: int | None = Field(default=None, primary_key=True)


class Loose(Entity):
    """Data, no table."""

    embedding: Vector = vector_field(3)
    meta: dict[str, Any] = json_field()


def table_of(model: Any) -> Table:
    table: Table = model.__table__
    return table


@pytest.mark.parametrize(
    "given",
    [
        [1, 2, 3],
        (1.0, 2.0, 3.0),
        np.array([1, 2, 3]),
        np.array([1, 2, 3], "<f4"),
        Vector([1, 2, 3]),
    ],
    ids=["list", "tuple", "array of int", "array of float32", "vector"],
)
def test_whatever_holds_the_numbers_becomes_a_vector(given: Any) -> None:
    assert FieldsPaper(embedding=given).embedding == Vector([1, 2, 3])
    assert Loose(embedding=given).embedding == Vector([1, 2, 3])


def test_the_dimension_is_checked() -> None:
    with pytest.raises(DimensionMismatch) as refused:
        FieldsPaper(embedding=Vector([1, 2]))
    assert str(refused.value) == "FieldsPaper.embedding: expected a vector of 3 dimensions, got 2"
    assert (refused.value.expected, refused.value.got) == (3, 2)
    with pytest.raises(ValidationError, match="expected a vector of 3 dimensions, got 2"):
        Loose(embedding=Vector([1, 2]))


def test_no_vector_is_refused() -> None:
    with pytest.raises(InvalidVector) as refused:
        FieldsPaper(embedding=Vector([1, 2, 3]), summary=np.array([1, np.nan]))  # type: ignore[arg-type]
    assert (
        str(refused.value) == "FieldsPaper.summary: component 1 is nan, which is no finite float32"
    )


def test_pydantic_keeps_no_copy_of_a_refused_vector() -> None:
    with pytest.raises(ValidationError) as refused:
        Loose.model_validate({"embedding": [1.0] * 1000})
    assert len(str(refused.value.errors()[0]["input"])) < 100


def test_defaults() -> None:
    paper = FieldsPaper(embedding=Vector([1, 2, 3]))
    assert (paper.summary, paper.start, paper.made) == (None, Vector([1, 2]), Vector([3, 4]))
    assert (paper.meta, paper.tags, paper.extra, paper.given) == ({}, [], None, [1])
    assert isinstance(paper.meta, TrackedDict)
    assert isinstance(paper.given, TrackedList)
    assert Loose(embedding=Vector([1, 2, 3])).meta == {}
    paper.given.append(2)
    assert FieldsPaper(embedding=Vector([1, 2, 3])).given == [1]


def test_columns() -> None:
    columns = table_of(FieldsPaper).columns
    found = {c.name: (type(c.type), c.nullable) for c in columns if c.name != "id"}
    assert found == {
        "embedding": (VectorType, False),
        "summary": (VectorType, True),
        "start": (VectorType, False),
        "made": (VectorType, False),
        "meta": (JSONType, False),
        "tags": (JSONType, False),
        "extra": (JSONType, True),
        "given": (JSONType, False),
        "anything": (JSONType, True),
    }
    embedding = columns["embedding"].type
    assert isinstance(embedding, VectorType)
    assert embedding.dimension == 3


def test_the_declaration_is_kept_on_the_column() -> None:
    spec = table_of(FieldsPaper).columns["embedding"].info["agentorm"]
    assert spec == VectorField(3, Kind.FLOAT32, Metric.L2, HNSW(m=8, ef_construction=32))


def test_each_table_of_a_mixin_has_an_index_of_its_own() -> None:
    tables = [table_of(FieldsPaper), table_of(FieldsSlide)]
    found = [{index.name: index.info["agentorm"] for index in table.indexes} for table in tables]
    assert found == [
        {
            "ix_fieldspaper_embedding_hnsw": HNSW(m=8, ef_construction=32),
            "ix_fieldspaper_summary_ivfflat": IVFFlat(lists=5),
        },
        {"ix_fieldsslide_embedding_hnsw": HNSW(m=8, ef_construction=32)},
    ]


def test_json_schema() -> None:
    array = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    properties = FieldsPaper.model_json_schema()["properties"]
    assert properties["made"] == {**array, "title": "Made"}
    assert properties["start"] == {**array, "title": "Start", "default": [1.0, 2.0]}
    assert properties["summary"] == {
        "anyOf": [array, {"type": "null"}],
        "default": None,
        "title": "Summary",
    }
    assert FieldsPaper.model_json_schema()["required"] == ["embedding"]


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no dimension": (
        lambda: vector_field(0),
        InvalidModel,
        "a vector has 1 dimension or more, got 0",
    ),
    "open dimension": (
        lambda: vector_field(None),  # type: ignore[arg-type]
        InvalidModel,
        "a vector has 1 dimension or more, got None",
    ),
    "kind": (
        lambda: vector_field(3, kind="float7"),
        InvalidModel,
        "unknown kind of vector 'float7'",
    ),
    "metric": (lambda: vector_field(3, metric="cosin"), InvalidMetric, "unknown metric 'cosin'"),
    "metric of another kind": (
        lambda: vector_field(3, metric="hamming"),
        InvalidMetric,
        "hamming does not compare float32 vectors",
    ),
    "metric of another index": (
        lambda: vector_field(3, metric="l1", index=IVFFlat()),
        InvalidModel,
        "IVFFlat cannot rank by l1; it knows cosine, inner_product, l2",
    ),
    "default": (
        lambda: vector_field(3, default=[1]),
        InvalidModel,
        "the default is no vector of this field: expected a vector of 3 dimensions, got 1",
    ),
}


@pytest.mark.parametrize(("declare", "kind", "message"), BAD.values(), ids=BAD)
def test_what_cannot_work_is_refused_when_it_is_declared(
    declare: Callable[[], Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as refused:
        declare()
    assert str(refused.value).startswith(message)


def test_a_vector_field_is_annotated_vector() -> None:
    with pytest.raises(InvalidModel) as refused:

        class FieldsWrong(Unit, table=True):  # pyright: ignore[reportUnusedClass]
            id: int | None = Field(default=None, primary_key=True)
            embedding: list[float] = vector_field(3)

    assert str(refused.value) == (
        "the vector field embedding is annotated list[float]; annotate it Vector, or Vector | None"
    )


def test_the_fields_serve_a_plain_sqlmodel_too() -> None:
    class Plain(SQLModel, registry=registry()):
        pass

    class FieldsPlain(Plain, table=True):
        id: int | None = Field(default=None, primary_key=True)
        meta: dict[str, Any] = json_field(default_factory=dict)
        embedding: Vector = vector_field(3)

    columns = table_of(FieldsPlain).columns
    assert columns["embedding"].info["agentorm"].metric is Metric.COSINE
    assert isinstance(columns["meta"].type, JSONType)


def test_features_of_the_indexes() -> None:
    assert (HNSW.method, IVFFlat.method) == (Feature.HNSW, Feature.IVFFLAT)
