"""The schema of agentorm.memory; of what else the database holds, it sees nothing."""

from __future__ import annotations

from agentorm.memory import MemoryEntity, schema
from agentorm.memory.tables import VERSION_TABLE
from agentorm.migrations.running import run_migrations

run_migrations(
    MemoryEntity.metadata,
    version_table=VERSION_TABLE,
    verify=schema.verify,
    options={"include_name": schema.include_name},
)
