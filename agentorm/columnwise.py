"""Columns of values as the driver takes them, all at once where their types allow that.

What a type does value by value stays the rule: here is decided alone which values it would leave
as they are, or turn into bytes.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from math import isfinite
from operator import contains
from types import NoneType
from typing import Any, TypeAlias

from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.types import TypeEngine

from agentorm import dialects
from agentorm.dialects import Dialect
from agentorm.scalars import FloatType, IntegerType, StringType
from agentorm.types import VectorType
from agentorm.vectors import AnyVector, vector_class
from agentorm.vectors.dense import Dense

Process: TypeAlias = Callable[[Any], Any]
Kinds: TypeAlias = set[type[Any]]
Whole: TypeAlias = Callable[[Sequence[Any], Kinds], Sequence[Any] | None]
"""All values of a column, of these types, as the driver takes them; None: one by one."""

_LEAST, _LARGEST = -(2**63), 2**63 - 1


def whole(kind: TypeEngine[Any], dialect: SQLAlchemyDialect) -> Whole | None:
    """What does a column of this type at once, if anything does."""
    if type(kind) is VectorType:
        return _of_vectors(kind, dialect)
    implementation: Any = getattr(kind.dialect_impl(dialect), "impl_instance", None)
    if implementation is None or implementation.bind_processor(dialect) is not None:
        return None
    if type(kind) is StringType:
        return partial(_kept, str, partial(_are_texts, kind.length))
    if type(kind) is IntegerType:
        return partial(_kept, int, _are_integers)
    return partial(_kept, float, _are_floats) if type(kind) is FloatType else None


def single(kind: TypeEngine[Any], dialect: SQLAlchemyDialect, process: Process) -> Process:
    """What does one value of this type: at once, where the driver takes it as it is."""
    if whole(kind, dialect) is None:
        return process
    if isinstance(kind, VectorType):
        return partial(_vector, vector_class(kind.kind), _size(kind), dialects.of(dialect), process)
    if isinstance(kind, StringType):
        return partial(_text, sys.maxsize if kind.length is None else kind.length, process)
    return partial(_integer if isinstance(kind, IntegerType) else _float, process)


def _text(length: int, process: Process, value: Any) -> Any:
    if type(value) is str and value.isascii() and len(value) <= length and "\0" not in value:
        return value
    return process(value)


def _integer(process: Process, value: Any) -> Any:
    return value if type(value) is int and _LEAST <= value <= _LARGEST else process(value)


def _float(process: Process, value: Any) -> Any:
    return value if type(value) is float and isfinite(value) else process(value)


def _vector(exact: Any, size: int | None, engine: Dialect, process: Process, value: Any) -> Any:
    if type(value) is exact and size in {None, len(value.tobytes())}:
        return engine.encode(value)
    return process(value)


def _size(kind: VectorType) -> int | None:
    exact: Any = vector_class(kind.kind)
    return None if kind.dimension is None else kind.dimension * exact.packing.itemsize


def _kept(
    exact: type[Any], fit: Callable[[Sequence[Any]], bool], values: Sequence[Any], kinds: Kinds
) -> Sequence[Any] | None:
    if not kinds <= {exact, NoneType}:
        return None
    given = _given(values, kinds)
    return values if not given or fit(given) else None


def _given(values: Sequence[Any], kinds: Kinds) -> Sequence[Any]:
    return [value for value in values if value is not None] if NoneType in kinds else values


def _are_texts(length: int | None, values: Sequence[str]) -> bool:
    if length is not None and max(map(len, values)) > length:
        return False
    if True in map(contains, values, repeat("\0")):
        return False
    if all(map(str.isascii, values)):
        return True
    try:
        deque(map(str.encode, values), maxlen=0)
    except UnicodeEncodeError:
        return False
    return True


def _are_integers(values: Sequence[int]) -> bool:
    return min(values) >= _LEAST and max(values) <= _LARGEST


def _are_floats(values: Sequence[float]) -> bool:
    return all(map(isfinite, values))


def _of_vectors(kind: VectorType, dialect: SQLAlchemyDialect) -> Whole | None:
    exact: Any = vector_class(kind.kind)
    if not issubclass(exact, Dense):
        return None
    encode = dialects.of(dialect).encode_all
    size = _size(kind)

    def made(values: Sequence[Any], kinds: Kinds) -> Sequence[Any] | None:
        if not kinds <= {exact, NoneType}:
            return None
        given: Sequence[AnyVector] = _given(values, kinds)
        if size is not None and any(len(value.tobytes()) != size for value in given):
            return None
        encoded = encode(given) if given else ()
        if len(given) == len(values):
            return encoded
        rest = iter(encoded)
        return [None if value is None else next(rest) for value in values]

    return made
