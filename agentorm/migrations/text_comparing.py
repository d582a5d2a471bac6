"""Which full-text indexes are to be created and dropped; Alembic sees nothing of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from alembic.operations import MigrateOperation, ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Column, Connection, MetaData, Table

from agentorm import dialects
from agentorm.dialects import Dialect, Feature
from agentorm.dialects.built import BuiltText
from agentorm.dialects.text_storage import has_integer_key, index_name
from agentorm.migrations.filtering import name_filters
from agentorm.migrations.neutral import neutral
from agentorm.migrations.text_indexes import CreateTextIndexOp, DropTextIndexOp, TextIndexOp
from agentorm.text_indexes import searched_columns

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

_BUILT = "agentorm_text_indexes"
_Built: TypeAlias = dict[str, BuiltText]


def hide(context: AutogenContext) -> None:
    """Keep from Alembic the hidden columns, and what indexes them."""
    context.opts = {**context.opts, _BUILT: {}}

    def is_shown(name: str | None, kind: str, parents: Any) -> bool:
        if kind not in {"column", "index"}:
            return True
        built = _built(context, parents["table_name"], parents.get("schema_name"))
        if kind == "index":
            return name not in built
        return all(it.shadow is None or name != it.shadow for it in built.values())

    name_filters(context).append(is_shown)


def _built(context: AutogenContext, table: str, schema: str | None) -> _Built:
    """What is there, asked once of each table."""
    known: dict[tuple[str | None, str], _Built] = context.opts[_BUILT]
    if (schema, table) not in known:
        connection = cast(Connection, context.connection)
        found = dialects.of(context.dialect).text_indexes(connection, table, schema)
        known[schema, table] = found
    return known[schema, table]


def compare_text_indexes(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found: Table | None,
    wanted: Table | None,
) -> PriorityDispatchResult:
    """Find the indexes that are declared and not there, and those that are no longer declared."""
    known = dialects.of(context.dialect)
    built = {} if found is None else _built(context, table_name, schema)
    searched = {} if wanted is None else searched_columns(wanted)
    declared = {index_name(table_name, column): column for column in searched}
    same = {
        name
        for name, column in declared.items()
        if name in built and _is_same(built[name], column, searched[column], known)
    }
    for name in sorted(built.keys() - same):
        it = built[name]
        language = known.text_storage.language(it.configuration or "")
        key = _key(cast(Table, found), context)
        drop = DropTextIndexOp(name, table_name, it.column, language=language, key=key)
        _propose(context, changes, drop, schema)
    for name in sorted(declared.keys() - same):
        column = declared[name]
        is_new = found is None or column not in found.columns
        if is_new or Feature.FULL_TEXT in known.features:
            create = _created(context, cast(Table, wanted), column, searched[column])
            _propose(context, changes, create, schema)
    return PriorityDispatchResult.CONTINUE


def _is_same(built: BuiltText, column: str, language: str, known: Dialect) -> bool:
    wanted = known.text_storage.configuration(language)
    return (built.column, built.configuration) == (column, wanted)


def _key(table: Table, context: AutogenContext) -> list[Column[Any]]:
    """The key of a table, in types of every engine; nothing for one integer."""
    parts: list[Column[Any]] = [
        Column(part.name, neutral(part.type, context.dialect), primary_key=True)
        for part in table.primary_key.columns
    ]
    bare = Table(table.name, MetaData(), *parts)
    return [] if has_integer_key(bare) else [Column(part.name, part.type) for part in parts]


def _propose(
    context: AutogenContext, changes: ops.ModifyTableOps, change: TextIndexOp, schema: str | None
) -> None:
    """Unless the project's own filter has nothing of it."""
    change.schema = schema
    gone = isinstance(change, DropTextIndexOp)
    if context.run_object_filters(change.to_index(), change.name, "index", gone, None):
        changes.ops.append(change)


def built_again(
    context: AutogenContext, wanted: Table | None, changes: Iterable[MigrateOperation]
) -> list[CreateTextIndexOp]:
    """The indexes that stay as they are on columns whose type does not."""
    found = list(changes)
    altered = {
        change.column_name
        for change in found
        if isinstance(change, ops.AlterColumnOp) and change.modify_type is not None
    }
    changed = {change.column_name for change in found if isinstance(change, TextIndexOp)}
    if wanted is None:
        return []
    return [
        _created(context, wanted, column, language)
        for column, language in sorted(searched_columns(wanted).items())
        if column in altered - changed
    ]


def _created(
    context: AutogenContext, table: Table, column: str, language: str
) -> CreateTextIndexOp:
    name, key = index_name(table.name, column), _key(table, context)
    return CreateTextIndexOp(
        name, table.name, column, language=language, key=key, schema=table.schema
    )


def forget_shadows(context: AutogenContext, drop: ops.DropTableOp) -> None:
    """Let what a dropped table was not know of the hidden columns, which come with the index."""
    built = _built(context, drop.table_name, drop.schema)
    shadows = {it.shadow for it in built.values()}
    reverse = drop._reverse  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if reverse is not None:
        reverse.columns = [
            part for part in reverse.columns if getattr(part, "name", None) not in shadows
        ]
