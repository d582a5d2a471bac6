"""Whether anybody else listens to what SQLAlchemy is about to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any, TypeAlias

from sqlalchemy.event.base import _JoinedDispatcher  # pyright: ignore[reportPrivateUsage]

_Listeners: TypeAlias = deque[Callable[..., Any]]


class Ears:
    """The listeners to some events of some objects, looked at again at no cost to speak of.

    Those of this library do not count. What is held are SQLAlchemy's own collections, which are
    not public: they are made where there are none yet, so that who listens later is seen too.
    """

    __slots__ = ("_empty", "_ours")

    def __init__(self) -> None:
        self._empty: list[_Listeners] = []
        self._ours: list[tuple[_Listeners, int]] = []

    def watch(self, target: Any, names: Iterable[str]) -> None:
        """Look at these events of that engine, connection, session or mapped class's manager."""
        for name, dispatch in product(names, _dispatchers(target)):
            collection = getattr(dispatch, name).for_modify(dispatch)
            collection = getattr(collection, "local", collection)
            for listeners in (collection.listeners, collection.parent_listeners):
                known = [listener for listener in listeners if _is_ours(listener)]
                if known:
                    self._ours.append((listeners, len(known)))
                elif all(listeners is not seen for seen in self._empty):
                    self._empty.append(listeners)

    def hear_nothing(self) -> bool:
        """Whether nobody but this library listens."""
        if any(self._empty):
            return False
        for listeners, known in self._ours:  # noqa: SIM110  # half the time of all()
            if len(listeners) != known:
                return False
        return True


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
