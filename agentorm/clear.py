"""Whether the way to the driver is clear for the plans of a model, told at one glance."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from agentorm.direct import Line, keep, kept
from agentorm.hydrating import Hydrator, hydrator_of
from agentorm.listening import Ears
from agentorm.switch import plans_are_on

_WAYS = "agentorm_clear_ways"


class Clear:
    """A line over which plans of a model can go to the driver's cursor, while it `serves`.

    Attributes:
        is_clear: the same of the session, told at one glance.
    """

    __slots__ = ("_ears", "_options", "is_clear", "line")

    def __init__(self, line: Line, hydrator: Hydrator | None) -> None:
        self.line, self._options = line, line.connection._execution_options
        self._ears = Ears()
        line.listen(self._ears, queries=True, statements=True)
        if hydrator is not None:
            self._ears.join(hydrator.ears)
        self.is_clear = line.at_a_glance(self._ears)

    def serves(self, session: Session) -> bool:
        """Whether the session is still in that transaction, and nobody has come to listen."""
        line = self.line
        same = line.serves(session) and line.connection._execution_options is self._options
        return same and self._ears.hear_nothing() and plans_are_on()


def kept_way(place: object, model: type[Any]) -> Clear | None:
    """The way that `clear_way` has found in this session, as long as it is clear."""
    way: Clear | None = kept(place, _WAYS, model)
    return way


def clear_way(line: Line, model: type[Any]) -> Clear | None:
    """The way over a line for plans of this model; None while it is not clear."""
    if not (plans_are_on() and line.is_usual() and line.is_direct(writes=False)):
        return None
    hydrator = hydrator_of(model)
    if isinstance(hydrator, Hydrator) and hydrator.is_heard():
        return None
    way = Clear(line, hydrator if isinstance(hydrator, Hydrator) else None)
    return keep(line.session, _WAYS, model, way)
