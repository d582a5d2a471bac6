"""Operations that are left out where they were done before.

MySQL and MariaDB commit every change of the schema at once, so that a revision which fails half-way
leaves what it did. While that revision is run again, and for any operation that says
``if_not_exists=True`` or ``if_exists=True``, the database is asked whether it is done; SQL's own
words for it are not known to every engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from typing import Any, NamedTuple, cast

from alembic.operations import Operations, ops, toimpl
from sqlalchemy import Column, Connection, Inspector, MetaData, Table, inspect
from sqlalchemy.types import NullType

from agentorm.errors import SchemaMismatch
from agentorm.migrations.neutral import stored

ASKING = "agentorm_asking"
"""The option of a migration whose operations may be told to be left out."""
CONTINUING = "agentorm_continuing"
"""The option of a migration that goes on with a revision which has failed."""


class Repeat(NamedTuple):
    """How an operation is known to be done, which of its flags asks for that, and what does it."""

    is_done: Callable[[Inspector, Any], bool]
    invoke: Callable[[Operations, Any], Any]
    flag: str | None = None


def is_continued(operations: Operations) -> bool:
    """Whether the revision has failed before, so that its operations may be done already."""
    return bool(operations.migration_context.opts.get(CONTINUING))


def _has_table(inspector: Inspector, operation: Any) -> bool:
    return inspector.has_table(operation.table_name, operation.schema)


def _has_column(inspector: Inspector, operation: Any, name: str) -> bool:
    if not _has_table(inspector, operation):
        return False
    columns = inspector.get_columns(operation.table_name, operation.schema)
    return name in {column["name"] for column in columns}


def _has_index(inspector: Inspector, operation: Any) -> bool:
    named = operation.table_name
    tables = [named] if named else inspector.get_table_names(operation.schema)
    return any(
        operation.index_name == found["name"]
        for table in tables
        if inspector.has_table(table, operation.schema)
        for found in inspector.get_indexes(table, operation.schema)
    )


def _has_constraint(inspector: Inspector, name: str | None, table: str, schema: str | None) -> bool:
    if name is None or not inspector.has_table(table, schema):
        return False
    found: Iterable[Any] = (
        *inspector.get_foreign_keys(table, schema),
        *inspector.get_unique_constraints(table, schema),
        *inspector.get_check_constraints(table, schema),
        inspector.get_pk_constraint(table, schema),
    )
    return any(constraint["name"] == name for constraint in found)


def _column_added(inspector: Inspector, operation: Any) -> bool:
    return _has_column(inspector, operation, operation.column.name)


def _column_dropped(inspector: Inspector, operation: Any) -> bool:
    return not _has_column(inspector, operation, operation.column_name)


def _column_renamed(inspector: Inspector, operation: Any) -> bool:
    new, old = operation.modify_name, operation.column_name
    if new is None or _has_column(inspector, operation, old):
        return False
    return _has_column(inspector, operation, new)


def _table_renamed(inspector: Inspector, operation: Any) -> bool:
    old_is_gone = not _has_table(inspector, operation)
    return old_is_gone and inspector.has_table(operation.new_table_name, operation.schema)


def _constraint_added(inspector: Inspector, operation: Any) -> bool:
    constraint = operation.to_constraint()
    return _has_constraint(
        inspector, constraint.name, constraint.table.name, constraint.table.schema
    )


def _constraint_dropped(inspector: Inspector, operation: Any) -> bool:
    name = operation.constraint_name
    return not _has_constraint(inspector, name, operation.table_name, operation.schema)


def _not(is_done: Callable[[Inspector, Any], bool]) -> Callable[[Inspector, Any], bool]:
    return lambda inspector, operation: not is_done(inspector, operation)


_REPEATED: dict[type[ops.MigrateOperation], Repeat] = {
    ops.CreateTableOp: Repeat(_has_table, toimpl.create_table, "if_not_exists"),
    ops.DropTableOp: Repeat(_not(_has_table), toimpl.drop_table, "if_exists"),
    ops.RenameTableOp: Repeat(_table_renamed, toimpl.rename_table),
    ops.AddColumnOp: Repeat(_column_added, toimpl.add_column, "if_not_exists"),
    ops.DropColumnOp: Repeat(_column_dropped, toimpl.drop_column, "if_exists"),
    ops.AlterColumnOp: Repeat(_column_renamed, toimpl.alter_column),
    ops.CreateIndexOp: Repeat(_has_index, toimpl.create_index, "if_not_exists"),
    ops.DropIndexOp: Repeat(_not(_has_index), toimpl.drop_index, "if_exists"),
    ops.AddConstraintOp: Repeat(_constraint_added, toimpl.create_constraint),
    ops.DropConstraintOp: Repeat(_constraint_dropped, toimpl.drop_constraint, "if_exists"),
}


def _repeating(repeat: Repeat) -> Callable[[Operations, Any], Any]:
    def invoke(operations: Operations, operation: Any) -> Any:
        migration = operations.migration_context
        told = repeat.flag is not None and getattr(operation, repeat.flag)
        if not (migration.opts.get(ASKING) and (told or is_continued(operations))):
            return repeat.invoke(operations, operation)
        if not migration.as_sql:
            inspector = inspect(cast(Connection, migration.connection))
            if repeat.is_done(inspector, operation):
                return _left_out(operations, operation, inspector)
        plain = copy(operation)
        if repeat.flag is not None:
            setattr(plain, repeat.flag, None)
        return repeat.invoke(operations, plain)

    return invoke


for _kind, _repeat in _REPEATED.items():
    Operations.implementation_for(_kind, replace=True)(_repeating(_repeat))


def _left_out(operations: Operations, operation: Any, inspector: Inspector) -> Table | None:
    """What the operation gives the revision; a table may still lack its indexes."""
    if isinstance(operation, ops.AddColumnOp):
        place = Table(operation.table_name, MetaData(), schema=operation.schema)
        _check_types(operations, inspector, place, [operation.column])
    if not isinstance(operation, ops.CreateTableOp):
        return None
    table = operation.to_table(operations.migration_context)
    found = {column["name"] for column in inspector.get_columns(table.name, table.schema)}
    if missing := [column.name for column in table.columns if column.name not in found]:
        raise SchemaMismatch(
            f"the table {table.name}, which the revision creates, is there without its columns"
            f" {', '.join(missing)}",
            hint="if a failed run of this revision made it, drop it and run the revision again",
        )
    _check_types(operations, inspector, table, table.columns)
    for index in table.indexes:
        create = ops.CreateIndexOp.from_index(index)
        create.if_not_exists = True
        operations.invoke(create)
    return table


def _check_types(
    operations: Operations, inspector: Inspector, table: Table, wanted: Iterable[Column[Any]]
) -> None:
    """What a failed run made, and another revision or a mended one makes otherwise."""
    if not is_continued(operations):
        return
    dialect = operations.migration_context.dialect
    impl: Any = operations.migration_context.impl
    found = {each["name"]: each["type"] for each in inspector.get_columns(table.name, table.schema)}
    for column in wanted:
        there, type_ = found[str(column.name)], column.type
        if isinstance(there, NullType) or stored(there, dialect) == stored(type_, dialect):
            continue
        if impl.compare_type(Column(column.name, there), column):
            raise SchemaMismatch(
                f"the column {table.name}.{column.name}, which the revision makes as"
                f" {stored(type_, dialect)}, is there as {stored(there, dialect)}",
                hint="if a failed run of a revision made it, drop it and run the revision again",
            )
