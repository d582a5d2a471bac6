"""What an engine was asked, and how long it took."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, event

_STARTED = "agentorm_started"


@dataclass(frozen=True, slots=True)
class TracedStatement:
    """One statement as it was sent.

    Attributes:
        sql: its text, with placeholders: a trace holds no values and no password.
        seconds: from sending it to its first answer.
        failed: whether the engine refused it.
    """

    sql: str
    seconds: float
    failed: bool = False


@dataclass(slots=True)
class Trace:
    """The statements since `Database.trace` began, in the order they ended; ``print`` it."""

    statements: list[TracedStatement] = field(default_factory=list[TracedStatement])

    @property
    def seconds(self) -> float:
        """The time of all statements together."""
        return sum(statement.seconds for statement in self.statements)

    def __str__(self) -> str:
        lines = (f"{s.seconds * 1000:9.3f} ms  {' '.join(s.sql.split())}" for s in self.statements)
        total = f"{self.seconds * 1000:9.3f} ms in {len(self.statements)} statements"
        return "\n".join([*lines, total])


@contextmanager
def traced(engine: Engine) -> Generator[Trace]:
    """Record what the engine is sent within, by any thread."""
    trace = Trace()

    def before(
        conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: Any
    ) -> None:
        conn.info[_STARTED] = perf_counter()

    def after(
        conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: Any
    ) -> None:
        trace.statements.append(TracedStatement(statement, _since(conn)))

    def refused(context: ExceptionContext) -> None:
        if context.statement is not None and context.connection is not None:
            seconds = _since(context.connection)
            trace.statements.append(TracedStatement(context.statement, seconds, failed=True))

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", refused)
    try:
        yield trace
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)
        event.remove(engine, "handle_error", refused)


def _since(connection: Connection) -> float:
    started: float = connection.info.pop(_STARTED, perf_counter())
    return perf_counter() - started
