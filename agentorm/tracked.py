"""JSON containers that are seen when they change, at any depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, SupportsIndex, TypeVar
from weakref import ReferenceType, ref

from sqlalchemy import event
from sqlalchemy.ext.mutable import Mutable
from sqlalchemy.orm import InstanceState, QueryableAttribute
from sqlalchemy.orm.attributes import flag_modified
from typing_extensions import override

from agentorm.errors import InvalidValue
from agentorm.json_values import (
    is_array,
    is_object,
    step,
    storable_item,
    storable_json,
    storable_key,
)

__all__ = ["Tracked", "TrackedDict", "TrackedList", "adopt", "storable_json", "track", "tracked"]

_V = TypeVar("_V")


class Tracked(Mutable):
    """What the containers share: whom they belong to, and how they take a value."""

    holder: ReferenceType[Tracked] | None = None

    def changed(self) -> None:
        """Mark the attribute that holds this value as modified, on its entity."""
        holder = self.holder() if self.holder is not None else None
        if holder is not None:
            holder.changed()
            return
        for state, key in tuple(self._parents.items()):
            if state.dict.get(key) is self:
                flag_modified(state.obj(), key)

    def belong_to(self, state: InstanceState[Any], key: str) -> None:
        """From now on, tell this entity."""
        self._parents[state] = key

    def belongs_elsewhere(self, state: InstanceState[Any]) -> bool:
        """Whether a container, or an entity other than this one, holds this very object."""
        owners = self._parents.items()
        return self.holder is not None or any(
            owner is not state and owner.dict.get(key) is self for owner, key in owners
        )

    def line(self) -> tuple[int, ...]:
        """The ids of the containers around this one, outermost first, and its own."""
        holder = self.holder() if self.holder is not None else None
        return (*(holder.line() if holder is not None else ()), id(self))

    def place(self) -> str:
        """Where this container is, as ``Doc.meta["a"]``."""
        holder = self.holder() if self.holder is not None else None
        if holder is not None:
            return holder.place() + step(holder.key_of(self))
        return next((f"{state.class_.__name__}.{key}" for state, key in self._parents.items()), "")

    def key_of(self, held: Tracked) -> str | int:
        """The key under which it holds that container."""
        raise NotImplementedError

    def take(self, key: str | int, value: Any) -> Any:
        """The value as it is kept under that key: checked, copied, and tracked too."""
        try:
            return wrapped(storable_item(key, value, self.line()), self)
        except InvalidValue as error:
            place = self.place() + (error.field or "")
            raise InvalidValue(error.problem, field=place, hint=error.hint) from None

    def __copy__(self) -> Any:
        return wrapped(storable_json(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return wrapped(storable_json(self))

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return type(self), (storable_json(self),)


class TrackedDict(Tracked, dict[str, _V]):
    """A JSON object: a dict that is seen when it changes, at any depth.

    Equal to the plain dict and serialised like it; what is put into it is checked and copied.
    A plain SQLAlchemy class may use it as ``mapped_column(TrackedDict.as_mutable(JSONType()))``.

    Raises:
        InvalidValue: something is put into it that is no JSON; it stays as it was.

    Example:
        >>> document.meta["tags"] = ["new"]
        >>> document.meta["tags"].append("urgent")    # both are written by the next flush
    """

    def __init__(
        self, values: Mapping[str, _V] | Iterable[tuple[str, _V]] = (), /, **more: _V
    ) -> None:
        super().__init__()
        fill(self, storable_json(dict(values, **more)))

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """The value as SQLAlchemy's ``as_mutable`` keeps it."""
        return wrapped(value) if isinstance(value, dict) else super().coerce(key, value)

    def __setitem__(self, key: str, value: Any) -> None:
        key = storable_key(key)
        super().__setitem__(key, self.take(key, value))
        self.changed()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self.changed()

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]
        self.update(other)
        return self

    @override
    def update(self, *values: Any, **more: Any) -> None:
        given: dict[Any, Any] = dict(*values, **more)
        super().update({storable_key(key): self.take(key, given[key]) for key in given})
        self.changed()

    @override
    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    @override
    def pop(self, key: str, *default: Any) -> Any:
        there = key in self
        value = super().pop(key, *default)
        if there:
            self.changed()
        return value

    @override
    def popitem(self) -> tuple[str, _V]:
        item = super().popitem()
        self.changed()
        return item

    @override
    def clear(self) -> None:
        super().clear()
        self.changed()

    def copy(self) -> TrackedDict[_V]:
        """An independent copy, to any depth, that belongs to no entity."""
        return TrackedDict(self)

    @override
    def key_of(self, held: Tracked) -> str:
        return next((key for key, value in self.items() if value is held), "")


