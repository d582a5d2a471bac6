"""Vectors over psycopg's binary protocol, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from psycopg import AsyncServerCursor
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo
from sqlalchemy import types as sqltypes

from agentorm.dialects.postgresql_types import VECTOR, TextByCodePoint, from_wire, to_wire
from agentorm.vectors import PACKED, Vector

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
_binary_statements: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


class VectorDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Vector) -> Buffer:
        return to_wire(obj)


class VectorBinaryLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Vector:
        return from_wire(data)


class VectorTextLoader(Loader):
    format = Format.TEXT

    def load(self, data: Buffer) -> Vector:
        components = bytes(data)[1:-1].split(b",")
        return Vector.trusted(np.array(components, dtype=PACKED).tobytes())


class LostServerCursor(AsyncServerCursor[Any]):
    """A named cursor that knows that nobody can close it once its connection is gone."""

    def __del__(self, *warn: Any) -> None:
        if not self.connection.closed:
            super().__del__(*warn)


def expect_cancelling(connection: Any) -> None:
    """Where a cancelled task loses the connection, let it lose the stream without a warning."""
    if getattr(connection, "server_cursor_factory", None) is AsyncServerCursor:
        connection.server_cursor_factory = LostServerCursor


def register_vectors(connection: Any, oid: int, array_oid: int) -> None:
    """Teach one psycopg connection the type with this oid; done again, it changes nothing.

    An oid of 0 stands for a type that is not created yet: vectors can be sent, and what comes
    back is text.
    """
    dumper = type("VectorDumper", (VectorDumper,), {"oid": oid})
    connection.adapters.register_dumper(Vector, dumper)
    if not oid:
        return
    TypeInfo("vector", oid, array_oid).register(connection)
    connection.adapters.register_loader(oid, VectorBinaryLoader)
    connection.adapters.register_loader(oid, VectorTextLoader)


def binary_when_vectors_return(
    conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    """Ask for binary results when a vector is among them and no type would be hurt by it.

    Types that psycopg does not know, native enums among them, come back as undecoded bytes in
    binary: a statement that returns one keeps text, which is slower and as exact.
    """
    compiled = getattr(context, "compiled", None)
    if compiled is None:
        return
    binary = _binary_statements.get(compiled)
    if binary is None:
        binary = _binary_statements[compiled] = _returns_vectors(compiled, context.dialect)
    if binary:
        getattr(cursor, "_cursor", cursor).format = Format.BINARY


def _returns_vectors(compiled: Any, dialect: Any) -> bool:
    columns = getattr(compiled, "_result_columns", None) or ()
    kinds = [column.type.dialect_impl(dialect) for column in columns]
    kinds = [getattr(kind, "impl_instance", kind) for kind in kinds]
    vectors = [kind for kind in kinds if isinstance(kind, VECTOR)]
    return bool(vectors) and all(map(_is_safe, kinds))


def _is_safe(kind: Any) -> bool:
    if isinstance(kind, sqltypes.Enum):
        return not kind.native_enum
    return isinstance(kind, (VECTOR, TextByCodePoint, *_SAFE_IN_BINARY))
