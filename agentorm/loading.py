"""Reading what is not loaded: where a statement would surprise, an error says how to load it."""

from __future__ import annotations

from functools import partial
from typing import Any, NoReturn

from sqlalchemy import event
from sqlalchemy.orm import (
    InstanceState,
    Mapper,
    ORMExecuteState,
    PassiveFlag,
    RelationshipProperty,
    Session,
)
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.orm.strategies import _LazyLoader  # pyright: ignore[reportPrivateUsage]
from sqlalchemy.util.concurrency import in_greenlet

from agentorm.errors import NotLoaded

RAISE_NOT_LOADED = "raise_not_loaded"


@RelationshipProperty.strategy_for(lazy=RAISE_NOT_LOADED)
class _NeverBySurprise(_LazyLoader):
    """SQLAlchemy's ``raise_on_sql``, with an error that names the remedy, after the session too."""

    __slots__ = ()

    def __init__(self, parent: RelationshipProperty[Any], strategy_key: tuple[Any, ...]) -> None:
        super().__init__(parent, strategy_key)
        self._raise_on_sql = True

    def _invoke_raise_load(
        self, state: InstanceState[Any], passive: PassiveFlag, lazy: str
    ) -> NoReturn:
        raise _relationship_not_loaded(state, self.parent_property)

    def _load_for_state(
        self, state: InstanceState[Any], passive: PassiveFlag, *rest: Any, **options: Any
    ) -> Any:
        lazily: Any = super()
        try:
            return lazily._load_for_state(state, passive, *rest, **options)  # noqa: SLF001
        except DetachedInstanceError as error:
            raise _relationship_not_loaded(state, self.parent_property) from error


def explain_expired(mapper: Mapper[Any]) -> None:
    """Let expired values of this class that cannot be read again say so in agentorm's words."""
    manager = mapper.class_manager
    manager.expired_attribute_loader = partial(_load_expired, manager.expired_attribute_loader)


def explain_loads(session: Session) -> None:
    """Let the synchronous session within an asynchronous one say what was read without ``await``.

    SQLAlchemy raises MissingGreenlet there, and if it flushed before, the transaction is lost. This
    raises before anything is sent, for any mapped class. Within ``run_sync`` all loads as ever.

    Raises:
        NotLoaded: by the session, where the relationship or column is read.

    Example:
        ``explain_loads(async_session.sync_session)``
    """
    if not event.contains(session, "do_orm_execute", _refuse_unawaited):
        event.listen(session, "do_orm_execute", _refuse_unawaited)


def _refuse_unawaited(load: ORMExecuteState) -> None:
    if not (load.is_relationship_load or load.is_column_load):
        return
    mapper = load.bind_mapper
    if mapper is None or not _is_unawaited(load.session, mapper):
        return
    owner, path = load.lazy_loaded_from, load.loader_strategy_path
    if owner is not None and path is not None:
        raise _relationship_not_loaded(owner, path[-1])
    raise NotLoaded(
        f"a column of {mapper.class_.__name__}",
        hint="ask for it in the query: .options(undefer(...)), "
        "or read it now: await session.refresh(..., [its name])",
    )


def _load_expired(
    load: Any, state: InstanceState[Any], names: set[str], passive: PassiveFlag
) -> None:
    session = state.session
    if session is None:
        raise _expired(state, names, "it expired and its session has ended; refresh it before: {}")
    if _is_unawaited(session, state.mapper):
        raise _expired(state, names, "it expired; read it again: await {}")
    load(state, names, passive)


def _expired(state: InstanceState[Any], names: set[str], hint: str) -> NotLoaded:
    model, columns = state.class_.__name__, names.intersection(state.mapper.column_attrs.keys())
    if len(columns) != 1:
        return NotLoaded(model, hint=hint.format("session.refresh(...)"))
    column = columns.pop()
    return NotLoaded(f"{model}.{column}", hint=hint.format(f"session.refresh(..., [{column!r}])"))


def _is_unawaited(session: Session, mapper: Mapper[Any]) -> bool:
    return session.get_bind(mapper).dialect.is_async and not in_greenlet()


def _relationship_not_loaded(state: InstanceState[Any], relationship: object) -> NotLoaded:
    way = [*state.load_path.path[1::2], relationship]
    loaders = ".".join(f"selectinload({step})" for step in way)
    return NotLoaded(str(relationship), hint=f"load it with the query: .options({loaders})")
