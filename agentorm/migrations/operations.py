"""The operations of vector indexes and of what vectors need first."""

from __future__ import annotations

from typing import Any, cast
from warnings import catch_warnings, filterwarnings, simplefilter

from alembic.operations import MigrateOperation, Operations
from sqlalchemy import Column, Connection, Index, MetaData, Table, inspect, text
from sqlalchemy.exc import SAWarning

from agentorm import dialects
from agentorm.dialects import Dialect
from agentorm.dialects.connecting import ensure
from agentorm.errors import SlowPath
from agentorm.indexes import VectorIndex, named_index
from agentorm.migrations.repeating import is_continued
from agentorm.types import VectorType
from agentorm.vectors import Metric


def dialect_of(operations: Operations) -> Dialect:
    """The dialect behind a migration: as probed, or as declared in ``--sql`` mode."""
    context = operations.migration_context
    return dialects.of(context.dialect) if context.as_sql else ready(bind_of(operations))


def ready(connection: Connection) -> Dialect:
    """The dialect of a connection, whoever opened it; migrations compute no distances."""
    with catch_warnings():
        simplefilter("ignore", SlowPath)
        known = ensure(connection)
    if known.beyond_reflection is not None:
        filterwarnings("ignore", known.beyond_reflection, SAWarning)
    return known


def bind_of(operations: Operations) -> Connection:
    """The connection of a migration that is not in ``--sql`` mode."""
    return operations.get_bind()


@Operations.register_operation("prepare_vectors")
class PrepareVectorsOp(MigrateOperation):
    """Create what columns of vectors need first: pgvector's extension."""

    @classmethod
    def prepare_vectors(cls, operations: Operations) -> None:
        """Create pgvector's extension where the server has it; elsewhere, do nothing.

        Raises:
            ExtensionMissing: this role may not create it.

        Example:
            ``op.prepare_vectors()`` is ``CREATE EXTENSION IF NOT EXISTS vector`` on PostgreSQL.
        """
        return cast(None, operations.invoke(cls()))

    def reverse(self) -> MigrateOperation:
        return PrepareBackOp()

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("prepare_vectors",)


class PrepareBackOp(MigrateOperation):
    """Nothing in this direction, and `PrepareVectorsOp` in the other."""

    def reverse(self) -> MigrateOperation:
        return PrepareVectorsOp()

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("prepare_vectors",)


