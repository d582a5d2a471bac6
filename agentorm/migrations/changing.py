"""How a column of vectors comes into a table that has rows, and how it changes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy import Column, MetaData, Table, Update, column, inspect, null, table, update

from agentorm.migrations.columns import AddVectorColumnOp, ResizeVectorOp, fixed
from agentorm.migrations.neutral import of_vectors
from agentorm.migrations.operations import bind_of, dialect_of
from agentorm.types import VectorType
from agentorm.vectors import AnyVector, Kind, SparseVector


def register() -> None:
    """Say how the operations of columns are done."""
    Operations.implementation_for(AddVectorColumnOp)(_add_vector_column)
    Operations.implementation_for(ResizeVectorOp)(_resize_vector)


@dataclass(frozen=True)
class _Place:
    """A column of vectors, and the migration that changes it."""

    operations: Operations
    table_name: str
    name: str
    schema: str | None
    comment: str | None

    def alter(self, **change: Any) -> None:
        self.operations.alter_column(
            self.table_name, self.name, schema=self.schema, existing_comment=self.comment, **change
        )

    def require(self, type_: VectorType) -> None:
        if dialect_of(self.operations).alters_columns:
            self.alter(existing_type=type_, nullable=False)
        else:
            self.redeclare(type_, nullable=False)

    def redeclare(self, type_: VectorType, *, nullable: bool) -> None:
        known = dialect_of(self.operations)
        if self.operations.migration_context.as_sql:
            raise CommandError(
                f"{known.name} changes the column {self.table_name}.{self.name} by reading its own"
                " schema, which --sql cannot: run the revision on the database"
            )
        declared: Column[Any] = Column(self.name, type_, nullable=nullable)
        Table(self.table_name, MetaData(), declared, schema=self.schema)
        known.redeclare(bind_of(self.operations), declared, type_)

    def forget(self, type_: VectorType) -> None:
        self._run(self._updated(type_).values({self.name: null()}))

    def replace(self, type_: VectorType, fill: float | None) -> None:
        self._run(self._updated(type_).values({self.name: _filled(type_, fill)}))

    def fill(self, type_: VectorType, fill: float | None) -> None:
        empty = self._updated(type_).where(column(self.name, type_).is_(None))
        self._run(empty.values({self.name: _filled(type_, fill)}))

    def _updated(self, type_: VectorType) -> Update:
        return update(table(self.table_name, column(self.name, type_), schema=self.schema))

    def _run(self, statement: Update) -> None:
        impl: Any = self.operations.impl
        if not self.operations.migration_context.as_sql:
            bind_of(self.operations).execute(statement)
            return
        written = statement.compile(dialect=impl.dialect, compile_kwargs={"literal_binds": True})
        impl.static_output(f"{written}{impl.command_terminator}")


def _add_vector_column(operations: Operations, operation: AddVectorColumnOp) -> None:
    type_ = fixed(operation.column.type)
    name, comment = str(operation.column.name), operation.column.comment
    place = _Place(operations, operation.table_name, name, operation.schema, comment)
    dialect_of(operations)
    operations.add_column(
        operation.table_name,
        Column(name, type_, nullable=True, comment=comment),
        schema=operation.schema,
        if_not_exists=operation.if_not_exists,
    )
    place.fill(type_, operation.fill)
    place.require(type_)


def _resize_vector(operations: Operations, operation: ResizeVectorOp) -> None:
    place = _Place(
        operations,
        operation.table_name,
        operation.column_name,
        operation.schema,
        operation.existing_comment,
    )
    if not dialect_of(operations).alters_columns:
        _resize_in_place(place, operation)
        return
    existing = _existing(place, operation)
    if existing is not None:
        _resize(place, operation, existing)


def _resize(place: _Place, operation: ResizeVectorOp, existing: VectorType) -> None:
    type_, kept = operation.type, operation.type.dimension is None
    if not (operation.existing_nullable or kept):
        place.alter(existing_type=existing, nullable=True)
    if not kept:
        place.forget(type_)
    using = {} if kept else {"postgresql_using": "NULL"}
    nullable = operation.existing_nullable or not kept
    place.alter(existing_type=existing, type_=type_, existing_nullable=nullable, **using)
    if operation.nullable:
        if not nullable:
            place.alter(existing_type=type_, nullable=True)
        return
    if not kept:
        place.fill(type_, operation.fill)
    place.alter(existing_type=type_, nullable=False)


def _resize_in_place(place: _Place, operation: ResizeVectorOp) -> None:
    """The column's type is a word to the engine; NULL must be allowed before it is written."""
    type_, kept = operation.type, operation.type.dimension is None
    if operation.nullable:
        place.redeclare(type_, nullable=True)
        if not kept:
            place.forget(type_)
        return
    if not kept:
        place.replace(type_, operation.fill)
    place.redeclare(type_, nullable=False)


def _existing(place: _Place, operation: ResizeVectorOp) -> VectorType | None:
    """The type it has now, which a run that failed may have changed; None if nothing is left."""
    if place.operations.migration_context.as_sql:
        return operation.existing
    columns = inspect(bind_of(place.operations)).get_columns(place.table_name, place.schema)
    found = next((each for each in columns if each["name"] == place.name), None)
    type_ = None if found is None else of_vectors(found["type"])
    if found is None or not isinstance(type_, VectorType):
        return operation.existing
    wanted = (operation.type.dimension, operation.type.kind, operation.nullable)
    return None if (type_.dimension, type_.kind, found["nullable"]) == wanted else type_


def _filled(type_: VectorType, fill: float | None) -> AnyVector:
    if type_.kind is Kind.SPARSE and not fill:
        return SparseVector({}, type_.dimension)
    return type_.vector([fill or 0.0] * (type_.dimension or 0))
