"""What an agent remembers, in tables of agentorm's own beside those of a user."""

from __future__ import annotations

from agentorm.memory.dimensions import dimensions
from agentorm.memory.models import Chunk, Document, MemoryEntity, Source, text_hash
from agentorm.memory.schema import check, current, downgrade, sql, upgrade

__all__ = [
    "Chunk",
    "Document",
    "MemoryEntity",
    "Source",
    "check",
    "current",
    "dimensions",
    "downgrade",
    "sql",
    "text_hash",
    "upgrade",
]
