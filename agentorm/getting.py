"""One row by its key: the shortest way that a plan has."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias, cast
from weakref import WeakKeyDictionary

from sqlalchemy import bindparam
from sqlalchemy.orm import Session
from sqlmodel.main import FieldInfoMetadata

from agentorm.bound import Text
from agentorm.calling import MISSED, Bind, Call, binding, call_of
from agentorm.clear import Clear, clear_way
from agentorm.direct import Line
from agentorm.entity import Entity
from agentorm.errors import InvalidValue
from agentorm.hydrating import hydrator_of
from agentorm.models import checked_value, key_columns
from agentorm.plan import Plan, planned_query, plans_of
from agentorm.query import Query
from agentorm.rank import Run
from agentorm.switch import plans_are_on

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
    found = MISSED if plan is None else _found(run.line, plan, model, parts)
    if plan is not None and not run.passing:
        _keep(run, model, plan)
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


def _found(line: Line, plan: Plan, model: type[Any], parts: tuple[Any, ...]) -> Any:
    found = _here(line.session, model, parts)
    if found is not None:
        return found
    line.flush()
    return _only(plan.rows(line, (*parts, None, 0)))


def _here(session: Session, model: type[Any], parts: tuple[Any, ...]) -> Any:
    """The entity, if the session has it, as `Session.get` gives it without a statement."""
    state: Any = session.identity_map._dict.get((model, parts, None))
    if state is None:
        return None
    entity = state.obj()
    expired = entity is not None and (state.expired or state.expired_attributes)
    return MISSED if expired else entity


def _only(found: Any) -> Any:
    if found:
        return MISSED if found is MISSED else found[0]
    return MISSED if found is None else None


Get: TypeAlias = Callable[[Session, Any], Any]
"""The row of a session with this key or None; `MISSED` where a longer way has to tell.

It raises `InvalidValue` where that is no key of the model.
"""
_GETS = "agentorm_gets"


def kept_get(place: Any, model: type[Any]) -> Get | None:
    """What `got` has kept in this session for the next rows of the model."""
    try:
        kept: Get | None = place.info[_GETS][model][1]
    except (AttributeError, KeyError, TypeError):
        return None
    return kept


def _keep(run: Run, model: type[Any], plan: Plan) -> None:
    """Keep the shortest way, from the second row of a transaction on."""
    kept = run.session.info.setdefault(_GETS, {})
    if model not in kept or kept[model][0] is not run.line:
        kept[model] = (run.line, None)
        return
    clear, bind = clear_way(run.line, model), _by_parts(plan, len(keys_of(model).names))
    if clear is None or bind is None:
        return
    call = call_of(clear, plan, bind)
    if call is not None:
        kept[model] = (run.line, _get_by(call, clear, model))


def _by_parts(plan: Plan, width: int) -> Bind | None:
    if plan.bind is None and isinstance(plan.text, Text):
        given = {place: f"given[{place}]" for place in range(width)}
        plan.bind = binding(plan.text, (*given, None, 0), given)
    return plan.bind


def _get_by(call: Call, clear: Clear, model: type[Any]) -> Get:
    keys, is_clear = keys_of(model), clear.is_clear
    is_plain, parts_of = keys.plain, keys.parts

    def get(session: Session, key: Any) -> Any:
        parts = (key,) if is_plain and type(key) is int and key in _INTEGERS else parts_of(key)
        found = _here(session, model, parts)
        if found is None:
            return _only(call(session, parts))
        return found if is_clear(session) else MISSED

    return get


class _Rows(Query[Any, "_Rows"]):
    def _with(self, **changes: Any) -> _Rows:
        return replace(self, **changes)
