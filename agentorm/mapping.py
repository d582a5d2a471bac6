"""How a class becomes a table: what is added to SQLModel's own way."""

from __future__ import annotations

import builtins
import inspect
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from copy import copy
from types import ModuleType, NoneType
from typing import (
    TYPE_CHECKING,
    Any,
    ForwardRef,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic.fields import FieldInfo
from sqlalchemy import Column, Index, Table
from sqlalchemy.orm import Mapper
from sqlmodel.main import FieldInfo as SQLModelFieldInfo
from sqlmodel.main import SQLModelMetaclass

from agentorm.columns import declared_type, limit_keys
from agentorm.errors import InvalidModel
from agentorm.fields import Field, JSONField, VectorField, text_field, vector_field
from agentorm.indexes import vector_index
from agentorm.json_indexes import is_json_index, json_index
from agentorm.json_types import JSONType
from agentorm.loading import RAISE_NOT_LOADED, explain_expired
from agentorm.rules import Rules
from agentorm.text_indexes import TextField, check_searched, check_text, text_index
from agentorm.tracked import track

if TYPE_CHECKING:
    from agentorm.entity import Entity


_UNLOADED = {"lazy": RAISE_NOT_LOADED}


@dataclass_transform(
    kw_only_default=True,
    field_specifiers=(Field, SQLModelFieldInfo, text_field, vector_field),
)
class EntityMeta(SQLModelMetaclass):
    """Makes entities; a table derived from a table is inheritance in SQLAlchemy's sense."""

    def __new__(
        mcs, name: str, bases: tuple[type[Any], ...], namespace: dict[str, Any], **options: Any
    ) -> Any:
        parent = next((base for base in bases if is_table(base)), None)
        if parent is None:
            return super().__new__(mcs, name, bases, _told(namespace, options), **options)
        if not options.get("table"):
            raise InvalidModel(
                f"{name} derives from the table {parent.__name__}",
                hint="table=True makes it a table too; data derives from a base they share",
            )
        if not any(getattr(value, "primary_key", False) is True for value in namespace.values()):
            namespace.setdefault("__tablename__", None)
        with _shadowing():
            made = super().__new__(mcs, name, bases, _told(namespace, options), **options)
        for field in set(made.model_fields) - set(inspect.get_annotations(made)):
            type.__delattr__(made, field)
        return made

    def __init__(
        cls, name: str, bases: tuple[type[Any], ...], namespace: dict[str, Any], **options: Any
    ) -> None:
        for relationship, info in cls.__sqlmodel_relationships__.items():
            info.sa_relationship_kwargs = {**_UNLOADED, **(info.sa_relationship_kwargs or {})}
            annotation: Any = cls.__annotations__[relationship]
            if isinstance(annotation, str):
                cls.__annotations__[relationship] = _read(annotation, cls.__module__)
        # SQLModel maps no class that has a table among the bases it is told of
        told = () if any(is_table(base) for base in bases) else bases
        super().__init__(name, told, namespace, **options)
        if "__mapper__" in cls.__dict__:
            # pydantic would take them for fields of a table derived from this one
            for relationship in cls.__sqlmodel_relationships__:
                del cls.__annotations__[relationship]
            _complete(cast("type[Entity]", cls))


def is_table(model: Any) -> bool:
    """Whether a SQLModel class is declared as a table."""
    return bool(getattr(model, "model_config", {}).get("table"))


def _told(namespace: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """SQLModel itself writes down that a class is a table only after pydantic has built it."""
    if options.get("table"):
        namespace["model_config"] = {**namespace.get("model_config", {}), "table": True}
    return namespace


def _read(annotation: str, module: str) -> Any:
    """The annotation of a relationship in a module of postponed annotations.

    SQLModel reads ``list["Team"]`` only when it is no text itself.
    """
    holder = type("Holder", (), {"__annotations__": {"it": annotation}, "__module__": module})
    return get_type_hints(holder, localns=_Later(sys.modules[module]))["it"]


class _Later(dict[str, Any]):
    """The names of a module's future classes, for SQLAlchemy to find when all are there."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__()
        self._module = module

    def __missing__(self, name: str) -> ForwardRef:
        if hasattr(self._module, name) or hasattr(builtins, name):
            raise KeyError(name)
        return ForwardRef(name)


@contextmanager
def _shadowing() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Field name .* shadows an attribute in parent")
        yield


def inherit_fields(model: Any) -> None:
    """Let a table derived from a table have the fields of its parent as the parent declared them.

    pydantic finds SQLAlchemy's attributes of the parent instead, and takes them for defaults.
    """
    parent: Any = next((base for base in model.__mro__[1:] if is_table(base)), None)
    if parent is None:
        return
    for name in parent.model_fields.keys() - inspect.get_annotations(model).keys():
        model.model_fields[name] = copy(parent.model_fields[name])


def give_json_default(field: FieldInfo) -> None:
    """Let a JSON field without a default start empty, if its annotation says how."""
    if not isinstance(declared_type(field), JSONType) or not field.is_required():
        return
    kind = get_origin(field.annotation) or field.annotation
    if NoneType in get_args(field.annotation):
        field.default = None
    elif kind in {dict, list}:
        field.default_factory = cast("Any", kind)


def _complete(model: type[Entity]) -> None:
    table = cast(Table, model.__table__)  # type: ignore[attr-defined]
    limit_keys(table)
    mapper = cast("Mapper[Any]", model.__mapper__)  # type: ignore[attr-defined]
    mapper.confirm_deleted_rows = False
    explain_expired(mapper)
    for column in table.columns:
        spec = column.info.get("agentorm")
        indexed = any(column.name in index.columns for index in table.indexes if index.info)
        if isinstance(spec, VectorField) and spec.index is not None and not indexed:
            vector_index(column, spec.index, spec.metric)
        if isinstance(spec, JSONField) and not any(map(is_json_index, _indexes_of(column))):
            for declared in spec.indexes:
                json_index(column, declared)
        if isinstance(spec, TextField):
            check_text(column)
            _index_text(column, spec)
    check_searched(table)
    rules = Rules(model)
    type.__setattr__(model, "__rules__", rules)
    for name in rules.json_fields:
        attribute = getattr(model, name)
        if attribute.class_ is model:
            track(attribute)


def _index_text(column: Column[Any], spec: TextField) -> None:
    if spec.search is not None:
        text_index(column, spec.search)


def _indexes_of(column: Column[Any]) -> list[Index]:
    """Which a table that several classes share has already."""
    return [index for index in column.table.indexes if column.key in index.columns]
