"""The drivers' and SQLAlchemy's errors as errors of the tree, at every ending and write."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import exc
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.orm import exc as orm_exc

from agentorm import dialects, errors
from agentorm.errors import AgentORMError, DatabaseError

_HINTS: dict[type[DatabaseError], str] = {
    errors.AuthenticationFailed: "check the user and the password of the URL",
    errors.NotADatabase: "check the path of the URL",
    errors.ReadOnlyDatabase: "check who may write the file and its folder, or the server",
    errors.TableMissing: "create the schema: db.create_all() or `alembic upgrade head`",
    errors.TransactionConflict: "nothing was written: repeat the transaction",
}

_NO_VALUE = "cd3x"
"""What SQLAlchemy calls the error of a parameter without a value."""


@contextmanager
def translated(dialect: SQLAlchemyDialect) -> Generator[None]:
    """Within, a refusal of the engine or of SQLAlchemy is raised as an `AgentORMError`.

    The original is its ``__cause__``. A message never holds the parameters of a statement.
    """
    try:
        yield
    except exc.StatementError as error:
        raise from_statement(error, dialect) from error
    except exc.TimeoutError as error:
        raise errors.ConnectionFailed(
            "no connection of the pool came free in time",
            hint="close sessions sooner, or raise pool_size in engine_options",
        ) from error
    except orm_exc.StaleDataError as error:
        raise errors.NoResult("the row to change is gone") from error
    except exc.PendingRollbackError as error:
        raise DatabaseError(
            "the transaction has failed before", hint="roll the session back, then begin anew"
        ) from error
    except (exc.InvalidRequestError, exc.ArgumentError, exc.CompileError) as error:
        raise _from_request(error) from error


def waits_for(parameter: str) -> errors.InvalidQuery:
    """The error of a query whose parameter has no value."""
    hint = "find = query.prepared(), then find(session, name=value)"
    return errors.InvalidQuery(f"the query waits for the parameter {parameter}", hint=hint)


def from_statement(error: exc.StatementError, dialect: SQLAlchemyDialect) -> AgentORMError:
    """The error of the tree for a statement that failed in the driver or on the way to it."""
    original = error.orig
    if isinstance(original, AgentORMError):
        return original
    if getattr(original, "code", None) == _NO_VALUE:
        return waits_for(str(original).split("'")[1])
    if original is None or not isinstance(error, exc.DBAPIError):
        return errors.InvalidValue(str(original or error.args[0]))
    known = dialects.of(dialect)
    kind = known.classify(original)
    hint = known.connection_hint if kind is errors.ConnectionFailed else _HINTS.get(kind)
    return kind(known.message(original), hint=hint)


def _from_request(error: exc.SQLAlchemyError) -> AgentORMError:
    cause = error.__cause__
    if isinstance(cause, AgentORMError):
        return cause
    text = str(error)
    if isinstance(error, exc.IllegalStateChangeError) or "concurrent operations" in text:
        return errors.SessionInUse()
    if "permanently closed" in text or "is closed" in text:
        return errors.ClosedSession(text, hint="open a new one: db.session()")
    if "is not a MariaDB variant" in text:
        return errors.InvalidURL(text, hint="write mysql:// in the URL")
    return errors.InvalidQuery(text)
