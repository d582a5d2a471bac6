"""Statements over the driver's own cursor, where nobody listens to what SQLAlchemy does.

Of SQLAlchemy this uses what is not public: how a driver's error becomes one of its own, which
transaction a session is in, whether anything waits for its flush.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import ref

from sqlalchemy import Connection
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.orm.session import SessionTransactionState
from sqlmodel import Session as Modelled

from agentorm.dialects import Dialect
from agentorm.listening import Ears, ears_of
from agentorm.switch import plans_are_on

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""Of one statement, as the driver takes them: in their order, or by name."""
BINARY = {"agentorm_binary": True}
"""Execution options of a statement whose rows come in the driver's binary form."""

_LINES = "agentorm_lines"
_EXECUTED = ("before_execute", "after_execute")
_STATEMENTS = ("before_cursor_execute", "after_cursor_execute")
_DRIVER = ("do_execute", "do_executemany", "handle_error")
_SESSION = ("do_orm_execute", "loaded_as_persistent")
_HARMLESS = frozenset({"insertmanyvalues_page_size", "isolation_level", "postgresql_readonly"})
_ACTIVE = SessionTransactionState.ACTIVE


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement as the driver takes it.

    Attributes:
        sql: with the driver's placeholders.
        binary: whether its rows come in the driver's binary form, where it has one.
    """

    sql: str
    binary: bool = False


class Line:
    """The way to the driver under the transaction of a session, as long as it lasts.

    A statement goes over the driver's cursor, kept open for the next one. Where anybody listens
    to SQLAlchemy's events, where statements are logged or awaited, and before the engine's
    transaction has begun, it goes the way that SQLAlchemy offers for text, with all of that.
    Errors are SQLAlchemy's on both ways, and a lost connection is invalidated.
    """

    __slots__ = (
        "_described",
        "_ears",
        "_last",
        "_options",
        "_plain",
        "_root",
        "_session",
        "_session_ears",
        "_transaction",
        "_usual",
        "connection",
        "cursors",
        "dialect",
    )

    def __init__(self, session: Session, connection: Connection, dialect: Dialect) -> None:
        self._session = ref(session)
        self.connection, self.dialect = connection, dialect
        self._transaction, self._root = _weak(session.get_transaction()), connection._transaction
        self.cursors: dict[bool, Any] = {}
        """Those that are open now, by whether their rows are binary."""
        self._plain = self._usual = False
        self._options: object = None
        self._described: Any = ()
        self._last: Any = None
        self._session_ears, self._ears = Ears(), Ears()
        self.listen(self._session_ears, queries=True)
        self.listen(self._ears, statements=True)

    @property
    def session(self) -> Session:
        """The session whose transaction it is."""
        session = self._session()
        assert session is not None
        return session

    def at_a_glance(self, ears: Ears) -> Callable[[Session], bool]:
        """What tells whether the session is in this transaction, and nothing has changed since.

        These hear whoever comes to listen.
        """
        own, connection, hear_nothing = self._transaction, self.connection, ears.hear_nothing
        options, root, serves = connection._execution_options, self._root, self.serves

        def is_same(session: Session) -> bool:
            transaction = session._transaction
            if (
                transaction is None or transaction is not own() or transaction._state is not _ACTIVE
            ) and not serves(session):
                return False
            return (
                connection._transaction is root
                and connection._dbapi_connection is not None
                and connection._execution_options is options
                and not session.execution_options
                and hear_nothing()
                and plans_are_on()
            )

        return is_same

    def listen(self, ears: Ears, *, queries: bool = False, statements: bool = False) -> None:
        """Let these hear who listens to queries as SQLAlchemy has them, or to the SQL of them."""
        if queries:
            ears.watch_session(self.session, _SESSION)
            ears.watch_connection(self.connection, _EXECUTED)
        if statements:
            ears.watch_connection(self.connection, _STATEMENTS)
            ears.join(ears_of(self.connection.dialect, _DRIVER))

    def serves(self, session: Session) -> bool:
        """Whether this is the session, still in the same transaction, which has not failed.

        A savepoint of the session is sent when its connection is first asked for within.
        """
        transaction = session._transaction
        if transaction is None or transaction._state is not _ACTIVE:
            return False
        if self._session() is not session or self.connection._transaction is not self._root:
            return False
        own = self._transaction()
        if transaction is not own:  # a savepoint of it, or another
            if self.connection not in transaction._connections:
                return False
            transaction = session.get_transaction()
        is_open = self.connection._dbapi_connection is not None
        return is_open and transaction is own

    def is_usual(self) -> bool:
        """Whether SQLAlchemy would send a compiled statement as it is, and load rows as ever.

        Not where options change the one or the other, or somebody listens to queries.
        """
        options = self.connection._execution_options
        if options is not self._options:
            self._options = options
            self._usual = _is_usual(options) and keeps_to_sqlalchemy(self.session)
        return (
            self._usual and not self.session.execution_options and self._session_ears.hear_nothing()
        )

    def is_direct(self, *, writes: bool | None = None) -> bool:
        """Whether a statement may go over the driver's cursor now.

        A transaction that waits for its first statement is begun for one that writes, or reads.
        """
        if not self._plain:
            if not (_is_plain(self.connection) and self._ears.hear_nothing()):
                return False
            if writes is not None:
                self._begin(writes=writes)
            self._plain = self.dialect.has_begun(self.connection)
        return self._plain and self._ears.hear_nothing()

    def _begin(self, *, writes: bool) -> None:
        try:
            self.dialect.begin(self.connection, writes=writes)
        except BaseException as error:
            self.fail(error, "BEGIN", ())
            raise

    def flush(self) -> None:
        """Write what is pending first, as SQLAlchemy does before a query."""
        flush(self.session)

    def fetch(self, sent: Sent, parameters: Parameters) -> Sequence[Sequence[Any]]:
        """The rows of a select, as the driver gives them."""
        if not self.is_direct(writes=False):
            options = BINARY if sent.binary else {}
            result = self.connection.exec_driver_sql(
                sent.sql, _as_given(parameters), execution_options=options
            )
            opened: Any = result.cursor
            self._described = opened.description
            return result.fetchall()
        return self.fetch_directly(sent, parameters)

    def fetch_directly(self, sent: Sent, parameters: Parameters) -> Sequence[Sequence[Any]]:
        """The same over the driver's cursor, where `is_direct` has said that it may."""
        cursor = self.cursors.get(sent.binary) or self.cursor(binary=sent.binary)
        try:
            cursor.execute(sent.sql, parameters)
            rows: Sequence[Sequence[Any]] = cursor.fetchall()
        except BaseException as error:
            self.fail(error, sent.sql, parameters)
            raise
        self._described = None
        self._last = cursor
        return rows

    @property
    def codes(self) -> list[Any]:
        """The driver's types of the columns that came last."""
        described = self._last.description if self._described is None else self._described
        return [column[1] for column in described]

    def write(self, sql: str, parameters: Parameters) -> Any:
        """What SQLAlchemy's cursor result or the driver's cursor says of a statement that writes.

        Both have ``rowcount``, ``lastrowid``, and the rows of a RETURNING by ``fetchall()``.
        """
        if not self.is_direct(writes=True):
            return self.connection.exec_driver_sql(sql, _as_given(parameters))
        return self.write_directly(sql, parameters)

    def write_directly(self, sql: str, parameters: Parameters) -> Any:
        """The same over the driver's cursor, where `is_direct` has said that it may."""
        self.dialect.check_length(self.connection, sql, parameters)
        cursor = self.cursors.get(False) or self.cursor()
        try:
            cursor.execute(sql, parameters)
        except BaseException as error:
            self.fail(error, sql, parameters)
            raise
        return cursor

    def write_many(self, sql: str, rows: Sequence[Parameters]) -> Any:
        """The same for the statement with each of these parameters."""
        if not self.is_direct(writes=True):
            return self.connection.exec_driver_sql(sql, [_as_given(row) for row in rows])
        self.dialect.check_length(self.connection, sql, rows)
        cursor = self.cursor()
        try:
            cursor.executemany(sql, rows)
        except BaseException as error:
            self.fail(error, sql, rows)
            raise
        return cursor

    def cursor(self, *, binary: bool = False) -> Any:
        """The driver's cursor, for one statement after the other: read it to its end."""
        cursor = self.cursors.get(binary)
        if cursor is None:
            driver = self.connection.connection.dbapi_connection
            cursor = self.cursors[binary] = self.dialect.open_cursor(driver, binary=binary)
        return cursor

    def fail(self, error: BaseException, sql: str, parameters: Any) -> None:
        """Raise the error of a cursor as SQLAlchemy would have, which may lose the connection."""
        self.cursors.clear()
        self.connection._handle_dbapi_exception(error, sql, parameters, None, None)


