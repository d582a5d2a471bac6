"""What rows can be read into: which fields a class has, and how one of it is made of values."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter, signature
from itertools import starmap
from operator import itemgetter
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import inspect
from sqlalchemy.orm import Mapped
from sqlmodel import SQLModel
from sqlmodel.main import FieldInfoMetadata

from agentorm.errors import InvalidQuery, InvalidValue
from agentorm.models import mapper_of

Maker: TypeAlias = Callable[[Sequence[Any]], Any]
MakerOfAll: TypeAlias = Callable[[Sequence[Sequence[Any]]], list[Any]]
"""What makes one of a class from values in an order that was told."""
KINDS = "a dataclass, a NamedTuple, a msgspec Struct or a pydantic model"
_OF_RANKINGS = {
    "distance": float,
    "score": float,
    "text_score": float | None,
    "fused_score": float,
}
_BY_PLACE = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
_OWN: Any = BaseModel.__dict__
_put, _put_fields_set, _put_extra, _put_private = (
    _OWN[name].__set__
    for name in (
        "__dict__",
        "__pydantic_fields_set__",
        "__pydantic_extra__",
        "__pydantic_private__",
    )
)
_PLAIN_NEW: tuple[Any, ...] = (object.__new__, SQLModel.__new__)


@dataclass(frozen=True, eq=False)
class ReadKind(ABC):
    """A class that rows can be read into.

    Attributes:
        cls: the class.
        fields: their names, each with whether there is a default.
    """

    cls: type[Any]
    fields: Mapping[str, bool]

    @abstractmethod
    def maker(self, names: tuple[str, ...], model: type[Any]) -> Maker:
        """What makes one of the values of these fields, read from this model."""

    def maker_of_all(self, names: tuple[str, ...], model: type[Any]) -> MakerOfAll:
        """What makes a list of them, of rows of such values."""
        make = self.maker(names, model)
        return lambda rows: [*map(make, rows)]


@dataclass(frozen=True, eq=False)
class _Constructed(ReadKind):
    """Made by its constructor, as far as possible by place."""

    by_place: tuple[str, ...]

    def maker(self, names: tuple[str, ...], model: type[Any]) -> Maker:
        cls, first = self.cls, self.by_place[: len(names)]
        if first == names:
            return lambda values: cls(*values)
        if {*first} == {*names}:
            picked = itemgetter(*map(names.index, first))
            return lambda values: cls(*picked(values))
        return lambda values: cls(**dict(zip(names, values, strict=True)))

    def maker_of_all(self, names: tuple[str, ...], model: type[Any]) -> MakerOfAll:
        if self.by_place[: len(names)] != names:
            return super().maker_of_all(names, model)
        cls = self.cls
        return lambda rows: [*starmap(cls, rows)]


class _Pydantic(ReadKind):
    """Made without a check, unless it asks for more than the rows are sure to hold."""

    def maker(self, names: tuple[str, ...], model: type[Any]) -> Maker:
        if _asks_for_more(self.cls, names, model):
            return _validating(self.cls, names)
        return _constructing(self.cls, names)


def read_kind(cls: type[Any]) -> ReadKind:
    """How rows are read into this class.

    Raises:
        InvalidQuery: they cannot be.
    """
    if inspect(cls, raiseerr=False) is not None:
        hint = "a class of the same fields without table=True holds what is read"
        raise InvalidQuery(f"{cls.__name__} is a mapped class; rows become {KINDS}", hint=hint)
    if issubclass(cls, BaseModel):
        known = {name: not field.is_required() for name, field in cls.model_fields.items()}
        return _Pydantic(cls, known)
    names = _names_of(cls)
    if names is None:
        raise InvalidQuery(f"rows are read into {KINDS}, got {cls.__name__}")
    return _constructed(cls, names)


def _names_of(cls: Any) -> Iterable[str] | None:
    """The fields of what is no pydantic model; nobody has a Struct who did not import msgspec."""
    if is_dataclass(cls):
        return [field.name for field in fields(cls)]
    msgspec: Any = sys.modules.get("msgspec")
    if msgspec is not None and issubclass(cls, msgspec.Struct):
        names: Iterable[str] = cls.__struct_fields__
        return names
    return getattr(cls, "_fields", None) if tuple in cls.__mro__ else None


def _constructed(cls: type[Any], names: Iterable[str]) -> ReadKind:
    parameters = signature(cls).parameters.values()
    other = [parameter.name for parameter in parameters if parameter.name not in names]
    if other:
        hint = "rows have values for its fields alone: no InitVar, no constructor of its own"
        raise InvalidQuery(
            f"{cls.__name__} is made with {other[0]!r}, which is no field", hint=hint
        )
    known = {each.name: each.default is not Parameter.empty for each in parameters}
    by_place = tuple(each.name for each in parameters if each.kind in _BY_PLACE)
    return _Constructed(cls, known, by_place)


def _constructing(cls: type[BaseModel], names: tuple[str, ...]) -> Maker:
    """As ``model_construct`` does, which knows fields by their aliases first."""
    others = [(name, field) for name, field in cls.model_fields.items() if name not in names]
    declared, given = [*cls.model_fields], {*names}
    extra = cls.model_config.get("extra") == "allow"
    finishes = cls.__pydantic_post_init__ is not None
    make: Any = cls.__new__
    make = object.__new__ if make in _PLAIN_NEW else make

    def construct(values: Sequence[Any]) -> BaseModel:
        made: BaseModel = make(cls)
        held = dict(zip(names, values, strict=True))
        if others:
            for name, field in others:
                held[name] = _default(field, held)
            held = {name: held[name] for name in declared}
        _put(made, held)
        _put_fields_set(made, given.copy())
        _put_extra(made, {} if extra else None)
        if finishes:
            made.model_post_init(None)
        else:
            _put_private(made, None)
        return made

    return construct


def _default(field: FieldInfo, held: dict[str, Any]) -> Any:
    return field.get_default(call_default_factory=True, validated_data=held)


def _validating(cls: type[BaseModel], names: tuple[str, ...]) -> Maker:
    def validate(values: Sequence[Any]) -> Any:
        held = dict(zip(names, values, strict=True))
        try:
            return cls.__pydantic_validator__.validate_python(held, by_alias=False, by_name=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join([cls.__name__, *map(str, first["loc"])])
            raise InvalidValue(f"{first['msg']}, got {first['input']!r}", field=where) from error

    return validate


def _asks_for_more(cls: type[BaseModel], names: tuple[str, ...], model: type[Any]) -> bool:
    own = cls.__pydantic_decorators__
    if own.field_validators or own.model_validators or own.validators or own.root_validators:
        return True
    declared = _declared(model)
    return not all(_holds(cls.model_fields[name], name, model, declared) for name in names)


def _holds(field: FieldInfo, name: str, model: type[Any], declared: Mapping[str, Any]) -> bool:
    """Whether every value of the model's field is one of this field."""
    annotation, constraints = declared.get(name, (_OF_RANKINGS.get(name), []))
    if any(asked not in constraints for asked in _constraints(field)):
        return False
    if field.annotation is Any:
        return True
    values = _members(annotation)
    if name in mapper_of(model).column_attrs and not _is_nullable(model, name):
        values.discard(NoneType)
    return values <= _members(field.annotation)


def _declared(model: type[Any]) -> dict[str, tuple[Any, list[Any]]]:
    """The annotations of the model's fields, with what else is declared of their values."""
    if issubclass(model, BaseModel):
        return {name: (f.annotation, _constraints(f)) for name, f in model.model_fields.items()}
    try:
        hints = get_type_hints(model)
    except NameError:  # of classes that only type checkers import
        return {}
    mapped = {name: hint for name, hint in hints.items() if get_origin(hint) is Mapped}
    return {name: (get_args(hint)[0], []) for name, hint in mapped.items()}


def _constraints(field: FieldInfo) -> list[Any]:
    return [each for each in field.metadata if not isinstance(each, FieldInfoMetadata)]


def _is_nullable(model: type[Any], name: str) -> bool:
    return bool(getattr(mapper_of(model).column_attrs[name].columns[0], "nullable", True))


def _members(annotation: Any) -> set[Any]:
    if get_origin(annotation) in {Union, UnionType}:
        return {*get_args(annotation)}
    return {annotation}
