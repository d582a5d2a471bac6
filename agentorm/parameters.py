"""Values that a query is given later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter

from agentorm.dialects.translation import waits_for
from agentorm.errors import InvalidQuery


class Parameter(BindParameter[Any]):
    """A value of a prepared query that each call gives anew; `param` makes it."""

    inherit_cache = True


def param(name: str) -> Any:
    """A value that a prepared query is given when it is called.

    It stands where a vector, a limit, an offset, the list of ``in_``, or the other side of a
    comparison with a column stands; the same name may stand in several places.

    Raises:
        InvalidQuery: no identifier.

    Example:
        ``repository(Doc).similar_to(param("v")).where(Doc.topic == param("t")).prepared()`` is
        called as ``find(session, v=vector, t="science")``.
    """
    given: Any = name
    if not (isinstance(given, str) and given.isidentifier()):
        raise InvalidQuery(f"a parameter has an identifier for a name, got {name!r}")
    return Parameter(name, required=True)


@dataclass(frozen=True, slots=True)
class Slot:
    """A verb of a query whose value is given later.

    Attributes:
        verb: ``similar_to``, ``limit`` or ``offset``.
        name: what the value is called.
    """

    verb: str
    name: str


def slotted(slots: tuple[Slot, ...], verb: str, value: object) -> tuple[Slot, ...]:
    """The slots of a query after this verb was given that value, which may be a parameter."""
    others = tuple(slot for slot in slots if slot.verb != verb)
    return (*others, Slot(verb, value.key)) if isinstance(value, Parameter) else others


def shown(slots: tuple[Slot, ...], verb: str, value: object) -> str:
    """What the verb was given, as it was written."""
    given = (f"param({slot.name!r})" for slot in slots if slot.verb == verb)
    return next(given, f"{value}")


def check_given(slots: tuple[Slot, ...]) -> None:
    """See that no value is left to be given.

    Raises:
        InvalidQuery: one is.
    """
    if slots:
        names = ", ".join(slot.name for slot in slots)
        hint = "find = query.prepared(), then find(session, name=value)"
        raise InvalidQuery(f"the query waits for parameters: {names}", hint=hint)


def check_filled(binds: Iterable[BindParameter[Any]]) -> None:
    """See that no parameter of a statement is without a value.

    Raises:
        InvalidQuery: one is.
    """
    for bind in binds:
        if bind.required:
            raise waits_for(bind.key)
