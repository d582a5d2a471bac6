"""pydantic's rules for the fields of a table, joined with what every engine can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import SchemaValidator, core_schema
from sqlalchemy import Interval, Time
from sqlalchemy.types import TypeEngine

from agentorm.json_types import JSONType
from agentorm.json_values import is_array, is_object
from agentorm.refusals import echoable
from agentorm.scalars import (
    BytesType,
    DateTimeType,
    DecimalType,
    DurationType,
    FloatType,
    IntegerType,
    StringType,
    TimeType,
)
from agentorm.storable import (
    in_utc,
    storable_bytes,
    storable_decimal,
    storable_duration,
    storable_float,
    storable_integer,
    storable_text,
    storable_time,
)
from agentorm.tracked import tracked
from agentorm.types import VectorType

Convert = Callable[[Any], Any]


def converter(column_type: TypeEngine[Any]) -> Convert | None:
    """What checks a value of such a column, and brings it into the form that is stored."""
    keeps_zones = isinstance(column_type, Time) and column_type.timezone
    check = None if keeps_zones else _CHECKS.get(type(column_type))
    if isinstance(column_type, StringType):
        length = column_type.length
        return lambda value: None if value is None else storable_text(value, length)
    if isinstance(column_type, BytesType):
        length = column_type.length
        return lambda value: None if value is None else storable_bytes(value, length)
    if isinstance(column_type, DecimalType):
        digits, places = column_type.precision, column_type.scale
        return lambda value: None if value is None else storable_decimal(value, digits, places)
    if isinstance(column_type, VectorType):
        vector = column_type.vector
        return lambda value: None if value is None else vector(value)
    if check is None:
        return None
    return lambda value: None if value is None else check(value)


_CHECKS: Mapping[type, Convert] = {
    IntegerType: storable_integer,
    FloatType: storable_float,
    DateTimeType: in_utc,
    JSONType: tracked,
    TimeType: storable_time,
    DurationType: storable_duration,
    Time: storable_time,
    Interval: storable_duration,
}


class Guard:
    """Stands in pydantic's schema for the converter of a column that is not there yet."""

    def __init__(self, model: Any, name: str) -> None:
        self.model, self.name = model, name

    def __call__(self, value: Any) -> Any:
        """The value as the column holds it."""
        convert = self.model.__rules__.converters.get(self.name)
        return value if convert is None else convert(value)


class Entry:
    """Lets pydantic make entities: of what it validated, with the state SQLAlchemy needs."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, value: Any, handler: Any, info: Any) -> Any:
        """The entity of that value, which may be one already."""
        try:
            made = handler(value)
        except ValidationError as error:
            raise echoable(error) from None
        return made if made is value else self.model.__rules__.enter(made, info.context)


def table_schema(model: Any, schema: Any) -> Any:
    """The schema of a table for pydantic: its values are storable, its instances are entities."""
    if isinstance(_function(schema), Entry):
        return schema
    if schema["type"] != "model":
        return {**schema, "schema": table_schema(model, schema["schema"])}
    inner: Any = {**schema, "custom_init": False, "schema": _guarded(model, schema["schema"])}
    inner.pop("post_init", None)
    ref = inner.pop("ref", None)
    return core_schema.with_info_wrap_validator_function(Entry(model), inner, ref=ref)


def _function(schema: Any) -> Any:
    return schema.get("function", {}).get("function")


def _guarded(model: Any, schema: Any) -> Any:
    if schema["type"] != "model-fields":
        return {**schema, "schema": _guarded(model, schema["schema"])}
    fields = {
        name: {**field, "schema": _with_guard(field["schema"], Guard(model, name))}
        for name, field in schema["fields"].items()
    }
    return {**schema, "fields": fields}


def _with_guard(schema: Any, guard: Guard) -> Any:
    if schema["type"] == "default":
        return {**schema, "schema": _with_guard(schema["schema"], guard)}
    return core_schema.no_info_after_validator_function(guard, schema)


class Check(NamedTuple):
    """Validates one value; `unnamed` is its field where the places of errors leave it out."""

    validate: Callable[[Any, Mapping[str, Any]], Any]
    unnamed: str | None


class Validators:
    """Validators of one table's values: of all at once, or of one field.

    In difference to pydantic's own, a required field may be missing, and a field whose default
    is None may be given None.
    """

    def __init__(self, model: Any, converters: Mapping[str, Convert]) -> None:
        core: Any = model.__pydantic_core_schema__
        self._definitions: list[Any] = []
        if core["type"] == "definitions":
            core, self._definitions = core["schema"], core["definitions"]
        node = self._resolved(core)
        while node["type"] != "model":
            node = self._resolved(node["schema"])
        self._config: Any = node.get("config", {})
        while node["type"] != "model-fields":
            node = self._resolved(node["schema"])
        self._fields: dict[str, Any] = {
            name: {**field, "schema": _settled(field["schema"], converters)}
            for name, field in node["fields"].items()
        }
        self.frozen = frozenset(
            name
            for name, field in self._fields.items()
            if field.get("frozen") or model.model_config.get("frozen")
        )

    def of_all(self, extra: Any) -> SchemaValidator:
        """Validates a dict of values, with defaults for those that are not there."""
        fields = {
            name: core_schema.typed_dict_field(
                field["schema"], required=False, validation_alias=field.get("validation_alias")
            )
            for name, field in self._fields.items()
        }
        schema = core_schema.typed_dict_schema(fields, extra_behavior=extra, config=self._config)
        return self._validator(schema)

    def of_one(self, name: str) -> Check:
        """Validates a value of that field, given those that the entity has."""
        schema = self._fields[name]["schema"]
        if not _takes_info(schema):
            return _alone(self._validator(schema), name)
        fields = self._validator(core_schema.model_fields_schema(self._fields))

        def validate(value: Any, others: Mapping[str, Any]) -> Any:
            known = {key: others[key] for key in self._fields if key in others}
            made: Any = fields.validate_assignment(known, name, value)
            return made[0][name]

        return Check(validate, None)

    def _resolved(self, node: Any) -> Any:
        if node["type"] != "definition-ref":
            return node
        return next(one for one in self._definitions if one.get("ref") == node["schema_ref"])

    def _validator(self, schema: Any) -> SchemaValidator:
        if self._definitions:
            schema = core_schema.definitions_schema(schema, self._definitions)
        return SchemaValidator(schema, self._config)


def _alone(validator: SchemaValidator, name: str) -> Check:
    def validate(value: Any, others: Mapping[str, Any]) -> Any:
        return validator.validate_python(value)

    return Check(validate, name)


def _settled(schema: Any, converters: Mapping[str, Convert]) -> Any:
    """The field's schema with its column's converter in place of the guard."""
    if schema["type"] == "default":
        inner = _settled(schema["schema"], converters)
        if schema.get("default", inner) is None:
            inner = core_schema.nullable_schema(inner)
        return {**schema, "schema": inner}
    guard = _function(schema)
    convert = converters.get(guard.name) if isinstance(guard, Guard) else None
    if not isinstance(guard, Guard):
        return schema
    if convert is None:
        return schema["schema"]
    return core_schema.no_info_after_validator_function(convert, schema["schema"])


def _takes_info(schema: object) -> bool:
    if is_object(schema):
        return schema.get("type") == "with-info" or any(map(_takes_info, schema.values()))
    return is_array(schema) and any(map(_takes_info, schema))
