"""Many rows at once, in the form that the engine takes in one statement."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Delete, Subquery, Update, delete, select, update
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import SelectBase

from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect, is_expression
from agentorm.json_values import is_array, is_object
from agentorm.models import key_columns
from agentorm.rank import Run
from agentorm.vectors import AnyVector

_EVERY_ROW = 2**63 - 1
_BYTES_OF_A_CHARACTER = 4


def updating(
    run: Run, model: type[Any], where: Sequence[ColumnElement[bool]], values: dict[str, Any]
) -> Update:
    """The update of the rows for which the conditions are true, values seen as they were before.

    MySQL cannot read the table it changes, and sees what it has assigned so far. So it is given
    conditions and values as a table derived from the first: ``UPDATE doc, (SELECT id, ... FROM
    doc WHERE ... LIMIT ...) AS new SET doc.n = new.n WHERE doc.id = new.id``.
    """
    values = {name: _value(value) for name, value in values.items()}
    made = {name: value for name, value in values.items() if is_expression(value)}
    plain = run.dialect.reads_what_it_changes or not (
        any(map(_asks_a_table, (*where, *made.values()))) or (made and len(values) > 1)
    )
    if plain:
        return update(model).where(*where).values(values)
    keys = key_columns(model)
    new = [value.label(f"new_{place}") for place, value in enumerate(made.values())]
    rows = _derived(select(*keys, *new).where(*where))
    found = [*rows.c]
    assigned = values | dict(zip(made, found[len(keys) :], strict=True))
    same = [key == column for key, column in zip(keys, found, strict=False)]
    return update(model).where(*same).values(assigned)


def forget_changed(run: Run, model: type[Any], values: dict[str, Any]) -> None:
    """Let entities of the session read again what several expressions may have changed.

    SQLAlchemy works their values out one after the other, from those changed so far.
    """
    if len(values) == 1 or not any(map(is_expression, values.values())):
        return
    for entity in run.session.identity_map.values():
        if isinstance(entity, model):
            run.session.expire(entity, [*values])


def deleting(run: Run, model: type[Any], where: Sequence[ColumnElement[bool]]) -> Delete:
    """The delete of these rows; on MySQL by the keys of a table derived from theirs, too."""
    if run.dialect.reads_what_it_changes or not any(map(_asks_a_table, where)):
        return delete(model).where(*where)
    keys = key_columns(model)
    rows = _derived(select(*keys).where(*where))
    return delete(model).where(*(key == column for key, column in zip(keys, rows.c, strict=True)))


def _derived(rows: AnySelect) -> Subquery:
    """With a limit, the server does not merge it into the statement around it."""
    return rows.limit(_EVERY_ROW).subquery()


def _value(value: Any) -> Any:
    return value.scalar_subquery() if isinstance(value, SelectBase) else value


def _asks_a_table(expression: Any) -> bool:
    element = expression
    if hasattr(expression, "__clause_element__"):
        element = expression.__clause_element__()
    return any(isinstance(part, SelectBase) for part in visitors.iterate(element))


@contextmanager
def limited_statements(run: Run, entities: Iterable[object]) -> Generator[None]:
    """Within, no insert holds more of such rows than the engine takes in one statement."""
    most = run.dialect.statement_bytes
    if most is None:
        yield
        return
    pending = (*entities, *run.session.new)
    largest = max((sum(map(size_of, vars(entity).values())) for entity in pending), default=0)
    usual = run.connection.get_execution_options().get(
        "insertmanyvalues_page_size", run.connection.dialect.insertmanyvalues_page_size
    )
    rows = rows_at_once(run.dialect, largest)
    run.connection.execution_options(insertmanyvalues_page_size=rows)
    try:
        yield
    finally:
        run.connection.execution_options(insertmanyvalues_page_size=usual)


def rows_at_once(dialect: Dialect, largest: int) -> int:
    """The most rows in one statement, the largest of which has so many bytes."""
    most, rows = dialect.statement_bytes, dialect.statement_rows
    return rows if most is None else min(max(1, most // max(1, largest)), rows)


def size_of(value: Any) -> int:
    """The most bytes of a value that may be long."""
    if isinstance(value, AnyVector):
        return len(value.tobytes())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str):
        return len(value) * _BYTES_OF_A_CHARACTER
    return len(str(value)) * _BYTES_OF_A_CHARACTER if is_object(value) or is_array(value) else 0
