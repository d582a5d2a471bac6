"""The operations of indexes of JSON documents."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar, cast

from alembic.operations import MigrateOperation, Operations
from sqlalchemy import Column, Index, MetaData, Table

from agentorm.json_indexes import JSONIndex, builds, named_json_index
from agentorm.json_types import JSONType
from agentorm.migrations.operations import dialect_of, lost_its_table
from agentorm.migrations.repeating import is_continued

K = TypeVar("K", bound="JSONIndexOp")


class JSONIndexOp(MigrateOperation):
    """An index of JSON documents is created or dropped, on the engines that build this kind.

    Attributes:
        verb: what it is in ``op``.
        flag: the keyword there that has it left out where it is done.
        diff: what Alembic calls such a difference.
        asks: whether that keyword is given.
    """

    verb: ClassVar[str]
    flag: ClassVar[str]
    diff: ClassVar[str]

    def __init__(
        self,
        name: str,
        table_name: str,
        column_name: str,
        index: JSONIndex,
        *,
        schema: str | None = None,
        asks: bool = False,
    ) -> None:
        self.name, self.table_name, self.column_name = name, table_name, column_name
        self.index, self.schema, self.asks = index, schema, asks

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return (self.diff, self.to_index())

    def to_index(self) -> Index:
        """The index, over a table that has nothing but its column."""
        column: Column[Any] = Column(self.column_name, JSONType())
        Table(self.table_name, MetaData(), column, schema=self.schema)
        return named_json_index(self.name, column, self.index)

    def _as(self, kind: type[K]) -> K:
        named = (self.name, self.table_name, self.column_name)
        return kind(*named, self.index, schema=self.schema, asks=self.asks)


@Operations.register_operation("create_json_index")
class CreateJSONIndexOp(JSONIndexOp):
    """Create an index of JSON documents, on the engines that build this kind."""

    verb, flag, diff = "create_json_index", "if_not_exists", "add_index"

    @classmethod
    def create_json_index(  # noqa: PLR0913  # what an index is
        cls,
        operations: Operations,
        name: str,
        table_name: str,
        column_name: str,
        index: JSONIndex,
        *,
        schema: str | None = None,
        if_not_exists: bool = False,
    ) -> None:
        """Create an index of JSON documents; an engine that builds no such index does nothing.

        Example:
            ``op.create_json_index("ix", "doc", "meta", agentorm.GIN())`` is, on PostgreSQL,
            ``CREATE INDEX ix ON doc USING gin (meta jsonb_path_ops)``.
        """
        made = cls(name, table_name, column_name, index, schema=schema, asks=if_not_exists)
        return cast(None, operations.invoke(made))

    def reverse(self) -> DropJSONIndexOp:
        return self._as(DropJSONIndexOp)


@Operations.register_operation("drop_json_index")
class DropJSONIndexOp(JSONIndexOp):
    """Drop an index of JSON documents, on the engines that build this kind."""

    verb, flag, diff = "drop_json_index", "if_exists", "remove_index"

    @classmethod
    def drop_json_index(  # noqa: PLR0913  # what an index is
        cls,
        operations: Operations,
        name: str,
        table_name: str,
        column_name: str,
        index: JSONIndex,
        *,
        schema: str | None = None,
        if_exists: bool = False,
    ) -> None:
        """Drop an index of JSON documents; an engine that builds no such index does nothing.

        Example:
            ``op.drop_json_index("ix", "doc", "meta", agentorm.GIN())`` is, on PostgreSQL,
            ``DROP INDEX ix``.
        """
        made = cls(name, table_name, column_name, index, schema=schema, asks=if_exists)
        return cast(None, operations.invoke(made))

    def reverse(self) -> CreateJSONIndexOp:
        return self._as(CreateJSONIndexOp)


@Operations.implementation_for(CreateJSONIndexOp)
def _create_json_index(operations: Operations, operation: CreateJSONIndexOp) -> None:
    index = operation.to_index()
    if builds(index, dialect_of(operations)):
        asked = operation.asks or is_continued(operations)
        operations.impl.create_index(index, if_not_exists=asked)


@Operations.implementation_for(DropJSONIndexOp)
def _drop_json_index(operations: Operations, operation: DropJSONIndexOp) -> None:
    index = operation.to_index()
    asked = operation.asks or is_continued(operations)
    if not builds(index, dialect_of(operations)) or (asked and lost_its_table(operations, index)):
        return
    operations.impl.drop_index(index, if_exists=asked)
