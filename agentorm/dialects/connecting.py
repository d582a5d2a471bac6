"""Making connections ready: one probe per engine, and what each connection needs."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect

from agentorm import dialects
from agentorm.dialects.base import Dialect
from agentorm.dialects.tasks import refuse_other_tasks

_READY = "agentorm_ready"
_attached: WeakSet[Engine] = WeakSet()
_watched: WeakSet[Engine] = WeakSet()


def attach(engine: Engine) -> None:
    """Set up every connection that the engine will open; done again, it changes nothing."""
    if engine in _attached:
        return
    _attached.add(engine)
    known = dialects.of(engine.dialect)

    def when_opened(connection: Any, record: Any) -> None:
        try:
            _make_ready(connection, record.info, engine.dialect)
            connection.rollback()
        except BaseException:
            connection.close()
            raise

    known.attach(engine)
    _watch(engine)
    event.listen(engine, "connect", when_opened)


def ensure(connection: Connection) -> Dialect:
    """The dialect of a connection that is ready, whoever opened it."""
    _watch(connection.engine)
    info = connection.info
    if _READY not in info:
        _make_ready(connection.connection.dbapi_connection, info, connection.dialect)
    return dialects.of(connection.dialect)


def _watch(engine: Engine) -> None:
    if engine not in _watched:
        _watched.add(engine)
        dialects.of(engine.dialect).watch(engine)
        if engine.dialect.is_async:
            refuse_other_tasks(engine)


def _make_ready(
    connection: Any, info: MutableMapping[Any, Any], dialect: SQLAlchemyDialect
) -> None:
    known = dialects.of(dialect)
    known.on_connect(connection)
    if not dialects.is_probed(dialect):
        dialects.remember(dialect, known.probe(connection))
    info[_READY] = True
