"""peewee: its models over a held connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import numpy as np

from agentorm import Vector
from tests.benchmarks.price.measuring import Step, Steps
from tests.benchmarks.price.peers.leaving_out import LeftOut
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.tables import DIMENSION, SCALARS
from tests.benchmarks.price.works import (
    BULK_1K,
    BULK_10K,
    FIFTY,
    FIFTY_MODELS,
    GET,
    INSERT,
    ONE_BUILT,
)

ROWS_AT_ONCE = 1_000


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """Models on the tables, and a connection for the whole run."""
    peewee = import_module("peewee")
    if place.engine not in OPENED:
        raise LeftOut("PyMySQL reads a column of MySQL's vectors only by a cast, which it has not")
    database = OPENED[place.engine](peewee, place)
    database.connect()
    stack.callback(database.close)
    read, new = (_model(peewee, database, place, name) for name in ("pricerow", "pricenew"))
    return {"peewee": _reads(place, database, read) | _writes(place, database, new)}


def _on_mysql(peewee: Any, place: Place) -> Any:
    url = place.db.url
    options = {"host": url.host, "port": url.port, "user": url.username, "charset": "utf8mb4"}
    password = {"password": url.password} if url.password else {}
    return peewee.MySQLDatabase(url.database, **options, **password)


def _on_postgresql(peewee: Any, place: Place) -> Any:
    url = place.db.url
    options = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    return peewee.PostgresqlDatabase(url.database, prefer_psycopg3=True, **options)


OPENED: Mapping[str, Callable[[Any, Place], Any]] = {
    "sqlite": lambda peewee, place: peewee.SqliteDatabase(place.db.url.database),
    "postgresql": _on_postgresql,
    "mariadb": _on_mysql,
}


def _model(peewee: Any, database: Any, place: Place, table: str) -> Any:
    meta = type("Meta", (), {"database": database, "table_name": table})
    vector = peewee.BlobField()
    if place.engine == "postgresql":
        vector = import_module("pgvector.peewee").VectorField(dimensions=DIMENSION)
    fields = {
        "Meta": meta,
        "id": peewee.IntegerField(primary_key=True),
        "name": peewee.TextField(),
        "section": peewee.TextField(),
        "installed_kib": peewee.IntegerField(),
        "embedding": vector,
    }
    return type(f"Peewee{table}", (peewee.Model,), fields)


def _reads(place: Place, database: Any, read: Any) -> dict[str, Step]:
    scalars = [getattr(read, name) for name in SCALARS]

    def get() -> None:
        for key in place.keys[: GET.repeats]:
            read.get_by_id(key)

    def one() -> None:
        for key in place.keys[: ONE_BUILT.repeats]:
            read.select(*scalars).where(read.id == key).namedtuples().get()

    def fifty() -> None:
        for start in FIFTY.starts:
            list(read.select().where(read.id > start).order_by(read.id).limit(FIFTY.rows))

    def fifty_models() -> None:
        for start in FIFTY.starts:
            made = read.select(*scalars).where(read.id > start).order_by(read.id)
            list(made.limit(FIFTY.rows).namedtuples())

    runs = {GET: get, ONE_BUILT: one, FIFTY: fifty, FIFTY_MODELS: fifty_models}
    return {work.name: Step(run, database.begin, database.rollback) for work, run in runs.items()}


def _writes(place: Place, database: Any, new: Any) -> dict[str, Step]:
    encode = np.asarray if place.engine == "postgresql" else Vector.tobytes
    made = list[Any]()

    def one_by_one() -> None:
        for entity in made:
            entity.save(force_insert=True)

    def at_once() -> None:
        new.bulk_create(made, batch_size=ROWS_AT_ONCE)

    def after() -> None:
        database.rollback()
        made.clear()
        place.empty()

    def of(count: int, run: Callable[[], object]) -> Step:
        def before() -> None:
            database.begin()
            new.delete().where(new.id == 0).execute()
            rows = place.rows[:count]
            made[:] = [new(**row | {"embedding": encode(row["embedding"])}) for row in rows]

        return Step(run, before, after)

    return {
        INSERT.name: of(INSERT.repeats, one_by_one),
        BULK_1K.name: of(BULK_1K.rows, at_once),
        BULK_10K.name: of(BULK_10K.rows, at_once),
    }
