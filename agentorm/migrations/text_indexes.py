"""The operations of full-text indexes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from alembic.operations import Operations
from sqlalchemy import Column, Connection, Index, MetaData, Table, inspect

from agentorm.dialects import Dialect, Feature
from agentorm.migrations.operations import IndexOp, bind_of, dialect_of
from agentorm.migrations.repeating import is_continued
from agentorm.scalars import StringType
from agentorm.text_indexes import text_ddl

K = TypeVar("K", bound="TextIndexOp")


class TextIndexOp(IndexOp):
    """A full-text index is created or dropped, on the engines that have full text."""

    def __init__(  # noqa: PLR0913  # what an index is
        self,
        name: str,
        table_name: str,
        column_name: str,
        *,
        language: str,
        key: Sequence[Column[Any]] = (),
        schema: str | None = None,
        asks: bool = False,
    ) -> None:
        self.name, self.table_name, self.column_name = name, table_name, column_name
        self.language, self.key = language, tuple(key)
        self.schema, self.asks = schema, asks

    def to_index(self) -> Index:
        return Index(self.name, searched(self.table_name, self.column_name, self.key, self.schema))

    def is_built(self, index: Index, known: Dialect) -> bool:
        return Feature.FULL_TEXT in known.features

    def _as(self, kind: type[K]) -> K:
        return kind(
            self.name,
            self.table_name,
            self.column_name,
            language=self.language,
            key=self.key,
            schema=self.schema,
            asks=self.asks,
        )


@Operations.register_operation("create_text_index")
class CreateTextIndexOp(TextIndexOp):
    """Create a full-text index over the rows there are and those to come."""

    verb, flag, diff = "create_text_index", "if_not_exists", "add_index"

    @classmethod
    def create_text_index(  # noqa: PLR0913  # what an index is
        cls,
        operations: Operations,
        name: str,
        table_name: str,
        column_name: str,
        *,
        language: str,
        key: Sequence[Column[Any]] = (),
        schema: str | None = None,
        if_not_exists: bool = False,
    ) -> None:
        """Create a full-text index; an engine without full text does nothing.

        Its name is ``ft_<table>_<column>``, by which SQLite's is searched. `key` has the columns
        of the primary key, where that is not one integer: in ``--sql`` mode for SQLite it has to
        be told, on a database it is read.

        Raises:
            InvalidModel: an unknown language.

        Example:
            ``op.create_text_index("ft_doc_body", "doc", "body", language="english")`` is, on
            PostgreSQL, ``ALTER TABLE doc ADD COLUMN body_search tsvector GENERATED ALWAYS AS
            (...) STORED``, ``CREATE INDEX ft_doc_body ON doc USING gin (body_search)``.
        """
        made = cls(
            name,
            table_name,
            column_name,
            language=language,
            key=key,
            schema=schema,
            asks=if_not_exists,
        )
        return cast(None, operations.invoke(made))

    def reverse(self) -> DropTextIndexOp:
        return self._as(DropTextIndexOp)


@Operations.register_operation("drop_text_index")
class DropTextIndexOp(TextIndexOp):
    """Drop a full-text index, and all that belongs to it."""

    verb, flag, diff = "drop_text_index", "if_exists", "remove_index"

    @classmethod
    def drop_text_index(  # noqa: PLR0913  # what an index is
        cls,
        operations: Operations,
        name: str,
        table_name: str,
        column_name: str,
        *,
        language: str,
        key: Sequence[Column[Any]] = (),
        schema: str | None = None,
        if_exists: bool = False,
    ) -> None:
        """Drop a full-text index; an engine without full text does nothing.

        Raises:
            InvalidModel: an unknown language.

        Example:
            ``op.drop_text_index("ft_doc_body", "doc", "body", language="english")`` is, on
            PostgreSQL, ``ALTER TABLE doc DROP COLUMN body_search``.
        """
        made = cls(
            name,
            table_name,
            column_name,
            language=language,
            key=key,
            schema=schema,
            asks=if_exists,
        )
        return cast(None, operations.invoke(made))

    def reverse(self) -> CreateTextIndexOp:
        return self._as(CreateTextIndexOp)


def searched(
    table: str, column: str, key: Sequence[Column[Any]], schema: str | None
) -> Column[Any]:
    """A column of a table that is known by its key alone."""
    made: Column[Any] = Column(column, StringType())
    parts = [Column(part.name, part.type, primary_key=True) for part in key]
    named = {str(part.name): part for part in (made, *parts)}
    Table(table, MetaData(), *named.values(), schema=schema)
    return named[column]


def key_of(connection: Connection, table: str, schema: str | None) -> list[Column[Any]]:
    """The columns of the primary key of a table that is there."""
    inspector = inspect(connection)
    names = inspector.get_pk_constraint(table, schema)["constrained_columns"]
    types = {column["name"]: column["type"] for column in inspector.get_columns(table, schema)}
    return [Column(name, types[name]) for name in names]


@Operations.implementation_for(CreateTextIndexOp)
def _create(operations: Operations, operation: CreateTextIndexOp) -> None:
    known = dialect_of(operations)
    key: Sequence[Column[Any]] = operation.key
    if _is_left_out(operations, operation, known, there=True):
        return
    if not (key or operations.migration_context.as_sql):
        key = key_of(bind_of(operations), operation.table_name, operation.schema)
    column = searched(operation.table_name, operation.column_name, key, operation.schema)
    _run(operations, operation, column, "create")
    _run(operations, operation, column, "fill")


@Operations.implementation_for(DropTextIndexOp)
def _drop(operations: Operations, operation: DropTextIndexOp) -> None:
    if _is_left_out(operations, operation, dialect_of(operations), there=False):
        return
    column = searched(operation.table_name, operation.column_name, (), operation.schema)
    _run(operations, operation, column, "drop")


def _is_left_out(
    operations: Operations, operation: TextIndexOp, known: Dialect, *, there: bool
) -> bool:
    """Whether it cannot be done here, or is done already and may be so."""
    if Feature.FULL_TEXT not in known.features:
        return True
    asked = operation.asks or is_continued(operations)
    if not asked or operations.migration_context.as_sql:
        return False
    built = known.text_indexes(bind_of(operations), operation.table_name, operation.schema)
    return (operation.name in built) is there


def _run(operations: Operations, operation: TextIndexOp, column: Column[Any], part: str) -> None:
    known = dialect_of(operations)
    for statement in text_ddl(
        known, part, column, index=operation.name, language=operation.language
    ):
        operations.execute(statement)
