"""What stands for a vector index on SQLite: the log of changes that one in the process follows.

A log has no method and no parameters, and there is one for each column. Each migration that makes
a table or a column anew, or renames it, ends with a new log, so that every index is built anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from alembic.operations import Operations, ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Column, Connection, Index, MetaData, Table, inspect
from sqlalchemy.types import NullType

from agentorm import dialects
from agentorm.change_logs import (
    create_log,
    creation,
    embeds,
    has_log,
    is_followed,
    removal,
    row_number,
)
from agentorm.dialects.sqlite_changes import log_name
from agentorm.dialects.sqlite_declarations import change_logs
from agentorm.embedded.measures import METRICS
from agentorm.errors import SchemaMismatch
from agentorm.indexes import Approximate, usual_name
from agentorm.migrations.comparing import created
from agentorm.migrations.operations import (
    CreateVectorIndexOp,
    DropVectorIndexOp,
    VectorIndexOp,
    bind_of,
    create_index,
    dialect_of,
    drop_index,
)
from agentorm.migrations.repeating import is_continued
from agentorm.vectors import Kind

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


@Operations.implementation_for(CreateVectorIndexOp)
def _create(operations: Operations, operation: CreateVectorIndexOp) -> None:
    if not embeds(dialect_of(operations)):
        create_index(operations, operation)
        return
    operation.to_index()  # which refuses what no index knows
    if operation.kind is not Kind.FLOAT32 or operation.metric not in METRICS or operation.schema:
        return
    if operations.migration_context.as_sql:
        for statement in creation(_named(operation)):
            operations.execute(statement)
        return
    bind = bind_of(operations)
    column = _found(bind, operation.table_name, operation.column_name)
    asks = operation.asks or is_continued(operations)
    if row_number(column.table) is not None and not (asks and has_log(column, bind)):
        drop_logs(bind, operation.table_name, [operation.column_name])  # under other names too
        create_log(column, bind)


@Operations.implementation_for(DropVectorIndexOp)
def _drop(operations: Operations, operation: DropVectorIndexOp) -> None:
    if not embeds(dialect_of(operations)):
        drop_index(operations, operation)
        return
    if operation.schema is not None:
        return
    if not operations.migration_context.as_sql:
        drop_logs(bind_of(operations), operation.table_name, [operation.column_name])
    for statement in removal(log_name(operation.table_name, operation.column_name)):
        operations.execute(statement)


def drop_logs(connection: Connection, table: str, columns: Iterable[str] | None = None) -> None:
    """Drop the logs of a table that is there, or those of some of its columns."""
    for log, column in change_logs(connection, table).items():
        if columns is None or column in columns:
            for statement in removal(log):
                connection.execute(statement)


def follow_again(connection: Connection, table: str, columns: Iterable[str]) -> None:
    """Give new logs to those of the columns that are there."""
    there = {column["name"] for column in inspect(connection).get_columns(table)}
    for name in columns:
        column = _found(connection, table, name) if name in there else None
        if column is not None and row_number(column.table) is not None:
            create_log(column, connection)


def compare_change_logs(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found: Table | None,
    wanted: Table | None,
) -> PriorityDispatchResult:
    """Which logs of SQLite are to be created for declared indexes, and which are of none."""
    if found is None or schema is not None or not embeds(dialects.of(context.dialect)):
        return PriorityDispatchResult.CONTINUE
    connection = cast(Connection, context.connection)
    declared = {} if wanted is None else _declared(wanted)
    for gone in sorted({*change_logs(connection, table_name).values()} - declared.keys()):
        _propose(context, changes, _dropped(table_name, gone))
    for name, index in sorted(declared.items()):
        (column,) = index.columns
        followed = is_followed(column, index.info["agentorm_metric"])
        if followed and name in found.columns and not has_log(column, connection):
            create = created(index)
            create.asks = True
            _propose(context, changes, create)
    return PriorityDispatchResult.CONTINUE


def _declared(table: Table) -> dict[str, Index]:
    """Of each column one index, if it may be one that is followed."""
    found: dict[str, Index] = {}
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if "agentorm" in index.info:
            (column,) = index.columns
            known = found.get(str(column.name))
            if known is None or not is_followed(column, known.info["agentorm_metric"]):
                found[str(column.name)] = index
    return found


def _dropped(table: str, column: str) -> DropVectorIndexOp:
    index = Approximate()
    return DropVectorIndexOp(usual_name(table, column, index), table, column, index, asks=True)


def _propose(context: AutogenContext, changes: ops.ModifyTableOps, change: VectorIndexOp) -> None:
    """Unless the project's own filter has nothing of it."""
    gone = isinstance(change, DropVectorIndexOp)
    if context.run_object_filters(change.to_index(), change.name, "index", gone, None):
        changes.ops.append(change)


def _named(operation: VectorIndexOp) -> Column[Any]:
    column: Column[Any] = Column(operation.column_name, NullType())
    Table(operation.table_name, MetaData(), column)
    return column


def _found(connection: Connection, table: str, name: str) -> Column[Any]:
    """A column of a table as they are in the database, but for their types.

    Raises:
        SchemaMismatch: the table has no such column, so that triggers would refuse every write.
    """
    inspector = inspect(connection)
    columns = [Column(each["name"], NullType()) for each in inspector.get_columns(table)]
    made = Table(table, MetaData(), *columns, **inspector.get_table_options(table))
    if name not in made.columns:
        raise SchemaMismatch(f"the table {table} has no column {name} that an index could follow")
    return made.columns[name]
