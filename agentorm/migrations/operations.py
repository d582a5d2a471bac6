"""The operations of vector indexes and of what vectors need first."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, TypeVar, cast
from warnings import catch_warnings, filterwarnings, simplefilter

from alembic.operations import MigrateOperation, Operations
from sqlalchemy import Column, Connection, Index, MetaData, Table, inspect, text
from sqlalchemy.exc import SAWarning

from agentorm import dialects
from agentorm.dialects import Dialect
from agentorm.dialects.connecting import ensure
from agentorm.errors import SlowPath
from agentorm.indexes import VectorIndex, check_dimension, named_index
from agentorm.migrations.repeating import is_continued
from agentorm.types import VectorType
from agentorm.vectors import Kind, Metric

K = TypeVar("K", bound="VectorIndexOp")


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


class IndexOp(MigrateOperation):
    """An index that is declared is created or dropped, on the engines that build this kind.

    Attributes:
        verb: what it is in ``op``.
        flag: the keyword there that has it left out where it is done.
        diff: what Alembic calls such a difference.
        index: the declaration.
        asks: whether the keyword is given.
    """

    verb: ClassVar[str]
    flag: ClassVar[str]
    diff: ClassVar[str]
    name: str
    table_name: str
    column_name: str
    index: Any
    schema: str | None
    asks: bool

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return (self.diff, self.to_index())

    @abstractmethod
    def to_index(self) -> Index:
        """The index, over a table that has nothing but its column."""

    @abstractmethod
    def is_built(self, index: Index, known: Dialect) -> bool:
        """Whether an engine builds this kind."""


class VectorIndexOp(IndexOp):
    """A vector index is created or dropped, on the engines that build this kind."""

    index: VectorIndex

    def __init__(  # noqa: PLR0913  # what an index is
        self,
        name: str,
        table_name: str,
        column_name: str,
        index: VectorIndex,
        *,
        metric: str = "cosine",
        kind: str = "float32",
        dimension: int | None = None,
        schema: str | None = None,
        asks: bool = False,
    ) -> None:
        self.name, self.table_name, self.column_name = name, table_name, column_name
        self.index, self.metric, self.kind = index, Metric(metric), Kind(kind)
        self.dimension, self.schema, self.asks = dimension, schema, asks

    def to_index(self) -> Index:
        dimension = self.dimension or (1 if self.kind is Kind.BIT else None)
        column: Column[Any] = Column(self.column_name, VectorType(dimension, self.kind))
        Table(self.table_name, MetaData(), column, schema=self.schema)
        return named_index(self.name, column, self.index, self.metric)

    def is_built(self, index: Index, known: Dialect) -> bool:
        return known.builds(index)

    def _as(self, kind: type[K]) -> K:
        named = (self.name, self.table_name, self.column_name)
        return kind(
            *named,
            self.index,
            metric=self.metric,
            kind=self.kind,
            dimension=self.dimension,
            schema=self.schema,
            asks=self.asks,
        )


@Operations.register_operation("create_vector_index")
class CreateVectorIndexOp(VectorIndexOp):
    """Create a vector index, on the engines that build this kind."""

    verb, flag, diff = "create_vector_index", "if_not_exists", "add_index"

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
        kind: str = "float32",
        dimension: int | None = None,
        schema: str | None = None,
        if_not_exists: bool = False,
    ) -> None:
        """Create a vector index; an engine that builds no such index does nothing.

        On SQLite it creates the log of changes that an index in the process follows. Above 2,000
        dimensions it needs to know them: PostgreSQL's index is over a cast then.

        Raises:
            InvalidModel: this kind of index does not know the kind of vectors, or the metric.
            UnsupportedFeature: the engine builds it, but not over so many dimensions.

        Example:
            ``op.create_vector_index("ix", "doc", "embedding", agentorm.HNSW(m=8))`` is, on
            PostgreSQL, ``CREATE INDEX ix ON doc USING hnsw (embedding vector_cosine_ops)
            WITH (m = 8, ef_construction = 64)``; on SQLite ``CREATE TABLE vx_doc_embedding (...)``
            and the triggers that write it.
        """
        made = cls(
            name,
            table_name,
            column_name,
            index,
            metric=metric,
            kind=kind,
            dimension=dimension,
            schema=schema,
            asks=if_not_exists,
        )
        return cast(None, operations.invoke(made))

    def is_built(self, index: Index, known: Dialect) -> bool:
        if not super().is_built(index, known):
            return False
        if self.dimension is not None:
            check_dimension(index, known)
        return True

    def reverse(self) -> DropVectorIndexOp:
        return self._as(DropVectorIndexOp)


@Operations.register_operation("drop_vector_index")
class DropVectorIndexOp(VectorIndexOp):
    """Drop a vector index, on the engines that build this kind."""

    verb, flag, diff = "drop_vector_index", "if_exists", "remove_index"

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
        kind: str = "float32",
        dimension: int | None = None,
        schema: str | None = None,
        if_exists: bool = False,
    ) -> None:
        """Drop a vector index; an engine that builds no such index does nothing.

        Raises:
            InvalidModel: this kind of index does not know the kind of vectors, or the metric.

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
            kind=kind,
            dimension=dimension,
            schema=schema,
            asks=if_exists,
        )
        return cast(None, operations.invoke(made))

    def reverse(self) -> CreateVectorIndexOp:
        return self._as(CreateVectorIndexOp)


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


def create_index(operations: Operations, operation: IndexOp) -> None:
    """Create an index that is declared."""
    index = operation.to_index()
    if operation.is_built(index, dialect_of(operations)):
        asked = operation.asks or is_continued(operations)
        operations.impl.create_index(index, if_not_exists=asked)


def drop_index(operations: Operations, operation: IndexOp) -> None:
    """Drop an index that was declared."""
    index = operation.to_index()
    asked = operation.asks or is_continued(operations)
    known = dialect_of(operations)
    if not operation.is_built(index, known) or (asked and _lost_its_table(operations, index)):
        return
    operations.impl.drop_index(index, if_exists=asked)


def _lost_its_table(operations: Operations, index: Index) -> bool:
    """MariaDB's ``IF EXISTS`` speaks of the index only."""
    if operations.migration_context.as_sql:
        return False
    table = cast(Table, index.table)
    return not inspect(bind_of(operations)).has_table(table.name, table.schema)
