"""How migrations run: one process at a time, and all or nothing where the engine can."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any

from alembic import context
from alembic.util import CommandError, to_tuple
from sqlalchemy import URL, Connection, MetaData
from sqlalchemy.exc import NoSuchModuleError

from agentorm import dialects
from agentorm.database import Database
from agentorm.dialects import IMMEDIATE, Dialect
from agentorm.dialects.connecting import ensure
from agentorm.dialects.translation import translated
from agentorm.errors import AgentORMError, ConstraintViolation, InvalidURL, TransactionConflict
from agentorm.migrations.continuing import continuing, step_applied
from agentorm.migrations.repeating import ASKING
from agentorm.urls import url_from_env, url_of

_SECONDS_TO_WAIT, _SECONDS_BETWEEN = 60.0, 0.1
_PLUGINS = ("alembic.autogenerate.*", "agentorm")


def run_migrations(
    metadata: MetaData | Sequence[MetaData],
    *,
    url: str | URL | None = None,
    version_table: str = "alembic_version",
    verify: Callable[[Connection], None] | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """All that an ``env.py`` does, for the command that Alembic was given.

    The database is named by ``-x url=...``, else by `url`, else by ``AGENTORM_URL`` or
    ``DATABASE_URL``, else by Alembic's own ``sqlalchemy.url``; a connection of a `Database` in
    ``config.attributes["connection"]`` goes before them all. Where a URL names a driver that
    awaits, its engine's usual one is taken. A second process waits until the
    first has migrated. What one command does is all or nothing on SQLite and PostgreSQL. MySQL
    and MariaDB keep what a revision did before an error; run again, it leaves that out.

    Args:
        metadata: the tables as the models declare them.
        url: the database, where the environment is not to name it.
        version_table: where Alembic records the revision.
        verify: is given the connection before anything is changed, and raises what is wrong.
        options: more keywords for ``alembic.context.configure``.

    Raises:
        InvalidURL: no database is named.
        ConnectionFailed: no connection could be had.
        TransactionConflict: another process migrates, and takes longer than a minute.
        ConstraintViolation: on SQLite, rows were left that refer to rows that are gone.

    Example:
        The whole of an ``env.py``::

            from agentorm.migrations.running import run_migrations
            from shop.models import SQLModel

            run_migrations(SQLModel.metadata)
    """
    told = {
        "target_metadata": metadata,
        "version_table": version_table,
        "autogenerate_plugins": _PLUGINS,
        "render_as_batch": True,
        ASKING: True,
        **options,
        "on_version_apply": (*to_tuple(options.get("on_version_apply"), ()), step_applied),
    }
    try:
        if context.is_offline_mode():
            _write_script(_named(url), told)
            return
        with _connected(url) as connection:
            _run(connection, told, verify)
    except AgentORMError as error:
        if context.config.cmd_opts is None:
            raise
        raise CommandError(str(error)) from error


def _named(url: str | URL | None) -> URL:
    told = (
        context.config.attributes.get("url"),
        context.get_x_argument(as_dictionary=True).get("url"),
        url,
    )
    if named := next(filter(None, told), None):
        return _blocking(url_of(named))
    configured = context.config.get_alembic_option("sqlalchemy.url")
    return _blocking(url_of(url_from_env(str(configured) if configured else None)))


def _blocking(url: URL) -> URL:
    """The same database by a driver that blocks, as migrations do."""
    try:
        awaits = url.get_dialect().is_async
    except NoSuchModuleError as error:
        raise InvalidURL(f"no driver {url.drivername!r}") from error
    return url_of(url.set(drivername=url.get_backend_name())) if awaits else url


@contextmanager
def _connected(url: str | URL | None) -> Generator[Connection]:
    given: Connection | None = context.config.attributes.get("connection")
    if given is not None:
        yield given
        return
    with Database(_named(url)) as db:
        with translated(db.engine.dialect):
            opened = db.engine.connect()
        with opened as connection:
            yield connection


def _write_script(url: URL, options: Mapping[str, Any]) -> None:
    known = dialects.declared(url.get_backend_name())
    context.configure(
        url=url,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transactional_ddl=known.transactional_schema,
        **options,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run(
    connection: Connection,
    options: Mapping[str, Any],
    verify: Callable[[Connection], None] | None,
) -> None:
    known = ensure(connection)
    context.configure(
        connection=connection, transactional_ddl=known.transactional_schema, **options
    )
    if context.get_context().opts.get("dont_mutate"):
        context.run_migrations()
        return
    with _alone(known, connection):
        if verify is not None:
            verify(connection)
        if _is_at_the_end():
            context.run_migrations()
            return
        with (
            _keeping_references(known, connection),
            continuing(known, context.get_context(), connection),
        ):
            context.run_migrations()


@contextmanager
def _alone(known: Dialect, connection: Connection) -> Generator[None]:
    """The lock is had before the current revision is read, which another may be changing."""
    until = monotonic() + _SECONDS_TO_WAIT
    with known.migrating(connection.execution_options(**IMMEDIATE)):
        while True:
            try:
                locked = _locked(known, connection)
                break
            except TransactionConflict:
                if monotonic() > until:
                    raise
                sleep(_SECONDS_BETWEEN)
        with locked:
            yield


def _locked(known: Dialect, connection: Connection) -> ExitStack:
    with ExitStack() as entered, translated(connection.dialect):
        entered.enter_context(context.begin_transaction())
        entered.enter_context(known.schema_lock(connection))
        return entered.pop_all()


def _is_at_the_end() -> bool:
    running = context.get_context()
    if running.opts.get("destination_rev") not in {"head", "heads"}:
        return "revision_context" in running.opts
    return set(running.get_current_heads()) == set(context.script.get_heads())


@contextmanager
def _keeping_references(known: Dialect, connection: Connection) -> Generator[None]:
    before = known.broken_references(connection)
    yield
    if broken := known.broken_references(connection) - before:
        found = ", ".join(f"{count} in {table}" for table, count in broken.items())
        raise ConstraintViolation(
            f"the migration leaves rows that refer to rows that are gone: {found}",
            hint="nothing was changed: let the revision delete or mend them too",
        )
