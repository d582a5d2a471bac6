"""The schema of agentorm.memory in a database: made, changed and checked by Alembic."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, inspect

from agentorm.database import Database
from agentorm.dialects.translation import translated
from agentorm.errors import AgentORMError, InvalidQuery, SchemaMismatch
from agentorm.memory.dimensions import compare, recorded
from agentorm.memory.tables import PREFIX, VERSION_TABLE, setting

_HERE = Path(__file__).parent
_SHIPPED, _IN_THE_REPOSITORY = _HERE / "alembic", _HERE.parents[1] / "alembic"


def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the tables of agentorm.memory to a revision, the newest without one.

    Tables that `create_all` made are taken over. A second process waits until the first is done.
    With an `AsyncDatabase`: ``await db.run_sync(memory.upgrade)``.

    Raises:
        SchemaMismatch: they were made for vectors of another dimension; nothing was changed.
        InvalidQuery: there is no such revision, or it is not on the way.
        ExtensionMissing: PostgreSQL has pgvector, and this role may not create it.

    Example:
        ``memory.upgrade(db)`` is what ``alembic upgrade head`` does in a checkout.
    """
    db.prepare_for_vectors()
    _run(db, lambda config: command.upgrade(config, revision))


def downgrade(db: Database, revision: str) -> None:
    """Take the tables back to a revision; to ``"base"`` drops them with all that they hold.

    Raises:
        SchemaMismatch: they were made for vectors of another dimension; nothing was changed.
        InvalidQuery: there is no such revision, or it is not on the way.

    Example:
        ``memory.downgrade(db, "base")`` is what ``alembic downgrade base`` does in a checkout.
    """
    _run(db, lambda config: command.downgrade(config, revision))


def check(db: Database) -> None:
    """See that the tables in the database are those of the models.

    Raises:
        SchemaMismatch: they are not at the newest revision, or differ; the message says in what.

    Example:
        ``memory.check(db)`` is what ``alembic check`` does in a checkout.
    """
    _run(db, command.check, refusal=SchemaMismatch)


def current(db: Database) -> str | None:
    """The revision that the database is at, None before the first.

    Example:
        ``memory.current(db)`` is ``"0001"`` after the first `upgrade`.
    """
    with translated(db.engine.dialect), db.engine.connect() as connection:
        options = {"version_table": VERSION_TABLE}
        return MigrationContext.configure(connection, opts=options).get_current_revision()


def sql(engine: str) -> str:
    """The SQL that makes the tables in an empty database, for someone else to run.

    Raises:
        InvalidURL: there is no engine of that name.

    Example:
        ``memory.sql("postgresql")`` begins with ``BEGIN;`` and holds
        ``CREATE EXTENSION IF NOT EXISTS vector;``.
    """
    written = StringIO()
    config = Config(output_buffer=written, attributes={"url": f"{engine}://"})
    with _told(config, InvalidQuery):
        command.upgrade(config, "head", sql=True)
    return written.getvalue()


def folder() -> Path:
    """Where ``env.py`` and the revisions are: in the package, or beside it in the repository."""
    return _SHIPPED if _SHIPPED.is_dir() else _IN_THE_REPOSITORY


def verify(connection: Connection) -> None:
    """What a migration sees to before it changes anything.

    Raises:
        SchemaMismatch: the tables were made for vectors of another dimension.
    """
    there = inspect(connection).has_table(setting.name)
    if there and (found := recorded(connection)) is not None:
        compare(found)


def include_name(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
    """Whether autogenerate is to see what has this name."""
    return kind != "table" or (name or "").startswith(PREFIX)


def _run(
    db: Database,
    run: Callable[[Config], None],
    refusal: type[AgentORMError] = InvalidQuery,
) -> None:
    config = Config(stdout=StringIO())
    with (
        translated(db.engine.dialect),
        db.engine.connect() as connection,
        _told(config, refusal),
    ):
        config.attributes["connection"] = connection
        run(config)


@contextmanager
def _told(config: Config, refusal: type[AgentORMError]) -> Generator[None]:
    """Within, the configuration knows the revisions, and Alembic's refusals are ours."""
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    try:
        yield
    except CommandError as error:
        raise refusal(str(error)) from error
