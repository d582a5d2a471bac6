"""The unique indexes of a table, as a server of MySQL's or MariaDB's kind has them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.ddl import ExecutableDDLElement


class ShowIndexes(ExecutableDDLElement):
    """``SHOW INDEX``, of a table."""

    def __init__(self, table: Table) -> None:
        self.table = table


@compiles(ShowIndexes)
def _show_indexes(element: ShowIndexes, compiler: Any, **kw: Any) -> str:
    return f"SHOW INDEX FROM {compiler.preparer.format_table(element.table)}"


def unique_index(connection: Connection, table: Table, columns: Sequence[str]) -> str | None:
    """``FORCE INDEX`` of the one that has these columns, whole and no other; None without one."""
    preparer = connection.dialect.identifier_preparer
    wanted = {column.casefold() for column in columns}
    shown = connection.execute(ShowIndexes(table))
    for name, parts in groupby(shown.mappings().all(), lambda part: str(part["Key_name"])):
        held = [*parts]
        if {_column(part) for part in held} == wanted and all(map(_serves, held)):
            return f"FORCE INDEX ({preparer.quote(name)})".replace("%", "%%")
    return None


def _column(part: Any) -> str | None:
    name = part["Column_name"]
    return None if name is None else str(name).casefold()


def _serves(part: Any) -> bool:
    """Whether it is unique by the whole value, and known to who asks."""
    hidden = part.get("Visible", "YES") == "NO" or part.get("Ignored", "NO") == "YES"
    return not (hidden or part["Non_unique"] or part["Sub_part"])
