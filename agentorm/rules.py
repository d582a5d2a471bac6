"""How one table takes values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import chain
from typing import Any, cast

from pydantic import AliasChoices, AliasPath, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import SchemaValidator
from sqlalchemy import ClauseElement, Column, inspect
from sqlalchemy.orm import Mapper

from agentorm.errors import InvalidValue, MissingValue, UnknownField
from agentorm.json_types import JSONType
from agentorm.json_values import is_object
from agentorm.refusals import refusal
from agentorm.scalars import DateTimeType
from agentorm.types import VectorType
from agentorm.validation import Check, Convert, Validators, converter

_CHANGING = (DateTimeType, JSONType, VectorType)


class Rules:
    """How one table takes values, worked out when it is first used."""

    def __init__(self, model: Any) -> None:
        self.model = model
        inherited: list[Any] = [
            base.__dict__.get("__sqlmodel_relationships__", ()) for base in model.__mro__
        ]
        self.relationships: frozenset[str] = frozenset(chain.from_iterable(inherited))

    @property
    def mapper(self) -> Mapper[Any]:
        """The mapper of the class."""
        return cast("Mapper[Any]", self.model.__mapper__)

    @property
    def fields(self) -> Mapping[str, FieldInfo]:
        """The fields of the class."""
        return cast("Mapping[str, FieldInfo]", self.model.model_fields)

    @cached_property
    def known(self) -> frozenset[str]:
        """The names that can be given."""
        return frozenset(self.fields) | self.relationships

    @cached_property
    def converters(self) -> dict[str, Convert]:
        """What brings a value of each field into the form that is stored."""
        made = {key: converter(column.type) for key, column in self.mapper.columns.items()}
        return {key: convert for key, convert in made.items() if convert is not None}

    @cached_property
    def setters(self) -> dict[str, Callable[[Any, Any], None]]:
        """What puts a value into each field, in SQLAlchemy's sight."""
        return {name: getattr(self.model, name).__set__ for name in self.fields}

    @cached_property
    def assigners(self) -> dict[str, Callable[[Any, Any], None]]:
        """What validates a value and puts it into each field."""
        return {name: self._assigner(name) for name in self.fields}

    @cached_property
    def json_fields(self) -> tuple[str, ...]:
        """The fields whose values are tracked."""
        columns = self.mapper.columns.items()
        return tuple(key for key, column in columns if isinstance(column.type, JSONType))

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields that must have a value when the row is written."""
        given = {self.mapper.version_id_col, self.mapper.polymorphic_on}
        return tuple(
            attribute.key
            for attribute in self.mapper.column_attrs
            if not any(column in given or _fills_itself(column) for column in attribute.columns)
        )

    def fill(self, entity: Any, data: dict[str, Any]) -> None:
        """Give a new entity its values, as its constructor takes them."""
        related = {name: data.pop(name) for name in self.relationships & data.keys()}
        self.write(entity, self._validated(data), {self._aliases.get(name, name) for name in data})
        for name, value in related.items():
            setattr(entity, name, value)
        self.finish(entity, None)

    def validate(self, source: Any, update: dict[str, Any], **options: Any) -> Any:
        """A new entity of a dict or the attributes of an object, and of the update."""
        for name in update.keys() - self.known - self._aliases.keys():
            raise UnknownField(name, owner=self.model.__name__, known=self.known)
        if is_object(source):
            given: Any = {**source, **update}
            related = {name: given.pop(name) for name in self.relationships & given.keys()}
        else:
            given = Updated(source, update)
            # what relates to one row does not come to relate to another by a copy of it
            mapped = inspect(source, raiseerr=False) is not None
            relating = Updated(None, update) if mapped else given
            found = {name: getattr(relating, name, given) for name in self.relationships}
            related = {name: value for name, value in found.items() if value is not given}
        entity = self.model.__pydantic_validator__.validate_python(given, **options)
        for name, value in related.items():
            setattr(entity, name, value)
        return entity

    def construct(self, entity: Any, values: Mapping[str, Any], given: set[str] | None) -> None:
        """Give an empty instance values that are known to be right, and defaults."""
        values = {self._aliases.get(name, name): value for name, value in values.items()}
        defaults = {
            name: field.get_default(call_default_factory=True, validated_data=dict(values))
            for name, field in self.fields.items()
            if name not in values and not field.is_required()
        }
        self.bear(entity)
        self.write(entity, {**values, **defaults}, set(values))
        if given is not None:
            object.__setattr__(entity, "__pydantic_fields_set__", given)
        self.finish(entity, None)

    def enter(self, raw: Any, context: Any) -> Any:
        """Make an entity of an instance that pydantic made."""
        values: dict[str, Any] = raw.__dict__
        given: set[str] = raw.__pydantic_fields_set__
        extra: dict[str, Any] = raw.__pydantic_extra__ or {}
        object.__setattr__(raw, "__dict__", {})
        self.bear(raw)
        self.write(raw, {**values, **extra}, given)
        self.finish(raw, context)
        return raw

    def bear(self, entity: Any) -> None:
        """Give an empty instance the state SQLAlchemy needs, as its constructor would."""
        manager = self.mapper.class_manager
        manager.setup_instance(entity)
        manager.dispatch.init(entity.__dict__["_sa_instance_state"], (), {})

    def write(self, entity: Any, values: Mapping[str, Any], given: set[str]) -> None:
        """Put validated values and defaults in; a default yields to what is there already."""
        extra: dict[str, Any] = {}
        setters = self.setters
        for name, value in values.items():
            if name not in setters:
                extra[name] = value
            elif name in given:
                setters[name](entity, value)
            elif name not in entity.__dict__:
                setters[name](entity, self._default(name, value))
        object.__setattr__(entity, "__pydantic_fields_set__", given.intersection(setters))
        if self.model.model_config.get("extra") == "allow":
            object.__setattr__(entity, "__pydantic_extra__", extra)

    def finish(self, entity: Any, context: Any) -> None:
        """Let the class have the last word on a new entity."""
        if self.model.__pydantic_post_init__:
            entity.model_post_init(context)

    def checked(self, name: str, value: Any, others: Mapping[str, Any]) -> Any:
        """The value as the field would hold it, in an entity with these other values.

        Raises:
            InvalidValue: the field refuses it.
        """
        check = self._checks[name]
        try:
            return check.validate(value, others)
        except ValidationError as error:
            if is_sql(value):
                return value
            raise self._refusal(error, field=check.unnamed) from error

    def _validated(self, data: dict[str, Any]) -> dict[str, Any]:
        try:
            values: dict[str, Any] = self._all.validate_python(data, by_alias=True, by_name=True)
        except ValidationError as error:
            named = {self._aliases.get(name, name): name for name in data}
            sql = [name for name in named.keys() & self.fields if is_sql(data[named[name]])]
            if not sql:
                raise self._refusal(error) from error
            computed = {name: data[named[name]] for name in sql}
            rest = {name: data[name] for name in data.keys() - {named[name] for name in sql}}
            return {**self._validated(rest), **computed}
        return values

    def _assigner(self, name: str) -> Callable[[Any, Any], None]:
        check, put = self.checked, self.setters[name]

        def assign(entity: Any, value: Any) -> None:
            others: dict[str, Any] = entity.__dict__
            put(entity, check(name, value, others))
            entity.__pydantic_fields_set__.add(name)

        def refuse(entity: Any, value: Any) -> None:
            raise InvalidValue("the field is frozen", field=f"{self.model.__name__}.{name}")

        return refuse if name in self._validators.frozen else assign

    def _default(self, name: str, value: Any) -> Any:
        changes = isinstance(self.mapper.columns[name].type, _CHANGING)
        return self.converters[name](value) if changes else value

    def _refusal(self, error: ValidationError, *, field: str | None = None) -> InvalidValue:
        return refusal(
            error,
            owner=self.model.__name__,
            known=self.known,
            aliases=self._aliases,
            field=field,
        )

    @cached_property
    def _validators(self) -> Validators:
        if not self.model.__pydantic_complete__:
            self.model.model_rebuild()
        return Validators(self.model, self.converters)

    @cached_property
    def _all(self) -> SchemaValidator:
        return self._validators.of_all(self.model.model_config.get("extra", "forbid"))

    @cached_property
    def _checks(self) -> dict[str, Check]:
        return {name: self._validators.of_one(name) for name in self.fields}

    @cached_property
    def _aliases(self) -> dict[str, str]:
        return {alias: name for name, field in self.fields.items() for alias in _aliases(field)}


def is_sql(value: object) -> bool:
    """Whether the value is an SQL expression, which the flush lets the server compute."""
    return isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")


class Updated:
    """An object some of whose attributes are others."""

    def __init__(self, source: Any, update: Mapping[str, Any]) -> None:
        self.__dict__.update(update)
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def _aliases(field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    paths = [choice.path[0] if isinstance(choice, AliasPath) else choice for choice in choices]
    return [path for path in paths if isinstance(path, str)]


def _fills_itself(column: Any) -> bool:
    if not isinstance(column, Column) or column.nullable:
        return True
    made = column.default is not None or column.server_default is not None
    return made or column.table.autoincrement_column is column


def check_complete(entity: Any) -> None:
    """See that every field that the row needs has a value.

    Raises:
        MissingValue: some have none; the message names them all.
    """
    rules: Rules | None = getattr(entity, "__rules__", None)
    if rules is None:
        return
    values: dict[str, Any] = entity.__dict__
    stored = inspect(entity).has_identity
    empty = (name for name in rules.required if values.get(name) is None)
    missing = [name for name in empty if name in values or not stored]
    if missing:
        owner = rules.model.__name__
        fields = ", ".join(f"{owner}.{name}" for name in missing)
        raise MissingValue("a value is required", field=fields)
