"""The JSON Schema of the filters of a model."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from agentorm.filters.fields import FilterField, FilterFields
from agentorm.filters.forms import Form
from agentorm.filters.limits import CHARACTERS, LARGEST_PLACE, LIST, NODES, PATTERN, STEPS
from agentorm.filters.operators import EQUALITY, OPERATORS, ORDER, TEXT, Takes

Schema = dict[str, Any]
_FILTER: Schema = {"$ref": "#/$defs/filter"}
_TEXT: Schema = {"type": "string", "maxLength": CHARACTERS}
_PATTERN: Schema = {"type": "string", "maxLength": PATTERN}
_SCALARS: tuple[Schema, ...] = (_TEXT, {"type": "number"}, {"type": "boolean"})
_LIST: Schema = {
    "type": "array",
    "items": {"type": ["string", "number", "boolean", "null"]},
    "maxItems": LIST,
}
_CONTAINERS: tuple[Schema, ...] = ({"type": "array"}, {"type": "object"})
_ABOUT = """\
Which rows of {model} are wanted, as one condition. A condition compares a field with a value by \
an operator; and, or and not join conditions. A comparison with a field that has no value is \
neither true nor false, and only rows for which the whole is true are found. \
Operators: {operators}."""

Shape = tuple[tuple[str, ...], Schema, bool]
"""Operators that take the same value, its schema, and whether it must be given."""


def operators_of(field: FilterField) -> tuple[str, ...]:
    """The names of the operators that fit a field."""
    return tuple(OPERATORS) if field.form is None else field.form.operators


def filter_schema(model: type[Any], *, fields: Collection[Any] | None = None) -> Schema:
    """The JSON Schema, of draft 2020-12, of the documents that `parse_filter` takes.

    It lists the fields, the operators that fit each, and the form of their values, with
    descriptions for whoever writes a document: a client of an HTTP API, or a language model of
    which it is the parameter of a tool.

    Args:
        model: a mapped class.
        fields: the fields that may be named, by name or as ``Doc.title``; None for all.

    Raises:
        InvalidQuery: `fields` has one that no filter compares.
        UnknownField: `fields` has one that the model does not.

    Example:
        ``filter_schema(Doc, fields=["topic"])["$defs"]["field_topic"]`` is the schema of a
        comparison of ``topic``.
    """
    known = FilterFields(model, fields)
    compared = {f"field_{name}": _field(name, known.field(name)) for name in known.names()}
    nodes = ["and", "or", "not", *compared]
    fitting = {op for name in known.names() for op in operators_of(known.field(name))}
    operators = ", ".join(f"{o.name} ({o.about})" for o in OPERATORS.values() if o.name in fitting)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{model.__name__}Filter",
        "description": _ABOUT.format(model=model.__name__, operators=operators),
        **_FILTER,
        "$defs": {
            "filter": {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in nodes]},
            "and": _group("and", "every one of these conditions is true"),
            "or": _group("or", "at least one of these conditions is true"),
            "not": _object({"not": {**_FILTER, "description": "this condition is false"}}),
            **compared,
        },
    }


def _group(name: str, about: str) -> Schema:
    inner = {"type": "array", "items": _FILTER, "minItems": 1, "maxItems": NODES - 1}
    return _object({name: {**inner, "description": about}})


def _object(properties: Schema, *optional: str) -> Schema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _field(name: str, field: FilterField) -> Schema:
    """Every comparison of one field."""
    shapes = _json_shapes() if field.form is None else _shapes(field.form)
    compared = [_comparison(name, field, shape) for shape in shapes]
    return {"description": f"compares {name}", "anyOf": compared}


def _comparison(name: str, field: FilterField, shape: Shape) -> Schema:
    operators, value, required = shape
    properties: Schema = {
        "field": {"const": name},
        "op": {"enum": [*operators]},
        "value": value,
    }
    optional = () if required else ("value",)
    if field.form is not None:
        return _object(properties, *optional)
    dotted = {"type": "string", "pattern": rf"^{name}\.", "maxLength": CHARACTERS}
    either = {"anyOf": [{"const": name}, dotted]}
    about = f"{name}, with the path beside it; or {name}.key.key, where all steps are keys"
    step = {"anyOf": [_TEXT, {"type": "integer", "minimum": 0, "maximum": LARGEST_PLACE}]}
    path = {"type": "array", "items": step, "maxItems": STEPS}
    told = "the way into the JSON value: keys of objects, places in arrays"
    properties["field"] = {**either, "description": about}
    properties["path"] = {**path, "description": told}
    made = _object(properties, *optional, "path")
    return {**made, "dependentSchemas": {"path": {"properties": {"field": {"const": name}}}}}


def _shapes(form: Form) -> list[Shape]:
    equal = form.schema if form.choices is None else {"enum": [*form.choices]}
    made: list[Shape] = []
    for takes in Takes:
        names = [name for name in form.operators if OPERATORS[name].takes is takes]
        equality = tuple(name for name in names if name in EQUALITY)
        patterns = tuple(name for name in names if name in TEXT)
        others = tuple(name for name in names if name not in {*EQUALITY, *TEXT})
        for some, schema in ((equality, equal), (others, form.schema), (patterns, _PATTERN)):
            if some:
                made.append((some, _taken(takes, dict(schema)), takes is not Takes.FLAG))
    return made


def _taken(takes: Takes, value: Schema) -> Schema:
    if takes is Takes.FLAG:
        return {"type": "boolean", "description": "true if it is left out"}
    if takes is Takes.PAIR:
        return {"type": "array", "items": value, "minItems": 2, "maxItems": 2}
    if takes is Takes.LIST:
        return {"type": "array", "items": value, "maxItems": LIST}
    return value


def _json_shapes() -> list[Shape]:
    text, number, _ = _SCALARS
    return [
        (("eq", "ne"), {"anyOf": [*_SCALARS, *_CONTAINERS]}, True),
        (ORDER[:4], {"anyOf": [text, number]}, True),
        (("between",), {"anyOf": [_taken(Takes.PAIR, one) for one in (text, number)]}, True),
        (("in", "not_in"), {"anyOf": [_taken(Takes.LIST, one) for one in _SCALARS]}, True),
        (("like", "ilike", "starts_with"), _PATTERN, True),
        (("contains",), {"anyOf": [_PATTERN, _LIST, {"type": "object"}]}, True),
        (("has_any", "has_all"), _taken(Takes.LIST, {"anyOf": [*_SCALARS]}), True),
        (("is_null", "exists"), _taken(Takes.FLAG, {}), False),
    ]
