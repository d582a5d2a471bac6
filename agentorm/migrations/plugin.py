"""What Alembic's autogenerate is given: comparators, renderers and filters."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from alembic.operations import ops
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Connection

from agentorm.migrations import changing, text_comparing
from agentorm.migrations.change_logs import compare_change_logs
from agentorm.migrations.comparing import compare_indexes, compare_types
from agentorm.migrations.filtering import name_filters
from agentorm.migrations.json_comparing import compare_json_indexes, hide
from agentorm.migrations.operations import ready
from agentorm.migrations.rendering import rendering
from agentorm.migrations.rewriting import rewrite

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.runtime.plugins import Plugin

OWN_TABLES = "agentorm_"


def register(plugin: Plugin) -> None:
    """Add the comparators to a plugin, beside the operations."""
    changing.register()
    import_module("agentorm.migrations.sqlite_tables")  # Alembic takes the last class of an engine
    add = plugin.add_autogenerate_comparator
    add(_begin, "autogenerate", priority=DispatchPriority.FIRST)
    add(compare_types, "column", "types")
    add(compare_indexes, "table", "vector indexes")
    add(compare_change_logs, "table", "change logs")
    add(compare_json_indexes, "table", "JSON indexes", priority=DispatchPriority.FIRST)
    add(
        text_comparing.compare_text_indexes,
        "table",
        "text indexes",
        priority=DispatchPriority.FIRST,
    )
    add(rewrite, "autogenerate", priority=DispatchPriority.LAST)


def _begin(context: AutogenContext, upgrade: ops.UpgradeOps) -> PriorityDispatchResult:
    connection = cast(Connection, context.connection)
    hidden = ready(connection).hidden_tables(connection)
    wanted = {table.name for table in context.sorted_tables}

    def is_shown(name: str | None, kind: str, parents: Any) -> bool:
        if kind != "table" or name is None or name in wanted:
            return True
        return not (name in hidden or name.startswith(OWN_TABLES))

    name_filters(context).append(is_shown)
    hide(context)
    text_comparing.hide(context)
    context.opts = {**context.opts, "render_item": rendering(context.opts.get("render_item"))}
    return PriorityDispatchResult.CONTINUE
