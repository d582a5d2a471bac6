"""How statements get to an engine beside SQLAlchemy's own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from agentorm.dialects.base import Feature
    from agentorm.dialects.effort import Effort
    from agentorm.dialects.generated import Keyless
    from agentorm.dialects.postgresql_copy import Copier, Stored


class Sends:
    """What is asked before a statement goes over the driver's own cursor.

    Attributes:
        takes_entities: whether entities are inserted by statements of our own.
        sees_what_it_wrote: whether a select shows a row as it is, once an upsert has met it: not
            where a snapshot is older, and the upsert had nothing to change.
        copies_from: how many rows are better copied than inserted, where there is such a way.
    """

    takes_entities: ClassVar[bool] = False
    sees_what_it_wrote: ClassVar[bool] = True
    copies_from: ClassVar[int | None] = None

    def insert_keyless(self, sender: Copier, rows: Keyless, most: int) -> Sequence[Any] | None:
        """Insert rows whose keys the engine generates; the key of each, in their order.

        None, and nothing is done, where it cannot be sure which key is whose.

        Args:
            sender: where statements are sent.
            rows: what is inserted.
            most: the most rows in one statement.
        """
        return None

    def copy_rows(
        self,
        sender: Copier,
        table: Table,
        columns: Mapping[str, Sequence[Any]],
        stored: Mapping[str, Stored] | None,
    ) -> bool:
        """Write rows in the quickest way; False, and nothing is done, where INSERT has to do it.

        Args:
            sender: where the rows are sent.
            table: as the model declares it.
            columns: by key, the values as the driver takes them.
            stored: as the server has the table, if it was asked already.
        """
        return False

    def unique_index(
        self, connection: Connection, table: Table, columns: Sequence[str]
    ) -> str | None:
        """A hint that a select shall find rows by the unique index of these columns.

        None where the server has no such index, or needs no hint.
        """
        return None

    def has_begun(self, connection: Connection) -> bool:
        """Whether the engine is in the transaction that SQLAlchemy has begun."""
        return True

    def begin(self, connection: Connection, *, writes: bool) -> None:
        """Begin it now, where it waits for the first statement, which writes or reads."""

    def open_cursor(self, connection: Any, *, binary: bool) -> Any:
        """A cursor of a DBAPI connection; of rows in binary form, where the driver has one."""
        return connection.cursor()

    def check_length(self, connection: Connection, sql: str, parameters: Any) -> None:
        """See that the server takes a statement of this length with the longest of the values.

        Raises:
            InvalidValue: it does not.
        """

    def returns_binary(self, compiled: Any) -> bool:
        """Whether the rows of a compiled select had better come in binary form."""
        return False

    def before_savepoint(self, connection: Connection) -> None:
        """Make sure that there is a transaction for a savepoint to be part of."""

    def searches_as_set(self, method: Feature, effort: Effort) -> bool:
        """Whether an index of that kind looks far enough as the connection is set."""
        return False
