"""A user's project with Alembic in a folder of its own: real scripts, really run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alembic
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script
from sqlalchemy import Connection, MetaData, NullPool, create_engine

from agentorm.migrations.operations import ready
from agentorm.urls import url_of

TEMPLATE = Path(alembic.__file__).parent / "templates" / "generic" / "script.py.mako"
PLUGINS = ["alembic.autogenerate.*", "agentorm"]
ENV = """
from alembic import context

given = context.config.attributes
options = dict(
    target_metadata=given["metadata"],
    autogenerate_plugins=["alembic.autogenerate.*", "agentorm"],
    **given["options"],
)
if context.is_offline_mode():
    context.configure(url=given["url"], literal_binds=True, **options)
else:
    context.configure(connection=given["connection"], **options)
with context.begin_transaction():
    context.run_migrations()
"""


class Project:
    """One database, one folder of revisions."""

    def __init__(self, folder: Path, url: str, **options: Any) -> None:
        self.folder, self.url, self.options = folder, url, options
        self.engine = create_engine(url_of(url), poolclass=NullPool)
        self.dialect = self.engine.dialect
        self.given: Connection | None = None
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(ENV)
        (folder / "script.py.mako").write_text(TEMPLATE.read_text())

    def revise(self, metadata: MetaData) -> str:
        """The text of a new revision that leads to these tables."""
        with self._config(metadata) as config:
            made = command.revision(config, "change", autogenerate=True)
        assert isinstance(made, Script)
        return Path(made.path).read_text()

    def upgrade(self, revision: str = "head") -> None:
        with self._config() as config:
            command.upgrade(config, revision)

    def downgrade(self, revision: str = "-1") -> None:
        with self._config() as config:
            command.downgrade(config, revision)

    def difference(self, metadata: MetaData) -> str:
        """What autogenerate would change; nothing is the empty string."""
        told = {"autogenerate_plugins": PLUGINS, "target_metadata": metadata, **self.options}
        with self.connected() as connection:
            context = MigrationContext.configure(connection, opts=told)
            found = compare_metadata(context, metadata)
        return str(found) if found else ""

    def check(self, metadata: MetaData) -> None:
        """Raises what ``alembic check`` says."""
        with self._config(metadata) as config:
            command.check(config)

    def sql(self, revision: str = "head") -> str:
        """The script that ``alembic upgrade --sql`` writes."""
        written = self.folder / "written.sql"
        with written.open("w") as out, self._config(connected=False) as config:
            config.output_buffer = out
            command.upgrade(config, revision, sql=True)
        return written.read_text()

    @contextmanager
    def rows(self) -> Generator[Connection]:
        """A connection that knows vectors."""
        with self.connected() as connection:
            ready(connection)
            yield connection

    @contextmanager
    def on(self, connection: Connection) -> Generator[None]:
        """Within, everything runs on this connection."""
        self.given = connection
        yield
        self.given = None

    @contextmanager
    def connected(self) -> Generator[Connection]:
        if self.given is not None:
            yield self.given
            self.given.rollback()
            return

        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _config(
        self, metadata: MetaData | None = None, *, connected: bool = True
    ) -> Generator[Config]:
        with open(self.folder / "out.txt", "w") as out:  # noqa: PTH123
            config = Config(stdout=out)
            config.set_main_option("script_location", str(self.folder))
            config.set_main_option("path_separator", "os")
            config.attributes |= {
                "metadata": metadata if metadata is not None else MetaData(),
                "options": self.options,
                "url": url_of(self.url).render_as_string(hide_password=False),
            }
            if not connected:
                yield config
                return
            with self.connected() as config.attributes["connection"]:
                yield config
