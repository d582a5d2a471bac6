"""COPY in PostgreSQL's binary format, which takes rows many times as fast as INSERT does.

The format is that of the manual's page on COPY: a header, of each row the number of its fields
and each field behind its length, big-endian, and at the end -1 for one more row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice, repeat
from struct import Struct, error
from types import NoneType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from uuid import UUID

import numpy as np

from agentorm.dialects.postgresql_wire import NAMES, to_wire
from agentorm.vectors import AnyVector, Vector

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Table

_Write: TypeAlias = Callable[[Sequence[Any]], Sequence[bytes]]

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_FOOTER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH, _COUNT = Struct(">i"), Struct(">h")
_OF_VECTOR = Struct(">iHH")
_AT_ONCE = 500
_NOTHING: frozenset[type[Any]] = frozenset()
_TABLE = (
    "SELECT a.attname, a.atttypid::int8, CASE WHEN a.attidentity = 'd' OR"
    " pg_get_expr(d.adbin, d.adrelid) = format('nextval(%%L::regclass)', s.name::regclass::text)"
    " THEN s.name END"
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum"
    " CROSS JOIN LATERAL pg_get_serial_sequence(%(table)s, a.attname) AS s (name)"
    " WHERE c.oid = to_regclass(%(table)s) AND a.attnum > 0 AND NOT a.attisdropped"
    " AND c.relkind = 'r' AND NOT c.relrowsecurity AND NOT c.relhasrules"
    " AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 7 = 7)"
)


class Copier(Protocol):
    """Where rows are copied: what a line to the driver does."""

    connection: Connection

    def write(self, sql: str, parameters: Any) -> Any:
        """The cursor of a statement."""

    def cursor(self) -> Any:
        """The driver's cursor."""

    def fail(self, error: BaseException, sql: str, parameters: Any) -> None:
        """Raise a driver's error as SQLAlchemy's."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A column as the server has it.

    Attributes:
        type: the oid of its type.
        sequence: the one that gives the next value where none is given, if there is one.
    """

    type: int
    sequence: str | None


def stored_columns(sender: Copier, table: Table) -> Mapping[str, Stored]:
    """The columns of a table by name, as the server has them.

    None of a table where a trigger, a rule or a policy may have its say in what is inserted.
    """
    quoted = sender.connection.dialect.identifier_preparer.format_table(table)
    rows = sender.write(_TABLE, {"table": quoted}).fetchall()
    return {name: Stored(kind, sequence) for name, kind, sequence in rows}


def copied(
    sender: Copier,
    table: Table,
    stored: Mapping[str, Stored],
    columns: Mapping[str, Sequence[Any]],
) -> bool:
    """Copy rows into a table; False, and nothing is done, where INSERT has to do it.

    That is where the server has a type whose binary form is not known here, or a value is of
    another type.

    Args:
        sender: whose transaction it is.
        table: as the model declares it.
        stored: as the server has it.
        columns: by key, the values as the driver takes them.
    """
    named = [table.columns[key] for key in columns]
    sql = _statement(sender.connection, table, named)
    if "%" in sql or not all(column.name in stored for column in named):
        return False
    driver = sender.connection.connection.dbapi_connection
    fields: list[Sequence[bytes]] = []
    for column, values in zip(named, columns.values(), strict=True):
        made = _fields(driver, stored[column.name].type, values)
        if made is None:
            return False
        fields.append(made)
    _send(sender, sql, fields)
    return True


def _statement(connection: Connection, table: Table, columns: Sequence[Column[Any]]) -> str:
    preparer = connection.dialect.identifier_preparer
    names = ", ".join(map(preparer.format_column, columns))
    return f"COPY {preparer.format_table(table)} ({names}) FROM STDIN (FORMAT BINARY)"


