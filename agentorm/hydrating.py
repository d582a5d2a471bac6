"""Rows into entities that the session knows, as SQLAlchemy's own loader leaves them.

Of SQLAlchemy this uses what is not public: what the state of an entity is made of, and the
identity map of a session.
"""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast
from weakref import WeakKeyDictionary, ref

from pydantic import BaseModel
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.orm import (
    ColumnProperty,
    InstanceState,
    InstrumentedAttribute,
    Mapper,
    RelationshipProperty,
    Session,
    SynonymProperty,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from agentorm.json_types import JSONType
from agentorm.listening import Ears
from agentorm.loading import RAISE_NOT_LOADED
from agentorm.models import beyond_one_table, mapper_of
from agentorm.tracked import adopt

Row: TypeAlias = Sequence[Any]
Convert: TypeAlias = Callable[[Any], Any]
Load: TypeAlias = Callable[[Session, Sequence[Row]], list[Any] | None]
"""The entities of rows, each with what follows in its row; None where the ORM has to load."""

_LAZY = ("select", True, "raise", "raise_on_sql", "write_only", "dynamic", RAISE_NOT_LOADED)
_STATE = "_sa_instance_state"


@dataclass(frozen=True, slots=True)
class Columns:
    """What rows are read as that become no entities: tuples of some columns.

    Attributes:
        names: the attributes, in the order in which their columns are selected.
        read_into: the class that is made of them, whose fields not every query gives.
    """

    model: type[Any]
    names: tuple[str, ...]
    read_into: type[Any]

    def is_heard(self) -> bool:
        """Whether anybody wants to know of what is read: nobody can."""
        return False

    def loader(self, converters: Sequence[Convert | None]) -> Load:
        """What makes tuples of the rows that a driver gives; as `Hydrator.loader`."""
        values = [f"value_{place}" for place in range(len(converters))]
        due = [convert is not None for convert in converters]
        made = [f"convert_{i}({v})" if due[i] else v for i, v in enumerate(values)]
        width = len(self.names)
        read = f"({', '.join(made[:width])},)"
        found = f"({', '.join([read, *made[width:]])})" if made[width:] else read
        if found == read and not any(due):
            return _as_they_are
        source = f"def load(session, rows):\n return [{found} for {', '.join(values)}, in rows]"
        scope: dict[str, Any] = {f"convert_{i}": convert for i, convert in enumerate(converters)}
        return _compiled(source, self.model, scope)


@dataclass(frozen=True, eq=False, slots=True)
class Hydrator:
    """What makes entities of the rows of a plain model.

    Attributes:
        names: the attributes, in the order in which their columns are selected.
        keys: those of the primary key.
        ears: whether anybody wants to know of entities that are loaded.
    """

    model: type[Any]
    mapper: Mapper[Any]
    names: tuple[str, ...]
    keys: tuple[str, ...]
    ears: Ears = field(default_factory=Ears)

    def is_heard(self) -> bool:
        """Whether anybody wants to know of entities that are loaded."""
        return not self.ears.hear_nothing()

    def listen(self, ears: Ears) -> None:
        """Let these hear who wants to know of entities that are loaded."""
        ears.watch(self.mapper.class_manager, ("load",))

    @property
    def attributes(self) -> tuple[InstrumentedAttribute[Any], ...]:
        """What is selected for an entity."""
        return tuple(getattr(self.model, name) for name in self.names)

    @property
    def types(self) -> tuple[TypeEngine[Any], ...]:
        """The types of what is selected."""
        return tuple(self.mapper.column_attrs[name].columns[0].type for name in self.names)

    def loader(self, converters: Sequence[Convert | None]) -> Load:
        """What makes entities of the rows that a driver gives.

        A row whose entity the session has already is this entity, as it is there.

        Args:
            converters: for each value of a row; those of values behind the entity's own, which
                go with it in a tuple, are the last.
        """
        more = len(converters) - len(self.names)
        tracked = [n for n, t in zip(self.names, self.types, strict=True) if _is_json(t)]
        scope: dict[str, Any] = {
            "adopt": adopt,
            "blank": InstanceState.__new__,
            "manager": self.mapper.class_manager,
            "model": self.model,
            "named": frozenset(self.names),
            "new": object.__new__ if _is_pydantic(self.model) else self.model.__new__,
            "ref": ref,
            "State": InstanceState,
            "put": BaseModel.__dict__["__dict__"].__set__,
            **{f"set_{part}": _slot(part) for part in ("fields_set", "extra", "private")},
            **{f"convert_{place}": convert for place, convert in enumerate(converters)},
        }
        source = _source(self, [convert is not None for convert in converters], tracked, more)
        return _compiled(source, self.model, scope)


def _as_they_are(session: Session, rows: Sequence[Row]) -> list[Any]:
    return [*rows]


def _compiled(source: str, model: type[Any], scope: dict[str, Any]) -> Load:
    exec(compile(source, f"<loader of {model.__name__}>", "exec"), scope)  # noqa: S102
    return cast("Load", scope["load"])


def converters_of(
    types: Sequence[TypeEngine[Any]], dialect: SQLAlchemyDialect, codes: Sequence[Any]
) -> list[Convert | None]:
    """What makes each of the driver's values Python's; None for those that are."""
    return [
        kind.dialect_impl(dialect).result_processor(dialect, code)
        for kind, code in zip(types, codes, strict=False)
    ]


def hydrator_of(model: type[Any]) -> Hydrator | str:
    """How entities of the model are made of rows, or why only SQLAlchemy's ORM can load them."""
    mapper = mapper_of(model)
    known = _hydrators.get(model)
    if known is None or known[0] is not mapper.attrs:
        known = _hydrators[model] = (mapper.attrs, _hydrator(model, mapper))
    return known[1]


_hydrators: WeakKeyDictionary[type[Any], tuple[object, Hydrator | str]] = WeakKeyDictionary()


def _hydrator(model: type[Any], mapper: Mapper[Any]) -> Hydrator | str:
    reason = _beyond(mapper)
    if reason is not None:
        return f"{model.__name__} {reason}"
    names = tuple(attribute.key for attribute in mapper.column_attrs)
    keys = tuple(mapper.get_property_by_column(column).key for column in mapper.primary_key)
    hydrator = Hydrator(model, mapper, names, keys)
    hydrator.listen(hydrator.ears)
    return hydrator


def _beyond(mapper: Mapper[Any]) -> str | None:
    reason = beyond_one_table(mapper)
    if reason is not None:
        return reason
    if mapper.always_refresh:
        return "is always read again"
    if mapper.class_manager._state_constructor is not InstanceState:
        return "keeps its state in a way of its own"
    for attribute in mapper.attrs:
        if isinstance(attribute, RelationshipProperty):
            if attribute.lazy not in _LAZY:
                return f"always loads {attribute.key}"
        elif not isinstance(attribute, SynonymProperty) and not _is_loaded(attribute):
            return f"computes or defers {attribute.key}"
    return None


def _is_loaded(attribute: Any) -> bool:
    return isinstance(attribute, ColumnProperty) and not attribute.deferred


def _is_json(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind, JSONType)


def _is_pydantic(model: type[Any]) -> bool:
    made: Any = model.__new__
    return made is SQLModel.__new__


def _slot(part: str) -> Any:
    return BaseModel.__dict__[f"__pydantic_{part}__"].__set__


def _source(
    hydrator: Hydrator, converted: Sequence[bool], tracked: Sequence[str], more: int
) -> str:
    """The loop over rows, with one variable a column.

    The steps are those of `sqlalchemy.orm.loading._instance`, for a new entity of one table.
    """
    places = {name: f"value_{place}" for place, name in enumerate(hydrator.names)}
    rest = [f"value_{place + len(places)}" for place in range(more)]
    keys = [places[name] for name in hydrator.keys]
    found = f"(entity, {', '.join(rest)})" if rest else "entity"
    values = ", ".join(f"{name!r}: {value}" for name, value in places.items())
    lines = [
        "def load(session, rows):",
        "    identities, token, found = session.identity_map, session.hash_key, []",
        "    states, owner, append = identities._dict, identities._wr, found.append",
        f"    for {', '.join([*places.values(), *rest])}, in rows:",
        *(f"        value_{i} = convert_{i}(value_{i})" for i, due in enumerate(converted) if due),
        f"        key = (model, ({', '.join(keys)},), None)",
        "        state = states.get(key)",
        "        entity = None if state is None else state.obj()",
        "        if entity is not None:",
        "            if state.expired_attributes or not named <= entity.__dict__.keys():",
        "                return None",
        f"            append({found})",
        "            continue",
        f"        if {' or '.join(f'{key} is None' for key in keys)}:",
        "            return None",
        "        entity = new(model)",
        "        state = blank(State)",
        "        state.class_, state.manager = model, manager",
        "        state.obj = ref(entity, state._cleanup)",
        "        state.committed_state, state.expired_attributes = {}, set()",
        "        state.key, state.session_id, state._instance_dict = key, token, owner",
        *_filled(hydrator.model, f"{{{values}, {_STATE!r}: state}}"),
        *(f"        adopt(state, {name!r})" for name in tracked),
        "        states[key] = state",
        f"        append({found})",
        "    return found",
    ]
    return "\n".join(lines)


def _filled(model: type[Any], values: str) -> list[str]:
    if not _is_pydantic(model):
        return [f"        entity.__dict__.update({values})"]
    return [
        f"        put(entity, {values})",
        "        set_fields_set(entity, set())",
        "        set_extra(entity, None)",
        "        set_private(entity, None)",
    ]
