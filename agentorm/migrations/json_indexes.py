"""The operations of indexes of JSON documents."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from alembic.operations import Operations
from sqlalchemy import Column, Index, MetaData, Table

from agentorm.dialects import Dialect
from agentorm.json_indexes import JSONIndex, builds, named_json_index
from agentorm.json_types import JSONType
from agentorm.migrations.operations import IndexOp, create_index, drop_index

K = TypeVar("K", bound="JSONIndexOp")


class JSONIndexOp(IndexOp):
    """An index of JSON documents is created or dropped, on the engines that build this kind."""

    index: JSONIndex

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

    def to_index(self) -> Index:
        column: Column[Any] = Column(self.column_name, JSONType())
        Table(self.table_name, MetaData(), column, schema=self.schema)
        return named_json_index(self.name, column, self.index)

    def is_built(self, index: Index, known: Dialect) -> bool:
        return builds(index, known)

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


Operations.implementation_for(CreateJSONIndexOp)(create_index)
Operations.implementation_for(DropJSONIndexOp)(drop_index)
