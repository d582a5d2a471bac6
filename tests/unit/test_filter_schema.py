"""The JSON Schema of filters: which documents a client or a language model may write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentorm import InvalidQuery, UnknownField, filter_schema, parse_filter
from tests.filtered import Filtered, FilteredRow

INTEGER = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}


def comparison(field: str, operators: list[str], value: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"field": {"const": field}, "op": {"enum": operators}, "value": value},
        "required": ["field", "op", "value"],
        "additionalProperties": False,
    }


def listed(value: Any, **size: int) -> dict[str, Any]:
    return {"type": "array", "items": value, **size}


def optional(made: dict[str, Any]) -> dict[str, Any]:
    return made | {"required": ["field", "op"]}


FLAG = {"type": "boolean", "description": "true if it is left out"}


def test_the_schema_of_one_field_is_whole() -> None:
    schema = filter_schema(Filtered, fields=["n"])
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (schema["title"], schema["$ref"]) == ("FilteredFilter", "#/$defs/filter")
    assert "only rows for which the whole is true are found" in schema["description"]
    assert "between (from the first to the second), is_null" in schema["description"]
    assert "like" not in schema["description"].split("Operators")[1]
    references = [{"$ref": f"#/$defs/{name}"} for name in ("and", "or", "not", "field_n")]
    assert schema["$defs"]["filter"] == {"anyOf": references}
    assert schema["$defs"]["and"]["properties"]["and"] == {
        "type": "array",
        "items": {"$ref": "#/$defs/filter"},
        "minItems": 1,
        "maxItems": 999,
        "description": "every one of these conditions is true",
    }
    assert schema["$defs"]["field_n"]["anyOf"] == [
        comparison("n", ["eq", "ne"], INTEGER),
        comparison("n", ["lt", "le", "gt", "ge"], INTEGER),
        comparison("n", ["between"], listed(INTEGER, minItems=2, maxItems=2)),
        comparison("n", ["in", "not_in"], listed(INTEGER, maxItems=1000)),
        optional(comparison("n", ["is_null"], FLAG)),
    ]


def test_choices_are_listed() -> None:
    defined = filter_schema(Filtered, fields=["shade", "kind"])["$defs"]
    assert defined["field_shade"]["anyOf"][0] == comparison(
        "shade", ["eq", "ne"], {"enum": ["r", 2]}
    )
    assert defined["field_kind"]["anyOf"][0]["properties"]["value"] == {"enum": ["draft", "final"]}
    patterns = defined["field_kind"]["anyOf"][2]["properties"]
    assert patterns["op"] == {"enum": ["like", "ilike", "contains", "starts_with"]}
    assert patterns["value"] == {"type": "string", "maxLength": 8192}


def test_json_fields_have_paths() -> None:
    shapes = filter_schema(Filtered, fields=["meta"])["$defs"]["field_meta"]["anyOf"]
    named = [name for shape in shapes for name in shape["properties"]["op"]["enum"]]
    assert sorted(named) == sorted(
        [
            "eq",
            "ne",
            "lt",
            "le",
            "gt",
            "ge",
            "between",
            "in",
            "not_in",
            "like",
            "ilike",
            "starts_with",
            "contains",
            "has_any",
            "has_all",
            "is_null",
            "exists",
        ]
    )
    for shape in shapes:
        assert shape["properties"]["field"]["anyOf"][0] == {"const": "meta"}
        assert shape["properties"]["field"]["anyOf"][1]["pattern"] == r"^meta\."
        assert shape["properties"]["path"]["maxItems"] == 32
        assert "path" not in shape["required"]


@pytest.mark.parametrize("model", [Filtered, FilteredRow])
def test_the_schema_is_json_and_its_references_lead_somewhere(model: type[Any]) -> None:
    schema = filter_schema(model)
    text = json.dumps(schema)
    for name in schema["$defs"]:
        assert name == "filter" or f'"#/$defs/{name}"' in text
    assert "field_raw" not in text
    assert "field_embedding" not in text


def test_each_operator_of_the_schema_is_one_that_the_parser_takes() -> None:
    lists: dict[str, Any] = {op: {"value": []} for op in ("in", "not_in", "has_any", "has_all")}
    for name in ("n", "title", "meta"):
        shapes: list[Any] = filter_schema(Filtered)["$defs"][f"field_{name}"]["anyOf"]
        operators: list[str] = [op for each in shapes for op in each["properties"]["op"]["enum"]]
        for op in {"in", "not_in", "has_any", "has_all", "is_null", "exists"} & {*operators}:
            parse_filter(Filtered, {"field": name, "op": op, **lists.get(op, {})})


def test_fields_that_are_none_are_refused() -> None:
    with pytest.raises(UnknownField):
        filter_schema(Filtered, fields=["nn"])
    with pytest.raises(InvalidQuery, match="no filter compares"):
        filter_schema(Filtered, fields=["embedding"])
