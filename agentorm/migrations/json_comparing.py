"""Which indexes of JSON documents are to be created and dropped; Alembic is not told of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast
from warnings import filterwarnings

from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Connection, Index, Table

from agentorm import dialects
from agentorm.json_indexes import (
    GIN,
    PATH_TYPES,
    JSONIndex,
    PathIndex,
    builds,
    declared_in,
    index_name,
    is_json_index,
)
from agentorm.json_paths import Step
from agentorm.migrations.filtering import name_filters, object_filters
from agentorm.migrations.json_indexes import CreateJSONIndexOp, DropJSONIndexOp, JSONIndexOp

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

_HIDDEN = "agentorm_json_indexes"
_SKIPPED = "autogenerate skipping metadata-specified expression-based index {!r}"
_WORD = re.compile(r"(E?)'((?:''|[^'])*)'|(?<!\w)(\d+)(?!\w)")
_STEP = re.compile(r'\."([^"]*)"|\[(\d+)\]')
_MOST_STEPS, _CUT = 32, 40


def hide(context: AutogenContext) -> None:
    """Keep from Alembic the indexes that are ours, which it would compare by their text."""
    hidden: set[tuple[Any, ...]] = set()
    context.opts = {**context.opts, _HIDDEN: hidden}

    def is_shown(name: str | None, kind: str, parents: Any) -> bool:
        place = parents.get("schema_name"), parents.get("table_name"), name
        return kind != "index" or place not in hidden

    def is_compared(item: Any, name: str | None, kind: str, *_: Any) -> bool:
        return kind != "index" or not is_json_index(item)

    name_filters(context).append(is_shown)
    object_filters(context).append(is_compared)
    for table in context.sorted_tables:
        for index in filter(is_json_index, table.indexes):
            filterwarnings("ignore", re.escape(_SKIPPED.format(index.name)))


def compare_json_indexes(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found: Table | None,
    wanted: Table | None,
) -> PriorityDispatchResult:
    """Find the indexes that are declared and not there, and those that are no longer declared."""
    known = dialects.of(context.dialect)
    connection = cast(Connection, context.connection)
    there = {} if found is None else known.json_indexes(connection, found.name, found.schema)
    indexes = set[Index]() if wanted is None else wanted.indexes
    declared = {str(index.name): index for index in indexes if is_json_index(index)}
    names = {str(index.name) for index in indexes}
    gone = {
        name: drop
        for name, written in there.items()
        if name not in names and (drop := _dropped(name, written, found)) is not None
    }
    for name in sorted(gone):
        _propose(context, changes, gone[name], schema)
    for name, index in sorted(declared.items()):
        column = index.columns[0]
        is_new = found is None or column.name not in found.columns
        if is_new or (name not in there and builds(index, known)):
            create = CreateJSONIndexOp(name, table_name, str(column.name), declared_in(index))
            _propose(context, changes, create, schema)
    hidden: set[tuple[Any, ...]] = context.opts[_HIDDEN]
    hidden.update((schema, table_name, name) for name in declared.keys() | gone.keys())
    return PriorityDispatchResult.CONTINUE


def _propose(
    context: AutogenContext, changes: ops.ModifyTableOps, change: JSONIndexOp, schema: str | None
) -> None:
    """Unless the project's own filter has nothing of it."""
    change.schema = schema
    index, gone = change.to_index(), isinstance(change, DropJSONIndexOp)
    objects = object_filters(context)[:-1]
    if all(shows(index, change.name, "index", gone, None) for shows in objects):
        changes.ops.append(change)


def _dropped(name: str, written: str, found: Table | None) -> DropJSONIndexOp | None:
    """The index as it would be declared, which its name is made of; None for one by hand."""
    table = cast(Table, found)
    for column in map(str, table.columns.keys()):
        if not name.startswith(f"ix_{table.name}_{column}"[:_CUT]):
            continue
        for index in _declarations(written):
            if index_name(table.name, column, index) == name:
                return DropJSONIndexOp(name, table.name, column, index)
    return None


def _declarations(written: str) -> Iterator[JSONIndex]:
    """Every index that may be written so: with steps that are literals there, in their order."""
    yield GIN()
    words = [_word(match) for match in _WORD.finditer(written)]
    paths = [tuple(_steps(word)) for word in words if isinstance(word, str)]
    starts = [start for start, word in enumerate(words) if word == words[0]]
    runs = [tuple(words[start : start + n]) for start in starts for n in range(1, _MOST_STEPS + 1)]
    for steps in dict.fromkeys([*filter(None, paths), *runs]):
        yield from (PathIndex(*steps, type=type_) for type_ in PATH_TYPES)


def _word(match: re.Match[str]) -> Step:
    escaped, text, number = match.groups()
    if number is not None:
        return int(number)
    plain = text.replace("''", "'")
    return plain.replace("\\\\", "\\") if escaped else plain


def _steps(path: str) -> Iterable[Step]:
    """The steps of a path that is written in one text."""
    if not path.startswith("$"):
        return ()
    return [key if place == "" else int(place) for key, place in _STEP.findall(path)]
