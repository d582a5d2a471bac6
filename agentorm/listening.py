"""Whether anybody else listens to what SQLAlchemy is about to do.

Of SQLAlchemy this uses what is not public: its collections of listeners, and how a connection tells
that it has some.
"""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.event.attr import _EmptyListener
from sqlalchemy.event.base import _JoinedDispatcher
from sqlalchemy.orm import Session

from agentorm.beside import beside

_Listeners: TypeAlias = deque[Callable[..., Any]]
_UNTOUCHED: Any = _EmptyListener


class Ears:
    """The listeners to some events of some objects, looked at again at no cost to speak of.

    Those of this library do not count. Who listens later is seen too.
    """

    __slots__ = ("_connection", "_empty", "_names", "_ours", "_untouched")

    def __init__(self) -> None:
        self._empty: list[_Listeners] = []
        self._ours: list[tuple[_Listeners, int]] = []
        self._untouched: list[tuple[Any, str, Any]] = []
        self._connection: Connection | None = None
        self._names: tuple[str, ...] = ()

    def watch(self, target: Any, names: Iterable[str]) -> None:
        """Look at these events of an object that lasts: an engine, a dialect, a mapped class."""
        for name, dispatch in product(names, _dispatchers(target)):
            self._add(getattr(dispatch, name).for_modify(dispatch))

    def watch_session(self, session: Session, names: Iterable[str]) -> None:
        """Look at these events of a session: cheaper, as long as nobody listens to this one."""
        dispatch: Any = session.dispatch
        for name in names:
            collection: Any = getattr(dispatch, name)
            if type(collection) is _UNTOUCHED:
                self._untouched.append((dispatch, name, collection))
                self._add_listeners(collection.parent_listeners)
            else:
                self._add(collection)

    def watch_connection(self, connection: Connection, names: tuple[str, ...]) -> None:
        """The same for a connection, and its engine."""
        self.join(ears_of(connection.engine, names))
        if connection._has_events:
            self.watch(connection, names)
        else:
            self._connection, self._names = connection, (*self._names, *names)

    def join(self, other: Ears) -> None:
        """Look at all that the others look at."""
        self._empty += other._empty
        self._ours += other._ours
        self._untouched += other._untouched
        self._connection = other._connection or self._connection
        self._names += other._names

    def hear_nothing(self) -> bool:
        """Whether nobody but this library listens."""
        connection = self._connection
        if any(self._empty) or (connection is not None and connection._has_events):
            return self._look_closer()
        for dispatch, name, before in self._untouched:
            if getattr(dispatch, name) is not before:
                return self._look_closer()
        for listeners, known in self._ours:
            if len(listeners) != known:
                return self._look_closer()
        return True

    def _look_closer(self) -> bool:
        """Somebody listens, or did, to what nobody had listened to."""
        connection, untouched = self._connection, self._untouched
        if connection is not None and connection._has_events:
            self._connection = None
            for name in self._names:
                self._add(getattr(connection.dispatch, name).for_modify(connection.dispatch))
        self._untouched = []
        for dispatch, name, before in untouched:
            now = getattr(dispatch, name)
            if now is before:
                self._untouched.append((dispatch, name, before))
            else:
                self._add(now)
        self._ours = [(each, sum(map(_is_ours, each))) for each, _ in self._ours]
        return not any(self._empty) and all(len(each) == known for each, known in self._ours)

    def _add(self, collection: Any) -> None:
        collection = getattr(collection, "local", collection)
        self._add_listeners(collection.listeners)
        self._add_listeners(collection.parent_listeners)

    def _add_listeners(self, listeners: _Listeners) -> None:
        known = sum(map(_is_ours, listeners))
        if known:
            self._ours.append((listeners, known))
        elif all(listeners is not seen for seen in self._empty):
            self._empty.append(listeners)


def ears_of(target: Any, names: tuple[str, ...]) -> Ears:
    """The ears for events of an engine or a dialect; it keeps them as long as it lives."""
    kept = beside(target, "_agentorm_ears", dict[tuple[str, ...], Ears])
    if names not in kept:
        ears = Ears()
        ears.watch(target, names)
        kept[names] = ears
    return kept[names]


def _dispatchers(target: Any) -> Iterator[Any]:
    """Its own, and those it hands on to: of an engine with options, of the engine it is made of."""
    joined: Any = _JoinedDispatcher
    dispatch = target.dispatch
    yield dispatch
    while isinstance(dispatch, joined):
        dispatch = dispatch.parent
        yield dispatch


def _is_ours(listener: Any) -> bool:
    return str(getattr(listener, "__module__", "")).startswith("agentorm.")
