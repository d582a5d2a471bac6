"""Connections that are awaited: one task at a time, and room for the others in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction
from sqlalchemy.util.concurrency import await_

from agentorm.errors import SessionInUse

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Statement:
    """A statement on its way: whose, and once it is sent, its context."""

    task: object
    greenlet: Any
    context: Any = None


@dataclass(eq=False, slots=True)
class _Use:
    """Who uses a session and its connections.

    Attributes:
        calls: the tasks of calls under way.
        statement: what is awaited.
        ending: the task that waits to end the transaction.
        free: what those wait for who cannot go on before the others.
    """

    calls: list[object] = field(default_factory=list[object])
    statement: _Statement | None = None
    ending: object = None
    free: asyncio.Event | None = None

    def check(self) -> None:
        if self.ending not in {None, current_task()} or self.is_of_others():
            raise SessionInUse

    def is_of_others(self) -> bool:
        task, sent = current_task(), self.statement
        if any(call is not task for call in self.calls):
            return True
        return sent is not None and sent.task is not task and not sent.greenlet.dead

    def claim(self, context: Any = None) -> None:
        self.check()
        sent, task = self.statement, current_task()
        if sent is None or sent.task is not task or sent.greenlet.dead:
            self.statement = _Statement(task, _current_greenlet(), context)
        elif sent.context is None:
            sent.context = context

    def release(self, context: Any = None) -> None:
        sent = self.statement
        if sent is not None and sent.task is current_task() and sent.context in {None, context}:
            self.statement = None
            self.wake()

    def wake(self) -> None:
        free, self.free = self.free, None
        if free is not None:
            free.set()

    async def wait(self) -> None:
        while self.is_of_others():
            self.free = self.free or asyncio.Event()
            await self.free.wait()


_uses: WeakKeyDictionary[Connection | Session, _Use] = WeakKeyDictionary()
_BY_ONE = nullcontext()


def refuse_other_tasks(engine: Engine) -> None:
    """See that no statement is sent while another task uses the connection."""
    event.listen(engine, "before_execute", _before, retval=True)
    event.listen(engine, "before_cursor_execute", _before_cursor)
    event.listen(engine, "after_cursor_execute", _after_cursor)
    event.listen(engine, "handle_error", _after_error)
    event.listen(engine, "commit", let_others_end)
    event.listen(engine, "rollback", let_others_end)


def refuse_other_tasks_in(session: Session) -> None:
    """See that no task writes or commits what is pending while another uses the session.

    SQLAlchemy would undo the work of both where a flush fails.
    """
    if session in _uses:
        return
    _uses[session] = _Use()
    event.listen(session, "do_orm_execute", _before_orm)
    event.listen(session, "after_begin", _after_begin)
    event.listen(session, "before_flush", _before_write)
    event.listen(session, "before_commit", _before_write)


def check_unused(session: Session) -> None:
    """See that no other task uses the session.

    Raises:
        SessionInUse: one does.
    """
    if session in _uses:
        _uses[session].check()


def share(session: Session, connection: Connection) -> None:
    """Whoever uses a session that others may know uses its connection, and the reverse.

    Raises:
        SessionInUse: another task uses the connection, through another session.
    """
    use = _uses.get(session)
    if use is not None and _uses.get(connection) is not use:
        if connection in _uses:
            _uses[connection].check()
        _uses[connection] = use


def used(place: Connection | Session) -> AbstractContextManager[None]:
    """Within, an awaited connection, or session, works for the current task alone.

    Raises:
        SessionInUse: it works for another.
    """
    use = _use_of_others(place)
    if use is None:
        return _BY_ONE
    use.check()
    return _call_under_way(use)


def waited_for(place: Connection | Session) -> AbstractContextManager[None]:
    """Within, another task that ends the transaction waits, and begins nothing."""
    use = _use_of_others(place)
    return _BY_ONE if use is None else _call_under_way(use)


@contextmanager
def _call_under_way(use: _Use) -> Generator[None]:
    task = current_task()
    use.calls.append(task)
    try:
        yield
    finally:
        use.calls.remove(task)
        use.wake()


def let_others_end(place: Connection | Session) -> None:
    """Before a transaction ends, let another task's call come to its end, but begin nothing more.

    Drivers mix up the answers otherwise, and SQLAlchemy loses the connection.
    """
    use = _uses.get(place)
    if use is None or not use.is_of_others():
        return
    use.ending = current_task()
    try:
        await_(use.wait())
    except BaseException:
        if isinstance(place, Connection):
            place.invalidate()
        raise
    finally:
        use.ending = None


def breathe(connection: Connection) -> None:
    """Let other tasks go on, where there is an event loop."""
    if connection.dialect.is_async:
        await_(asyncio.sleep(0))


def settled(awaitable: Awaitable[T]) -> T:
    """What is awaited, from within the bridge."""
    return await_(awaitable)


def current_task() -> object:
    """The task that runs; None outside of an event loop."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _current_greenlet() -> Any:
    return import_module("greenlet").getcurrent()


def _use_of_others(place: Connection | Session) -> _Use | None:
    """Whose use others can come in the way of: of no session that only its maker knows."""
    if isinstance(place, Connection) and place.dialect.is_async:
        return _use(place)
    return _uses.get(place)


def _use(connection: Connection) -> _Use:
    return _uses.get(connection) or _uses.setdefault(connection, _Use())


def _after_begin(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    share(session, connection)


def _before_orm(state: ORMExecuteState) -> None:
    check_unused(state.session)


def _before_write(session: Session, *rest: object) -> None:
    check_unused(session)


def _before(
    conn: Connection, element: Any, multiparams: Any, params: Any, execution_options: Any
) -> tuple[Any, Any, Any]:
    _use(conn).claim()
    return element, multiparams, params


def _before_cursor(
    conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    _use(conn).claim(context)


def _after_cursor(
    conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    _use(conn).release(context)


def _after_error(context: ExceptionContext) -> None:
    use = _uses.get(context.connection) if context.connection is not None else None
    if use is not None:
        use.release(context.execution_context)
