"""The MetaData of agentorm.memory, and in it what the schema says of itself."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table

from agentorm.scalars import KEY_LENGTH, StringType

PREFIX = "agentorm_"
VERSION_TABLE = "agentorm_version"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""The tables, apart from those of a user's own metadata."""

setting = Table(
    f"{PREFIX}setting",
    metadata,
    Column("name", StringType(KEY_LENGTH), primary_key=True),
    Column("value", StringType(KEY_LENGTH), nullable=False),
)
"""What the tables were made with, by name."""
