"""What upper layers ask of a mapped class: its keys, its vector fields, its names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Index, Table, UniqueConstraint
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import InstrumentedAttribute, Mapper, class_mapper
from sqlalchemy.orm.exc import UnmappedClassError

from agentorm.entity import Entity, validated
from agentorm.errors import InvalidModel, InvalidQuery, UnknownField
from agentorm.indexes import VectorIndex
from agentorm.text_search import TextPlace, place_of
from agentorm.types import VectorType
from agentorm.vectors import Metric


@dataclass(frozen=True, slots=True)
class RankedField:
    """A vector field as queries see it."""

    label: str
    attribute: InstrumentedAttribute[Any]
    type: VectorType
    metric: Metric
    index: VectorIndex | None


@dataclass(frozen=True, slots=True)
class SearchedField:
    """A field with a full-text index as queries see it."""

    label: str
    place: TextPlace
    keys: tuple[Column[Any], ...]


def mapper_of(model: object) -> Mapper[Any]:
    """The mapper of a mapped class.

    Raises:
        InvalidQuery: it is no mapped class, or its mapping is broken.
    """
    if isinstance(model, type):
        try:
            return class_mapper(model)
        except UnmappedClassError:
            pass
        except InvalidRequestError as error:
            raise InvalidModel(str(error)) from error
    raise InvalidQuery(
        f"expected a mapped class, got {model!r}",
        hint="declare it as `class Name(Entity, table=True)`",
    )


def one_table(model: type[Any], method: str) -> Mapper[Any]:
    """The mapper of a model whose rows are in one table.

    Raises:
        InvalidQuery: they are in several, which one statement cannot write.
    """
    mapper = mapper_of(model)
    if len(mapper.tables) > 1:
        raise InvalidQuery(f"{method}() cannot write {model.__name__}, which has several tables")
    return mapper


def beyond_one_table(mapper: Mapper[Any]) -> str | None:
    """Why a class is not rows of one table alone, an attribute a column; None where it is."""
    alone = [*mapper.self_and_descendants] == [mapper] and len(mapper.tables) == 1
    if mapper.inherits is not None or mapper.polymorphic_on is not None or not alone:
        return "is part of an inheritance"
    if mapper.version_id_col is not None:
        return "has rows whose version is checked"
    for attribute in mapper.column_attrs:
        (first, *others) = attribute.columns
        if others or not isinstance(first, Column) or first.table is not mapper.local_table:
            return f"computes {attribute.key}"
    return None


_vector_fields: WeakKeyDictionary[type[Any], tuple[Any, dict[str, RankedField]]] = (
    WeakKeyDictionary()
)


def vector_fields(model: type[Any]) -> Mapping[str, RankedField]:
    """The vector fields of a mapped class by name, in the order of the mapping."""
    mapper = mapper_of(model)
    version = (mapper.attrs, *(len(cast(Table, table).indexes) for table in mapper.tables))
    known = _vector_fields.get(model)
    if known is None or known[0] != version:
        known = _vector_fields[model] = (version, _vector_fields_of(model, mapper))
    return known[1]


def _vector_fields_of(model: type[Any], mapper: Mapper[Any]) -> dict[str, RankedField]:
    fields: dict[str, RankedField] = {}
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if isinstance(column, Column) and isinstance(column.type, VectorType):
            declared = column.info.get("agentorm")
            built = any(index.info.get("agentorm") for index in _indexes_of(column))
            fields[attribute.key] = RankedField(
                label=f"{model.__name__}.{attribute.key}",
                attribute=getattr(model, attribute.key),
                type=column.type,
                metric=getattr(declared, "metric", Metric.usual(column.type.kind)),
                index=getattr(declared, "index", None) if built else None,
            )
    return fields


def searched_fields(model: type[Any]) -> dict[str, SearchedField]:
    """The fields of a mapped class that are searched, by name, in the order of the mapping."""
    fields: dict[str, SearchedField] = {}
    for attribute in mapper_of(model).column_attrs:
        column = attribute.columns[0]
        language = getattr(getattr(column, "info", {}).get("agentorm"), "search", None)
        if isinstance(column, Column) and language is not None:
            place = place_of(column, language)
            keys = tuple(column.table.primary_key.columns)
            fields[attribute.key] = SearchedField(f"{model.__name__}.{attribute.key}", place, keys)
    return fields


def _indexes_of(column: Column[Any]) -> list[Index]:
    table: Any = column.table
    return [index for index in table.indexes if column.name in index.columns]


def vector_field_of(model: type[Any], on: object = None) -> RankedField:
    """The vector field that `on` names, or the only one there is.

    Raises:
        InvalidQuery: there is none, there are several and none is named, or `on` is another
            model's or no vector.
        UnknownField: the model has no field of that name.
    """
    fields = vector_fields(model)
    if on is None:
        if len(fields) == 1:
            return next(iter(fields.values()))
        if not fields:
            raise InvalidQuery(f"{model.__name__} has no vector field")
        names = ", ".join(f"{model.__name__}.{name}" for name in fields)
        raise InvalidQuery(
            f"{model.__name__} has {len(fields)} vector fields", hint=f"name one: on={names}"
        )
    name = field_name(model, on)
    if name not in fields:
        raise InvalidQuery(f"{model.__name__}.{name} is no vector field")
    return fields[name]


def field_name(model: type[Any], field: object) -> str:
    """The name of a field given as ``Model.field`` or by its name.

    Raises:
        UnknownField: the model has no such field.
        InvalidQuery: it is neither a name nor a field, or it belongs to another model.
    """
    mapper = mapper_of(model)
    if isinstance(field, InstrumentedAttribute):
        if not mapper.isa(mapper_of(field.class_)):
            raise InvalidQuery(f"{field} is no field of {model.__name__}")
        field = field.key
    if not isinstance(field, str):
        raise InvalidQuery(f"expected a field of {model.__name__}, got {field!r}")
    if field not in mapper.column_attrs:
        known = [attribute.key for attribute in mapper.column_attrs]
        raise UnknownField(field, owner=model.__name__, known=known)
    return field


def key_columns(model: type[Any]) -> tuple[InstrumentedAttribute[Any], ...]:
    """The attributes of the primary key, in its order."""
    mapper = mapper_of(model)
    names = (mapper.get_property_by_column(column).key for column in mapper.primary_key)
    return tuple(getattr(model, name) for name in names)


def unique_keys(model: type[Any]) -> set[frozenset[str]]:
    """Every set of field names that a primary key, unique constraint or index makes unique."""
    mapper = mapper_of(model)
    table = cast(Table, mapper.local_table)
    sets: list[Iterable[Column[Any]]] = [table.primary_key.columns]
    sets += [c.columns for c in table.constraints if isinstance(c, UniqueConstraint)]
    sets += [[*index.columns] for index in table.indexes if _covers_every_row(index)]
    return {frozenset(_name(mapper, column) for column in columns) for columns in sets}


def _covers_every_row(index: Index) -> bool:
    options = index.dialect_kwargs
    partial = any(name.endswith("_where") and options[name] is not None for name in options)
    return bool(index.unique) and not partial and len(index.columns) == len(index.expressions)


def _name(mapper: Mapper[Any], column: Column[Any]) -> str:
    return mapper.get_property_by_column(column).key


def checked_value(model: type[Any], name: str, value: Any) -> Any:
    """The value as the field would hold it; classes that are no entities take any.

    Raises:
        InvalidValue: an entity's field refuses it.
    """
    return validated(model, name, value) if issubclass(model, Entity) else value
