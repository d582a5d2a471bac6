"""One row by its key: the shortest way that a plan has."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from dataclasses import replace
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.main import FieldInfoMetadata

from agentorm.clear import Clear, clear_way
from agentorm.dialects.translation import translated
from agentorm.direct import keep, kept
from agentorm.entity import Entity
from agentorm.errors import InvalidValue
from agentorm.hydrating import Hydrator
from agentorm.models import checked_value, key_columns
from agentorm.plan import Plan, planned_query
from agentorm.query import Query
from agentorm.rank import Run

MISSED = object()
"""What `Getter.get` gives where another way has to be gone."""
_INTEGERS = range(-(2**63), 2**63)


class Keys:
    """What makes the parts of a model's primary key of what is given as a key."""

    def __init__(self, model: type[Any]) -> None:
        self.model = model
        self.names = tuple(str(column.key) for column in key_columns(model))
        self.plain = len(self.names) == 1 and _is_plain_integer(model, self.names[0])

    def parts(self, key: Any) -> tuple[Any, ...]:
        """The parts, as the fields hold them.

        Raises:
            InvalidValue: no key of this model.
        """
        if self.plain and type(key) is int and key in _INTEGERS:
            return (key,)
        parts: tuple[Any, ...] = _parts(key)
        if len(parts) != len(self.names) or any(part is None for part in parts):
            names = ", ".join(self.names)
            raise InvalidValue(f"the key of {self.model.__name__} is ({names}), got {key!r}")
        named = zip(self.names, parts, strict=True)
        return tuple(checked_value(self.model, name, part) for name, part in named)


def _parts(key: Any) -> tuple[Any, ...]:
    if isinstance(key, tuple | list):
        return tuple(cast("list[Any]", key))
    return (key,)


def _is_plain_integer(model: type[Any], name: str) -> bool:
    """Whether the field takes every integer of 64 bits, and as it is."""
    if not issubclass(model, Entity) or model.__pydantic_decorators__.field_validators:
        return False
    field = model.model_fields[name]
    annotation: Any = field.annotation
    rules = [rule for rule in field.metadata if not isinstance(rule, FieldInfoMetadata)]
    return annotation in {int, int | None} and not rules


_keys: WeakKeyDictionary[type[Any], Keys] = WeakKeyDictionary()


def keys_of(model: type[Any]) -> Keys:
    """How keys of the model are read."""
    return _keys.get(model) or _keys.setdefault(model, Keys(model))


class Getter:
    """Rows by key of one model, over the driver's cursor, in the transaction of one session.

    An entity that the session has is given without a statement, as SQLAlchemy's `Session.get` does.
    """

    __slots__ = ("_keys", "_model", "_plan", "_way")

    def __init__(self, way: Clear, plan: Plan, hydrator: Hydrator) -> None:
        self._way, self._plan = way, plan
        self._model, self._keys = hydrator.model, keys_of(hydrator.model)

    def is_current(self) -> bool:
        """Whether the session is still in that transaction, and nobody has come to listen."""
        return self._way.is_current()

    def get(self, key: Any) -> Any:
        """The row with this key or None; `MISSED` where the ORM has to tell.

        Raises:
            InvalidValue: no key of the model.
        """
        parts = self._keys.parts(key)
        states: dict[Any, Any] = self._way.line.session.identity_map._dict
        state = states.get((self._model, parts, None))
        if state is not None:
            entity = state.obj()
            if entity is not None:
                return MISSED if state.expired or state.expired_attributes else entity
        line, plan = self._way.line, self._plan
        try:
            line.flush()
            rows = line.fetch_directly(*plan.sending((*parts, None, 0)))
        except SQLAlchemyError:
            with translated(line.connection.dialect):
                raise
        found = plan.loaded(line, rows)
        if found:
            return found[0]
        return MISSED if found is None else None


_GETTERS = "agentorm_getters"


def kept_getter(place: object, model: type[Any]) -> Getter | None:
    """The getter that `getter_of` has made, as long as it is current."""
    getter: Getter | None = kept(place, _GETTERS, model)
    return getter


def getter_of(run: Run, model: type[Any]) -> Getter | None:
    """The getter of a model; None where the ORM has to load its rows."""
    conditions = [column == bindparam(f"key_{i}") for i, column in enumerate(key_columns(model))]
    planned = planned_query(_Rows(model=model, filters=tuple(conditions)), run.line)
    hydrator = None if planned is None else planned.plan.hydrator
    clear = None if hydrator is None else clear_way(run.line, model)
    if planned is None or clear is None or not isinstance(hydrator, Hydrator):
        return None
    return keep(run.session, _GETTERS, model, Getter(clear, planned.plan, hydrator))


class _Rows(Query[Any, "_Rows"]):
    def _with(self, **changes: Any) -> _Rows:
        return replace(self, **changes)