def is_pending(session: Session) -> bool:
    """Whether anything waits for a flush."""
    return bool(session._new or session._deleted or session.identity_map._modified)


def flush(session: Session) -> None:
    """Write what is pending first, as SQLAlchemy does before a query."""
    if is_pending(session):
        session._autoflush()


def _weak(transaction: SessionTransaction | None) -> Callable[[], SessionTransaction | None]:
    """Neither session nor transaction outlive their last user for a line that the session keeps."""
    return _no_transaction if transaction is None else ref(transaction)


def _no_transaction() -> None:
    return None


def keeps_to_sqlalchemy(session: Session) -> bool:
    """Whether a session finds its connection and runs statements as SQLAlchemy's does."""
    own: Any = type(session)
    usual: tuple[Any, ...] = (Session, Modelled)
    bound = own.get_bind is Session.get_bind and own.get is Session.get
    return bound and own.execute in [kind.execute for kind in usual]


def line_of(session: Session, connection: Connection, dialect: Dialect) -> Line:
    """The line of a session in its transaction on that connection."""
    lines: dict[Any, Line] = session.info.setdefault(_LINES, {})
    line = lines.get(connection.engine)
    if line is None or line.connection is not connection or not line.serves(session):
        line = lines[connection.engine] = Line(session, connection, dialect)
    return line


def _is_plain(connection: Connection) -> bool:
    """Whether SQLAlchemy would do nothing around a statement of its own accord."""
    return not (connection._echo or connection.dialect.is_async)


def _is_usual(options: Mapping[str, Any]) -> bool:
    return all(name.startswith("agentorm_") or name in _HARMLESS for name in options)


def _as_given(parameters: Parameters) -> Any:
    return dict(parameters) if isinstance(parameters, Mapping) else tuple(parameters)
