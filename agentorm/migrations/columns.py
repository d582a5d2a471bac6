"""The operations of vector columns in tables that have rows already."""

from __future__ import annotations

from typing import Any, cast

from alembic.operations import MigrateOperation, Operations, ops
from sqlalchemy import Column
from sqlalchemy.types import TypeEngine

from agentorm.errors import InvalidModel
from agentorm.types import VectorType


class AddOpenColumnOp(ops.AddColumnOp):
    """Add a column of vectors that nothing has to be put into: ``op.add_column``."""

    def reverse(self) -> DropVectorColumnOp:
        return DropVectorColumnOp(self.table_name, self.column, schema=self.schema)


@Operations.register_operation("add_vector_column")
class AddVectorColumnOp(AddOpenColumnOp):
    """Add a column of vectors that takes no NULL to a table that has rows."""

    def __init__(
        self,
        table_name: str,
        column: Column[Any],
        *,
        fill: float = 0.0,
        schema: str | None = None,
        if_not_exists: bool | None = None,
    ) -> None:
        super().__init__(table_name, column, schema=schema, if_not_exists=if_not_exists)
        self.fill = fill

    @classmethod
    def add_vector_column(
        cls,
        operations: Operations,
        table_name: str,
        column: Column[Any],
        *,
        fill: float,
        schema: str | None = None,
        if_not_exists: bool | None = None,
    ) -> None:
        """Add a NOT NULL column of vectors; in the rows there are, each component is `fill`.

        Raises:
            InvalidModel: the column's type is no `VectorType` of a fixed dimension.
            CommandError: in ``--sql`` mode on SQLite, which reads its own schema here.

        Example:
            ``op.add_vector_column("doc", sa.Column("embedding", agentorm.VectorType(3),
            nullable=False), fill=0.0)`` is, on PostgreSQL,
            ``ALTER TABLE doc ADD COLUMN embedding VECTOR(3)``,
            ``UPDATE doc SET embedding = '[0.0,0.0,0.0]' WHERE embedding IS NULL``,
            ``ALTER TABLE doc ALTER COLUMN embedding SET NOT NULL``.
        """
        fixed(column.type)
        made = cls(table_name, column, fill=fill, schema=schema, if_not_exists=if_not_exists)
        operations.invoke(made)


class DropVectorColumnOp(ops.DropColumnOp):
    """Drop a column of vectors: ``op.drop_column``, whose reverse knows what it was."""

    def __init__(self, table_name: str, column: Column[Any], *, schema: str | None = None) -> None:
        added = ops.AddColumnOp(table_name, column, schema=schema)
        super().__init__(table_name, str(column.name), schema=schema, _reverse=added)
        self.column = column

    def reverse(self) -> AddOpenColumnOp:
        return added_column(self.table_name, self.column, self.schema)


def added_column(table_name: str, column: Column[Any], schema: str | None) -> AddOpenColumnOp:
    """What adds a column of vectors to a table that may have rows."""
    fixed = isinstance(column.type, VectorType) and column.type.dimension is not None
    if column.nullable or not fixed or column.server_default is not None:
        return AddOpenColumnOp(table_name, column, schema=schema)
    return AddVectorColumnOp(table_name, column, schema=schema)


@Operations.register_operation("resize_vector")
class ResizeVectorOp(MigrateOperation):
    """Give a column of vectors another dimension or kind."""

    def __init__(  # noqa: PLR0913  # what a column was and becomes
        self,
        table_name: str,
        column_name: str,
        type_: VectorType,
        *,
        existing: VectorType,
        nullable: bool = True,
        existing_nullable: bool | None = None,
        existing_comment: str | None = None,
        fill: float | None = None,
        schema: str | None = None,
    ) -> None:
        self.table_name, self.column_name, self.schema = table_name, column_name, schema
        self.existing_comment = existing_comment
        self.type, self.existing = type_, existing
        self.nullable, self.fill = nullable, fill
        self.existing_nullable = nullable if existing_nullable is None else existing_nullable
        if not nullable and type_.dimension is not None and fill is None:
            raise InvalidModel(
                f"{table_name}.{column_name} takes no NULL, and its vectors of another dimension"
                " cannot be kept",
                hint="say what each component becomes until they are embedded again: fill=0.0",
            )

    @classmethod
    def resize_vector(  # noqa: PLR0913  # what a column was and becomes
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        type_: VectorType,
        *,
        existing: VectorType,
        nullable: bool = True,
        existing_nullable: bool | None = None,
        existing_comment: str | None = None,
        fill: float | None = None,
        schema: str | None = None,
    ) -> None:
        """Give a column another dimension or kind; its vectors become NULL, or `fill` everywhere.

        They stay as they are where the new type is open to any dimension. A vector index on the
        column is to be dropped before, and created again after.

        Raises:
            InvalidModel: the column takes no NULL, and no `fill` is given.
            CommandError: in ``--sql`` mode on SQLite, which reads its own schema here.

        Example:
            ``op.resize_vector("doc", "embedding", agentorm.VectorType(4),
            existing=agentorm.VectorType(3))`` is, on PostgreSQL,
            ``UPDATE doc SET embedding = NULL``,
            ``ALTER TABLE doc ALTER COLUMN embedding TYPE VECTOR(4) USING NULL``.
        """
        made = cls(
            table_name,
            column_name,
            type_,
            existing=existing,
            nullable=nullable,
            existing_nullable=existing_nullable,
            existing_comment=existing_comment,
            fill=fill,
            schema=schema,
        )
        return cast(None, operations.invoke(made))

    def reverse(self) -> ResizeVectorOp:
        return ResizeVectorOp(
            self.table_name,
            self.column_name,
            self.existing,
            existing=self.type,
            nullable=self.existing_nullable,
            existing_nullable=self.nullable,
            existing_comment=self.existing_comment,
            fill=None if self.existing_nullable else self.fill or 0.0,
            schema=self.schema,
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        where = (self.schema, self.table_name, self.column_name)
        return ("modify_type", *where, {}, self.existing, self.type)


def fixed(type_: TypeEngine[Any]) -> VectorType:
    """The type, of a fixed dimension as it must be."""
    if isinstance(type_, VectorType) and type_.dimension is not None:
        return type_
    raise InvalidModel(
        f"expected a VectorType of a fixed dimension, got {type_!r}",
        hint="op.add_column adds any other column",
    )
