"""Connections that are awaited: one task at a time, and room for the others in between."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.util.concurrency import await_

from agentorm.errors import SessionInUse


@dataclass(slots=True)
class _Use:
    """Who uses a connection: the tasks of calls under way, and the one that awaits a statement."""

    calls: list[object] = field(default_factory=list[object])
    awaiting: object = None

    def check(self) -> None:
        task = current_task()
        if self.awaiting not in {None, task} or any(call is not task for call in self.calls):
            raise SessionInUse


_uses: WeakKeyDictionary[Connection, _Use] = WeakKeyDictionary()


def refuse_other_tasks(engine: Engine) -> None:
    """See that no statement is sent while another task uses the connection."""
    event.listen(engine, "before_cursor_execute", _before)
    event.listen(engine, "after_cursor_execute", _after)
    event.listen(engine, "handle_error", _after_error)


def check_unused(connection: Connection) -> None:
    """See that no other task uses the connection.

    Raises:
        SessionInUse: one does.
    """
    if connection in _uses:
        _uses[connection].check()


@contextmanager
def used(connection: Connection) -> Generator[None]:
    """Within, an awaited connection works for the current task alone.

    Raises:
        SessionInUse: it works for another.
    """
    if not connection.dialect.is_async:
        yield
        return
    use = _use(connection)
    use.check()
    task = current_task()
    use.calls.append(task)
    try:
        yield
    finally:
        use.calls.remove(task)


def breathe(connection: Connection) -> None:
    """Let other tasks go on, where there is an event loop."""
    if connection.dialect.is_async:
        await_(asyncio.sleep(0))


def _use(connection: Connection) -> _Use:
    return _uses.get(connection) or _uses.setdefault(connection, _Use())


def _before(
    conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    use = _use(conn)
    use.check()
    use.awaiting = current_task()


def _after(
    conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    _use(conn).awaiting = None


def _after_error(context: ExceptionContext) -> None:
    use = _uses.get(context.connection) if context.connection is not None else None
    if use is not None and use.awaiting is current_task():
        use.awaiting = None


def current_task() -> object:
    """The task that runs; None outside of an event loop."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def refuse_commit_of_others(session: Session) -> None:
    """See that no task commits what another is still awaiting."""
    connections: WeakSet[Connection] = WeakSet()

    def began(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
        connections.add(connection)

    def check(session: Session) -> None:
        for connection in connections:
            check_unused(connection)

    event.listen(session, "after_begin", began)
    event.listen(session, "before_commit", check)
