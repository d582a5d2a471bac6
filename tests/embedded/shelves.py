"""Tables whose vectors an index in the process follows: of each kind of key, by each metric."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.orm import registry

from agentorm import HNSW, Database, Entity, Field, IVFFlat, Vector, repository, vector_field

DIMENSION = 4


class Shelf(Entity, registry=registry()):
    """What all of them derive from; a registry of their own keeps them apart from other tests."""


class ByNumber(Shelf, table=True):
    id: int | None = Field(default=None, primary_key=True)
    n: int = 0
    slot: int | None = Field(default=None, unique=True)
    embedding: Vector | None = vector_field(DIMENSION, default=None, index=HNSW())


class ByName(Shelf, table=True):
    name: str = Field(primary_key=True)
    n: int = 0
    slot: int | None = Field(default=None, unique=True)
    embedding: Vector | None = vector_field(DIMENSION, default=None, metric="l2", index=HNSW())


class ByUid(Shelf, table=True):
    uid: UUID = Field(primary_key=True)
    n: int = 0
    slot: int | None = Field(default=None, unique=True)
    embedding: Vector | None = vector_field(
        DIMENSION, default=None, metric="inner_product", index=IVFFlat(lists=2)
    )


class ByPair(Shelf, table=True):
    shelf: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    n: int = 0
    slot: int | None = Field(default=None, unique=True)
    embedding: Vector | None = vector_field(DIMENSION, default=None, metric="l2", index=HNSW())


SHELVES: tuple[type[Shelf], ...] = (ByNumber, ByName, ByUid, ByPair)


def table_of(model: type[Any]) -> Table:
    table: Table = model.__table__
    return table


def key_values(model: type[Any], number: int) -> dict[str, Any]:
    """The key that stands for a number, by the names of its columns."""
    made: dict[str, Any] = {
        "id": number,
        "name": f"k{number}",
        "rowid": f"k{number}",
        "uid": UUID(int=number % 2**128),
        "shelf": "ab"[number % 2],
        "place": number,
    }
    return {str(column.name): made[str(column.name)] for column in table_of(model).primary_key}


def vector_of(number: int) -> list[float]:
    """Another one for each of a hundred numbers, and the same again."""
    return [float((number * step) % 101 - 50) for step in (1, 7, 31, 57)]


def filled(db: Database, model: type[Any], numbers: Iterable[int]) -> None:
    repository(model, db).add_all(
        model(**key_values(model, number), n=number % 4, embedding=vector_of(number))
        for number in numbers
    )
