"""What of a mapped class can be inserted by a statement of our own, to the same effect."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import ClauseElement, Column, Table
from sqlalchemy.orm import InstanceState, Mapper

from agentorm.listening import Ears
from agentorm.models import beyond_one_table

_EVENTS = ("before_insert", "after_insert")
_WRAPPED_BY = "sqlalchemy.sql.schema"
_WRITTEN_LATER = ("dynamic", "write_only")


@dataclass(frozen=True, eq=False, slots=True)
class Layout:
    """The columns of a class with one table, and what an insert does about each.

    Attributes:
        names: the attributes by the keys of their columns, in the order of the table.
        required: the attributes that a row must have, as `check_complete` has it.
        defaults: what gives an attribute that is None its value, in Python.
        server_defaults: the attributes to which the server gives a value that has to be read.
        generated: the attribute of the key that the engine counts, if any.
        keys: the attributes of the primary key.
        relationships: the attributes that lead to other entities.
    """

    mapper: Mapper[Any]
    table: Table
    names: Mapping[str, str]
    required: frozenset[str]
    defaults: Mapping[str, Callable[[], Any]]
    server_defaults: frozenset[str]
    generated: str | None
    keys: tuple[str, ...]
    relationships: frozenset[str]
    ears: Ears = field(default_factory=Ears)


_layouts: WeakKeyDictionary[Mapper[Any], list[Layout | None]] = WeakKeyDictionary()


def layout_of(mapper: Mapper[Any]) -> Layout | None:
    """The layout of a class; None where only SQLAlchemy's flush does it justice."""
    known = _layouts.get(mapper)
    if known is None:
        known = _layouts[mapper] = [_layout(mapper) if _is_plain(mapper) else None]
    return known[0]


def _is_plain(mapper: Mapper[Any]) -> bool:
    """Whether its rows are in one table, an attribute is a column, and nothing is counted."""
    table: Any = mapper.local_table
    if not isinstance(table, Table) or beyond_one_table(mapper) is not None:
        return False
    columns: list[Column[Any]] = list(cast(Any, table).columns)
    return not (
        mapper.eager_defaults is True
        or not mapper.batch
        or mapper._readonly_props
        or mapper._insert_cols_evaluating_none[table]
        or mapper._insert_orm_defaults[table]
        or set[Any](mapper.columns) != set[Any](columns)
        or any(related.lazy in _WRITTEN_LATER for related in mapper.relationships)
        or not all(map(_is_understood, columns))
    )


def _is_understood(column: Column[Any]) -> bool:
    default: Any = column.default
    if default is None:
        return True
    if default.is_scalar:
        return True
    made_by: Any = getattr(default, "arg", None)
    without_context = getattr(made_by, "__globals__", {}).get("__name__") == _WRAPPED_BY
    return bool(default.is_callable) and without_context


def _layout(mapper: Mapper[Any]) -> Layout | None:
    table: Any = mapper.local_table
    names = {column.key: mapper._columntoproperty[column].key for column in table.columns}
    keys = tuple(names[column.key] for column in mapper.primary_key)
    generated = table.autoincrement_column
    if {*mapper.primary_key} != {*table.primary_key} or (
        generated is not None and generated.default is not None
    ):
        return None
    layout = Layout(
        mapper=mapper,
        table=table,
        names=names,
        required=_required(mapper),
        defaults={
            names[column.key]: _made(column.default)
            for column in table.columns
            if column.default is not None
        },
        server_defaults=frozenset(
            names[column.key]
            for column in table.columns
            if column.server_default is not None and column is not generated
        ),
        generated=None if generated is None else names[generated.key],
        keys=keys,
        relationships=frozenset(mapper.relationships.keys()),
    )
    listen(layout.ears, mapper)
    return layout


def listen(ears: Ears, mapper: Mapper[Any]) -> None:
    """Let these hear who listens to inserts of the class."""
    ears.watch(mapper, _EVENTS)


def _required(mapper: Mapper[Any]) -> frozenset[str]:
    rules = getattr(mapper.class_, "__rules__", None)
    return frozenset() if rules is None else frozenset(rules.required)


def _made(default: Any) -> Callable[[], Any]:
    given = default.arg
    return (lambda: given) if default.is_scalar else (lambda: given(None))


def is_new(state: InstanceState[Any]) -> bool:
    """Whether an entity is in no session, never was stored, and waits for nothing."""
    return _is_untouched(state) and "_pending_mutations" not in state.__dict__


def are_new(layout: Layout, states: Sequence[InstanceState[Any]]) -> bool:
    """Whether all of them are; only relationships have anything to wait for."""
    return all(map(is_new if layout.relationships else _is_untouched, states))


def _is_untouched(state: InstanceState[Any]) -> bool:
    return (
        state.key is None
        and state.session_id is None
        and not state.expired_attributes
        and not state._load_pending
        and not state._orphaned_outside_of_session
    )


def is_computed(kind: type[Any]) -> bool:
    """Whether values of this type are SQL."""
    return issubclass(kind, ClauseElement) or hasattr(kind, "__clause_element__")
