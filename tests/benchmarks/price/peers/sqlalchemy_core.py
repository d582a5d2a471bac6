"""SQLAlchemy Core, on a held connection: statements built per call, and built beforehand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select

from tests.benchmarks.price.measuring import Step, Steps
from tests.benchmarks.price.peers.sqlalchemy_types import HABITS, Tables, given, own_engine
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.tables import SCALARS
from tests.benchmarks.price.works import (
    BULK_1K,
    BULK_10K,
    FIFTY,
    FIFTY_MODELS,
    GET,
    INSERT,
    ONE_BUILT,
    ONE_PREPARED,
    SEARCHES,
    Work,
)

CORE, PREBUILT = "SQLAlchemy Core", "SQLAlchemy Core, prebuilt"


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """One connection for the whole run."""
    connection = stack.enter_context(own_engine(place, stack).connect())
    tables = Tables(place)
    built = _reads(place, connection, tables.read) | _writes(place, connection, tables.new)
    return {
        CORE: built | _searches(place, connection, tables.searched),
        PREBUILT: _prebuilt(place, connection, tables.read),
    }


def _read(connection: Connection, run: Callable[[], object]) -> Step:
    return Step(run, lambda: connection.exec_driver_sql("SELECT 1").all(), connection.rollback)


def _reads(place: Place, connection: Connection, table: Table) -> dict[str, Step]:
    scalars = [table.c[name] for name in SCALARS]

    def get() -> None:
        for key in place.keys[: GET.repeats]:
            connection.execute(select(table).where(table.c.id == key)).first()

    def one() -> None:
        for key in place.keys[: ONE_BUILT.repeats]:
            connection.execute(select(*scalars).where(table.c.id == key)).first()

    def fifty(columns: list[Any]) -> Callable[[], None]:
        def run() -> None:
            for start in FIFTY.starts:
                made = select(*columns).where(table.c.id > start).order_by(table.c.id)
                connection.execute(made.limit(FIFTY.rows)).all()

        return run

    runs = {
        GET: get,
        ONE_BUILT: one,
        FIFTY: fifty([*table.columns]),
        FIFTY_MODELS: fifty(scalars),
    }
    return {work.name: _read(connection, run) for work, run in runs.items()}


def _prebuilt(place: Place, connection: Connection, table: Table) -> dict[str, Step]:
    def of(*columns: Any) -> Step:
        made = select(*columns).where(table.c.id == bindparam("key"))

        def run() -> None:
            for key in place.keys[: GET.repeats]:
                connection.execute(made, {"key": key}).first()

        return _read(connection, run)

    return {GET.name: of(table), ONE_PREPARED.name: of(*(table.c[name] for name in SCALARS))}


def _writes(place: Place, connection: Connection, table: Table) -> dict[str, Step]:
    rows = given(place, [*place.rows])

    def one_by_one() -> None:
        for row in rows[: INSERT.repeats]:
            connection.execute(table.insert().values(row))

    def after() -> None:
        connection.rollback()
        place.empty()

    def step(run: Callable[[], object]) -> Step:
        return Step(run, lambda: connection.execute(table.delete().where(table.c.id == 0)), after)

    def at_once(work: Work) -> Step:
        return step(lambda: connection.execute(table.insert(), rows[: work.rows]))

    return {
        INSERT.name: step(one_by_one),
        BULK_1K.name: at_once(BULK_1K),
        BULK_10K.name: at_once(BULK_10K),
    }


def _searches(place: Place, connection: Connection, table: Table | None) -> dict[str, Step]:
    habits = HABITS[place.engine]
    distance = habits.distance
    if table is None or distance is None:
        return {}
    asked = [habits.given(query) for query in place.queries]

    def of(work: Work) -> Step:
        def run() -> None:
            for query in asked[: work.repeats]:
                apart = distance(table.c.embedding, query)
                made = select(table, apart.label("distance")).order_by(apart).limit(work.rows)
                connection.execute(made).all()

        return _read(connection, run)

    return {work.name: of(work) for work in SEARCHES}
