"""The last word on what autogenerate found: what vectors need instead of Alembic's operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from alembic.operations import MigrateOperation, ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Column, Table
from sqlalchemy.types import TypeEngine

from agentorm.indexes import wide_dimension
from agentorm.migrations import text_comparing
from agentorm.migrations.columns import (
    AddOpenColumnOp,
    DropVectorColumnOp,
    ResizeVectorOp,
    added_column,
)
from agentorm.migrations.comparing import HANDLED, created
from agentorm.migrations.dropping import with_their_tables
from agentorm.migrations.neutral import neutral
from agentorm.migrations.operations import (
    CreateVectorIndexOp,
    DropVectorIndexOp,
    IndexOp,
    PrepareBackOp,
    PrepareVectorsOp,
    VectorIndexOp,
)
from agentorm.types import VectorType

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

_COLUMNS = (AddOpenColumnOp, DropVectorColumnOp, ResizeVectorOp)


def rewrite(context: AutogenContext, upgrade: ops.UpgradeOps) -> PriorityDispatchResult:
    """Put our operations in the places where each engine can do them, both ways."""
    found = list(upgrade.ops)
    upgrade.ops[:] = with_their_tables(new for old in found for new in _rewritten(context, old))
    if any(_has_vectors(types) for types in map(_types_of, _flat(upgrade.ops))):
        upgrade.ops.insert(0, PrepareVectorsOp())
    if any(_has_vectors(types) for types in map(_types_behind, _flat(upgrade.ops))):
        upgrade.ops.append(PrepareBackOp())
    return PriorityDispatchResult.CONTINUE


def _rewritten(context: AutogenContext, operation: MigrateOperation) -> list[MigrateOperation]:
    if isinstance(operation, ops.DropTableOp):
        text_comparing.forget_shadows(context, operation)
    if not isinstance(operation, ops.ModifyTableOps):
        return [operation]
    handled = operation.info.get(HANDLED, ())
    changes = [
        part
        for change in operation.ops
        if not _is_index_among(change, handled)
        for part in _of_vectors(context, change)
    ]
    indexes = [c for c in changes if isinstance(c, IndexOp)]
    drops = [c for c in indexes if c.flag == "if_exists"]
    makes = [c for c in indexes if c.flag == "if_not_exists"]
    columns = [c for c in changes if isinstance(c, _COLUMNS)]
    ours = (*_COLUMNS, IndexOp)
    operation.ops[:] = [change for change in changes if not isinstance(change, ours)]
    again = list(_built_again(context, operation, columns, [*drops, *makes]))
    drops += [_before(create, columns) for create in again]
    texts = text_comparing.built_again(context, _table(context, operation), changes)
    drops, makes = [*drops, *(create.reverse() for create in texts)], [*makes, *texts]
    kept = [] if operation.is_empty() else [operation]
    return [*drops, *kept, *columns, *makes, *again]


def _of_vectors(context: AutogenContext, change: MigrateOperation) -> list[MigrateOperation]:
    if isinstance(change, ops.AlterColumnOp):
        return _altered(context, change)
    if isinstance(change, ops.AddColumnOp) and isinstance(change.column.type, VectorType):
        return [added_column(change.table_name, change.column, change.schema)]
    if isinstance(change, ops.DropColumnOp):
        column = change.to_column()
        if isinstance(column.type, VectorType):
            return [DropVectorColumnOp(change.table_name, column, schema=change.schema)]
    return [change]


def _altered(context: AutogenContext, change: ops.AlterColumnOp) -> list[MigrateOperation]:
    if change.existing_type is not None:
        change.existing_type = neutral(change.existing_type, context.dialect)
    existing, type_ = change.existing_type, change.modify_type
    if not (isinstance(existing, VectorType) and isinstance(type_, VectorType)):
        return [change]
    before = bool(change.existing_nullable)
    nullable = before if change.modify_nullable is None else change.modify_nullable
    resized = ResizeVectorOp(
        change.table_name,
        change.column_name,
        type_,
        existing=existing,
        nullable=nullable,
        existing_nullable=before,
        existing_comment=change.existing_comment,
        fill=None if nullable else 0.0,
        schema=change.schema,
    )
    change.modify_type = change.modify_nullable = None
    change.existing_type, change.existing_nullable = type_, nullable
    return [resized, change] if change.has_changes() else [resized]


def _built_again(
    context: AutogenContext,
    table: ops.ModifyTableOps,
    columns: Iterable[MigrateOperation],
    changed: Iterable[MigrateOperation],
) -> Iterator[CreateVectorIndexOp]:
    """The indexes that stay as they are on columns that do not."""
    resized = {column.column_name for column in columns if isinstance(column, ResizeVectorOp)}
    names = {c.name for c in changed if isinstance(c, VectorIndexOp)}
    wanted = _table(context, table)
    for index in sorted(wanted.indexes if wanted is not None else (), key=lambda i: str(i.name)):
        if "agentorm" in index.info and index.name not in names:
            create = created(index)
            create.asks = True
            if create.column_name in resized:
                yield create


def _before(create: CreateVectorIndexOp, columns: Iterable[MigrateOperation]) -> DropVectorIndexOp:
    """The drop of an index as it was while its column had another dimension."""
    drop = create.reverse()
    for column in columns:
        if isinstance(column, ResizeVectorOp) and column.column_name == create.column_name:
            drop.dimension = wide_dimension(column.existing)
    return drop


def _table(context: AutogenContext, table: ops.ModifyTableOps) -> Table | None:
    default = context.dialect.default_schema_name
    for known in context.sorted_tables:
        schema = None if known.schema == default else known.schema
        if (known.name, schema) == (table.table_name, table.schema):
            return known
    return None


def _is_index_among(change: MigrateOperation, names: Iterable[str]) -> bool:
    return (
        isinstance(change, ops.CreateIndexOp | ops.DropIndexOp) and str(change.index_name) in names
    )


def _flat(operations: Iterable[MigrateOperation]) -> Iterator[MigrateOperation]:
    for operation in operations:
        if isinstance(operation, ops.OpContainer):
            yield from _flat(operation.ops)
        else:
            yield operation


def _types_of(operation: MigrateOperation) -> list[TypeEngine[Any] | None]:
    """The types that an operation writes in its DDL."""
    if isinstance(operation, ops.CreateTableOp):
        parts: Iterable[Any] = operation.columns
        return [cast(Any, part).type for part in parts if isinstance(part, Column)]
    if isinstance(operation, ops.AddColumnOp):
        return [_type(operation.column)]
    if isinstance(operation, ops.AlterColumnOp):
        return [operation.modify_type, operation.existing_type]
    return [operation.type] if isinstance(operation, ResizeVectorOp) else []


def _types_behind(operation: MigrateOperation) -> list[TypeEngine[Any] | None]:
    """The types that its reverse writes."""
    if isinstance(operation, ops.DropTableOp):
        return [column.type for column in operation.to_table().columns]
    if isinstance(operation, ops.DropColumnOp):
        return [operation.to_column().type]
    if isinstance(operation, ops.AlterColumnOp | ResizeVectorOp):
        return _types_of(operation)
    return []


def _type(column: Column[Any]) -> TypeEngine[Any]:
    return column.type


def _has_vectors(types: Iterable[TypeEngine[Any] | None]) -> bool:
    return any(isinstance(type_, VectorType) for type_ in types)