@Operations.register_operation("create_vector_index")
class CreateVectorIndexOp(MigrateOperation):
    """Create a vector index, on the engines that build this kind."""

    def __init__(  # noqa: PLR0913  # what an index is
        self,
        name: str,
        table_name: str,
        column_name: str,
        index: VectorIndex,
        *,
        metric: str = "cosine",
        schema: str | None = None,
        if_not_exists: bool = False,
    ) -> None:
        self.name, self.table_name, self.column_name = name, table_name, column_name
        self.index, self.metric = index, Metric(metric)
        self.schema, self.if_not_exists = schema, if_not_exists

    @classmethod
    def create_vector_index(  # noqa: PLR0913  # what an index is
        cls,
        operations: Operations,
        name: str,
        table_name: str,
        column_name: str,
        index: VectorIndex,
        *,
        metric: str = "cosine",
        schema: str | None = None,
        if_not_exists: bool = False,
    ) -> None:
        """Create a vector index; an engine that builds no such index does nothing.

        Raises:
            InvalidModel: this kind of index does not know the metric.

        Example:
            ``op.create_vector_index("ix", "doc", "embedding", agentorm.HNSW(m=8))`` is, on
            PostgreSQL, ``CREATE INDEX ix ON doc USING hnsw (embedding vector_cosine_ops)
            WITH (m = 8, ef_construction = 64)``.
        """
        made = cls(
            name,
            table_name,
            column_name,
            index,
            metric=metric,
            schema=schema,
            if_not_exists=if_not_exists,
        )
        return cast(None, operations.invoke(made))

    def reverse(self) -> DropVectorIndexOp:
        return DropVectorIndexOp(
            self.name,
            self.table_name,
            self.column_name,
            self.index,
            metric=self.metric,
            schema=self.schema,
            if_exists=self.if_not_exists,
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("add_index", self.to_index())

    def to_index(self) -> Index:
        """The index, over a table that has nothing but its column."""
        return _index(self)


@Operations.register_operation("drop_vector_index")
class DropVectorIndexOp(MigrateOperation):
    """Drop a vector index, on the engines that build this kind."""

    def __init__(  # noqa: PLR0913  # what an index is
        self,
        name: str,
        table_name: str,
        column_name: str,
        index: VectorIndex,
        *,
        metric: str = "cosine",
        schema: str | None = None,
        if_exists: bool = False,
    ) -> None:
        self.name, self.table_name, self.column_name = name, table_name, column_name
        self.index, self.metric = index, Metric(metric)
        self.schema, self.if_exists = schema, if_exists

    @classmethod
    def drop_vector_index(  # noqa: PLR0913  # what an index is
        cls,
        operations: Operations,
        name: str,
        table_name: str,
        column_name: str,
        index: VectorIndex,
        *,
        metric: str = "cosine",
        schema: str | None = None,
        if_exists: bool = False,
    ) -> None:
        """Drop a vector index; an engine that builds no such index does nothing.

        Raises:
            InvalidModel: this kind of index does not know the metric.

        Example:
            ``op.drop_vector_index("ix", "doc", "embedding", agentorm.HNSW(m=8))`` is, on
            PostgreSQL, ``DROP INDEX ix``.
        """
        made = cls(
            name,
            table_name,
            column_name,
            index,
            metric=metric,
            schema=schema,
            if_exists=if_exists,
        )
        return cast(None, operations.invoke(made))

    def reverse(self) -> CreateVectorIndexOp:
        return CreateVectorIndexOp(
            self.name,
            self.table_name,
            self.column_name,
            self.index,
            metric=self.metric,
            schema=self.schema,
            if_not_exists=self.if_exists,
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("remove_index", self.to_index())

    def to_index(self) -> Index:
        """The index, over a table that has nothing but its column."""
        return _index(self)


def _index(op: CreateVectorIndexOp | DropVectorIndexOp) -> Index:
    column: Column[Any] = Column(op.column_name, VectorType())
    Table(op.table_name, MetaData(), column, schema=op.schema)
    return named_index(op.name, column, op.index, op.metric)


@Operations.implementation_for(PrepareVectorsOp)
def _prepare_vectors(operations: Operations, operation: PrepareVectorsOp) -> None:
    known = dialect_of(operations)
    if operations.migration_context.as_sql:
        if known.preparation:
            operations.execute(text(known.preparation))
        return
    bind = bind_of(operations)
    if known.prepare_schema(bind):
        known.on_connect(bind.connection.dbapi_connection)


@Operations.implementation_for(CreateVectorIndexOp)
def _create_vector_index(operations: Operations, operation: CreateVectorIndexOp) -> None:
    index = operation.to_index()
    if dialect_of(operations).builds(index):
        asked = operation.if_not_exists or is_continued(operations)
        operations.impl.create_index(index, if_not_exists=asked)


@Operations.implementation_for(DropVectorIndexOp)
def _drop_vector_index(operations: Operations, operation: DropVectorIndexOp) -> None:
    index = operation.to_index()
    asked = operation.if_exists or is_continued(operations)
    if not dialect_of(operations).builds(index) or (asked and _lost_its_table(operations, index)):
        return
    operations.impl.drop_index(index, if_exists=asked)


def _lost_its_table(operations: Operations, index: Index) -> bool:
    """MariaDB's ``IF EXISTS`` speaks of the index only."""
    if operations.migration_context.as_sql:
        return False
    table = cast(Table, index.table)
    return not inspect(bind_of(operations)).has_table(table.name, table.schema)
