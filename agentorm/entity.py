"""The class that users derive their tables from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy, deepcopy
from functools import cached_property
from inspect import getattr_static
from typing import Any, ClassVar, Self, TypeVar

from pydantic import ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema
from sqlalchemy import event, inspect
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import InstanceState
from sqlalchemy.orm.interfaces import EXT_CONTINUE
from sqlmodel import SQLModel

from agentorm.columns import give_type
from agentorm.errors import InvalidModel, UnknownField
from agentorm.mapping import EntityMeta, give_json_default, inherit_fields, is_table
from agentorm.refusals import shown
from agentorm.rules import Rules, check_complete
from agentorm.tracked import adopt
from agentorm.validation import table_schema

__all__ = ["Entity", "check_complete", "validated"]

_E = TypeVar("_E", bound="Entity")
_MISSING = object()


class Entity(SQLModel, metaclass=EntityMeta):
    """A row as an object: a SQLModel class whose values are checked when they are given.

    ``class Document(Entity, table=True)`` is a table, a class without ``table=True`` is data with
    the same fields. Everything SQLModel can do stays. A table's constructor and assignments
    validate; a refused assignment leaves the old value. A required field may be missing until
    the row is written. A copy is a new row that is in no session and has no relationships.

    Raises:
        InvalidModel: an annotation that has no column type, when the class is made.
        InvalidValue: a value that its field refuses, when it is given.
        UnknownField: a name that the table does not have.
        MissingValue: a required field without a value, at the write.

    Example:
        >>> class Document(Entity, table=True):
        ...     id: int | None = Field(default=None, primary_key=True)
        ...     title: str
        ...     embedding: Vector = vector_field(384)
        >>> Document(title="a", embedding=[0.1] * 384)
        Document(id=None, title='a', embedding=Vector([0.1, 0.1, 0.1, ... 384 in all]))
    """

    __rules__: ClassVar[Rules | None] = None
    model_config = ConfigDict(extra="forbid", ignored_types=(hybrid_property,))  # type: ignore[assignment]

    def __init__(self, **data: Any) -> None:
        rules = type(self).__rules__
        if rules is None:
            super().__init__(**data)
            return
        rules.fill(self, data)

    def __setattr__(self, name: str, value: Any) -> None:
        rules = type(self).__rules__
        if rules is None:
            super().__setattr__(name, value)
            return
        assign = rules.assigners.get(name)
        if assign is not None:
            assign(self, value)
        elif name.startswith("_") or self.__pydantic_extra__ is not None:
            super().__setattr__(name, value)
        else:
            _set_other(self, name, value, rules)

    def __eq__(self, other: object) -> bool:
        if type(self).__rules__ is None or not isinstance(other, Entity):
            return super().__eq__(other)
        mine, theirs = self.__dict__, other.__dict__
        return type(self) is type(other) and all(
            mine.get(name, _MISSING) == theirs.get(name, _MISSING)
            for name in type(self).model_fields
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr_args__(self) -> Sequence[tuple[str | None, Any]]:
        """What is loaded, cut where it is long."""
        fields = type(self).model_fields.items()
        shown = [name for name, field in fields if field.repr and name in self.__dict__]
        loaded = {name: self.__dict__[name] for name in shown} | (self.__pydantic_extra__ or {})
        return [(name, _Shown(value)) for name, value in loaded.items()]

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        rules = type(self).__rules__
        for name in rules.json_fields if rules is not None else ():
            adopt(self.__dict__["_sa_instance_state"], name)

    def __copy__(self) -> Self:
        return super().__copy__() if type(self).__rules__ is None else _twin(self, _itself)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        if type(self).__rules__ is None:
            return super().__deepcopy__(memo)
        known = {} if memo is None else memo
        return _twin(self, lambda value: deepcopy(value, known))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A new row with the same values, which shares nothing that SQLAlchemy knows of.

        Raises:
            InvalidValue: a field refuses its update.
        """
        if type(self).__rules__ is None:
            return super().model_copy(update=update, deep=deep)
        made = deepcopy(self) if deep else copy(self)
        for name, value in (update or {}).items():
            setattr(made, name, value)
        return made

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """A row of values that are known to be right: nothing is checked."""
        if cls.__rules__ is None:
            return super().model_construct(_fields_set, **values)
        made: Self = cls.__new__(cls)
        cls.__rules__.construct(made, values, _fields_set)
        return made

    @classmethod
    def model_validate(  # type: ignore[override]
        cls,
        obj: Any,
        *,
        strict: bool | None = None,
        from_attributes: bool | None = None,
        context: dict[str, Any] | None = None,
        update: dict[str, Any] | None = None,
    ) -> Self:
        """A new row of what a dict or the attributes of an object say, and of the update.

        In difference to the constructor every required field must be there, and what is raised
        is pydantic's own ``ValidationError``.

        Raises:
            UnknownField: the update has a name that the table does not have.
        """
        options: Any = {"strict": strict, "from_attributes": from_attributes, "context": context}
        if cls.__rules__ is None:
            return super().model_validate(obj, update=update, **options)
        made: Self = cls.__rules__.validate(obj, update or {}, **options)
        return made

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        if is_table(cls):
            for name, field in cls.model_fields.items():
                give_type(cls.__name__, name, field)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inherit_fields(cls)
        for field in cls.model_fields.values():
            give_json_default(field)
        schema = handler(source)
        return table_schema(cls, schema) if is_table(cls) else schema


class _Shown:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return shown(self.value)


def _itself(value: Any) -> Any:
    return value


def _set_other(entity: Entity, name: str, value: Any, rules: Rules) -> None:
    """Set a relationship, a property with a setter, and whatever else the class describes."""
    described = getattr_static(type(entity), name, None)
    if not hasattr(described, "__set__") and not isinstance(described, cached_property):
        raise UnknownField(name, owner=type(entity).__name__, known=rules.known)
    object.__setattr__(entity, name, value)


def _twin(entity: _E, duplicate: Callable[[Any], Any]) -> _E:
    """A new row of the same values; those that a stored row has not loaded are read now."""
    rules = type(entity).__rules__
    assert rules is not None
    stored = inspect(entity).has_identity
    names = [name for name in rules.fields if stored or name in entity.__dict__]
    made: _E = type(entity).__new__(type(entity))
    rules.bear(made)
    rules.write(made, {name: duplicate(getattr(entity, name)) for name in names}, set(names))
    for name in ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
        object.__setattr__(made, name, deepcopy(getattr(entity, name)))
    return made


@event.listens_for(Entity, "before_insert", propagate=True, raw=True, retval=True)
def _refuse_incomplete(mapper: Any, connection: Any, state: InstanceState[Any]) -> Any:
    """Known as ours by `Ears`, since with these options SQLAlchemy puts nothing around it."""
    check_complete(state.obj())
    return EXT_CONTINUE


def validated(model: type[Entity], name: str, value: Any) -> Any:
    """The value as that field of a table would hold it.

    Raises:
        UnknownField: there is no such field.
        InvalidValue: the field refuses it.
    """
    rules = model.__rules__
    if rules is None:
        raise InvalidModel(f"{model.__name__} is no table", hint="declare it with table=True")
    if name not in rules.fields:
        raise UnknownField(name, owner=model.__name__, known=rules.fields)
    return rules.checked(name, value, {})
