"""How the values of a prepared query get to where they belong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from sqlalchemy import BindParameter, ColumnElement
from sqlalchemy.sql import visitors

from agentorm import rank
from agentorm.bound import Text
from agentorm.calling import Bind, Call, binding, call_of
from agentorm.clear import Clear
from agentorm.errors import DimensionMismatch, InvalidQuery, InvalidValue, InvalidVector
from agentorm.parameters import Parameter, Slot
from agentorm.plan import Plan, planned_query
from agentorm.query import Query
from agentorm.rank import Run
from agentorm.rankings import Ranking, is_plain_vector, vector_to_rank_by
from agentorm.shapes import is_long, value_of
from agentorm.whole_numbers import whole

_LEAST = {"limit": 1, "offset": 0}


@dataclass(frozen=True, slots=True)
class Given:
    """A value that a call gives: its place among those of the plan, and what checks it."""

    place: int
    name: str
    check: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """How a prepared query runs on one engine by a plan.

    Attributes:
        values: those of the plan, with what was fixed when the query was made.
        given: what a call gives.
        vector: the place of the vector that ranks; None without a ranking.
        indexed: whether an approximate index serves, so that a short answer has to be looked at.
        bind: what binds the values of a call by name; None where more has to be known.
        late: the places of values that are only known when they are sent, and what tells them.
    """

    plan: Plan
    values: tuple[Any, ...]
    given: tuple[Given, ...]
    vector: int | None
    indexed: bool
    model: type[Any]
    late: tuple[tuple[int, BindParameter[Any]], ...] = ()
    bind: Bind | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bind", self._binding())

    def values_of(self, values: Mapping[str, Any]) -> list[Any]:
        """Those of the plan, for one call; what is pending has been written."""
        made = list(self.values)
        for place, bind in self.late:
            made[place] = value_of(bind)
        for one in self.given:
            value = values[one.name]
            made[one.place] = value if one.check is None else one.check(value)
        return made

    def is_beyond(self, values: Mapping[str, Any]) -> bool:
        """Whether another statement is due: more than a vector to rank by, an enormous page."""
        for one in self.given:
            value = values[one.name]
            if one.place == self.vector:
                if not is_plain_vector(self.model, value):
                    return True
            elif one.check is not None and isinstance(value, int) and is_long(value):
                return True
        return False

    def call(self, clear: Clear, finish: Callable[[list[Any]], Any] | None) -> Call | None:
        """The call of the plan in one transaction, with the values by name; None without one."""
        if self.bind is None:
            return None
        return call_of(clear, self.plan, self.bind, finish)

    def _binding(self) -> Bind | None:
        text = self.plan.text
        if self.late or not isinstance(text, Text):
            return None
        lines, scope = self._lines()
        made = {one.place: f"given_{i}" for i, one in enumerate(self.given)}
        return binding(text, self.values, made, lines, scope)

    def _lines(self) -> tuple[list[str], dict[str, Any]]:
        """The checks of all values that are given, as statements, and what they use."""
        names = {one.name for one in self.given}
        lines = [f"if len(given) != {len(names)} or is_beyond(given): raise LookupError"]
        scope: dict[str, Any] = {"is_beyond": self.is_beyond}
        if all(one.check is None for one in self.given):
            lines = [f"if len(given) != {len(names)}: raise LookupError"]
        for i, one in enumerate(self.given):
            scope[f"check_{i}"] = one.check
            value = f"given[{one.name!r}]"
            lines.append(f"given_{i} = {value if one.check is None else f'check_{i}({value})'}")
        return lines, scope

    def named(self, error: InvalidValue, values: Mapping[str, Any]) -> InvalidValue:
        """The same error, with the name of the parameter whose value was refused."""
        if error.field is not None:
            return error
        for one in self.given:
            try:
                self.plan.check(one.place, values[one.name])
            except InvalidValue as refused:
                return _at(f"param({one.name!r})", refused)
        return error


def _at(field: str, error: InvalidValue) -> InvalidValue:
    if isinstance(error, DimensionMismatch):
        return DimensionMismatch(expected=error.expected, got=error.got, field=field)
    kind = InvalidVector if isinstance(error, InvalidVector) else InvalidValue
    return kind(error.problem, field=field)


def way_of(query: Query[Any], run: Run) -> Way | None:
    """The way of a query with parameters on this engine; None where no plan serves alone."""
    asked, indexed = query, False
    if query.is_ranked:
        straight = rank.straight(query, run)
        if straight is None:
            return None
        asked, indexed = straight
    if indexed and any(slot.verb != "similar_to" for slot in query.slots):
        return None
    planned = planned_query(asked, run.line, indexed=indexed or not query.is_ranked)
    if planned is None:
        return None
    shape = planned.shape
    given = [
        Given(place, bind.key, partial(listed, bind.key) if bind.expanding else None)
        for place, bind in enumerate(shape.binds)
        if isinstance(bind, Parameter)
    ]
    vector = None if query.ranking is None else len(shape.binds)
    places = {"similar_to": vector, "limit": len(shape.values) - 2, "offset": len(shape.values) - 1}
    given += [_slot(slot, query.ranking, places) for slot in query.slots]
    late = tuple((i, bind) for i, bind in enumerate(shape.binds) if bind.callable is not None)
    return Way(planned.plan, shape.values, tuple(given), vector, indexed, query.model, late)


def _slot(slot: Slot, ranking: Ranking | None, places: Mapping[str, int | None]) -> Given:
    place = places[slot.verb]
    assert place is not None
    if slot.verb == "similar_to" and ranking is not None:
        return Given(place, slot.name, partial(vector_to_rank_by, ranking))
    return Given(place, slot.name, partial(whole, slot.verb, at_least=_LEAST[slot.verb]))


def check_names(names: tuple[str, ...], values: Mapping[str, Any]) -> None:
    """See that every parameter has a value, and every value a parameter.

    Raises:
        InvalidQuery: not so.
    """
    if len(values) == len(names) and all(map(values.__contains__, names)):
        return
    missing = [name for name in names if name not in values]
    unknown = [name for name in values if name not in names]
    problem = f"missing: {', '.join(missing)}" if missing else f"unknown: {', '.join(unknown)}"
    hint = f"the query takes {', '.join(names)}" if names else "the query takes none"
    raise InvalidQuery(f"the parameters do not fit; {problem}", hint=hint)


def listed(name: str, value: Any) -> list[Any]:
    """The values of a parameter that stands for a list.

    Raises:
        InvalidValue: it is none.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Collection):
        raise InvalidValue(f"expected a list of values, got {value!r}", field=f"param({name!r})")
    return [*value]


def parameters_in(condition: ColumnElement[Any]) -> Iterator[str]:
    """The names of the parameters in a condition."""
    for part in visitors.iterate(condition):
        if isinstance(part, Parameter):
            yield part.key


def filled(condition: ColumnElement[Any], values: Mapping[str, Any]) -> ColumnElement[Any]:
    """The condition with the values of its parameters."""

    def replaced(element: Any, **_: Any) -> Any:
        if not isinstance(element, Parameter):
            return None
        value = values[element.key]
        if not element.expanding:
            return BindParameter(element.key, value, type_=element.type, unique=True)
        made = BindParameter(
            element.key, listed(element.key, value), element.type, unique=True, expanding=True
        )
        made.expand_op = element.expand_op
        return made

    given: Any = condition
    return cast("ColumnElement[Any]", visitors.replacement_traverse(given, {}, replaced))
