"""Queries that are made once and called with values."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, overload
from weakref import WeakKeyDictionary

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from typing_extensions import TypeVar

from agentorm import rank
from agentorm.beside import beside
from agentorm.calling import MISSED
from agentorm.clear import Clear, clear_way, kept_way
from agentorm.database import Database
from agentorm.dialects.translation import translated
from agentorm.direct import is_pending
from agentorm.errors import InvalidValue
from agentorm.given import Way, check_names, filled, parameters_in, way_of
from agentorm.places import AsyncPlace, Placed, SyncPlace, running
from agentorm.rankings import Ranking
from agentorm.results import Hit, Hits

E = TypeVar("E")
Q = TypeVar("Q", bound="Preparing[Any, Any]", default=Any)
_CALLS = "agentorm_calls"
_MOST_CALLS = 500


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a plan found: entities, with distances from a vector of this dimension in a ranking."""

    rows: list[Any]
    dimension: int
    exact: bool


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Prepared(Generic[E]):
    """A query that is called with a session, or a database, and its values.

    Every call checks the names and values that it is given, and raises what the same query would
    raise. Where a plan serves, the SQL is compiled at the first call alone. Calling one that was
    given an async session or database gives what is to be awaited.

    Example:
        >>> find = repository(Doc).similar_to(param("v")).limit(5).prepared()
        >>> find(session, v=vector)
        [Doc(...), ...]
    """

    query: Placed[E, Any]
    names: tuple[str, ...]
    _one: Prepared[E] | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_one", self._of_one())

    @overload
    def __call__(self, place: SyncPlace, /, **values: Any) -> list[E]: ...
    @overload
    def __call__(self, place: AsyncPlace, /, **values: Any) -> Coroutine[Any, Any, list[E]]: ...
    def __call__(self, place: Any, /, **values: Any) -> Any:
        """The rows of `all`.

        Raises:
            InvalidQuery: a value is missing, or none of this name is asked for.
            InvalidValue: a value that its column, or the vector field, does not take.
        """
        made = self._called(place, values)
        if made is not MISSED:
            return made
        if isinstance(place, Database):
            with place.reading() as session:
                return self(session, **values)
        found = self._by_plan(place, values)
        if found is None:
            return self._given(values).on(place).all()
        self._keep_call(place)
        return self._made(found)

    @overload
    def hits(self, place: SyncPlace, /, **values: Any) -> Hits[E]: ...
    @overload
    def hits(self, place: AsyncPlace, /, **values: Any) -> Coroutine[Any, Any, Hits[E]]: ...
    def hits(self, place: Any, /, **values: Any) -> Any:
        """The rows of a ranking with distance and score; raises as a call does."""
        if isinstance(place, Database):
            with place.reading() as session:
                return self.hits(session, **values)
        ranking = self.query.ranking
        found = None if ranking is None else self._by_plan(place, values)
        if found is None or ranking is None:
            return self._given(values).on(place).hits()
        hits = rank.Found(self._scored(found, ranking), exact=found.exact)
        return rank.hits_of(self.query, hits, "native")

    @overload
    def first(self, place: SyncPlace, /, **values: Any) -> E | None: ...
    @overload
    def first(self, place: AsyncPlace, /, **values: Any) -> Coroutine[Any, Any, E | None]: ...
    def first(self, place: Any, /, **values: Any) -> Any:
        """The first row, or None; raises as a call does."""
        one = self._one
        made = MISSED if one is None else one._called(place, values)  # noqa: SLF001
        if made is not MISSED:
            return made[0] if made else None
        if isinstance(place, Database):
            with place.reading() as session:
                return self.first(session, **values)
        found = None if one is None else one._by_plan(place, values)  # noqa: SLF001
        if found is None or one is None:
            return self._given(values).on(place).first()
        one._keep_call(place)  # noqa: SLF001
        return next(iter(one._made(found)), None)  # noqa: SLF001

    def __repr__(self) -> str:
        return f"{self.query!r}.prepared()"

    def _of_one(self) -> Prepared[E] | None:
        """What asks for the first row alone; None where a call says how many, or more are read."""
        query = self.query
        if query.reach is not None or any(slot.verb == "limit" for slot in query.slots):
            return None
        return self if query.size == 1 else Prepared(query.limit(1), self.names)

    def _made(self, found: _Rows) -> list[Any]:
        query = self.query
        if query.target is None:
            return found.rows if query.ranking is None else [row[0] for row in found.rows]
        if query.ranking is None:
            return query.target.maker_of_all()(found.rows)
        return [*map(query.target.of_hit(query.gives), self._scored(found, query.ranking))]

    def _scored(self, found: _Rows, ranking: Ranking) -> list[Hit[Any]]:
        score, size = ranking.metric.score, found.dimension
        return [Hit(row, distance, score(distance, size)) for row, distance in found.rows]

    def _called(self, place: Any, values: Mapping[str, Any]) -> Any:
        """What `__call__` gives, by the function for this transaction; `MISSED` without one."""
        if not isinstance(place, Session):
            return MISSED
        try:
            call = place.info[_CALLS][self][1]
        except (KeyError, TypeError):
            return MISSED
        return MISSED if call is None else call(place, values)

    def _keep_call(self, place: Session) -> None:
        """Make that function of the way that has just been gone, for the second time."""
        clear = kept_way(place, self.query.model)
        if clear is None or self.query.ranking is not None:
            return
        calls = place.info.setdefault(_CALLS, {})
        if len(calls) > _MOST_CALLS:
            calls.clear()
        if self not in calls or calls[self][0] is not clear:
            calls[self] = clear, None
            return
        way, target = self._ways(clear).get(self), self.query.target
        finish = None if target is None else target.maker_of_all()
        calls[self] = clear, None if way is None else way.call(clear, finish)

    def _by_plan(self, place: Any, values: Mapping[str, Any]) -> _Rows | None:
        """What a plan finds; None where the query has to be made."""
        check_names(self.names, values)
        clear = self._clear(place)
        way = None if clear is None else self._ways(clear)[self]
        if clear is None or way is None or way.is_beyond(values):
            return None
        line, plan = clear.line, way.plan
        try:
            rank.check_free(line.session)
            made = () if way.late else way.values_of(values)
            sending = None if way.late else plan.sending(made)
            if is_pending(place):
                line.flush()
                if not clear.is_clear(place):
                    return None
            if sending is None:
                made = way.values_of(values)
                sending = plan.sending(made)
            rows = plan.loaded(line, line.fetch_directly(*sending))
        except SQLAlchemyError:
            with translated(line.connection.dialect):
                raise
        except InvalidValue as error:
            raise way.named(error, values) from None
        if rows is None or way.vector is None:
            return None if rows is None else _Rows(rows, 0, exact=True)
        rows = rank.within(self.query, rows)
        if way.indexed and len(rows) < (self.query.size or 0):
            return None
        return _Rows(rows, len(made[way.vector]), exact=not way.indexed)

    def _clear(self, place: Any) -> Clear | None:
        """The way to the driver; how this query goes it is known then."""
        model = self.query.model
        clear = kept_way(place, model)
        if clear is not None and self in self._ways(clear):
            return clear
        if not isinstance(place, Session) or is_pending(place):
            return None
        with running(place, model) as run:
            clear = clear_way(run.line, model)
            if clear is not None and self not in self._ways(clear):
                self._ways(clear)[self] = way_of(self.query, run)
        return clear

    @staticmethod
    def _ways(clear: Clear) -> WeakKeyDictionary[Any, Way | None]:
        """How queries run on this engine; it keeps that, and not the other way round."""
        return beside(
            clear.line.connection.dialect, "_agentorm_ways", WeakKeyDictionary[Any, Way | None]
        )

    def _given(self, values: Mapping[str, Any]) -> Any:
        """The query with these values."""
        check_names(self.names, values)
        query: Any = self.query
        filters = tuple(filled(condition, values) for condition in query.filters)
        query = replace(query, filters=filters)
        for slot in query.slots:
            options: dict[str, Any] = {}
            if slot.verb == "similar_to":
                ranking = query.ranking
                options = {"on": ranking.field.attribute, "metric": ranking.metric}
            query = getattr(query, slot.verb)(values[slot.name], **options)
        return query


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Preparing(Placed[E, Q]):
    """A `Query` that can be prepared."""

    def prepared(self) -> Prepared[E]:
        """The query as something to call, with a value for each `param` in it.

        It is thread-safe and belongs to no session: make it once, where it is declared.

        Example:
            ``find = repository(Doc).where(Doc.topic == param("t")).limit(5).prepared()``, then
            ``find(session, t="science")``.
        """
        found = dict.fromkeys(slot.name for slot in self.slots)
        for condition in (*self.filters, *self.ordering):
            found.update(dict.fromkeys(parameters_in(condition)))
        return Prepared(replace(self, where_to_run=None), tuple(found))
