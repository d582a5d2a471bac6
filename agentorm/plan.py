"""Queries of one shape, compiled once: the SQL, what it binds, and what its rows become.

Of SQLAlchemy this uses what is not public: what a select is made of, and whence a parameter comes.
"""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

from sqlalchemy import BindParameter
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from agentorm.beside import beside
from agentorm.bound import Bound, Source, Text, Varying
from agentorm.direct import Line, Parameters, Sent
from agentorm.hydrating import Columns, Hydrator, Load, converters_of, hydrator_of
from agentorm.json_paths import Alternative
from agentorm.parameters import check_filled
from agentorm.query import Query
from agentorm.read_models import WHOLE_ROW
from agentorm.recent import Recent
from agentorm.shapes import Shape, shape_of, value_of
from agentorm.statement import statement
from agentorm.switch import plans_are_on

MOST_PLANS = 500
"""Plans that are kept for one engine; the one that was not used for longest goes first."""


@dataclass(eq=False, slots=True)
class Plan:
    """A statement as the driver takes it, for every query of one shape.

    Attributes:
        load: what makes entities or tuples of rows; None before the first of them came, whose
            types the driver tells.
        bind: what makes its parameters of the parts of a key, for who asks for rows by key.
    """

    text: Text | Varying
    hydrator: Hydrator | Columns
    types: tuple[TypeEngine[Any], ...]
    dialect: SQLAlchemyDialect
    load: Load | None = field(default=None, init=False)
    bind: Callable[[Sequence[Any]], Parameters] | None = field(default=None, init=False)

    def check(self, source: int, value: Any) -> None:
        """See that every parameter with that source takes the value.

        Raises:
            InvalidValue: one does not.
        """
        for bound in self.text.bounds:
            if bound.source == source:
                bound.check(value)

    def rows(self, line: Line, values: Sequence[Any]) -> list[Any] | None:
        """The entities, or tuples of columns, each with its distance in a ranking.

        What is pending has been written. None where the ORM has to load an entity anew.
        """
        return self.loaded(line, line.fetch(*self.sending(values)))

    def loaded(self, line: Line, rows: Sequence[Sequence[Any]]) -> list[Any] | None:
        """The same for rows that have just come."""
        load = self.load
        if load is None:
            converters = converters_of(self.types, self.dialect, line.codes)
            load = self.load = self.hydrator.loader(converters)
        return load(line.session, rows)

    def sending(self, values: Sequence[Any]) -> tuple[Sent, Parameters]:
        """The statement and the values, as the driver takes them.

        Raises:
            InvalidValue: a value is none of its column's.
        """
        text = self.text.of(values)
        return text.sent, text.parameters(values)


Plans: TypeAlias = Recent[Plan | str]
"""The plans of one engine, and where there is none why, by what they are of."""


def plans_of(dialect: SQLAlchemyDialect) -> Plans:
    """The plans of the engine that has this dialect."""
    return beside(dialect, "_agentorm_plans", lambda: Recent(MOST_PLANS))


@dataclass(frozen=True, slots=True)
class Planned:
    """A query with its plan."""

    plan: Plan
    shape: Shape


def planned_query(query: Query[Any], line: Line, *, indexed: bool = True) -> Planned | None:
    """The query with its plan; None where SQLAlchemy's ORM has to load what it finds."""
    found = _found(query, line, indexed=indexed)
    return None if isinstance(found, str) else found


def planned_rows(query: Query[Any], line: Line, *, indexed: bool = True) -> list[Any] | None:
    """What `statement` of the query finds, by its plan: entities, with distance where it ranks.

    None where SQLAlchemy's ORM has to load it. What is pending is written first: a value may be
    that of an entity which has no key before.
    """
    if plans_are_on():
        line.flush()
    planned = planned_query(query, line, indexed=indexed)
    if planned is None:
        return None
    check_filled(planned.shape.binds)
    return planned.plan.rows(line, planned.shape.values)


def why_unplanned(query: Query[Any], line: Line) -> str | None:
    """Why SQLAlchemy's ORM loads the rows of a query; None where a plan does."""
    found = _found(query, line, indexed=True)
    return found if isinstance(found, str) else None


def _found(query: Query[Any], line: Line, *, indexed: bool) -> Planned | str:
    """The query with its plan, or why it has none."""
    if not plans_are_on():
        return "plans are switched off"
    if not line.is_usual():
        return "the session's events or options decide what is loaded"
    hydrator = _hydrator_of(query)
    if isinstance(hydrator, str):
        return hydrator
    if hydrator.is_heard():
        return f"events of {query.model.__name__} are listened to"
    shape = shape_of(query, indexed=indexed)
    if isinstance(shape, str):
        return shape
    plan = _plan(query, shape, hydrator, line, indexed=indexed)
    return plan if isinstance(plan, str) else Planned(plan, shape)


def _hydrator_of(query: Query[Any]) -> Hydrator | Columns | str:
    target = query.target
    if target is None:
        return hydrator_of(query.model)
    if WHOLE_ROW in target.names:
        return "whole rows are read for a class of some columns"
    return Columns(query.model, target.names, target.kind.cls)


