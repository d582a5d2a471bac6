"""A user's own project: revisions in a folder, and an `env.py` of one call."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from textwrap import indent
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, inspect, text

from agentorm import Database

ENV = """\
from sqlalchemy import MetaData
from agentorm.migrations.running import run_migrations
from alembic import context

run_migrations(context.config.attributes.get("metadata", MetaData()))
"""
REVISION = """\
import sqlalchemy as sa
import agentorm
from alembic import op

revision = {name!r}
down_revision = {before!r}

def upgrade():
{up}

def downgrade():
{down}
"""
TEMPLATE = """\
import sqlalchemy as sa
${imports or ""}
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

def upgrade():
    ${upgrades or "pass"}

def downgrade():
    ${downgrades or "pass"}
"""
FIRST = """\
op.create_table("run_shop", sa.Column("id", agentorm.IntegerType(), primary_key=True))
op.create_table(
    "run_owner",
    sa.Column("id", agentorm.IntegerType(), primary_key=True),
    sa.Column("name", agentorm.StringType(50), nullable=False, index=True),
)
op.create_table(
    "run_pet",
    sa.Column("id", agentorm.IntegerType(), primary_key=True),
    sa.Column("owner_id", agentorm.IntegerType(), nullable=False),
    sa.Column("age", agentorm.IntegerType()),
    sa.ForeignKeyConstraint(
        ["owner_id"], ["run_owner.id"], name="fk_run_pet_owner", ondelete="CASCADE"
    ),
)
"""
SECOND = """\
op.create_table(
    "run_visit",
    sa.Column("id", agentorm.IntegerType(), primary_key=True),
    sa.Column("day", sa.Date(), index=True),
)
op.add_column("run_owner", sa.Column("town", agentorm.StringType(50)))
op.create_index("ix_run_owner_town", "run_owner", ["town"])
op.drop_index("ix_run_owner_name", "run_owner")
with op.batch_alter_table("run_pet") as batch:
    batch.alter_column("age", new_column_name="years", existing_type=sa.BigInteger())
op.rename_table("run_shop", "run_store")
"""
BACK = """\
op.rename_table("run_store", "run_shop")
with op.batch_alter_table("run_pet") as batch:
    batch.alter_column("years", new_column_name="age", existing_type=sa.BigInteger())
op.create_index("ix_run_owner_name", "run_owner", ["name"])
op.drop_index("ix_run_owner_town", "run_owner")
with op.batch_alter_table("run_owner") as batch:
    batch.drop_column("town")
op.drop_table("run_visit")
"""
BROKEN = 'op.execute("no such statement")\n'


class Project:
    """A folder of revisions, and the database that they are for."""

    def __init__(self, folder: Path, db: Database) -> None:
        self.folder, self.db = folder, db
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(ENV)
        (folder / "script.py.mako").write_text(TEMPLATE)

    def revision(self, name: str, before: str | None, up: str, down: str = "pass") -> None:
        written = REVISION.format(
            name=name, before=before, up=indent(up, "    "), down=indent(down, "    ")
        )
        (self.folder / "versions" / f"{name}.py").write_text(written)

    def run(self, name: str, *arguments: Any, **more: Any) -> None:
        with self.db.engine.connect() as connection:
            self.within(connection, name, *arguments, **more)

    def within(self, connection: Connection, name: str, *arguments: Any, **options: Any) -> None:
        metadata = options.pop("metadata", MetaData())
        config = Config(
            stdout=StringIO(), attributes={"connection": connection, "metadata": metadata}
        )
        config.set_main_option("script_location", str(self.folder))
        getattr(command, name)(config, *arguments, **options)

    def schema(self) -> Mapping[str, tuple[set[str], set[str]]]:
        with self.db.engine.connect() as connection:
            found = inspect(connection)
            return {
                table: (
                    {column["name"] for column in found.get_columns(table)},
                    {str(index["name"]) for index in found.get_indexes(table)}
                    - {"fk_run_pet_owner"},  # MySQL's own, of the name of the key
                )
                for table in found.get_table_names()
                if table != "alembic_version"
            }

    def execute(self, statement: str) -> list[Any]:
        with self.db.engine.begin() as connection:
            found = connection.execute(text(statement))
            return [tuple(row) for row in found] if found.returns_rows else []


BEFORE = {
    "run_owner": ({"id", "name"}, {"ix_run_owner_name"}),
    "run_pet": ({"id", "owner_id", "age"}, set[str]()),
    "run_shop": ({"id"}, set[str]()),
}
AFTER = {
    "run_owner": ({"id", "name", "town"}, {"ix_run_owner_town"}),
    "run_pet": ({"id", "owner_id", "years"}, set[str]()),
    "run_store": ({"id"}, set[str]()),
    "run_visit": ({"id", "day"}, {"ix_run_visit_day"}),
}
