"""Vectors over psycopg's binary protocol, in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from psycopg import AsyncServerCursor
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo
from sqlalchemy import types as sqltypes

from agentorm.dialects.postgresql_types import VECTOR, TextByCodePoint
from agentorm.dialects.postgresql_wire import NAMES, from_text, from_wire, to_wire
from agentorm.vectors import AnyVector, Kind, vector_class

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SAFE_IN_BINARY = (
    sqltypes.Integer,
    sqltypes.Numeric,
    sqltypes.Float,
    sqltypes.String,
    sqltypes.Boolean,
    sqltypes.LargeBinary,
    sqltypes.Uuid,
    sqltypes.Date,
    sqltypes.Time,
    sqltypes.DateTime,
    sqltypes.JSON,
)
BINARY = "agentorm_binary"
"""The execution option of a text whose rows come in binary form."""
_binary_statements: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


class VectorDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: AnyVector) -> Buffer:
        return to_wire(obj)


class VectorBinaryLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> AnyVector:
        return from_wire(data)


class VectorTextLoader(Loader):
    format = Format.TEXT
    kind: ClassVar[Kind] = Kind.FLOAT32

    def load(self, data: Buffer) -> AnyVector:
        return from_text(bytes(data).decode(), self.kind)


class HalfBinaryLoader(VectorBinaryLoader):
    def load(self, data: Buffer) -> AnyVector:
        return from_wire(data, Kind.FLOAT16)


class HalfTextLoader(VectorTextLoader):
    kind = Kind.FLOAT16


class SparseBinaryLoader(VectorBinaryLoader):
    def load(self, data: Buffer) -> AnyVector:
        return from_wire(data, Kind.SPARSE)


class SparseTextLoader(VectorTextLoader):
    kind = Kind.SPARSE


_LOADERS: dict[Kind, tuple[type[Loader], type[Loader]]] = {
    Kind.FLOAT32: (VectorBinaryLoader, VectorTextLoader),
    Kind.FLOAT16: (HalfBinaryLoader, HalfTextLoader),
    Kind.SPARSE: (SparseBinaryLoader, SparseTextLoader),
}


class LostServerCursor(AsyncServerCursor[Any]):
    """A named cursor that knows that nobody can close it once its connection is gone."""

    def __del__(self, *warn: Any) -> None:
        if not self.connection.closed:
            super().__del__(*warn)


def expect_cancelling(connection: Any) -> None:
    """Where a cancelled task loses the connection, let it lose the stream without a warning."""
    if getattr(connection, "server_cursor_factory", None) is AsyncServerCursor:
        connection.server_cursor_factory = LostServerCursor


def register_vectors(connection: Any, oids: Sequence[int]) -> None:
    """Teach one psycopg connection the types of vectors; done again, it changes nothing.

    PostgreSQL's own bits are read as they always were: a column of ours knows what they are.

    Args:
        connection: psycopg's own.
        oids: of each type in `NAMES` its oid and that of its array, 0 for one that is not
            created yet: such vectors can be sent, and come back as text.
    """
    pairs = [*zip(oids[::2], oids[1::2], strict=True)] or [(0, 0)] * len(NAMES)
    for (kind, name), (oid, array_oid) in zip(NAMES.items(), pairs, strict=True):
        dumper = type("VectorDumper", (VectorDumper,), {"oid": oid})
        connection.adapters.register_dumper(vector_class(kind), dumper)
        if oid and kind is not Kind.BIT:
            TypeInfo(name, oid, array_oid).register(connection)
            for loader in _LOADERS[kind]:
                connection.adapters.register_loader(oid, loader)


def binary_when_vectors_return(
    conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> tuple[str, Any]:
    """Ask for binary results when a vector is among them and no type would be hurt by it.

    Types that psycopg does not know, native enums among them, come back as undecoded bytes in
    binary: a statement that returns one keeps text, which is slower and as exact.
    """
    if context is not None and _wants_binary(context):
        getattr(cursor, "_cursor", cursor).format = Format.BINARY
    return statement, parameters


def _wants_binary(context: Any) -> bool:
    compiled = getattr(context, "compiled", None)
    if compiled is None:
        return bool(context.execution_options.get(BINARY))
    binary = _binary_statements.get(compiled)
    if binary is None:
        binary = _binary_statements[compiled] = returns_vectors(compiled, context.dialect)
    return binary


def returns_vectors(compiled: Any, dialect: Any) -> bool:
    """Whether vectors are among the columns of a select, and no other type would be hurt."""
    columns = getattr(compiled, "_result_columns", None) or ()
    kinds = [column.type.dialect_impl(dialect) for column in columns]
    kinds = [getattr(kind, "impl_instance", kind) for kind in kinds]
    vectors = [kind for kind in kinds if isinstance(kind, VECTOR)]
    return bool(vectors) and all(map(_is_safe, kinds))


def _is_safe(kind: Any) -> bool:
    if isinstance(kind, sqltypes.Enum):
        return not kind.native_enum
    return isinstance(kind, (VECTOR, TextByCodePoint, *_SAFE_IN_BINARY))
