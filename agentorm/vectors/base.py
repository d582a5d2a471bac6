"""What vectors of every kind share: immutable values, packed into bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, SupportsFloat, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from typing_extensions import Buffer

from agentorm.errors import InvalidVector
from agentorm.vectors.metrics import Kind


class AnyVector(ABC):
    """A vector of any kind. Two are equal when they are of one kind and hold the same bits.

    Attributes:
        kind: what one component is.
        packing: what numpy calls a unit of the packed bytes.
    """

    __slots__ = ("__weakref__", "_packed")
    kind: ClassVar[Kind]
    packing: ClassVar[np.dtype[Any]]
    _packed: bytes

    @classmethod
    @abstractmethod
    def stored(cls, packed: bytes, dimension: int | None) -> Self:
        """The vector of bytes that a column holds, which were checked when they were written.

        Raises:
            InvalidVector: the column holds bytes of another length.
        """

    @classmethod
    def reader(cls, dimension: int | None) -> Callable[[Any], Self] | None:  # noqa: ARG003
        """What does as `stored` for many vectors of one dimension; None where nothing is faster."""
        return None

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    def dimension(self) -> int:
        """How many components it has."""
        return len(self)

    @property
    def is_zero(self) -> bool:
        """Whether every component is 0."""
        return not np.frombuffer(self._packed, self.packing).any()

    def tobytes(self) -> bytes:
        """The packed components, as `from_bytes` takes them."""
        return self._packed

    @abstractmethod
    def to_json(self) -> Any:
        """The vector in JSON."""

    @classmethod
    @abstractmethod
    def json_schema(cls, dimension: int | None = None) -> JsonSchemaValue:
        """The schema of `to_json`, for vectors of this dimension."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AnyVector):
            return NotImplemented
        same_kind = self.kind is other.kind
        return same_kind and self._packed == other._packed and len(self) == len(other)

    def __hash__(self) -> int:
        return hash(self._packed)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls,
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls.to_json, when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return cls.json_schema()


def listed(item: JsonSchemaValue, dimension: int | None) -> JsonSchemaValue:
    """The schema of a list of so many of these."""
    array: JsonSchemaValue = {"type": "array", "items": item}
    size = {} if dimension is None else {"minItems": dimension, "maxItems": dimension}
    return array | size


VectorLike: TypeAlias = (
    AnyVector
    | Sequence[SupportsFloat]
    | Mapping[int, SupportsFloat]
    | NDArray[Any]
    | Buffer
    | ArrayLike
)
"""Whatever is accepted where a vector is due; a mapping, where a sparse one is."""


def numbers(values: Any, owner: type[AnyVector], *, kinds: str = "fiu") -> NDArray[Any]:
    """The values as numbers along one axis.

    Args:
        values: whatever holds them.
        owner: the class that they are for.
        kinds: what numpy may call them by one letter: float, signed, unsigned, bool.

    Raises:
        InvalidVector: no numbers, none at all, or of several axes.
    """
    if isinstance(values, str | bytes | bytearray):
        raise InvalidVector(
            f"expected numbers, got {type(values).__name__}",
            hint=f"{owner.__name__}.from_bytes() reads packed {owner.kind}",
        )
    try:
        given = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InvalidVector(f"expected numbers along one axis: {error}") from error
    if given.ndim == 0:
        raise InvalidVector(f"expected numbers along one axis, got {type(values).__name__}")
    if given.ndim != 1:
        raise InvalidVector(f"expected one axis, got {type(values).__name__} of {given.ndim} axes")
    if given.size == 0:
        raise InvalidVector("a vector has at least one component")
    if given.dtype.kind not in kinds:
        raise InvalidVector(f"expected numbers, got {_odd_component(values)}")
    return given


def finite(given: NDArray[Any], packing: np.dtype[Any]) -> bytes:
    """The numbers, each rounded to the nearest that this floating type holds.

    Raises:
        InvalidVector: one is NaN, or infinite in this type.
    """
    with np.errstate(over="ignore"):
        packed = given.astype(packing)
    if not np.isfinite(packed).all():
        place = int(np.flatnonzero(~np.isfinite(packed))[0])
        problem = f"component {place} is {given[place]}, which is no finite {packing.name}"
        raise InvalidVector(problem)
    return packed.tobytes()


def _odd_component(values: Any) -> str:
    for place, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, SupportsFloat):
            return f"{type(value).__name__} as component {place}"
    return f"components of {np.asarray(values).dtype}"
