"""How our types and operations are written into a revision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from alembic.autogenerate import render
from alembic.autogenerate.render import renderers
from sqlalchemy import Column
from sqlalchemy.types import TypeEngine

from agentorm.migrations.columns import AddVectorColumnOp, ResizeVectorOp
from agentorm.migrations.json_indexes import CreateJSONIndexOp, DropJSONIndexOp, JSONIndexOp
from agentorm.migrations.neutral import OURS
from agentorm.migrations.operations import (
    CreateVectorIndexOp,
    DropVectorIndexOp,
    IndexOp,
    PrepareBackOp,
    PrepareVectorsOp,
    VectorIndexOp,
)
from agentorm.migrations.text_indexes import CreateTextIndexOp, DropTextIndexOp, TextIndexOp
from agentorm.scalars import BytesType, DecimalType, EnumType, StringType
from agentorm.types import VectorType
from agentorm.vectors import Kind

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

IMPORT = "import agentorm"
_Renderer = Callable[[str, Any, Any], Any]
_EMBED = "# the rows that are there get a filling for a vector: embed them"
_EMBED_AGAIN = "# the vectors of rows that are there become a filling: embed them again"
_FORGOTTEN = "# the vectors of rows that are there become NULL: embed them again"


def rendering(given: _Renderer | None) -> _Renderer:
    """A ``render_item`` that knows our types, where the project's own has nothing to say."""

    def render(kind: str, item: Any, context: AutogenContext) -> Any:
        rendered = given(kind, item, context) if given is not None else False
        if rendered is not False or kind != "type" or type(item) not in OURS:
            return rendered
        context.imports.add(IMPORT)
        return False if item._variant_mapping else written(item)  # noqa: SLF001

    return render


def written(type_: TypeEngine[Any]) -> str:
    """A type of ours as Python; an enum by the text that it is stored as."""
    if isinstance(type_, DecimalType):
        return f"agentorm.DecimalType({type_.precision}, {type_.scale})"
    if isinstance(type_, VectorType):
        return f"agentorm.{type_!r}"
    sizes = (StringType, "length"), (BytesType, "length")
    size = next((getattr(type_, name) for kind, name in sizes if isinstance(type_, kind)), None)
    if isinstance(type_, EnumType):
        return f"agentorm.StringType({type_.length})"
    return f"agentorm.{type(type_).__name__}({'' if size is None else size})"


@renderers.dispatch_for(PrepareVectorsOp)
def _prepare_vectors(context: AutogenContext, operation: PrepareVectorsOp) -> str:
    return f"{_prefix(context)}prepare_vectors()"


@renderers.dispatch_for(PrepareBackOp)
def _prepare_back(context: AutogenContext, operation: PrepareBackOp) -> list[str]:
    return []


@renderers.dispatch_for(CreateVectorIndexOp)
@renderers.dispatch_for(DropVectorIndexOp)
def _vector_index(context: AutogenContext, operation: VectorIndexOp) -> str:
    given = [_declared(context, operation.index), f"metric={str(operation.metric)!r}"]
    if operation.kind is not Kind.FLOAT32:
        given.append(f"kind={str(operation.kind)!r}")
    if operation.dimension is not None:
        given.append(f"dimension={operation.dimension}")
    return _index(context, operation, *given)


@renderers.dispatch_for(CreateJSONIndexOp)
@renderers.dispatch_for(DropJSONIndexOp)
def _json_index(context: AutogenContext, operation: JSONIndexOp) -> str:
    if getattr(operation.index, "type", None) is date:
        context.imports.add("import datetime")
    return _index(context, operation, _declared(context, operation.index))


@renderers.dispatch_for(CreateTextIndexOp)
@renderers.dispatch_for(DropTextIndexOp)
def _text_index(context: AutogenContext, operation: TextIndexOp) -> str:
    given = [f"language={operation.language!r}"]
    if operation.key:
        given.append(f"key=[{', '.join(_column(context, part) for part in operation.key)}]")
    return _index(context, operation, *given)


def _column(context: AutogenContext, column: Column[Any]) -> str:
    sqlalchemy = context.opts["sqlalchemy_module_prefix"] or ""
    return f"{sqlalchemy}Column({str(column.name)!r}, {_rendered(context, column.type)})"


def _rendered(context: AutogenContext, type_: TypeEngine[Any]) -> str:
    """As Alembic writes it, which asks `rendering` first."""
    return render._repr_type(type_, context)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]


def _declared(context: AutogenContext, index: object) -> str:
    context.imports.add(IMPORT)
    return f"agentorm.{index!r}"


def _index(context: AutogenContext, operation: IndexOp, *more: str) -> str:
    named = (operation.name, operation.table_name, operation.column_name)
    given = [*(repr(str(each)) for each in named), *more]
    given += _schema(operation.schema)
    given += [f"{operation.flag}=True"] if operation.asks else []
    return f"{_prefix(context)}{operation.verb}({', '.join(given)})"


@renderers.dispatch_for(AddVectorColumnOp)
def _add_vector_column(context: AutogenContext, operation: AddVectorColumnOp) -> list[str]:
    column = operation.column
    given = [repr(str(column.name)), _type(context, column.type), "nullable=False"]
    if column.comment is not None:
        given.append(f"comment={column.comment!r}")
    sqlalchemy = context.opts["sqlalchemy_module_prefix"] or ""
    arguments = [repr(str(operation.table_name)), f"{sqlalchemy}Column({', '.join(given)})"]
    arguments += [f"fill={operation.fill!r}", *_schema(operation.schema)]
    if operation.if_not_exists is not None:
        arguments.append(f"if_not_exists={operation.if_not_exists}")
    return [_EMBED, f"{_prefix(context)}add_vector_column({', '.join(arguments)})"]


@renderers.dispatch_for(ResizeVectorOp)
def _resize_vector(context: AutogenContext, operation: ResizeVectorOp) -> list[str]:
    given = [repr(str(operation.table_name)), repr(str(operation.column_name))]
    given.append(_type(context, operation.type))
    given.append(f"existing={_type(context, operation.existing)}")
    given.append(f"nullable={operation.nullable}")
    if operation.existing_nullable != operation.nullable:
        given.append(f"existing_nullable={operation.existing_nullable}")
    if operation.existing_comment is not None:
        given.append(f"existing_comment={operation.existing_comment!r}")
    if operation.fill is not None:
        given.append(f"fill={operation.fill!r}")
    given += _schema(operation.schema)
    call = f"{_prefix(context)}resize_vector({', '.join(given)})"
    if operation.type.dimension is None:
        return [call]
    return [_FORGOTTEN if operation.nullable else _EMBED_AGAIN, call]


def _type(context: AutogenContext, type_: TypeEngine[Any]) -> str:
    context.imports.add(IMPORT)
    return written(type_)


def _schema(schema: str | None) -> list[str]:
    return [] if schema is None else [f"schema={str(schema)!r}"]


def _prefix(context: AutogenContext) -> str:
    return context.opts["alembic_module_prefix"] or ""