def _plan(
    query: Query[Any], shape: Shape, hydrator: Hydrator | Columns, line: Line, *, indexed: bool
) -> Plan | str:
    plans = plans_of(line.connection.dialect)
    key = (line.dialect, hydrator, shape.key)
    known = plans.get(key)
    if known is not None:
        return known
    return plans.keep(key, compiled_plan(query, shape, hydrator, line, indexed=indexed))


def compiled_plan(
    query: Query[Any], shape: Shape, hydrator: Hydrator | Columns, line: Line, *, indexed: bool
) -> Plan | str:
    """The plan of all queries that have the shape of this one, or why there is none."""
    asked = query if query.ranking is None else _held_to(query, shape)
    made: Any = statement(asked, indexed=indexed, keys_first=line.dialect.sorts_whole_rows)
    columns = made._raw_columns
    chosen = made
    if isinstance(hydrator, Hydrator):
        columns = [*hydrator.attributes, *columns[1:]]
        chosen = made.with_only_columns(*columns, maintain_column_froms=True)
    dialect = line.connection.dialect
    compiled: SQLCompiler = chosen.compile(dialect=dialect)
    text = _text(compiled, _Sources(query, shape, chosen), line)
    if isinstance(text, str):
        return text
    return Plan(text, hydrator, tuple(column.type for column in columns), dialect)


def _held_to(query: Query[Any], shape: Shape) -> Query[Any]:
    """The query with one threshold, the very value of its shape."""
    return replace(query, farthest=shape.values[-3], lowest_score=None)


def _text(compiled: SQLCompiler, sources: _Sources, line: Line) -> Text | Varying | str:
    dialect, binary = compiled.dialect, line.dialect.returns_binary(compiled)
    lists = compiled.post_compile_params
    kinds = [cast(Any, bind.type)._unwrapped_dialect_impl(dialect) for bind in lists]
    if any(kind._is_tuple_type or kind._isnull for kind in kinds):
        return "lists of tuples"
    names: Mapping[BindParameter[Any], str] = compiled.bind_names
    named = {name: _bound(name, compiled, dialect, sources) for name in names.values()}
    if not sources.are_all_in(named.values()):
        return "a value does not get into its SQL as it is"
    if lists or compiled.literal_execute_params:
        return Varying(compiled, named, binary=binary)
    ordered = compiled.positiontup or () if compiled.positional else [*named]
    bounds = tuple(named[name] for name in ordered)
    return Text(Sent(compiled.string, binary=binary), bounds, compiled.positional)


class _Sources:
    """Which value of its shape each parameter of a query's statement is."""

    def __init__(self, query: Query[Any], shape: Shape, made: Any) -> None:
        self._binds = shape.binds
        self._places: dict[int, int] = {id(bind): i for i, bind in enumerate(shape.binds)}
        vectors = () if query.ranking is None else query.ranking.vectors
        given = [*vectors, *([] if shape.values[-3] is None else [shape.values[-3]])]
        self._given = {id(value): len(shape.binds) + i for i, value in enumerate(given)}
        page = made if query.size is None or made._limit_clause is not None else _keys_of(made)
        ends = (page._limit_clause, page._offset_clause)
        self._needed = {*self._given.values()}
        for place, clause in enumerate(ends, start=len(shape.values) - len(ends)):
            if clause is not None:
                self._places[id(clause)] = place
                self._needed.add(place)

    def of(self, bind: BindParameter[Any]) -> Source:
        """The place of the value among those of the shape; None where it is none of them."""
        origins = (self._places.get(id(origin)) for origin in cast(Any, bind)._cloned_set)
        found = next((place for place in origins if place is not None), None)
        return self._given.get(id(bind.value)) if found is None else found

    def are_all_in(self, bounds: Iterable[Bound]) -> bool:
        """Whether a statement with these takes every value of the shape.

        Of parameters with one name it has one, which stands for those of the same type.
        """
        taken = {bound.source for bound in bounds}
        known = {_known_by(bind) for i, bind in enumerate(self._binds) if i in taken}
        due = {_known_by(bind) for bind in self._binds if not isinstance(bind, Alternative)}
        return self._needed <= taken and due <= known


def _known_by(bind: BindParameter[Any]) -> tuple[Any, ...]:
    return bind.key, bind.type._static_cache_key


def _keys_of(made: Any) -> Any:
    """The select of the keys that go first; the page is theirs."""
    return made.whereclause.right.element


def _bound(
    name: str, compiled: SQLCompiler, dialect: SQLAlchemyDialect, sources: _Sources
) -> Bound:
    bind = compiled.binds[name]
    source = sources.of(bind)
    process = bind.type.dialect_impl(dialect).bind_processor(dialect)
    fixed = None if source is not None else value_of(bind)
    known_as = compiled.escaped_bind_names.get(name, name)
    return Bound(known_as, source, fixed, process, is_list=bind.expanding)
