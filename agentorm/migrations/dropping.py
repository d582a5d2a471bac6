"""What a table takes with it when it is dropped, and which table has to go first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alembic.autogenerate.render import renderers
from alembic.operations import MigrateOperation, ops


class IndexesOfNewTableOps(ops.ModifyTableOps):
    """The indexes of a table that is created: its reverse drops them with the table."""

    def reverse(self) -> IndexesOfGoneTableOps:
        reversed_ = [operation.reverse() for operation in reversed(self.ops)]
        return IndexesOfGoneTableOps(self.table_name, reversed_, schema=self.schema)


class IndexesOfGoneTableOps(ops.ModifyTableOps):
    """The indexes that a table takes with it; MySQL drops none that a foreign key needs."""

    def reverse(self) -> IndexesOfNewTableOps:
        reversed_ = [operation.reverse() for operation in reversed(self.ops)]
        return IndexesOfNewTableOps(self.table_name, reversed_, schema=self.schema)


@renderers.dispatch_for(IndexesOfGoneTableOps)
def _nothing(context: object, operation: IndexesOfGoneTableOps) -> list[str]:
    return []


def with_their_tables(operations: Iterable[MigrateOperation]) -> list[MigrateOperation]:
    """The same, where indexes come and go with a table, and tables go after what refers to them."""
    found = list(operations)
    created = {_place(each) for each in found if isinstance(each, ops.CreateTableOp)}
    drops = [each for each in found if isinstance(each, ops.DropTableOp)]
    dropped = {_place(each) for each in drops}
    others = (_owned(each, created, dropped) for each in found)
    return [*(each for each in others if not isinstance(each, ops.DropTableOp)), *_sorted(drops)]


def _owned(
    operation: MigrateOperation,
    created: set[tuple[str | None, str]],
    dropped: set[tuple[str | None, str]],
) -> MigrateOperation:
    if not isinstance(operation, ops.ModifyTableOps):
        return operation
    place, parts = _place(operation), operation.ops
    if place in created and all(isinstance(part, ops.CreateIndexOp) for part in parts):
        return IndexesOfNewTableOps(operation.table_name, parts, schema=operation.schema)
    if place in dropped and all(isinstance(part, ops.DropIndexOp) for part in parts):
        return IndexesOfGoneTableOps(operation.table_name, parts, schema=operation.schema)
    parts.sort(key=_drops_no_reference)
    return operation


def _drops_no_reference(part: MigrateOperation) -> bool:
    """A foreign key goes before the index that it needs."""
    return not (isinstance(part, ops.DropConstraintOp) and part.constraint_type == "foreignkey")


def _sorted(drops: list[ops.DropTableOp]) -> Iterator[ops.DropTableOp]:
    """Those that no other refers to go first; in a circle, the order stays."""
    left = {drop.to_table().key: drop for drop in drops}
    referred = {key: _referred(drop) - {key} for key, drop in left.items()}
    while left:
        needed = {target for key in left for target in referred[key]}
        free = next((key for key in left if key not in needed), next(iter(left)))
        yield left.pop(free)


def _referred(drop: ops.DropTableOp) -> set[str]:
    keys = drop.to_table().foreign_keys
    return {key.target_fullname.rpartition(".")[0] for key in keys}


def _place(
    operation: ops.CreateTableOp | ops.DropTableOp | ops.ModifyTableOps,
) -> tuple[str | None, str]:
    return operation.schema, operation.table_name
