"""The record of a revision that was begun, where the schema is not transactional.

It is kept as the comment of the version table, which says from which revisions a step began. A run
that finds the database still there goes on with that step.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.schema import DropTableComment, SetTableComment

from agentorm.dialects import Dialect
from agentorm.migrations.repeating import CONTINUING


@contextmanager
def continuing(
    known: Dialect, running: MigrationContext, connection: Connection
) -> Generator[None]:
    """Within, each step is recorded as it begins; a step that has failed before is gone on with."""
    if known.transactional_schema or not connection.dialect.supports_comments:
        yield
        return
    record = Record(running, connection)
    record.begin(running.get_current_heads())
    yield
    record.end()


def step_applied(*, ctx: MigrationContext, heads: Iterable[str], **_: Any) -> None:
    """Alembic's `on_version_apply`: what comes now is another step."""
    if isinstance(record := ctx.opts.get(Record.OPTION), Record):
        record.begin(heads)


class Record:
    """The comment of the version table."""

    OPTION = "agentorm_record"

    def __init__(self, running: MigrationContext, connection: Connection) -> None:
        self._options = running.opts
        self._connection = connection
        self._table = running.impl.version_table_impl(
            version_table=running.version_table,
            version_table_schema=running.version_table_schema,
            version_table_pk=self._options.get("version_table_pk", True),
        )
        self._options[self.OPTION] = self
        self._table.create(connection, checkfirst=True)

    def begin(self, heads: Iterable[str]) -> None:
        """A step begins from these revisions, or goes on."""
        began = f"a step began from {', '.join(sorted(heads)) or 'base'}"
        found = inspect(self._connection).get_table_comment(self._table.name, self._table.schema)
        self._options[CONTINUING] = found["text"] == began
        if not self._options[CONTINUING]:
            self._table.comment = began
            self._connection.execute(SetTableComment(self._table))

    def end(self) -> None:
        """All steps have ended."""
        self._options[CONTINUING] = False
        self._connection.execute(DropTableComment(self._table))
