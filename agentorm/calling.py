"""Plans as functions: what a query of one plan is in one transaction, on its shortest way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

from sqlalchemy.orm import Session

from agentorm.bound import Text
from agentorm.clear import Clear
from agentorm.dialects.translation import translated
from agentorm.direct import Parameters, flush, is_pending
from agentorm.plan import Plan

MISSED: Any = object()
"""What a call gives where a longer way has to tell."""
Bind: TypeAlias = Callable[[Any], Parameters]
"""What the driver is given, of what a call is given."""


class Call(Protocol):
    """A plan in one transaction.

    It gives what was found, or `MISSED` where nothing was sent, or the ORM has to load the rows.
    It raises nothing but errors of the engine, translated.
    """

    def __call__(self, session: Session, given: Any, /) -> Any: ...


def call_of(
    clear: Clear, plan: Plan, bind: Bind, finish: Callable[[list[Any]], Any] | None = None
) -> Call | None:
    """The call of a plan over that way, as long as it is clear.

    None before its first rows came, and where its SQL depends on the values.

    Args:
        clear: the way, and with it the transaction.
        plan: the plan.
        bind: makes the parameters; whatever it raises makes the call give `MISSED`.
        finish: makes the answer of the rows that were found.
    """
    load, text = plan.load, plan.text
    if load is None or not isinstance(text, Text):
        return None
    line, is_clear, sql, binary = clear.line, clear.is_clear, text.sent.sql, text.sent.binary
    cursors = line.cursors

    def call(session: Session, given: Any, /) -> Any:
        if not is_clear(session):
            return MISSED
        try:
            parameters = bind(given)
            cursor = cursors[binary]
        except Exception:  # noqa: BLE001  # told by the longer way
            return MISSED
        if is_pending(session):
            with translated(line.connection.dialect):
                flush(session)
            if not is_clear(session):
                return MISSED
        try:
            cursor.execute(sql, parameters)
            rows = cursor.fetchall()
        except BaseException as error:
            with translated(line.connection.dialect):
                line.fail(error, sql, parameters)
            raise
        found = load(session, rows)
        if found is None:
            return MISSED
        return found if finish is None else finish(found)

    return call


def binding(
    text: Text,
    values: Sequence[Any],
    given: Mapping[int, str],
    lines: Sequence[str] = (),
    scope: Mapping[str, Any] = MappingProxyType({}),
) -> Bind:
    """What binds the parameters of a statement, made for it.

    Args:
        text: the statement.
        values: those of its shape, with what is the same in every call.
        given: of those that a call gives the place, and what makes each of ``given``.
        lines: statements before that; they raise where a value does not fit.
        scope: what all of this uses.
    """
    known, parts = dict(scope), list[str]()
    for i, bound in enumerate(text.bounds):
        made = None if bound.source is None else given.get(bound.source)
        if made is not None:
            known[f"process_{i}"] = bound.process
            parts.append(made if bound.process is None else f"process_{i}({made})")
        else:
            known[f"fixed_{i}"] = bound.of(values)
            parts.append(f"fixed_{i}")
    if text.positional:
        whole = f"({''.join(f'{part}, ' for part in parts)})"
    else:
        named = zip((bound.name for bound in text.bounds), parts, strict=True)
        whole = f"{{{', '.join(f'{name!r}: {part}' for name, part in named)}}}"
    source = "\n ".join(["def bind(given):", *lines, f"return {whole}"])
    exec(compile(source, "<parameters of a plan>", "exec"), known)  # noqa: S102
    bind: Bind = known["bind"]
    return bind
