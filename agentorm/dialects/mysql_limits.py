"""What MySQL and MariaDB refuse, found out before the statement is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    DefaultClause,
    ForeignKeyConstraint,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    TypeDecorator,
    UniqueConstraint,
)

from agentorm import errors

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Index, Table
    from sqlalchemy.engine import ExceptionContext

CHARACTER_SET = "utf8mb4"
BYTES_IN_KEY = 3072
CHARACTERS_IN_KEY = BYTES_IN_KEY // 4
_BYTES_OF_A_SCALAR = 32
_KEYS = (PrimaryKeyConstraint, UniqueConstraint, ForeignKeyConstraint)
_BYTES_IN_ROW, _MOST_INDEXES = 65_535, 64
_SURELY_FITS = 500_000
_PACKET = "agentorm_packet"
_TRANSACTION_UNDONE, _STATEMENT_UNDONE = (1020, 1213), 1205
_NO_BACKSLASH_ESCAPES = 512
_ESCAPED = b"\0\n\r\x1a\"'\\"


def check_keys(name: str, table: Table) -> None:
    """Every key and index of the table fits into InnoDB's pages.

    Raises:
        UnsupportedFeature: one does not.
    """
    keys: list[Any] = [key for key in table.constraints if isinstance(key, _KEYS)]
    keys += [index for index in table.indexes if not _is_of_its_own_kind(index)]
    for columns in (list(key.columns) for key in keys):
        sizes = [_bytes_in_key(column) for column in columns]
        if None in sizes or sum(filter(None, sizes)) > BYTES_IN_KEY:
            fields = ", ".join(f"{table.name}.{column.name}" for column in columns)
            raise errors.UnsupportedFeature(
                f"a key of the length of {fields}",
                dialect=name,
                hint=f"its keys hold {BYTES_IN_KEY} bytes, which are {CHARACTERS_IN_KEY} "
                "characters together: declare max_length",
            )


def _is_of_its_own_kind(index: Index) -> bool:
    """A vector or full-text index, or one of the beginnings of texts: no key of whole values."""
    told = [name for name, value in index.dialect_kwargs.items() if value is not None]
    return "agentorm" in index.info or any(n.endswith(("_prefix", "_length")) for n in told)


def check_defaults(name: str, table: Table) -> None:
    """No column of unbounded length has a plain default.

    Raises:
        UnsupportedFeature: one has.
    """
    for column in table.columns:
        stored = _stored(column)
        long = isinstance(stored, JSON) or (
            isinstance(stored, String | LargeBinary) and not getattr(column.type, "length", None)
        )
        default = column.server_default
        if long and isinstance(default, DefaultClause) and isinstance(default.arg, str):
            raise errors.UnsupportedFeature(
                f"a plain default of the unbounded {table.name}.{column.name}",
                dialect=name,
                hint="declare max_length, or server_default=text(\"('...')\")",
            )


def check_references(name: str, table: Table) -> None:
    """Text refers to text of the same collation: that of an entity, or the server's own.

    Raises:
        UnsupportedFeature: it does not.
    """
    for reference in table.foreign_keys:
        ends = reference.parent, reference.column
        same = len({isinstance(end.type, TypeDecorator) for end in ends}) == 1
        if not same and isinstance(_stored(ends[0]), String):
            raise errors.UnsupportedFeature(
                f"{ends[0]} referring to {ends[1]}, text of another collation",
                dialect=name,
                hint="declare both with the same sa_type, as agentorm.StringType(255)",
            )


def _stored(column: Column[Any]) -> Any:
    """SQLAlchemy's type of the column, within ours if it is one of ours."""
    return getattr(column.type, "impl_instance", column.type)


def check_row(name: str, table: Table) -> None:
    """The columns that are kept in the row itself, and the indexes, are not too many.

    Raises:
        UnsupportedFeature: they are.
    """
    sizes = [_bytes_in_key(column) or _BYTES_OF_A_SCALAR for column in table.columns]
    if sum(size for size in sizes if size <= BYTES_IN_KEY) > _BYTES_IN_ROW:
        raise errors.UnsupportedFeature(
            f"a row of {sum(sizes)} bytes, as {table.name} may have",
            dialect=name,
            hint=f"it holds {_BYTES_IN_ROW}: leave max_length out where no key needs it",
        )
    if len(table.indexes) + len(table.constraints) > _MOST_INDEXES:
        raise errors.UnsupportedFeature(
            f"{len(table.indexes)} indexes on {table.name}",
            dialect=name,
            hint=f"it has up to {_MOST_INDEXES} on a table",
        )


