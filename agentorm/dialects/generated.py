"""Inserts of many rows whose keys the engine generates, so that each row is known by its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from agentorm.dialects.postgresql_copy import Copier, Stored, stored_columns

if TYPE_CHECKING:
    from sqlalchemy import Table

_FEW = 8
_LARGEST_ROWID = 2**63 - 1
_TRIGGERS = (
    "SELECT count(*) FROM (SELECT type, tbl_name FROM sqlite_master UNION ALL"
    " SELECT type, tbl_name FROM sqlite_temp_master)"
    " WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE"
)
_NEXT = "SELECT nextval(%(sequence)s::regclass) FROM generate_series(1, %(many)s)"
_STEP = "SELECT @@auto_increment_increment"


@dataclass(frozen=True, slots=True)
class Keyless:
    """Rows of one table that wait for their keys.

    Attributes:
        table: as the model declares it.
        columns: of every column but the key its values, as the driver takes them.
        count: how many rows.
        insert: an insert of so many rows without the key.
        send: inserts the last of the rows with these keys, told how the server has the table.
        largest: a select of the largest key there is.
    """

    table: Table
    columns: Sequence[Sequence[Any]]
    count: int
    insert: Callable[[int], str]
    send: Callable[[Sequence[Any], Mapping[str, Stored] | None], None]
    largest: Callable[[], str]

    def each(self) -> Iterator[tuple[Any, ...]]:
        """The rows without the key."""
        return zip(*self.columns, strict=True) if self.columns else repeat((), self.count)


def counted(sender: Copier, rows: Keyless) -> list[Any]:
    """Insert them on SQLite, whose next key is one more than the largest.

    The first row says how far the engine has counted. Where that is the largest key of all,
    those behind it are what the engine would give, and are sent along: from the first row on
    this transaction alone writes. A trigger of the table may insert into it too: then each row
    is asked for its key.
    """
    sql, each = rows.insert(1), rows.each()
    if rows.count < _FEW or rows.table.schema or _has_triggers(sender, rows.table):
        return [sender.write(sql, row).lastrowid for row in each]
    first = sender.write(sql, next(each)).lastrowid
    ((largest,),) = sender.write(rows.largest(), ()).fetchall()
    if first != largest or first > _LARGEST_ROWID - rows.count:
        return [first, *(sender.write(sql, row).lastrowid for row in each)]
    keys = [*range(first, first + rows.count)]
    rows.send(keys[1:], None)
    return keys


def allocated(sender: Copier, rows: Keyless) -> list[Any] | None:
    """Insert them on PostgreSQL with keys that were taken from the sequence before.

    None, and nothing is done, where the key comes from elsewhere, or where a trigger, a rule or
    a policy may have its say in what is inserted.
    """
    stored = stored_columns(sender, rows.table)
    key = rows.table.autoincrement_column
    sequence = None if key is None or key.name not in stored else stored[key.name].sequence
    if sequence is None:
        return None
    taken = sender.write(_NEXT, {"sequence": sequence, "many": rows.count}).fetchall()
    keys = [key for (key,) in taken]
    rows.send(keys, stored)
    return keys


def consecutive(sender: Copier, rows: Keyless, most: int) -> list[Any]:
    """Insert them on MySQL and MariaDB, which give the rows of one statement keys in a row.

    InnoDB is asked for the keys of such a statement at once, in every lock mode, since it says how
    many rows it has ("simple inserts"), and the driver is told the first. MySQL's manual knows
    gaps within one statement in "bulk inserts" alone; MariaDB's leaves it open.
    """
    ((step,),) = sender.write(_STEP, ()).fetchall()
    each, keys = rows.each(), list[Any]()
    for start in range(0, rows.count, most):
        size = min(most, rows.count - start)
        values = tuple(value for row in islice(each, size) for value in row)
        first = sender.write(rows.insert(size), values).lastrowid
        keys += range(first, first + step * size, step)
    return keys


def _has_triggers(sender: Copier, table: Table) -> bool:
    ((found,),) = sender.write(_TRIGGERS, (table.name,)).fetchall()
    return bool(found)
