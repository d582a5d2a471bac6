"""The fields of a model that a filter may name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import AwareDatetime
from sqlalchemy import type_coerce
from sqlalchemy.types import TypeEngine

from agentorm.columns import annotated_class
from agentorm.errors import InvalidFilter, InvalidModel, InvalidQuery
from agentorm.filters import values
from agentorm.filters.forms import AWARE_FORM, Form, form_of
from agentorm.filters.limits import told
from agentorm.json_types import JSONType
from agentorm.models import field_name, mapper_of

LONGEST_GUESS = 100


@dataclass(frozen=True, slots=True)
class FilterField:
    """A field as filters see it; without a form it holds JSON."""

    label: str
    expression: Any
    form: Form | None


class FilterFields:
    """The fields of a model that may be named: all of them, or those given.

    Args:
        model: a mapped class.
        fields: the names of those that may be named, or the attributes; None for all.

    Raises:
        InvalidQuery: no mapped class, or a field that no filter can compare.
        UnknownField: the model has no such field.
    """

    def __init__(self, model: type[Any], fields: Collection[Any] | None = None) -> None:
        self.model = model
        self.mapper = mapper_of(model)
        if isinstance(fields, str):
            raise InvalidQuery(f"expected names of fields, got {fields!r}", hint="give a list")
        self.limited = None if fields is None else [field_name(model, field) for field in fields]
        for name in self.limited or ():
            if not self._has_form(name):
                raise InvalidQuery(f"no filter compares {model.__name__}.{name}")

    def names(self) -> list[str]:
        """The names of the fields that a filter can compare, in the order of the mapping."""
        if self.limited is not None:
            return self.limited
        keys: list[str] = [attribute.key for attribute in self.mapper.column_attrs]
        return [key for key in keys if self._has_form(key)]

    def named(self, name: str, path: str) -> FilterField:
        """The field of that name.

        Raises:
            InvalidFilter: there is none, or none that a filter can compare.
        """
        there = name in self.mapper.column_attrs
        if not there or (self.limited is not None and name not in self.limited):
            raise InvalidFilter(
                f"{self.model.__name__} has no field {told(name)} to filter by",
                path=path,
                hint=self._guess(name),
            )
        if not self._has_form(name):
            kind = type(self._type(name)).__name__
            raise InvalidFilter(
                f"{self.model.__name__}.{name} is of {kind}, which no filter compares",
                path=path,
                hint=f"it compares {', '.join(self.names())}",
            )
        return self.field(name)

    def field(self, name: str) -> FilterField:
        """The field of that name, which is there."""
        label, attribute = f"{self.model.__name__}.{name}", getattr(self.model, name)
        form = self._form(name)
        if form is not None and form.portable is not None:
            attribute = type_coerce(attribute, form.portable)
        return FilterField(label, attribute, form)

    def _type(self, name: str) -> TypeEngine[Any]:
        return self.mapper.column_attrs[name].columns[0].type

    def _has_form(self, name: str) -> bool:
        kind = self._type(name)
        return isinstance(kind, JSONType) or form_of(kind) is not None

    def _form(self, name: str) -> Form | None:
        form = form_of(self._type(name))
        declared = getattr(self.model, "model_fields", {}).get(name)
        if form is None or form.read not in _NARROWED or declared is None:
            return form
        try:
            annotated = annotated_class(name, declared)
        except InvalidModel:
            return form
        if annotated is AwareDatetime:
            return AWARE_FORM
        return form.among(get_args(annotated)) if get_origin(annotated) is Literal else form

    def _guess(self, name: str) -> str:
        known = self.names()
        near = get_close_matches(name, known, n=1) if len(name) <= LONGEST_GUESS else []
        return f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"


_NARROWED = (values.text, values.integer, values.moment)
