"""Django's ORM, without a project."""

from __future__ import annotations

from collections.abc import Callable
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

BACKENDS = {"sqlite": "sqlite3", "postgresql": "postgresql"}
_models: dict[str, Any] = {}


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """Models on the tables, and the connection of this thread for the whole run."""
    if place.engine not in BACKENDS:
        raise LeftOut("its MySQL backend takes mysqlclient, and the others PyMySQL")
    connection = _connected(place, stack)
    read, new = (_model(place, name) for name in ("pricerow", "pricenew"))
    return {"Django": _reads(place, connection, read) | _writes(place, connection, new)}


def _connected(place: Place, stack: ExitStack) -> Any:
    django, conf, db = (import_module(n) for n in ("django", "django.conf", "django.db"))
    if not conf.settings.configured:
        conf.settings.configure(DATABASES={"default": {}}, DEFAULT_AUTO_FIELD="", USE_TZ=True)
        django.setup()
    url = place.db.url
    options = {
        "ENGINE": f"django.db.backends.{BACKENDS[place.engine]}",
        "NAME": url.database,
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "HOST": url.host or "",
        "PORT": url.port or "",
    }
    db.connections.settings[place.engine] = db.connections.configure_settings(
        {"default": {}, place.engine: options}
    )[place.engine]
    connection = db.connections[place.engine]
    connection.set_autocommit(False)
    stack.callback(connection.close)
    return connection


def _model(place: Place, table: str) -> Any:
    models = import_module("django.db.models")
    name = f"Django{place.engine}{table}"
    vector = models.BinaryField()
    if place.engine == "postgresql":
        vector = import_module("pgvector.django").VectorField(dimensions=DIMENSION)
    fields = {
        "__module__": __name__,
        "Meta": type("Meta", (), {"app_label": "price", "db_table": table, "managed": False}),
        "id": models.BigIntegerField(primary_key=True),
        "name": models.TextField(),
        "section": models.TextField(),
        "installed_kib": models.BigIntegerField(),
        "embedding": vector,
    }
    if name not in _models:
        _models[name] = type(name, (models.Model,), fields)
    return _models[name]


def _reads(place: Place, connection: Any, model: Any) -> dict[str, Step]:
    read = model.objects.using(place.engine)

    def get() -> None:
        for key in place.keys[: GET.repeats]:
            read.get(pk=key)

    def one() -> None:
        for key in place.keys[: ONE_BUILT.repeats]:
            read.filter(pk=key).values_list(*SCALARS, named=True).get()

    def fifty() -> None:
        for start in FIFTY.starts:
            list(read.filter(pk__gt=start).order_by("pk")[: FIFTY.rows])

    def fifty_models() -> None:
        for start in FIFTY.starts:
            made = read.filter(pk__gt=start).order_by("pk")
            list(made.values_list(*SCALARS, named=True)[: FIFTY.rows])

    runs = {GET: get, ONE_BUILT: one, FIFTY: fifty, FIFTY_MODELS: fifty_models}
    return {
        work.name: Step(run, connection.ensure_connection, connection.rollback)
        for work, run in runs.items()
    }


def _writes(place: Place, connection: Any, model: Any) -> dict[str, Step]:
    encode = np.asarray if place.engine == "postgresql" else Vector.tobytes
    new, made = model.objects.using(place.engine), list[Any]()

    def one_by_one() -> None:
        for entity in made:
            entity.save(force_insert=True, using=place.engine)

    def at_once() -> None:
        new.bulk_create(made)

    def after() -> None:
        connection.rollback()
        made.clear()
        place.empty()

    def of(count: int, run: Callable[[], object]) -> Step:
        def before() -> None:
            new.filter(pk=0).delete()
            rows = place.rows[:count]
            made[:] = [model(**row | {"embedding": encode(row["embedding"])}) for row in rows]

        return Step(run, before, after)

    return {
        INSERT.name: of(INSERT.repeats, one_by_one),
        BULK_1K.name: of(BULK_1K.rows, at_once),
        BULK_10K.name: of(BULK_10K.rows, at_once),
    }
