"""What autogenerate compares: our types, and vector indexes with all that they are built by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Column, Connection, Index, LargeBinary, Table
from sqlalchemy.types import TypeEngine

from agentorm import dialects
from agentorm.dialects import Dialect, Feature
from agentorm.dialects.built import BuiltIndex
from agentorm.errors import InvalidModel
from agentorm.indexes import HNSW, IVFFlat, VectorIndex, is_built, wide_dimension
from agentorm.json_types import JSONType
from agentorm.migrations.neutral import OURS, is_json, neutral, of_vectors, stored
from agentorm.migrations.operations import CreateVectorIndexOp, DropVectorIndexOp
from agentorm.scalars import StringType
from agentorm.types import VectorType
from agentorm.vectors import Kind

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

HANDLED = "agentorm"
_CONTINUE, _STOP = PriorityDispatchResult.CONTINUE, PriorityDispatchResult.STOP


def compare_types(  # noqa: PLR0913, PLR0917  # Alembic's protocol
    context: AutogenContext,
    alter: ops.AlterColumnOp,
    schema: str | None,
    table_name: str,
    column_name: str,
    found: Column[Any],
    wanted: Column[Any],
) -> PriorityDispatchResult:
    """Whether a column has the type of ours that the model declares."""
    if not isinstance(wanted.type, OURS):
        return _CONTINUE
    if not _differs(context, found, wanted):
        alter.existing_type = wanted.type
        return _STOP
    alter.existing_type = neutral(found.type, context.dialect)
    if isinstance(wanted.type, VectorType):
        alter.existing_type = of_vectors(alter.existing_type)
    alter.modify_type = wanted.type
    return _STOP


def _differs(context: AutogenContext, found: Column[Any], wanted: Column[Any]) -> bool:
    known = dialects.of(context.dialect)
    if isinstance(wanted.type, VectorType):
        return _vector_differs(context, found.type, wanted.type)
    if stored(wanted.type, context.dialect) == stored(found.type, context.dialect):
        return False
    impl: Any = context.migration_context.impl
    return _mistakes_json(found.type, wanted.type, known) or bool(impl.compare_type(found, wanted))


def _mistakes_json(found: TypeEngine[Any], wanted: TypeEngine[Any], known: Dialect) -> bool:
    """Whether JSON and text differ, which Alembic takes for the same on MySQL and MariaDB."""
    if isinstance(wanted, JSONType):
        told = known.json_collation is None or getattr(found, "collation", None) is not None
        return told and not is_json(found, known)
    return isinstance(wanted, StringType) and is_json(found, known)


def _vector_differs(context: AutogenContext, found: TypeEngine[Any], wanted: VectorType) -> bool:
    """Packed bytes do not tell a dimension, and hold any; pgvector's type by another hand does."""
    if isinstance(found, LargeBinary):
        return not getattr(wanted.load_dialect_impl(context.dialect), "packed", True)
    return stored(found, context.dialect) != stored(wanted, context.dialect)


def compare_indexes(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    schema: str | None,
    table_name: str,
    found: Table | None,
    wanted: Table | None,
) -> PriorityDispatchResult:
    """Which vector indexes are to be created and dropped; Alembic sees to the rest."""
    known = dialects.of(context.dialect)
    if wanted is not None and any(isinstance(c.type, VectorType) for c in wanted.columns):
        known.check_table(wanted)
    built = {} if found is None else _built(context, known, found)
    indexes = set[Index]() if wanted is None else wanted.indexes
    declared = {str(index.name): index for index in indexes if "agentorm" in index.info}
    by_hand = {str(index.name) for index in indexes} - declared.keys()
    ours = {
        name: index
        for name, it in built.items()
        if name not in by_hand and (index := _declaration(it)) is not None
    }
    comparing = _Indexes(context, changes, schema, table_name)
    for name in sorted(ours.keys() - declared.keys()):
        comparing.drop(name, built[name], ours[name], found)
    for name in sorted(declared):
        comparing.compare(known, declared[name], built.get(name), found)
    changes.info[HANDLED] = frozenset(declared.keys() | ours.keys())
    return _CONTINUE


def _built(context: AutogenContext, known: Dialect, found: Table) -> dict[str, BuiltIndex]:
    """The indexes there are on a table, whose columns get types that can be rendered."""
    for column in found.columns:
        column.type = neutral(column.type, context.dialect)
    connection = cast(Connection, context.connection)
    return known.vector_indexes(connection, found.name, found.schema)


class _Indexes:
    """Where the changes of one table's vector indexes are written down."""

    def __init__(
        self,
        context: AutogenContext,
        changes: ops.ModifyTableOps,
        schema: str | None,
        table_name: str,
    ) -> None:
        self.context, self.changes = context, changes
        self.schema, self.table_name = schema, table_name

    def compare(
        self, known: Dialect, wanted: Index, built: BuiltIndex | None, found: Table | None
    ) -> None:
        (column,) = wanted.columns
        builds = is_built(wanted, known)
        if found is None or column.name not in found.columns:
            self.create(wanted)
            return
        if builds and built is not None and _is_same(known, wanted, built):
            return
        if built is not None:
            declared = _declaration(built) or wanted.info["agentorm"]
            self.drop(str(wanted.name), built, declared, found)
        if builds:
            self.create(wanted)

    def create(self, index: Index) -> None:
        if not self.context.run_object_filters(index, str(index.name), "index", False, None):  # noqa: FBT003
            return
        self.changes.ops.append(created(index))

    def drop(
        self, name: str, built: BuiltIndex, declaration: VectorIndex, found: Table | None
    ) -> None:
        gone = DropVectorIndexOp(
            name,
            self.table_name,
            built.column,
            declaration,
            metric=built.metric,
            kind=built.kind,
            dimension=None if found is None else wide_dimension(found.columns[built.column].type),
            schema=self.schema,
        )
        if self.context.run_object_filters(gone.to_index(), name, "index", True, None):  # noqa: FBT003
            self.changes.ops.append(gone)


def created(index: Index) -> CreateVectorIndexOp:
    """The operation that creates a declared index."""
    (column,) = index.columns
    table = cast(Table, index.table)
    return CreateVectorIndexOp(
        str(index.name),
        table.name,
        str(column.name),
        index.info["agentorm"],
        metric=index.info["agentorm_metric"],
        kind=_kind(column),
        dimension=wide_dimension(column.type),
        schema=table.schema,
    )


def _kind(column: Column[Any]) -> Kind:
    kind: Kind = getattr(column.type, "kind", Kind.FLOAT32)
    return kind


def _is_same(known: Dialect, wanted: Index, built: BuiltIndex) -> bool:
    declared, metric = wanted.info["agentorm"], wanted.info["agentorm_metric"]
    (column,) = wanted.columns
    kind = _kind(column)
    parameters = known.built_parameters(declared.method, **declared.parameters)
    same = (str(column.name), known.indexed_by(declared.method, metric, kind), metric, kind)
    return same == (built.column, built.method, built.metric, built.kind) and all(
        built.parameters.get(name) == value for name, value in parameters.items()
    )


def _declaration(built: BuiltIndex) -> VectorIndex | None:
    """The index as it would be declared; None for one that cannot be."""
    try:
        if built.method is Feature.IVFFLAT:
            return IVFFlat(**built.parameters)
        links = built.parameters["m"]
        return HNSW(
            m=links, ef_construction=built.parameters.get("ef_construction", max(64, 2 * links))
        )
    except InvalidModel:
        return None