def _bytes_in_key(column: Column[Any]) -> int | None:
    stored = _stored(column)
    length: int | None = getattr(column.type, "length", None)
    if not isinstance(stored, String | LargeBinary):
        return _BYTES_OF_A_SCALAR
    width = BYTES_IN_KEY // CHARACTERS_IN_KEY if isinstance(stored, String) else 1
    return None if length is None else length * width


def connect(dialect: Any, record: Any, arguments: Any, keywords: Any) -> Any:
    """Open a connection; the driver misses `cryptography` only while it is asked for a password."""
    try:
        return dialect.loaded_dbapi.connect(*arguments, **keywords | {"charset": CHARACTER_SET})
    except RuntimeError as error:
        if "cryptography" not in str(error):
            raise
        extra = "agentorm[async-mysql]" if dialect.is_async else "agentorm[mysql]"
        raise errors.MissingDependency("cryptography", extra=extra) from error


def take_every_character(connection: Any) -> None:
    """Have text sent in a character set that has all of Unicode.

    Raises:
        InvalidURL: it has not, and the driver cannot change it afterwards.
    """
    given = connection.character_set_name()
    if given == CHARACTER_SET:
        return
    if not hasattr(connection, "set_character_set"):
        problem = f"the character set {given!r} does not have all of Unicode"
        raise errors.InvalidURL(problem, hint=f"write charset={CHARACTER_SET} in the URL")
    connection.set_character_set(CHARACTER_SET)


def escape_by_backslash(connection: Any) -> None:
    """Tell the driver that the server reads backslashes; asyncmy does not notice a status of 0."""
    driver = getattr(connection, "driver_connection", connection)
    if hasattr(driver, "server_status"):
        driver.server_status &= ~_NO_BACKSLASH_ESCAPES


def give_up_after_conflict(context: ExceptionContext) -> None:
    """Let nothing more be written in a transaction that has lost a part.

    A deadlock undoes all of it, savepoints included; a lock that is not given in time only the
    statement, which a savepoint can make good. The connection counts as lost, so that the session
    refuses to go on until it is rolled back.
    """
    error, connection = context.original_exception, context.connection
    code = error.args[0] if error.args else None
    nested = connection is not None and connection.in_nested_transaction()
    if code in _TRANSACTION_UNDONE or (code == _STATEMENT_UNDONE and not nested):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False


def check_packet(
    conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> tuple[str, Any]:
    """Refuse a statement that the server would hang up on.

    Raises:
        InvalidValue: it is longer than the server takes.
    """
    check_length(conn, statement, parameters)
    return statement, parameters


def check_length(conn: Connection, statement: str, parameters: Any) -> None:
    """The same, for whoever asks."""
    largest = max(_rows(parameters), key=_length, default=())
    if _length(largest) < _SURELY_FITS:
        return
    most = conn.info.get(_PACKET) or _packet(conn)
    size = len(statement) + sum(map(_escaped_length, _values(largest)))
    if size > most:
        raise errors.InvalidValue(
            f"a statement of {size} bytes, and the server takes {most}",
            hint="write fewer rows or shorter values at once, or raise its max_allowed_packet",
        )


def _packet(conn: Connection) -> int:
    """What the server takes on this connection, which stays as it was when it was opened."""
    asking = conn.connection.cursor()
    asking.execute("SELECT @@max_allowed_packet")
    row = asking.fetchone()
    asking.close()
    most: int = conn.info.setdefault(_PACKET, row[0] if row else 0)
    return most


def _rows(parameters: list[Any] | tuple[Any, ...] | dict[str, Any]) -> Sequence[Any]:
    return parameters if isinstance(parameters, list) else (parameters,)


def _values(row: Mapping[str, Any] | Sequence[Any]) -> Iterable[Any]:
    return row.values() if isinstance(row, Mapping) else row


def _length(row: Any) -> int:
    return sum(len(value) for value in _values(row) if isinstance(value, str | bytes))


def _escaped_length(value: Any) -> int:
    if not isinstance(value, str | bytes):
        return len(str(value))
    packed = value.encode() if isinstance(value, str) else value
    return 2 * len(packed) - len(packed.translate(None, _ESCAPED)) + len("_binary''")