class TrackedList(Tracked, list[_V]):
    """A JSON array: a list that is seen when it changes, at any depth.

    Equal to the plain list and serialised like it; what is put into it is checked and copied.

    Raises:
        InvalidValue: something is put into it that is no JSON; it stays as it was.

    Example:
        >>> document.tags.append("urgent")    # written by the next flush
    """

    def __init__(self, values: Iterable[_V] = (), /) -> None:
        super().__init__()
        fill(self, storable_json(list(values)))

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        """The value as SQLAlchemy's ``as_mutable`` keeps it."""
        return wrapped(value) if isinstance(value, list) else super().coerce(key, value)

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        if isinstance(index, slice):
            super().__setitem__(index, self._take_all(value))
        else:
            super().__setitem__(index, self.take(index.__index__(), value))
        self.changed()

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        super().__delitem__(index)
        self.changed()

    def __iadd__(self, values: Iterable[Any]) -> Any:  # type: ignore[misc]
        self.extend(values)
        return self

    def __imul__(self, times: SupportsIndex) -> Any:
        self[:] = list(self) * times
        return self

    @override
    def append(self, value: Any) -> None:
        super().append(self.take(len(self), value))
        self.changed()

    @override
    def extend(self, values: Iterable[Any]) -> None:
        super().extend(self._take_all(values))
        self.changed()

    @override
    def insert(self, index: SupportsIndex, value: Any) -> None:
        super().insert(index, self.take(index.__index__(), value))
        self.changed()

    @override
    def pop(self, index: SupportsIndex = -1) -> _V:
        value = super().pop(index)
        self.changed()
        return value

    @override
    def remove(self, value: Any) -> None:
        super().remove(value)
        self.changed()

    @override
    def clear(self) -> None:
        super().clear()
        self.changed()

    @override
    def sort(self, *, key: Any = None, reverse: bool = False) -> None:
        super().sort(key=key, reverse=reverse)
        self.changed()

    @override
    def reverse(self) -> None:
        super().reverse()
        self.changed()

    def copy(self) -> TrackedList[_V]:
        """An independent copy, to any depth, that belongs to no entity."""
        return TrackedList(self)

    @override
    def key_of(self, held: Tracked) -> int:
        return next((place for place, value in enumerate(self) if value is held), -1)

    def _take_all(self, values: Iterable[Any]) -> list[Any]:
        return [self.take(place, value) for place, value in enumerate(list(values))]


def wrapped(value: Any, holder: Tracked | None = None) -> Any:
    """Tracked containers around a copy of a JSON value that needs no check."""
    if is_object(value):
        made = _empty(TrackedDict)
    elif is_array(value):
        made = _empty(TrackedList)
    else:
        return value
    made.holder = None if holder is None else ref(holder)
    fill(made, value)
    return made


def _empty(kind: Any) -> Any:
    return kind.__new__(kind)


def fill(made: Any, values: object) -> None:
    """Put the items, tracked, into an empty container."""
    if is_object(values):
        dict[Any, Any].update(made, {key: wrapped(item, made) for key, item in values.items()})
    elif is_array(values):
        list[Any].extend(made, [wrapped(item, made) for item in values])


def tracked(value: Any) -> Any:
    """The JSON value, checked and copied, in containers that belong to no entity yet.

    Raises:
        InvalidValue: as `storable_json`.
    """
    return wrapped(storable_json(value))


def adopt(state: InstanceState[Any], key: str) -> None:
    """Make a value that was put into an entity's ``__dict__`` tell the entity of its changes."""
    if key in state.dict:
        state.dict[key] = _owned(state.dict[key], state, key)


def _owned(value: Any, state: InstanceState[Any], key: str) -> Any:
    if not is_object(value) and not is_array(value):
        return value
    mine = value if isinstance(value, Tracked) and not value.belongs_elsewhere(state) else None
    owned: Tracked = mine if mine is not None else wrapped(value)
    owned.belong_to(state, key)
    return owned


def track(attribute: QueryableAttribute[Any]) -> None:
    """Track the JSON values of a mapped attribute, set or loaded, in its class and subclasses."""
    key, owner = attribute.key, attribute.class_

    def loaded(state: InstanceState[Any], *_: Any) -> None:
        adopt(state, key)

    def refreshed(state: InstanceState[Any], context: Any, names: Iterable[str] | None) -> None:
        if not names or key in names:
            adopt(state, key)

    def replaced(state: InstanceState[Any], value: Any, old: Any, initiator: Any) -> Any:
        return _owned(value, state, key)

    for name in ("load", "_sa_event_merge_wo_load"):
        event.listen(owner, name, loaded, raw=True, propagate=True)
    for name in ("refresh", "refresh_flush"):
        event.listen(owner, name, refreshed, raw=True, propagate=True)
    event.listen(attribute, "set", replaced, raw=True, retval=True, propagate=True)