def _send(sender: Copier, sql: str, fields: Sequence[Sequence[bytes]]) -> None:
    begin = _COUNT.pack(len(fields))
    rows = zip(repeat(begin), *fields, strict=False)
    try:
        with sender.cursor().copy(sql) as copy:
            copy.write(_HEADER)
            while part := [field for row in islice(rows, _AT_ONCE) for field in row]:
                copy.write(b"".join(part))
            copy.write(_FOOTER)
    except BaseException as refusal:
        sender.fail(refusal, sql, None)
        raise


def _fields(driver: Any, oid: int, values: Sequence[Any]) -> Sequence[bytes] | None:
    """The fields of a column of that type; None where it is not known how they are written."""
    kinds = {*map(type, values)}
    given = kinds - {NoneType}
    if not given:
        return [_NULL] * len(values)
    write = _writer(driver, oid, given)
    if write is None:
        return None
    try:
        if NoneType not in kinds:
            return write(values)
        made = iter(write([value for value in values if value is not None]))
        return [_NULL if value is None else next(made) for value in values]
    except (TypeError, ValueError, ArithmeticError, AttributeError, error):
        return None


def _writer(driver: Any, oid: int, kinds: set[type[Any]]) -> _Write | None:
    if len(kinds) == 1 and issubclass(kind := next(iter(kinds)), AnyVector):
        found = driver.adapters.types.get(NAMES[kind.kind])
        return _vectors if found is not None and found.oid == oid else None
    types, write = _KNOWN.get(oid, (_NOTHING, None))
    if write is not None and kinds <= types:
        return write
    wanted = _BY_DRIVER.get(oid)
    if wanted is None or not all(issubclass(kind, wanted) for kind in kinds):
        return None
    return partial(_dumped, driver, oid)


def _integers(layout: Struct, values: Sequence[int]) -> list[bytes]:
    pack, size = layout.pack, layout.size - _LENGTH.size
    return [pack(size, value) for value in values]


def _texts(values: Sequence[str]) -> list[bytes]:
    return _sized([value.encode() for value in values])


def _sized(values: Iterable[bytes]) -> list[bytes]:
    pack = _LENGTH.pack
    return [pack(len(value)) + value for value in values]


def _vectors(values: Sequence[AnyVector]) -> list[bytes]:
    """All of them turned to the server's order at once, where they are dense and as long."""
    first = values[0]
    if not isinstance(first, Vector) or len({len(value.tobytes()) for value in values}) > 1:
        return _sized(map(to_wire, values))
    packed = np.frombuffer(b"".join([value.tobytes() for value in values]), first.packing)
    turned = packed.astype(first.packing.newbyteorder(">")).tobytes()
    size = len(first.tobytes())
    begin = _OF_VECTOR.pack(size + _OF_VECTOR.size - _LENGTH.size, len(first), 0)
    return [begin + turned[start : start + size] for start in range(0, len(turned), size)]


def _dumped(driver: Any, oid: int, values: Sequence[Any]) -> list[bytes]:
    """As the driver writes values of this very type."""
    from psycopg.pq import Format

    dumper = driver.adapters.get_dumper_by_oid(oid, Format.BINARY)(type(values[0]), driver)
    return _sized([bytes(dumper.dump(value)) for value in values])


_KNOWN: Mapping[int, tuple[frozenset[type[Any]], _Write]] = {
    16: (frozenset({bool}), partial(_integers, Struct(">i?"))),
    17: (frozenset({bytes}), _sized),
    20: (frozenset({int}), partial(_integers, Struct(">iq"))),
    21: (frozenset({int}), partial(_integers, Struct(">ih"))),
    23: (frozenset({int}), partial(_integers, Struct(">ii"))),
    25: (frozenset({str}), _texts),
    701: (frozenset({float, int}), partial(_integers, Struct(">id"))),
    1043: (frozenset({str}), _texts),
}
_BY_DRIVER: Mapping[int, type[Any]] = {
    1082: date,
    1083: time,
    1114: datetime,
    1184: datetime,
    1186: timedelta,
    1700: Decimal,
    2950: UUID,
    3802: object,
}
