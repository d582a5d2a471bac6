"""What SQLAlchemy's flush does to a session and its entities, for rows that are stored already.

All of it is SQLAlchemy's own and not public: how it remembers entities, their changes, and what
came into a transaction, which a rollback takes out again.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from weakref import ref

from sqlalchemy.orm import InstanceState, Session

from agentorm.layouts import Layout
from agentorm.listening import Ears

_EVENTS = (
    "before_flush",
    "after_flush",
    "after_flush_postexec",
    "before_attach",
    "after_attach",
    "transient_to_pending",
    "pending_to_persistent",
    "after_transaction_create",
    "after_transaction_end",
)
_EARS = "agentorm_flushes"
_OVERRIDDEN = ("add", "add_all", "flush", "_save_or_update_state", "_flush")


def flushes_as_ever(session: Session) -> bool:
    """Whether a flush would write the new entities and nothing else, and nobody would notice."""
    whose, ears = session.info.get(_EARS, (None, None))
    if ears is None or whose != session.hash_key:
        ears = Ears()
        listen_to_flushes(ears, session)
        session.info[_EARS] = session.hash_key, ears
    return (
        ears.hear_nothing()
        and is_clean(session)
        and not any(
            name in vars(kind) for kind in _own_kinds(type(session)) for name in _OVERRIDDEN
        )
    )


def listen_to_flushes(ears: Ears, session: Session) -> None:
    """Let these hear who listens to a session's flushes."""
    ears.watch_session(session, _EVENTS)


def is_clean(session: Session) -> bool:
    """Whether nothing waits for a flush, and none is under way."""
    return session._is_clean() and not session._flushing


def _own_kinds(kind: type[Any]) -> Iterable[type[Any]]:
    return kind.__mro__[: kind.__mro__.index(Session)]


def holds_any(session: Session, layout: Layout, keys: Iterable[Any]) -> bool:
    """Whether the session knows an entity under one of these primary keys."""
    known, identity = session.identity_map._dict, layout.mapper._identity_class
    return bool(known) and any((identity, key, None) in known for key in keys)


def settle(
    session: Session, layout: Layout, states: Iterable[InstanceState[Any]], keys: Iterable[Any]
) -> None:
    """Make entities persistent in a session, each under its primary key.

    The rows are in the database, and the attributes in the entities.
    """
    transaction, identity_map = session._transaction, session.identity_map
    assert transaction is not None
    enter, whose, hash_key = identity_map._dict.setdefault, identity_map._wr, session.hash_key
    came: Any = transaction._new
    new, forget = came.data, came._remove
    identity = layout.mapper._identity_class
    for state, key in zip(states, keys, strict=True):
        identity_key = (identity, key, state.identity_token)
        if enter(identity_key, state) is not state:
            _replace(session, state)
            continue
        state.key = identity_key
        state.session_id = hash_key
        state._instance_dict = whose
        state.committed_state.clear()
        state.modified = state.expired = False
        state._strong_obj = None
        new[ref(state, forget)] = True


def _replace(session: Session, state: InstanceState[Any]) -> None:
    """Make an entity persistent in the place of another under its key."""
    session._new[state] = state.obj()
    state.session_id = session.hash_key
    session._register_persistent({state})


def give(layout: Layout, entities: Sequence[Any], values: Mapping[str, Sequence[Any]]) -> None:
    """Put values that came to be at the insert into the entities, as committed ones."""
    refreshed = layout.mapper.class_manager.dispatch.refresh_flush
    for name, column in values.items():
        is_heard = bool(refreshed) and name not in layout.keys  # SQLAlchemy tells of no key
        for entity, value in zip(entities, column, strict=True):
            held = entity.__dict__
            if held.get(name) is None:
                held[name] = value
                if is_heard:
                    refreshed(held["_sa_instance_state"], None, [name])


def fail(session: Session) -> None:
    """Fail the session's transaction by the error at hand, as a flush that fails does."""
    transaction = session._transaction
    if transaction is not None and transaction.is_active:
        transaction._begin().rollback(_capture_exception=True)
