"""One row by its key: the shortest way that a plan has."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel.main import FieldInfoMetadata

from agentorm.clear import Clear, clear_way
from agentorm.dialects.translation import translated
from agentorm.direct import Line, Parameters, Sent, keep, kept
from agentorm.entity import Entity
from agentorm.errors import InvalidValue
from agentorm.hydrating import hydrator_of
from agentorm.models import checked_value, key_columns
from agentorm.plan import Plan, planned_query, plans_of
from agentorm.query import Query
from agentorm.rank import Run
from agentorm.switch import plans_are_on

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


def got(run: Run, model: type[Any], parts: tuple[Any, ...]) -> Any:
    """The row with this key or None: by a plan, or through SQLAlchemy's ORM where none serves."""
    plan = _plan_of(run.line, model)
    found = MISSED if plan is None else _found(run.line, plan, model, parts, run.line.fetch)
    if plan is not None and not run.passing:
        keep_getter(run, model, plan)
    return run.session.get(model, parts) if found is MISSED else found


def _plan_of(line: Line, model: type[Any]) -> Plan | None:
    """The plan of rows by key; None where the ORM has to load them."""
    if not (plans_are_on() and line.is_usual()):
        return None
    hydrator = hydrator_of(model)
    if isinstance(hydrator, str) or hydrator.is_heard():
        return None
    plans, key = plans_of(line.connection.dialect), (line.dialect, hydrator)
    known = plans.get(key)
    if known is None:
        columns = enumerate(key_columns(model))
        conditions = tuple(column == bindparam(f"key_{i}") for i, column in columns)
        planned = planned_query(_Rows(model=model, filters=conditions), line)
        known = plans.keep(key, "none" if planned is None else planned.plan)
    return None if isinstance(known, str) else known


def _found(
    line: Line,
    plan: Plan,
    model: type[Any],
    parts: tuple[Any, ...],
    fetch: Callable[[Sent, Parameters], Sequence[Sequence[Any]]],
) -> Any:
    """The row with this key or None; `MISSED` where the ORM has to tell.

    An entity that the session has is given without a statement, as SQLAlchemy's `Session.get` does.
    """
    state = cast(Any, line.session.identity_map)._dict.get((model, parts, None))
    if state is not None:
        entity = state.obj()
        if entity is not None:
            return MISSED if state.expired or state.expired_attributes else entity
    line.flush()
    found = plan.loaded(line, fetch(*plan.sending((*parts, None, 0))))
    if found:
        return found[0]
    return MISSED if found is None else None


class Getter:
    """Rows by key of one model, over the driver's cursor, in the transaction of one session."""

    __slots__ = ("_keys", "_model", "_plan", "_way")

    def __init__(self, way: Clear, plan: Plan, model: type[Any]) -> None:
        self._way, self._plan, self._model = way, plan, model
        self._keys = keys_of(model)

    def is_current(self) -> bool:
        """Whether the session is still in that transaction, and nobody has come to listen."""
        return self._way.is_current()

    def get(self, key: Any) -> Any:
        """The row with this key or None; `MISSED` where the ORM has to tell.

        Raises:
            InvalidValue: no key of the model.
        """
        parts, line = self._keys.parts(key), self._way.line
        try:
            return _found(line, self._plan, self._model, parts, line.fetch_directly)
        except SQLAlchemyError:
            with translated(line.connection.dialect):
                raise


_GETTERS = "agentorm_getters"


def kept_getter(place: object, model: type[Any]) -> Getter | None:
    """The getter that `keep_getter` has made, as long as it is current."""
    getter: Getter | None = kept(place, _GETTERS, model)
    return getter


def keep_getter(run: Run, model: type[Any], plan: Plan) -> None:
    """Make the getter for the calls that follow in this session, if the way is clear."""
    clear = clear_way(run.line, model)
    if clear is not None:
        keep(run.session, _GETTERS, model, Getter(clear, plan, model))


class _Rows(Query[Any, "_Rows"]):
    def _with(self, **changes: Any) -> _Rows:
        return replace(self, **changes)
