"""How Alembic makes a table of SQLite anew without losing what belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from warnings import filterwarnings

from alembic.ddl.sqlite import SQLiteImpl
from sqlalchemy import Column, Connection, Table, inspect
from sqlalchemy.exc import SAWarning

from agentorm.dialects import declared
from agentorm.dialects.built import BuiltText
from agentorm.dialects.sqlite_declarations import change_logs, expression_indexes, text_indexes
from agentorm.migrations.change_logs import drop_logs, follow_again
from agentorm.migrations.operations import ready
from agentorm.migrations.text_indexes import key_of, searched
from agentorm.text_indexes import text_ddl

if TYPE_CHECKING:
    from alembic.operations.batch import ApplyBatchImpl


class SQLiteTables(SQLiteImpl):
    """Alembic's own, to which neither an index of an expression nor full text is anything."""

    __dialect__ = "sqlite"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._to_make_again: list[str] = []
        self._texts: dict[str, BuiltText] = {}
        self._followed: list[str] = []
        filterwarnings("ignore", declared("sqlite").beyond_reflection or "", SAWarning)

    def prep_table_for_batch(self, batch_impl: ApplyBatchImpl, table: Table) -> None:
        super().prep_table_for_batch(batch_impl, table)
        if self.connection is None or self.as_sql:
            return
        found = expression_indexes(self.connection, table.name, table.schema)
        self._to_make_again = [sql for name, sql in found.items() if name not in batch_impl.indexes]
        self._texts = text_indexes(self.connection, table.name, table.schema)
        new = {str(old): str(column.name) for old, column in batch_impl.columns.items()}
        self._followed = [new[c] for c in self._logged(table.name, table.schema) if c in new]

    def drop_table(self, table: Table, **kw: Any) -> None:
        """A table takes its triggers with it, and would leave the logs that they write."""
        if self._logged(table.name, table.schema):
            drop_logs(self._bind, table.name)
        super().drop_table(table, **kw)

    def drop_column(
        self, table_name: str, column: Column[Any], *, schema: str | None = None, **kw: Any
    ) -> None:
        """SQLite drops no column that a trigger reads."""
        if column.name in self._logged(table_name, schema):
            drop_logs(self._bind, table_name, [str(column.name)])
        alembics: Any = super()
        alembics.drop_column(table_name, column, schema=schema, **kw)

    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        name: str | None = None,
        schema: str | None = None,
        **kw: Any,
    ) -> None:
        """A log has the name of its column."""
        is_logged = name is not None and column_name in self._logged(table_name, schema)
        if is_logged:
            drop_logs(self._bind, table_name, [column_name])
        alembics: Any = super()
        alembics.alter_column(table_name, column_name, name=name, schema=schema, **kw)
        if is_logged:
            follow_again(self._bind, table_name, [str(name)])

    def rename_table(self, old_table_name: str, new_table_name: Any, schema: Any = None) -> None:
        """What names the table whose rows it reads is made anew too: full text, and logs."""
        connection = None if self.as_sql else self.connection
        texts, self._texts = self._texts, {}
        logged = self._logged(old_table_name, schema)
        followed, self._followed = [*self._followed, *logged], []
        if connection is not None:
            texts |= text_indexes(connection, old_table_name, schema)
        if logged:
            drop_logs(self._bind, old_table_name)
        super().rename_table(old_table_name, new_table_name, schema)
        made_again, self._to_make_again = self._to_make_again, []
        for sql in made_again:
            assert self.connection is not None
            self.connection.exec_driver_sql(sql)
        if connection is not None and texts:
            _index_again(connection, str(new_table_name), schema, texts)
        if followed:
            follow_again(self._bind, str(new_table_name), followed)

    @property
    def _bind(self) -> Connection:
        assert self.connection is not None
        return self.connection

    def _logged(self, table: str, schema: str | None) -> list[str]:
        """The columns that logs follow, as far as that can be read."""
        if self.connection is None or self.as_sql or schema is not None:
            return []
        return sorted(change_logs(self.connection, table).values())


def _index_again(
    connection: Connection, table: str, schema: str | None, texts: dict[str, BuiltText]
) -> None:
    """The full text of the columns that are still there."""
    known, key = ready(connection), key_of(connection, table, schema)
    columns = {column["name"] for column in inspect(connection).get_columns(table, schema)}
    for name, built in texts.items():
        column = searched(table, built.column, key, schema)
        language = known.text_storage.language(built.configuration or "")
        for part in ("drop", "create", "fill")[: 3 if built.column in columns else 1]:
            for statement in text_ddl(known, part, column, index=name, language=language):
                connection.execute(statement)
