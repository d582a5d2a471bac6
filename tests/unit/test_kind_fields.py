"""Fields of each kind of vector in pydantic, and in the schema that an API shows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.orm import registry

from agentorm import (
    BitVector,
    Entity,
    Field,
    HalfVector,
    Int8Vector,
    InvalidModel,
    InvalidVector,
    SparseVector,
    Vector,
    vector_field,
)


class Unit(Entity, registry=registry()):
    """What the tables here derive from."""


class KindBody(Unit):
    half: HalfVector = vector_field(2, kind="float16")
    small: Int8Vector | None = vector_field(2, kind="int8", default=None)
    bits: BitVector = vector_field(9, kind="bit", default="1" * 9)
    sparse: SparseVector = vector_field(9, kind="sparse", default_factory=dict)


class KindFields(KindBody, table=True):
    id: int | None = Field(default=None, primary_key=True)


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_schema_of_fields_by_kind(mode: Any) -> None:
    fields = KindBody.model_json_schema(mode=mode)["properties"]
    sizes = {"minItems": 2, "maxItems": 2}
    assert fields["half"] == {
        "title": "Half",
        "type": "array",
        "items": {"type": "number", "minimum": -65504, "maximum": 65504},
        **sizes,
    }
    small = {"type": "integer", "minimum": -128, "maximum": 127}
    array = {"type": "array", "items": small, **sizes}
    assert fields["small"]["anyOf"] == [array, {"type": "null"}]
    assert fields["sparse"]["properties"]["dimension"] == {"type": "integer", "const": 9}


def test_values_are_of_the_fields_kind() -> None:
    made = KindFields(half=[0.1, 2], sparse={3: 1})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert made.half == HalfVector([0.1, 2])
    assert made.bits == BitVector("1" * 9)
    assert made.sparse == SparseVector({3: 1}, 9)
    assert KindFields(half=HalfVector([1, 2])).sparse == SparseVector({}, 9)
    made.half = Vector([3, 4])  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    assert made.half == HalfVector([3, 4])
    with pytest.raises(
        InvalidVector, match=r"KindFields\.bits: expected a BitVector, got a Vector"
    ):
        made.bits = Vector([1] * 9)  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    assert made.bits == BitVector("1" * 9)


def test_a_body_is_read_and_written_as_json() -> None:
    body = KindBody.model_validate_json(
        '{"half": [0.5, 2], "small": [1, -2],'
        ' "sparse": {"dimension": 9, "values": {"8": 2}}, "bits": [1,0,1,0,1,0,1,0,1]}'
    )
    assert body.model_dump_json() == (
        '{"half":[0.5,2.0],"small":[1,-2],"bits":[1,0,1,0,1,0,1,0,1],'
        '"sparse":{"dimension":9,"values":{"8":2.0}}}'
    )
    for wrong in ('{"half": [1e6, 1]}', '{"half": [1]}', '{"half": [1, 2], "small": [0.5, 1]}'):
        with pytest.raises((ValidationError, InvalidVector)):
            KindBody.model_validate_json(wrong)


@pytest.mark.parametrize(
    ("kind", "default"), [("int8", [0.5, 1]), ("bit", [2, 0]), ("float16", [1e6, 0])]
)
def test_a_default_of_another_kind_is_refused(kind: str, default: Any) -> None:
    with pytest.raises(InvalidModel, match="the default is no vector of this field"):
        vector_field(2, kind=kind, default=default)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidModel, match="unknown kind of vector 'float8'; use float32, float16"):
        vector_field(2, kind="float8")
