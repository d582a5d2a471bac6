"""The baseline: SQL by hand through the driver, tuples back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Any

from agentorm import Vector
from tests.benchmarks.price.measuring import RAW, Step, Steps
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.tables import COLUMNS, SCALARS, SEARCHED
from tests.benchmarks.price.works import (
    AT_ONCE,
    FIFTY,
    FIFTY_MODELS,
    GET,
    GET_ALONE,
    GROWN_READS,
    GROWN_SEARCHES,
    INSERT,
    ONE_BUILT,
    ONE_PREPARED,
    SEARCHES,
    Work,
)


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """One connection and one cursor, held for the whole run."""
    connection = stack.enter_context(closing(place.driver.connect(place.db)))
    cursor = place.driver.cursor(connection)
    steps = _reads(place, connection, cursor) | _writes(place, connection, cursor)
    steps |= _searches(place, connection, cursor)
    sides: dict[str, Steps] = {RAW: steps}
    if copying := getattr(cursor, "copy", None):
        sides[f"{RAW}, COPY"] = _copies(place, connection, copying)
    return sides


def tuples(place: Place) -> list[tuple[int, str, str, int, Vector]]:
    """The rows as values that are not yet encoded for the driver."""
    return [
        (row["id"], row["name"], row["section"], row["installed_kib"], row["embedding"])
        for row in place.rows
    ]


def selecting(place: Place, columns: Sequence[str], rest: str) -> str:
    """A statement with the driver's placeholders."""
    chosen = [place.driver.vector if name == "embedding" else name for name in columns]
    return f"SELECT {', '.join(chosen)} FROM pricerow {rest.format(mark=place.driver.mark)}"


def begun(place: Place, cursor: Any) -> Callable[[], None]:
    """What begins a transaction that reads."""

    def before() -> None:
        if place.driver.begin is not None:
            cursor.execute("BEGIN")
        cursor.execute("SELECT 1")
        cursor.fetchall()

    return before


def inserting(place: Place) -> str:
    marks = ", ".join([place.driver.mark] * len(COLUMNS))
    return f"INSERT INTO pricenew ({', '.join(COLUMNS)}) VALUES ({marks})"


def _reads(place: Place, connection: Any, cursor: Any) -> dict[str, Step]:
    def one(columns: Sequence[str], keys: Sequence[int]) -> Callable[[], None]:
        sql = selecting(place, columns, "WHERE id = {mark}")

        def run() -> None:
            for key in keys:
                cursor.execute(sql, (key,))
                cursor.fetchone()

        return run

    def several(work: Work, columns: Sequence[str] = COLUMNS) -> Callable[[], None]:
        sql = selecting(place, columns, f"WHERE id > {{mark}} ORDER BY id LIMIT {work.rows}")

        def run() -> None:
            for start in work.starts:
                cursor.execute(sql, (start,))
                cursor.fetchall()

        return run

    runs = {
        GET.name: one(COLUMNS, place.keys[: GET.repeats]),
        ONE_PREPARED.name: one(SCALARS, place.keys[: ONE_PREPARED.repeats]),
        ONE_BUILT.name: one(SCALARS, place.keys[: ONE_BUILT.repeats]),
        FIFTY.name: several(FIFTY),
        FIFTY_MODELS.name: several(FIFTY_MODELS, SCALARS),
        **{work.name: several(work) for work in GROWN_READS},
    }
    steps = {
        name: Step(run, begun(place, cursor), connection.rollback) for name, run in runs.items()
    }
    return steps | {GET_ALONE.name: _alone(place, connection, cursor)}


def _alone(place: Place, connection: Any, cursor: Any) -> Step:
    """Each in a transaction of its own."""
    sql = selecting(place, COLUMNS, "WHERE id = {mark}")

    def run() -> None:
        for key in place.keys[: GET_ALONE.repeats]:
            if place.driver.begin is not None:
                cursor.execute("BEGIN")
            cursor.execute(sql, (key,))
            cursor.fetchone()
            connection.rollback()

    return Step(run, connection.rollback, connection.rollback)


def _writes(place: Place, connection: Any, cursor: Any) -> dict[str, Step]:
    sql, rows, encode = inserting(place), tuples(place), place.driver.encode

    def before() -> None:
        if place.driver.begin is not None:
            cursor.execute(place.driver.begin)
        cursor.execute("DELETE FROM pricenew WHERE id = 0")

    def after() -> None:
        connection.rollback()
        place.empty()

    def one_by_one() -> None:
        for key, name, section, size, vector in rows[: INSERT.repeats]:
            cursor.execute(sql, (key, name, section, size, encode(vector)))

    def at_once(work: Work) -> Step:
        given = rows[: work.rows]

        def run() -> None:
            cursor.executemany(sql, [(*row[:-1], encode(row[-1])) for row in given])

        return Step(run, before, after)

    return {
        INSERT.name: Step(one_by_one, before, after),
        **{work.name: at_once(work) for work in AT_ONCE},
    }


def _copies(place: Place, connection: Any, copying: Callable[[str], Any]) -> dict[str, Step]:
    """What PostgreSQL takes fastest, row by row."""
    sql = f"COPY pricenew ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
    rows, encode = tuples(place), place.driver.encode
    types = ["int8", "text", "text", "int8", "vector"]

    def before() -> None:
        connection.execute("DELETE FROM pricenew WHERE id = 0")

    def after() -> None:
        connection.rollback()
        place.empty()

    def at_once(work: Work) -> Step:
        def run() -> None:
            with copying(sql) as copy:
                copy.set_types(types)
                for row in rows[: work.rows]:
                    copy.write_row((*row[:-1], encode(row[-1])))

        return Step(run, before, after)

    return {work.name: at_once(work) for work in AT_ONCE}


def _searches(place: Place, connection: Any, cursor: Any) -> dict[str, Step]:
    asked = [place.driver.encode(query) for query in place.queries]

    def of(work: Work, sql: str, marks: int) -> Step:
        def before() -> None:
            cursor.execute("BEGIN" if place.driver.begin is not None else "SELECT 1")
            for setting in place.driver.looking.get(work.rows, ()):
                cursor.execute(setting)

        def run() -> None:
            for query in asked[: work.repeats]:
                cursor.execute(sql, (query,) * marks)
                cursor.fetchall()

        return Step(run, before, connection.rollback)

    found = {work.name: (work, nearest_sql(place, work)) for work in (*SEARCHES, *GROWN_SEARCHES)}
    return {name: of(work, *sql) for name, (work, sql) in found.items() if sql is not None}


def nearest_sql(place: Place, work: Work) -> tuple[str, int] | None:
    """The search that the engine does, and how often its vector is named; None where it cannot."""
    if place.searched is None or place.driver.nearest is None:
        return None
    distance, order = (part.format(mark=place.driver.mark) for part in place.driver.nearest)
    base = f"SELECT {', '.join(SEARCHED)}, {distance} FROM {place.searched.__tablename__}"
    marks = distance.count(place.driver.mark) + order.count(place.driver.mark)
    return f"{base} ORDER BY {order} LIMIT {work.rows}", marks
