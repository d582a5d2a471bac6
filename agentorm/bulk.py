"""Many rows at once, in the form that the engine takes in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select, tuple_
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import SelectBase

from agentorm.json_values import is_array, is_object
from agentorm.models import key_columns, mapper_of
from agentorm.rank import Run
from agentorm.vectors import Vector


def limit_statements(run: Run, entities: Sequence[object]) -> None:
    """Let no insert of the transaction hold more of such rows than the engine takes at once."""
    most = run.dialect.statement_bytes
    if most is None or not entities:
        return
    largest = max(sum(map(_size, vars(entity).values())) for entity in entities)
    rows = min(max(1, most // max(1, largest)), run.dialect.statement_rows)
    run.connection.execution_options(insertmanyvalues_page_size=rows)


def changed_rows(
    run: Run, model: type[Any], where: Sequence[ColumnElement[bool]]
) -> Sequence[ColumnElement[bool]]:
    """The conditions of an update or delete, in a form that the engine takes.

    One that cannot read what it changes is asked for the keys of a table derived from it:
    ``id IN (SELECT id FROM (SELECT DISTINCT id ... WHERE ...))``.
    """
    if run.dialect.reads_what_it_changes or not any(map(_asks_a_table, where)):
        return where
    keys = key_columns(model)
    rows = select(*keys).where(*where).distinct().subquery()
    if len(keys) == 1:
        return [keys[0].in_(select(rows))]
    return [tuple_(*keys).in_(select(rows))]


def changed_values(run: Run, model: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """The values of an update, its subqueries of the same table in such a form too."""
    if run.dialect.reads_what_it_changes:
        return values
    tables = {*mapper_of(model).tables}
    return {name: _removed(value, tables) for name, value in values.items()}


def _removed(value: Any, tables: set[Any]) -> Any:
    asked: Any = getattr(value, "element", None)
    own = isinstance(asked, Select) and tables.issuperset(asked.get_final_froms())
    if not own:
        return value
    rows = asked.limit(2).subquery()
    return select(*rows.c).scalar_subquery()


def _asks_a_table(condition: ColumnElement[bool]) -> bool:
    return any(isinstance(part, SelectBase) for part in visitors.iterate(condition))


def _size(value: Any) -> int:
    """Roughly the bytes of a value that may be long."""
    if isinstance(value, Vector):
        return len(value.tobytes())
    if isinstance(value, str | bytes):
        return len(value)
    return len(str(value)) if is_object(value) or is_array(value) else 0
