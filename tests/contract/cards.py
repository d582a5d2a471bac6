"""What chunks are read into: the same fields as each kind of class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from agentorm import Entity


@dataclass
class Card:
    id: int
    body: str
    distance: float


@dataclass(frozen=True, slots=True)
class FrozenCard:
    distance: float
    id: int
    body: str
    seen: bool = False


@dataclass(kw_only=True)
class NamedCard:
    id: int
    distance: float
    body: str


class TupleCard(NamedTuple):
    id: int
    body: str
    distance: float = -1.0


class StructCard(msgspec.Struct, frozen=True, rename="camel"):
    id: int
    distance: float
    body: str


class NamedStructCard(msgspec.Struct, kw_only=True):
    seen: bool = False
    id: int
    body: str
    distance: float


class ModelCard(BaseModel):
    model_config = ConfigDict(frozen=True)
    id: int
    body: str = Field(alias="text")
    distance: float
    notes: list[str] = Field(default_factory=list)


class EntityCard(Entity):
    id: int
    body: str
    distance: float


KINDS: list[type[Any]] = [
    Card,
    FrozenCard,
    NamedCard,
    TupleCard,
    StructCard,
    NamedStructCard,
    ModelCard,
    EntityCard,
]


def told(card: Any) -> tuple[int, str, float]:
    """What each of them holds."""
    return card.id, card.body, card.distance
