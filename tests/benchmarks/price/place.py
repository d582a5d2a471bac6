"""Where a run takes place: a database with the rows that are read, and what there is to ask."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, text

from agentorm import Database, Vector
from tests.benchmarks.price.drivers import DRIVERS, Driver
from tests.benchmarks.price.tables import STORED, PriceNew, PriceRow, Values
from tests.benchmarks.texts import ROWS_AT_ONCE

SEED = 7


@dataclass(frozen=True)
class Place:
    """What every contender is given.

    Attributes:
        rows: the rows as dictionaries; the first `STORED` of them are in the table that is read.
        searched: the table that is searched, whose name is the same in SQL; None without one.
        queries: what it is searched with.
        keys: which rows are read, one by one: each of them, in no order.
    """

    db: Database
    rows: Sequence[Values]
    searched: type[Any] | None = None
    queries: Sequence[Vector] = ()
    keys: Sequence[int] = ()

    @property
    def engine(self) -> str:
        return self.db.dialect().name

    @property
    def driver(self) -> Driver:
        return DRIVERS[self.engine]

    def empty(self) -> None:
        """Rid the table that is written of what a rollback leaves behind."""
        if self.driver.empty is not None:
            emptying = text(f"{self.driver.empty} pricenew")
            with self.db.engine.begin() as connection:
                connection.execute(emptying)


def settled(db: Database, rows: Sequence[Values]) -> Place:
    """The tables made anew, and the rows that are read written."""
    db.drop_all(PriceRow, PriceNew)
    db.create_all(PriceRow, PriceNew)
    for start in range(0, STORED, ROWS_AT_ONCE):
        with db.engine.begin() as connection:
            connection.execute(insert(PriceRow), [*rows[start : min(start + ROWS_AT_ONCE, STORED)]])
    chosen = random.Random(SEED)  # noqa: S311  # the same rows in each run
    return Place(
        db=db,
        rows=rows,
        keys=tuple(chosen.sample(range(1, STORED + 1), STORED)),
    )
