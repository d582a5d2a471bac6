"""How reading grows with the number of columns and with the dimension of the vectors."""

from __future__ import annotations

import types
from contextlib import ExitStack, closing
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Column, MetaData, Table, insert, select
from sqlalchemy.orm import Session, registry

from agentorm import Field, Vector, repository, vector_field
from tests.benchmarks.price.measuring import RAW, Step, Steps
from tests.benchmarks.price.peers.ours import OURS, reading
from tests.benchmarks.price.peers.raw import begun
from tests.benchmarks.price.peers.sqlalchemy_types import HABITS, own_engine
from tests.benchmarks.price.place import SEED, Place
from tests.benchmarks.price.tables import PriceBase
from tests.benchmarks.price.works import LONG, WIDE, Work

ORM = "SQLAlchemy ORM"
CONTENDERS = (RAW, OURS, ORM)
"""Who takes part where something grows."""
STORED = 500


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """A table for each size, dropped in the end."""
    connection = stack.enter_context(closing(place.driver.connect(place.db)))
    ours = stack.enter_context(place.db.session())
    orm = stack.enter_context(Session(own_engine(place, stack), expire_on_commit=False))
    found: dict[str, dict[str, Step]] = {name: {} for name in CONTENDERS}
    for work in (*WIDE, *LONG):
        model = wide(work.size) if work in WIDE else long(work.size)
        _stored(place, model, work, stack)
        found[RAW][work.name] = _raw(place, connection, model, work)
        found[OURS][work.name] = _ours(ours, model, work)
        found[ORM][work.name] = _orm(place, orm, work, stack)
    return {**found}


@cache
def wide(columns: int) -> type[Any]:
    """A table of so many columns of whole numbers, the key among them."""
    names = [f"c{n}" for n in range(1, columns)]
    return _declared(f"PriceWide{columns}", dict.fromkeys(names, int), {})


@cache
def long(dimension: int) -> type[Any]:
    """A table of keys and vectors."""
    name = f"PriceLong{dimension}"
    return _declared(name, {"embedding": Vector}, {"embedding": vector_field(dimension)})


def _declared(name: str, kinds: dict[str, type[Any]], fields: dict[str, Any]) -> type[Any]:
    body = {
        "__module__": __name__,
        "__annotations__": {"id": int, **kinds},
        "id": Field(primary_key=True),
        **fields,
    }
    return types.new_class(name, (PriceBase,), {"table": True}, lambda space: space.update(body))


def _stored(place: Place, model: type[Any], work: Work, stack: ExitStack) -> None:
    place.db.drop_all(model)
    place.db.create_all(model)
    stack.callback(place.db.drop_all, model)
    chance = np.random.default_rng(SEED)
    values = chance.normal(size=(STORED, work.size)).astype(np.float32)
    rows: list[dict[str, Any]] = [{"id": n} for n in range(1, STORED + 1)]
    for row, value in zip(rows, values, strict=True):
        if work in LONG:
            row["embedding"] = Vector(value)
        else:
            row |= {f"c{n}": int(value[n] * 1e6) for n in range(1, work.size)}
    with place.db.engine.begin() as connection:
        connection.execute(insert(model), rows)


def _columns(work: Work) -> list[str]:
    return ["id", "embedding"] if work in LONG else ["id", *(f"c{n}" for n in range(1, work.size))]


def _raw(place: Place, connection: Any, model: type[Any], work: Work) -> Step:
    cursor, driver = place.driver.cursor(connection), place.driver
    chosen = [driver.vector if name == "embedding" else name for name in _columns(work)]
    sql = (
        f"SELECT {', '.join(chosen)} FROM {model.__tablename__}"
        f" WHERE id > {driver.mark} ORDER BY id LIMIT {work.rows}"
    )

    def run() -> None:
        for start in work.starts:
            cursor.execute(sql, (start,))
            cursor.fetchall()

    return Step(run, begun(place, cursor), connection.rollback)


def _ours(session: Session, model: type[Any], work: Work) -> Step:
    rows = repository(model, session)

    def run() -> None:
        for start in work.starts:
            rows.where(model.id > start).order_by(model.id).limit(work.rows).all()

    return reading(session, run)


def _orm(place: Place, session: Session, work: Work, stack: ExitStack) -> Step:
    kinds: dict[str, Any] = {name: BigInteger() for name in _columns(work)}
    if work in LONG:
        kinds["embedding"] = HABITS[place.engine].vector(work.size)
    name = f"price{'long' if work in LONG else 'wide'}{work.size}"
    columns = [Column(each, kind, primary_key=each == "id") for each, kind in kinds.items()]
    mapping = registry()
    stack.callback(mapping.dispose)
    model: Any = type(name, (), {})
    mapping.map_imperatively(model, Table(name, MetaData(), *columns))

    def run() -> None:
        for start in work.starts:
            made = select(model).where(model.id > start).order_by(model.id).limit(work.rows)
            session.execute(made).scalars().all()

    return reading(session, run)
