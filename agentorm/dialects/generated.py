"""Inserts of many rows whose keys the engine generates, so that each row is known by its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Table

_FEW = 8
_SIZES = (256, 64, 16, 4, 1)
_LARGEST_ROWID = 2**63 - 1
_TRIGGERS = (
    "SELECT count(*) FROM (SELECT type, tbl_name FROM sqlite_master UNION ALL"
    " SELECT type, tbl_name FROM sqlite_temp_master)"
    " WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE"
)
_SEQUENCE = (
    "SELECT sequence FROM (SELECT pg_get_serial_sequence(%(table)s, %(column)s) AS sequence) named"
    " JOIN pg_class c ON c.oid = to_regclass(%(table)s)"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = %(column)s"
    " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum"
    " WHERE c.relkind = 'r' AND NOT c.relrowsecurity AND NOT c.relhasrules"
    " AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 7 = 7)"
    " AND (a.attidentity = 'd' OR pg_get_expr(d.adbin, d.adrelid)"
    " = format('nextval(%%L::regclass)', sequence::regclass::text))"
)
_NEXT = "SELECT nextval(%(sequence)s::regclass) FROM generate_series(1, %(many)s)"
_STEP = "SELECT @@auto_increment_increment"


class Sender(Protocol):
    """Where statements are sent: what a line to the driver does."""

    connection: Connection

    def write(self, sql: str, parameters: Any) -> Any:
        """The cursor of a statement."""

    def write_many(self, sql: str, rows: Sequence[Any]) -> Any:
        """The cursor of a statement with each of these parameters."""


@dataclass(frozen=True, slots=True)
class Keyless:
    """Rows of one table that wait for their keys.

    Attributes:
        table: as the model declares it.
        columns: of every column but the key its values, as the driver takes them.
        place: where the key stands among those of a row.
        count: how many rows.
        insert: an insert of so many rows without the key.
        keyed: an insert of one row with it.
        largest: a select of the largest key there is.
    """

    table: Table
    columns: Sequence[Sequence[Any]]
    count: int
    place: int
    insert: Callable[[int], str]
    keyed: Callable[[], str]
    largest: Callable[[], str]

    def rows(self, start: int = 0) -> list[tuple[Any, ...]]:
        """The rows without the key, from that one on."""
        if not self.columns:
            return [()] * (self.count - start)
        return [*zip(*(column[start:] for column in self.columns), strict=True)]

    def rows_with(self, keys: Sequence[Any], start: int = 0) -> list[tuple[Any, ...]]:
        """The rows with these keys, from that one on."""
        before, behind = self.columns[: self.place], self.columns[self.place :]
        parts = (*(c[start:] for c in before), keys, *(c[start:] for c in behind))
        return [*zip(*parts, strict=True)]


def counted(sender: Sender, rows: Keyless) -> list[Any]:
    """Insert them on SQLite, whose next key is one more than the largest.

    The first row says how far the engine has counted. Where that is the largest key of all,
    those behind it are what the engine would give, and are sent along: from the first row on
    this transaction alone writes. A trigger of the table may insert into it too: then each row
    is asked for its key.
    """
    sql, given = rows.insert(1), rows.rows()
    if rows.count < _FEW or rows.table.schema or _has_triggers(sender, rows.table):
        return [sender.write(sql, row).lastrowid for row in given]
    first = sender.write(sql, given[0]).lastrowid
    ((largest,),) = sender.write(rows.largest(), ()).fetchall()
    if first != largest or first > _LARGEST_ROWID - rows.count:
        return [first, *(sender.write(sql, row).lastrowid for row in given[1:])]
    keys = [*range(first, first + rows.count)]
    sender.write_many(rows.keyed(), rows.rows_with(keys[1:], 1))
    return keys


def allocated(sender: Sender, rows: Keyless) -> list[Any] | None:
    """Insert them on PostgreSQL with keys that were taken from the sequence before.

    None, and nothing is done, where the key comes from elsewhere, or where a trigger, a rule or
    a policy may have its say in what is inserted.
    """
    keys = next_keys(sender, rows)
    if keys is not None:
        sender.write_many(rows.keyed(), rows.rows_with(keys))
    return keys


def next_keys(sender: Sender, rows: Keyless) -> list[Any] | None:
    """As many new keys from the sequence of the key; None where that is not what gives it."""
    quoted = sender.connection.dialect.identifier_preparer.format_table(rows.table)
    asked = {"table": quoted, "column": _key(rows).name}
    found = sender.write(_SEQUENCE, asked).fetchall()
    if len(found) != 1 or found[0][0] is None:
        return None
    taken = {"sequence": found[0][0], "many": rows.count}
    return [key for (key,) in sender.write(_NEXT, taken).fetchall()]


def consecutive(sender: Sender, rows: Keyless, most: int) -> list[Any]:
    """Insert them on MySQL and MariaDB, which give the rows of one statement keys in a row.

    The manuals say so of every ``innodb_autoinc_lock_mode`` for inserts that say how many rows
    they have, all without keys ("simple inserts"), and that the first of the keys is what the
    driver is told.
    """
    ((step,),) = sender.write(_STEP, ()).fetchall()
    given, keys = rows.rows(), list[Any]()
    for start, size in _parts(rows.count, most):
        values = tuple(value for row in given[start : start + size] for value in row)
        first = sender.write(rows.insert(size), values).lastrowid
        keys += range(first, first + step * size, step)
    return keys


def _parts(count: int, most: int) -> Iterator[tuple[int, int]]:
    """Where each statement begins and how many rows it has: few sizes, so few texts."""
    start = 0
    while start < count:
        size = next(size for size in _SIZES if size <= max(1, min(most, count - start)))
        yield start, size
        start += size


def _key(rows: Keyless) -> Column[Any]:
    column = rows.table.autoincrement_column
    assert column is not None
    return column


def _has_triggers(sender: Sender, table: Table) -> bool:
    ((found,),) = sender.write(_TRIGGERS, (table.name,)).fetchall()
    return bool(found)
