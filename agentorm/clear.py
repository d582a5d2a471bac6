"""Whether the way to the driver is clear for the plans of a model, told at one glance."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from agentorm.direct import Line
from agentorm.hydrating import Hydrator, hydrator_of
from agentorm.listening import Ears
from agentorm.switch import plans_are_on

_WAYS = "agentorm_clear_ways"
_NONE: dict[type[Any], Clear] = {}


class Clear:
    """A line over which plans of a model can go to the driver's cursor, while it `is_clear`.

    Attributes:
        is_clear: whether the session is still in that transaction, and nobody has come to listen.
    """

    __slots__ = ("is_clear", "line")

    def __init__(self, line: Line, hydrator: Hydrator | None) -> None:
        ears = Ears()
        line.listen(ears, queries=True, statements=True)
        if hydrator is not None:
            ears.join(hydrator.ears)
        self.line, self.is_clear = line, line.at_a_glance(ears)


def kept_way(place: object, model: type[Any]) -> Clear | None:
    """The way that `clear_way` has found in this session, as long as it is clear."""
    if not isinstance(place, Session):
        return None
    ways: dict[type[Any], Clear] = place.info.get(_WAYS, _NONE)
    way = ways.get(model)
    return way if way is not None and way.is_clear(place) else None


def clear_way(line: Line, model: type[Any]) -> Clear | None:
    """The way over a line for plans of this model; None while it is not clear."""
    if not (plans_are_on() and line.is_usual() and line.is_direct(writes=False)):
        return None
    hydrator = hydrator_of(model)
    if isinstance(hydrator, Hydrator) and hydrator.is_heard():
        return None
    way = Clear(line, hydrator if isinstance(hydrator, Hydrator) else None)
    line.session.info.setdefault(_WAYS, {})[model] = way
    return way
