"""How Alembic makes a table of SQLite anew without losing its indexes of expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from warnings import filterwarnings

from alembic.ddl.sqlite import SQLiteImpl
from sqlalchemy import Table
from sqlalchemy.exc import SAWarning

from agentorm.dialects import declared
from agentorm.dialects.sqlite_declarations import expression_indexes

if TYPE_CHECKING:
    from alembic.operations.batch import ApplyBatchImpl


class SQLiteTables(SQLiteImpl):
    """Alembic's own, which reflects no index of an expression, so that the new table lacks it."""

    __dialect__ = "sqlite"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._to_make_again: list[str] = []
        filterwarnings("ignore", declared("sqlite").beyond_reflection or "", SAWarning)

    def prep_table_for_batch(self, batch_impl: ApplyBatchImpl, table: Table) -> None:
        super().prep_table_for_batch(batch_impl, table)
        if self.connection is None or self.as_sql:
            return
        found = expression_indexes(self.connection, table.name, table.schema)
        self._to_make_again = [sql for name, sql in found.items() if name not in batch_impl.indexes]

    def rename_table(self, *args: Any, **kwargs: Any) -> None:
        super().rename_table(*args, **kwargs)
        made_again, self._to_make_again = self._to_make_again, []
        for sql in made_again:
            assert self.connection is not None
            self.connection.exec_driver_sql(sql)
