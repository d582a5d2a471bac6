"""The rows of one model: the writes, `get`, and every verb of a query."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from sqlalchemy import ColumnElement, CursorResult, Executable, inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from agentorm.adding import added, all_added
from agentorm.adding_one import kept_adder
from agentorm.bulk import deleting, forget_changed, limited_statements, updating
from agentorm.calling import MISSED
from agentorm.database import Database
from agentorm.endings import Endings, SyncQuery
from agentorm.errors import AgentORMError, InvalidQuery, InvalidValue, NoResult
from agentorm.expressions import is_expression, tables_of
from agentorm.getting import got, kept_get, keys_of
from agentorm.models import checked_value, field_name, mapper_of, one_table
from agentorm.places import AsyncPlace, Kinds, SyncPlace, WhereToRun, kinds_in
from agentorm.query import condition
from agentorm.rank import Run
from agentorm.rank.base import in_chunks
from agentorm.selecting import has_key
from agentorm.upsert import conflict_target, upserted

if TYPE_CHECKING:
    from agentorm.aio import AsyncRepository

E = TypeVar("E")
_stored_key = attrgetter("_sa_instance_state.key")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Repository(Endings[E, SyncQuery[E]]):
    """Every row of a model as a query, and the writes.

    A write is SQL at once, inside the session's transaction, after what the session has pending;
    in a database it is a transaction of its own. A refusal fails the session's transaction,
    unless a savepoint, as `Database.transaction` nested makes one, is around it; `add_all` and
    `upsert` make their own. Each method says what is atomic.

    All raise `MissingValue` or `InvalidValue` before any SQL, `ConstraintViolation` where a key
    or constraint refuses, `TransactionConflict` where another transaction is in the way, and
    `NotBound` without a place to run.
    """

    def _with(self, **changes: Any) -> SyncQuery[E]:
        start: dict[str, Any] = {"model": self.model, "where_to_run": self.where_to_run}
        return SyncQuery(**(start | changes))

    @overload  # type: ignore[override]
    def on(self, where_to_run: SyncPlace) -> Repository[E]: ...

    @overload
    def on(self, where_to_run: AsyncPlace) -> AsyncRepository[E]: ...

    def on(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, where_to_run: WhereToRun
    ) -> Any:
        """The same repository, bound to a session or database; awaited if that is async.

        Raises:
            InvalidQuery: it is neither.
        """
        kind: Any = kinds_in(where_to_run).repository
        return kind(model=self.model, where_to_run=where_to_run)

    def get(self, key: Any) -> E | None:
        """The row with this primary key, or None; a tuple for a key of several columns.

        Raises:
            InvalidValue: no key of this model.
        """
        place: Any = self.where_to_run
        get = kept_get(place, self.model)
        found = MISSED if get is None else get(place, key)
        if found is not MISSED:
            return cast("E | None", found)
        checked = keys_of(self.model).parts(key)
        with self._running("get") as run:
            return cast("E | None", got(run, self.model, checked))

    def get_many(self, keys: Iterable[Any]) -> list[E]:
        """The rows with these primary keys, in their order; keys without a row are left out.

        Raises:
            InvalidValue: one is no key of this model.
        """
        parts = keys_of(self.model).parts
        checked = [parts(key) for key in keys]
        found: dict[tuple[Any, ...], E] = {}
        mapper = mapper_of(self.model)
        with self._running("get_many") as run:
            for part in in_chunks(dict.fromkeys(checked)):
                made = select(self.model).where(has_key(self.model, part))
                for entity in run.session.execute(made).scalars():
                    found[tuple(mapper.primary_key_from_instance(entity))] = entity
        return [found[key] for key in checked if key in found]

    def add(self, entity: E) -> E:
        """Insert one row; the entity has its key then, and belongs to the session. Atomic.

        Raises:
            InvalidQuery: the entity came from a session that has ended.
        """
        place: Any = self.where_to_run
        adder = kept_adder(place, self.model)
        if adder is not None and adder.add(place, entity):
            return entity
        self._check_new(entity)
        with self._writing("add") as run:
            if not added(run, self.model, entity):
                run.session.add(entity)
                run.session.flush()
        return entity

    def add_all(self, entities: Iterable[E]) -> list[E]:
        """Insert rows in bulk; they have their keys then. All of them or none.

        Raises:
            InvalidQuery: an entity came from a session that has ended.
        """
        given = list(entities)
        if {*map(type, given)} != {self.model} or any(map(_stored_key, given)):
            for entity in given:
                self._check_new(entity)
        with self._writing("add_all") as run:
            if not all_added(run, self.model, given):
                with _all_or_none(run, self.model), limited_statements(run, given):
                    run.session.add_all(given)
                    run.session.flush()
        return given

    def upsert(
        self, entities: Iterable[E], *, on: Any = None, update: Iterable[Any] | None = None
    ) -> list[E]:
        """Insert rows, or overwrite those that have the same unique key. All of them or none.

        Only the named key decides: a row that another unique key forbids is a
        `ConstraintViolation`, and never overwritten. Of one key twice in the batch the last
        wins. A row with NULL in the key, or without its generated key, is inserted. Many rows
        are few statements. On MySQL and MariaDB a row that another unique key finds first costs
        some more, as many as halvings of the batch leave it alone; and everywhere a key that is
        stored in another spelling costs a select.

        Args:
            entities: the rows as they shall be, not yet in a session.
            on: the field or fields of a unique key of the model; without it the primary key.
            update: the fields to overwrite; without it all but the keys.

        Returns:
            The rows as they are now, one per key, in the order given.

        Raises:
            InvalidQuery: `on` is no unique key of the model.

        Example:
            ``docs.upsert(rows, on=Doc.path)`` is, on SQLite and PostgreSQL,
            ``INSERT INTO doc (...) VALUES (...) ON CONFLICT (path) DO UPDATE SET
            title = excluded.title, ... RETURNING ...``.
        """
        given = list(entities)
        for entity in given:
            self._check_type(entity)
        target = conflict_target(self.model, on)
        named = None if update is None else [field_name(self.model, field) for field in update]
        chosen = None if named is None else frozenset(named)
        with self._writing("upsert") as run, _all_or_none(run, self.model):
            return upserted(run, self.model, given, target, chosen)

    def update(self, entity: E, **values: Any) -> E:
        """Write the changes of one entity, these values among them. Atomic.

        Raises:
            UnknownField: the model has no such field.
            NoResult: the row is gone.
        """
        self._check_type(entity)
        for name in values:
            field_name(self.model, name)
        _check_stored(entity)
        before = {name: getattr(entity, name) for name in values}
        try:
            for name, value in values.items():
                setattr(entity, name, value)
            with self._writing("update") as run:
                run.session.add(entity)
                run.session.flush()
        except AgentORMError:
            for name, value in before.items():
                set_committed_value(entity, name, value)
            raise
        return entity

    def delete(self, entity: E) -> None:
        """Delete the row of one entity, with what the model cascades to. Atomic.

        A row that is gone already is no error.

        Raises:
            InvalidQuery: the entity was never stored.
        """
        self._check_type(entity)
        if inspect(entity).was_deleted:
            return
        _check_stored(entity)
        with self._writing("delete") as run:
            run.session.delete(entity)
            run.session.flush()

    def update_where(self, *conditions: ColumnElement[bool] | bool, **values: Any) -> int:
        """Change every row for which the conditions are true; how many. Atomic.

        Entities of the session see the change. Values may be expressions, as ``n=Doc.n + 1``.

        Raises:
            InvalidQuery: no condition, no value, or a condition that is none.
            UnknownField: the model has no such field.

        Example:
            ``docs.update_where(Doc.topic == "old", topic="new")`` is
            ``UPDATE doc SET topic = :topic WHERE doc.topic = :topic_1``.
        """
        where = self._some(conditions, "update_where")
        if not values:
            raise InvalidQuery("update_where() needs a value to set")
        checked = {field_name(self.model, n): self._checked(n, v) for n, v in values.items()}
        with self._writing("update_where") as run:
            changed = _affected(run, updating(run, self.model, where, checked))
            forget_changed(run, self.model, checked)
            return changed

    def delete_where(self, *conditions: ColumnElement[bool] | bool) -> int:
        """Delete every row for which the conditions are true; how many. Atomic.

        Foreign keys cascade as the schema says, not as relationships of the model do.

        Raises:
            InvalidQuery: no condition, or one that is none.
        """
        one_table(self.model, "delete_where")
        where = self._some(conditions, "delete_where")
        with self._writing("delete_where") as run:
            return _affected(run, deleting(run, self.model, where))

    def _checked(self, name: str, value: Any) -> Any:
        return value if is_expression(value) else checked_value(self.model, name, value)

    def _some(self, conditions: Sequence[Any], method: str) -> list[ColumnElement[bool]]:
        if not conditions:
            hint = "give a condition; sqlalchemy.true() means every row"
            raise InvalidQuery(f"{method}() without a condition", hint=hint)
        checked = [condition(given) for given in conditions]
        own = mapper_of(self.model).local_table  # of joined tables, one statement changes one
        for table in set[Any]().union(*map(tables_of, checked)) - {own}:
            hint = "ask for its rows in a subquery, as Model.field.in_(select(...))"
            raise InvalidQuery(f"{method}() cannot join {table}", hint=hint)
        return checked

    def _check_type(self, entity: object) -> None:
        if not isinstance(entity, self.model):
            raise InvalidValue(f"expected a {self.model.__name__}, got {type(entity).__name__}")

    def _check_new(self, entity: object) -> None:
        self._check_type(entity)
        if inspect(entity).detached:
            hint = "update() writes the changes of a stored row, a copy is a new one"
            raise InvalidQuery(f"{entity!r} was in a session that has ended", hint=hint)

    def _writing(self, method: str) -> AbstractContextManager[Run]:
        return self._opened(method, Database.transaction)


@overload
def repository(model: type[E], where_to_run: SyncPlace | None = None) -> Repository[E]: ...


@overload
def repository(model: type[E], where_to_run: AsyncPlace) -> AsyncRepository[E]: ...


def repository(model: type[E], where_to_run: WhereToRun | None = None) -> Any:
    """The rows of a model, in a session, in a database, or nowhere yet.

    Args:
        model: an `Entity`, or any mapped class.
        where_to_run: a SQLModel or SQLAlchemy session, whose transaction everything joins; or
            a `Database`, where each call is a short transaction of its own; or their async
            kin, where every ending and write is awaited. Without it the queries are inert
            until `on`.

    Raises:
        InvalidQuery: no mapped class, or neither session nor database.

    Example:
        >>> query = repository(Doc).similar_to([1, 0, 0]).where(Doc.topic == "x").limit(5)
        >>> query.on(session).all()
        [Doc(...), ...]
    """
    mapper_of(model)
    kind: Any = Repository if where_to_run is None else kinds_in(where_to_run).repository
    return kind(model=model, where_to_run=where_to_run)


@contextmanager
def _all_or_none(run: Run, model: type[Any]) -> Generator[None]:
    """Within, a refusal undoes what was written, and nothing else."""
    run.dialect.before_savepoint(run.connection)
    if run.passing:
        yield
        return
    with run.session.begin_nested():
        run.session.connection(bind_arguments={"mapper": mapper_of(model)})  # sends it
        yield


def _check_stored(entity: Any) -> None:
    state = inspect(entity)
    if state.was_deleted or state.deleted:
        raise NoResult(f"the row of {entity!r} is gone")
    if not state.has_identity:
        raise InvalidQuery(f"{entity!r} is not stored yet", hint="add() it first")


def _affected(run: Run, statement: Executable) -> int:
    result = run.session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount


@kinds_in.register
def _sync(place: Session | Database) -> Kinds:
    return Kinds(SyncQuery, Repository)
