"""Types that mean the same on every engine, for what reflection names in the words of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import JSON, Boolean, LargeBinary
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.types import TypeEngine

from agentorm import dialects
from agentorm.dialects import Dialect
from agentorm.json_types import JSONType
from agentorm.scalars import (
    BytesType,
    DateTimeType,
    DecimalType,
    DurationType,
    FloatType,
    IntegerType,
    NaiveDateTimeType,
    Portable,
    StringType,
    TimeType,
    UuidType,
)
from agentorm.types import VectorType
from agentorm.vectors import Kind

OURS = tuple(cast("list[type[Portable[Any]]]", Portable.__subclasses__()))
"""The types of the library; a subclass of one is of the user's."""


def neutral(found: TypeEngine[Any], dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
    """The type of ours that makes this very column on this engine; else the type as it is."""
    if isinstance(found, OURS):
        return found
    known = dialects.of(dialect)
    if not isinstance(found, JSON) and is_json(found, known):
        return JSONType()
    written = stored(found, dialect)
    for candidate in _candidates(found):
        if stored(candidate, dialect) == written:
            return candidate
    return found


def of_vectors(found: TypeEngine[Any]) -> TypeEngine[Any]:
    """Bits of PostgreSQL's own, which is what vectors of bits are stored as, as such vectors."""
    if isinstance(found, BIT) and found.length and not found.varying:
        return VectorType(found.length, Kind.BIT)
    return found


def is_json(found: TypeEngine[Any], known: Dialect) -> bool:
    """Whether a reflected column holds JSON, or the text that the engine keeps it in."""
    if isinstance(found, JSON):
        return True
    collation = getattr(found, "collation", None)
    return known.json_collation is not None and collation == known.json_collation


def stored(type_: TypeEngine[Any], dialect: SQLAlchemyDialect) -> str:
    """A type as reflection would name it."""
    written = type_.compile(dialect=dialect)
    names = dialects.of(dialect).stored_types
    return names.get(written, written).replace("NUMERIC(", "DECIMAL(")


def _candidates(found: TypeEngine[Any]) -> Iterator[TypeEngine[Any]]:
    length = getattr(found, "length", None)
    if isinstance(found, LargeBinary) or length is None or isinstance(length, int):
        yield from (StringType(length), BytesType(length), UuidType())
    if hasattr(found, "dim"):  # a vector of pgvector's own package
        size = getattr(found, "dim", None)
        yield from (VectorType(size, kind) for kind in Kind if kind is not Kind.BIT)
    precision, scale = getattr(found, "precision", None), getattr(found, "scale", None)
    if isinstance(precision, int) and isinstance(scale, int):
        yield DecimalType(precision, scale)
    yield from (Boolean(), IntegerType(), FloatType(), DateTimeType(), NaiveDateTimeType())
    yield from (TimeType(), DurationType(), JSONType())
