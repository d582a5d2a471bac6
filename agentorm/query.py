"""Queries as values: every verb returns a new one, and none touches a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, overload

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import LoaderCriteriaOption
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.sql import coercions, roles
from sqlalchemy.types import NullType
from typing_extensions import TypeVar

from agentorm import statement as pure
from agentorm.errors import InvalidQuery
from agentorm.expressions import AnySelect, sorted_by
from agentorm.filters import MISSING, compared, parse_filter
from agentorm.joining import Join, joined
from agentorm.json_serving import served
from agentorm.parameters import Parameter, check_given, shown, slotted
from agentorm.read_models import read_model
from agentorm.reordered import Reordered
from agentorm.whole_numbers import whole

E = TypeVar("E")
Q = TypeVar("Q", bound="Query[Any]", default=Any)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Query(Reordered[E, Q], Generic[E, Q]):
    """What is asked of a model, as inert data: every verb returns a new query, a ``Q``.

    Example:
        ``repository(Doc).similar_to(vec).where(Doc.topic == "x").limit(5)`` is, on PostgreSQL,
        ``SELECT doc.id, ..., (doc.embedding <=> :embedding_1) AS distance FROM doc
        WHERE doc.topic = :topic_1 ORDER BY distance, doc.id LIMIT :param_1``.
    """

    filters: tuple[ColumnElement[bool], ...] = ()
    joins: tuple[Join, ...] = ()
    ordering: tuple[ColumnElement[Any], ...] = ()
    loaders: tuple[ORMOption, ...] = ()
    size: int | None = None
    skip: int = 0

    @overload
    def where(self, *conditions: ColumnElement[bool] | bool | Mapping[str, Any]) -> Q: ...

    @overload
    def where(self, field: str, operator: str, value: object = MISSING, /) -> Q: ...

    def where(self, *conditions: Any) -> Q:
        """Keep the rows for which every condition is true, beside those given before.

        A condition is an expression, or a filter document as `parse_filter` takes it. A single
        field may be compared by its name: ``where("meta.role", "=", "admin")``. The operator is
        ``=``, ``==``, ``!=``, ``<>``, ``<``, ``<=``, ``>``, ``>=`` or one of a document's, and the
        value may be Python's, as a date or a member of an enum.

        Raises:
            InvalidFilter: a document, or the three values, that mean nothing for the model.
            InvalidQuery: something that is no SQL condition: a string, or a plain ``True``
                from comparing Python values.

        Example:
            ``where("topic", "in", ["a", "b"])`` is ``WHERE doc.topic IN (:topic_1, :topic_2)``.
        """
        if len(conditions) in {2, 3} and isinstance(conditions[0], str):
            made = [compared(self.model, *conditions)]
        else:
            made = [self._condition(given) for given in conditions]
        return self._with(filters=(*self.filters, *made))

    def _condition(self, given: ColumnElement[bool] | Mapping[str, Any]) -> ColumnElement[bool]:
        if isinstance(given, Mapping):
            return parse_filter(self.model, {**given})
        return condition(given)

    def order_by(self, *fields: Any) -> Q:
        """Sort by these fields, then by primary key; NULL counts as smaller than any value.

        Raises:
            InvalidQuery: on a ranking, which has its order, or for a string.
        """
        if self.is_ranked:
            raise InvalidQuery("a ranking has its own order", hint="leave order_by() out")
        return self._with(ordering=(*self.ordering, *map(_sort_key, fields)))

    def limit(self, size: int) -> Q:
        """At most this many rows, 1 or more; the last call counts.

        Raises:
            InvalidQuery: not an integer of 1 or more.
        """
        return self._paged("limit", size, at_least=1)

    def offset(self, skip: int) -> Q:
        """Leave out the first rows, 0 or more of them; the last call counts.

        Raises:
            InvalidQuery: not an integer of 0 or more.
        """
        return self._paged("offset", skip, at_least=0)

    def _paged(self, verb: str, value: Any, *, at_least: int) -> Q:
        number = 1 if isinstance(value, Parameter) else whole(verb, value, at_least=at_least)
        changes = {"size" if verb == "limit" else "skip": number}
        return self._with(slots=slotted(self.slots, verb, value), **changes)

    def join(self, target: Any, onclause: ColumnElement[bool] | None = None) -> Q:
        """Bring in another table for conditions and, if it adds no rows, for sorting.

        A row of the model is found once, however many rows of the other table match.

        Args:
            target: a relationship as ``Doc.author``, a mapped class, or an alias of one.
            onclause: how they belong together, where no foreign key tells.

        Raises:
            InvalidQuery: no relationship and no mapped class.
        """
        return self._with(joins=(*self.joins, joined(target, onclause)))

    def options(self, *loaders: Any) -> Q:
        """SQLAlchemy's loader options, as ``selectinload(Doc.author)``.

        Conditions of ``with_loader_criteria`` hold for what is ranked and counted too.

        Raises:
            InvalidQuery: something else.
        """
        for loader in loaders:
            if not isinstance(loader, ORMOption):
                raise InvalidQuery(f"expected a loader option, got {loader!r}")
        if self.target is not None:
            _check_loads_nothing(loaders)
        return self._with(loaders=(*self.loaders, *loaders))

    def _into(self, cls: type[Any]) -> Q:
        _check_loads_nothing(self.loaders)
        return self._with(target=read_model(self.model, cls))

    def statement(self) -> AnySelect:
        """The whole query as one SQLAlchemy select, for use in larger statements.

        Raises:
            InvalidQuery: a threshold without `similar_to`, a condition on a table not joined, or
                rows that are looked at again by `rerank` or `diverse`, which no statement does.
        """
        check_given(self.slots)
        if self.reach is not None:
            raise InvalidQuery(
                "rerank() and diverse() run in this process", hint="ask for statement() before"
            )
        return pure.statement(self)

    def __repr__(self) -> str:
        parts = [f"{type(self).__name__}({self.model.__name__})"]
        parts += self._ranked_by()
        parts += [f"join({join.target})" for join in self.joins]
        parts += [f"where({condition})" for condition in self.filters]
        parts += [f"order_by({key})" for key in self.ordering]
        parts += self._held_to() + self._looked_at()
        parts += [] if self.target is None else [self.target.described()]
        for verb, value in (("limit", self.size), ("offset", self.skip or None)):
            given = shown(self.slots, verb, value)
            parts += [] if given == "None" else [f"{verb}({given})"]
        return ".".join(parts)


def condition(given: Any) -> ColumnElement[bool]:
    """The SQL condition that was given.

    Raises:
        InvalidQuery: it is none.
    """
    if isinstance(given, bool | str) or given is None:
        raise InvalidQuery(
            f"expected a condition, got {given!r}",
            hint="compare a field, as Document.topic == 'science'",
        )
    try:
        expected: ColumnElement[bool] = coercions.expect(roles.WhereHavingRole, given)
    except ArgumentError as error:
        raise InvalidQuery(f"expected a condition, got {given!r}") from error
    if not isinstance(expected.type, Boolean | NullType) and not _is_boolean(expected):
        raise InvalidQuery(f"expected a condition, got {given}", hint=f"as {given} == value")
    found: ColumnElement[bool] = served(expected)
    return found


def _check_loads_nothing(loaders: tuple[ORMOption, ...]) -> None:
    if not all(isinstance(loader, LoaderCriteriaOption) for loader in loaders):
        raise InvalidQuery(
            "options() load what belongs to entities, and into() reads none",
            hint="leave one of them out",
        )


def _is_boolean(expression: ColumnElement[Any]) -> bool:
    return isinstance(getattr(expression.type, "impl", None), Boolean)


def _sort_key(field: Any) -> ColumnElement[Any]:
    if isinstance(field, str):
        raise InvalidQuery(
            f"expected a field to sort by, got {field!r}", hint="as Document.title.desc()"
        )
    try:
        return sorted_by(coercions.expect(roles.OrderByRole, field))
    except ArgumentError as error:
        raise InvalidQuery(f"expected a field to sort by, got {field!r}") from error
