"""The log of changed vectors that SQLite keeps beside a table, for an index in the process.

Triggers write it in the transaction of the row, whoever changes it. Each entry has a random mark:
who knows number and mark of one knows that what was before it is what it has seen. An entry
without a row says that any may have changed. The newest entry always stays; those far behind it
are deleted as new ones come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Index, Table, event
from sqlalchemy import column as sql_column
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.sql.ddl import ExecutableDDLElement

from agentorm import dialects
from agentorm.dialects import Dialect, Feature
from agentorm.dialects.sqlite_changes import (
    ANY_ROW,
    CREATE,
    DROP,
    READING,
    TRIGGERS,
    VERBS,
    log_name,
)
from agentorm.dialects.sqlite_declarations import has_triggers
from agentorm.dialects.text_storage import has_integer_key
from agentorm.embedded.measures import METRICS
from agentorm.embedded.source import Declared, Statements
from agentorm.types import VectorType
from agentorm.vectors import Kind, Metric

_SQLITE: Any = sqlite.dialect()
_METRICS = "agentorm_index_metrics"
_ROW_NUMBERS = ("rowid", "_rowid_", "oid")


def row_number(table: Table) -> str | None:
    """The column that numbers the rows of a table: its one integer key, or SQLite's own.

    None where it has none that can be named.
    """
    if not table.dialect_options["sqlite"]["with_rowid"] or table.schema is not None:
        return None
    if len(table.primary_key.columns) == 1 and has_integer_key(table):
        return str(next(iter(table.primary_key.columns)).name)
    return _hidden_number(table)


def _hidden_number(table: Table) -> str | None:
    """SQLite's own name for the number of a row, which one integer key is too."""
    taken = {str(column.name).casefold() for column in table.columns}
    return next((name for name in _ROW_NUMBERS if name not in taken), None)


def row_expression(table: Table) -> ColumnElement[int]:
    """What numbers the rows of a table, in a query."""
    name = row_number(table)
    assert name is not None
    own: Any = table.columns.get(name)
    return sql_column(name, BigInteger(), _selectable=table) if own is None else own


def is_followed(column: Column[Any], metric: Metric) -> bool:
    """Whether an index in the process can follow a column."""
    return why_not_followed(column, metric) is None


def why_not_followed(column: Column[Any], metric: Metric) -> str | None:
    """Why no index in the process can follow a column; None where one can."""
    type_ = column.type
    if not isinstance(type_, VectorType) or type_.kind is not Kind.FLOAT32:
        return f"vectors of {getattr(type_, 'kind', 'another kind')} have none"
    if type_.dimension is None:
        return "vectors of an open dimension have none"
    if metric not in METRICS:
        return f"{metric} has none"
    if row_number(column.table) is None:
        return f"the rows of {column.table.name} have no numbers"
    return None


def declared_index(column: Column[Any], metric: Metric, recall: float, label: str) -> Declared:
    """What an index has to know of its column."""
    fragments = _fragments(column)
    dimension: Any = getattr(column.type, "dimension", None)
    return Declared(
        label=label,
        name=log_name(column.table.name, str(column.name)),
        dimension=dimension,
        metric=metric,
        recall=recall,
        statements=Statements(**{k: v.format(**fragments) for k, v in READING.items()}),
        triggers=tuple(trigger.format(**fragments) for trigger in TRIGGERS),
    )


def followed_columns(table: Table) -> list[Column[Any]]:
    """The columns whose declared index one in the process stands for, by name."""
    columns = sorted(table.columns, key=lambda column: str(column.name))
    return [
        column
        for column in columns
        if any(is_followed(column, metric) for metric in column.info.get(_METRICS, ()))
    ]


def follow(index: Index) -> None:
    """Have the log of an index kept wherever its table is created and engines have none.

    A copy of the table in other metadata has its listeners and columns, but no index's info.
    """
    table: Any = index.table
    (column,) = index.columns
    metrics = {*column.info.get(_METRICS, ()), index.info["agentorm_metric"]}
    column.info = {**column.info, _METRICS: metrics}
    for moment, listener in (("after_create", _created), ("before_drop", _dropped)):
        if not event.contains(table, moment, listener):
            event.listen(table, moment, listener, propagate=True)


class ChangeLogDDL(ExecutableDDLElement):
    """One statement that creates a log or drops it, of a template and the names in it."""

    def __init__(self, template: str, names: Mapping[str, str]) -> None:
        self.template, self.names = template, names


@compiles(ChangeLogDDL)
def _change_log_ddl(element: ChangeLogDDL, compiler: DDLCompiler, **kw: Any) -> str:
    return element.template.format(**element.names)


def creation(column: Column[Any]) -> list[ChangeLogDDL]:
    """What creates the log of a column whose table is there, in place of any that was."""
    return [ChangeLogDDL(template, _fragments(column)) for template in CREATE]


def removal(log: str) -> list[ChangeLogDDL]:
    """What drops a log of this name, if there is one."""
    return [ChangeLogDDL(template, _names(log)) for template in DROP]


def create_log(column: Column[Any], connection: Connection) -> None:
    """Create the log of a column whose table is there, in place of any that was."""
    for statement in creation(column):
        connection.execute(statement)


def drop_log(column: Column[Any], connection: Connection) -> None:
    """Drop the log of a column, if it has one."""
    for statement in removal(log_name(column.table.name, str(column.name))):
        connection.execute(statement)


def mark_all_changed(column: Column[Any], connection: Connection) -> None:
    """Say in the log that any row may have changed: every index of it is built anew."""
    connection.execute(ChangeLogDDL(ANY_ROW, _fragments(column)))


def has_log(column: Column[Any], connection: Connection) -> bool:
    """Whether all that writes and trims the log of a column is in the database."""
    fragments = _fragments(column)
    return has_triggers(connection, [trigger.format(**fragments) for trigger in TRIGGERS])


def embeds(known: Dialect) -> bool:
    """Whether an engine's indexes are those in the process."""
    return Feature.EMBEDDED_INDEX in known.features


def _created(table: Table, connection: Connection, **_: Any) -> None:
    if embeds(dialects.of(connection.dialect)):
        for column in followed_columns(table):
            create_log(column, connection)


def _dropped(table: Table, connection: Connection, **_: Any) -> None:
    if embeds(dialects.of(connection.dialect)):
        for column in followed_columns(table):
            drop_log(column, connection)


def _fragments(column: Column[Any]) -> dict[str, str]:
    table, quote = column.table, _SQLITE.identifier_preparer.quote
    return {
        "table": quote(table.name),
        "column": quote(column.name),
        "row": quote(_hidden_number(table) or row_number(table) or _ROW_NUMBERS[0]),
        **_names(log_name(table.name, str(column.name))),
    }


def _names(log: str) -> dict[str, str]:
    quote = _SQLITE.identifier_preparer.quote
    return {"log": quote(log), **{f"on_{verb}": quote(f"{log}_{verb}") for verb in VERBS}}
