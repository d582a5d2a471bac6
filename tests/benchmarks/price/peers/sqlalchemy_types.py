"""What SQLAlchemy's own users write for a table with vectors on each engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Table,
    cast,
    create_engine,
    func,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from agentorm import Vector
from agentorm.dialects import sqlite_vec
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.tables import DIMENSION, SCALARS, SEARCHED, Values


class CastBinary(TypeDecorator[bytes]):
    """MySQL's vectors, which PyMySQL reads as bytes only."""

    impl = LargeBinary
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(column, LargeBinary)


def _pgvector(dimension: int) -> TypeEngine[Any]:
    from pgvector.sqlalchemy import VECTOR

    kind: TypeEngine[Any] = VECTOR(dimension)
    return kind


def _bytes(dimension: int) -> TypeEngine[Any]:
    return LargeBinary()


def _cast(dimension: int) -> TypeEngine[Any]:
    return CastBinary()


@dataclass(frozen=True)
class Habits:
    """How SQLAlchemy is used with an engine's vectors.

    Attributes:
        vector: the type of the column, by its dimension.
        given: a vector as a value of that type.
        distance: the expression of the distance; None where the engine computes none.
        opened: a connection that computes distances, where the driver's own does not.
    """

    vector: Callable[[int], TypeEngine[Any]] = _bytes
    given: Callable[[Vector], object] = Vector.tobytes
    distance: Callable[[Any, object], ColumnElement[Any]] | None = None
    opened: Callable[[str], Any] | None = None


def _with_sqlite_vec(path: str) -> Any:
    return sqlite_vec.best_way().connect(path, check_same_thread=False)


HABITS: Mapping[str, Habits] = {
    "sqlite": Habits(distance=func.vec_distance_cosine, opened=_with_sqlite_vec),
    "postgresql": Habits(
        vector=_pgvector,
        given=np.asarray,
        distance=lambda column, vector: column.cosine_distance(vector),
    ),
    "mariadb": Habits(distance=func.VEC_DISTANCE_COSINE),
    "mysql": Habits(vector=_cast),
}
"""By the name of the dialect."""


@dataclass(frozen=True)
class Tables:
    """The tables that the library has made, as SQLAlchemy alone is told of them."""

    place: Place
    metadata: MetaData = field(default_factory=MetaData)

    def __post_init__(self) -> None:
        self.of("pricerow", SCALARS)
        self.of("pricenew", SCALARS)
        if self.place.searched is not None:
            self.of(str(self.place.searched.__tablename__), SEARCHED[:-1])

    def of(self, name: str, scalars: tuple[str, ...]) -> Table:
        """A table with a vector; the columns of text are those whose name says so."""
        columns = [
            Column(scalar, String(255) if scalar in {"name", "section", "title"} else BigInteger)
            for scalar in scalars[1:]
        ]
        key = Column("id", BigInteger, primary_key=True, autoincrement=False)
        vector = Column("embedding", HABITS[self.place.engine].vector(DIMENSION))
        return Table(name, self.metadata, key, *columns, vector)

    @property
    def read(self) -> Table:
        return self.metadata.tables["pricerow"]

    @property
    def new(self) -> Table:
        return self.metadata.tables["pricenew"]

    @property
    def searched(self) -> Table | None:
        model = self.place.searched
        return None if model is None else self.metadata.tables[str(model.__tablename__)]


def own_engine(place: Place, stack: ExitStack) -> Engine:
    """An engine that the library knows nothing of."""
    url, opened = place.db.url, HABITS[place.engine].opened
    options = {} if opened is None else {"creator": partial(opened, str(url.database))}
    engine = create_engine(url, **options)
    stack.callback(engine.dispose)
    return engine


def given(place: Place, rows: list[Values]) -> list[dict[str, Any]]:
    """The rows with vectors as SQLAlchemy's types want them."""
    vector = HABITS[place.engine].given
    return [{**row, "embedding": vector(row["embedding"])} for row in rows]
