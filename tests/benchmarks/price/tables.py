"""The rows that every contender reads and writes, as the library declares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple, TypedDict, get_type_hints

import numpy as np
from pydantic import BaseModel
from sqlalchemy.orm import registry

from agentorm import Entity, Field, Vector, vector_field
from tests.benchmarks.texts import texts

DIMENSION = 384
STORED, MOST = 2_000, 10_000
SCALARS = ("id", "name", "section", "installed_kib")
COLUMNS = (*SCALARS, "embedding")
SEARCHED = ("id", "bucket", "indexed_bucket", "title", "embedding")


class PriceBase(Entity, registry=registry()):
    """What the benchmark's tables derive from."""


class PriceRow(PriceBase, table=True):
    """A row that is read."""

    id: int = Field(primary_key=True)
    name: str
    section: str = Field(index=True)
    installed_kib: int
    embedding: Vector = vector_field(DIMENSION)


class PriceNew(PriceBase, table=True):
    """A row that is written, and never stays."""

    id: int = Field(primary_key=True)
    name: str
    section: str = Field(index=True)
    installed_kib: int
    embedding: Vector = vector_field(DIMENSION)


class Values(TypedDict):
    """A row by the names of its columns."""

    id: int
    name: str
    section: str
    installed_kib: int
    embedding: Vector


@dataclass
class Card:
    """A row without its vector."""

    id: int
    name: str
    section: str
    installed_kib: int


class CardTuple(NamedTuple):
    """The same as a tuple."""

    id: int
    name: str
    section: str
    installed_kib: int


class CardModel(BaseModel):
    """The same by pydantic."""

    id: int
    name: str
    section: str
    installed_kib: int


def card_struct() -> type[Any]:
    """The same by msgspec.

    Raises:
        ImportError: it is not installed.
    """
    made: Any = import_module("msgspec").defstruct
    kind: type[Any] = made("CardStruct", [*get_type_hints(Card).items()])
    return kind


def made_rows(count: int = MOST) -> Sequence[Values]:
    """Rows whose vectors are real embeddings, repeated where there are fewer."""
    embeddings = texts(count, 1).embeddings
    vectors = [Vector(each) for each in np.resize(embeddings, (count, DIMENSION))]
    return tuple(
        Values(
            id=n,
            name=f"package-{n}",
            section=f"section {n % 50}",
            installed_kib=n * 37 % 100_000,
            embedding=vector,
        )
        for n, vector in enumerate(vectors, 1)
    )
