"""The Alembic plugin: vectors, their indexes and agentorm's types in a user's own migrations.

Alembic finds it by its entry point. One line of ``env.py`` turns it on::

    context.configure(..., autogenerate_plugins=["alembic.autogenerate.*", "agentorm"])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.runtime.plugins import Plugin

__all__ = ["setup"]


def setup(plugin: Plugin) -> None:
    """Register the operations, and what autogenerate compares and writes; Alembic calls it.

    Example:
        ``op.create_vector_index("ix_doc_embedding_hnsw", "doc", "embedding", agentorm.HNSW())``
    """
    from agentorm.migrations.plugin import register

    register(plugin)


import_module("alembic")  # which calls setup() while it is imported, by whoever comes first
