"""What each work may cost, as ratios of one run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tests.benchmarks.price.measuring import RAW
from tests.benchmarks.price.peers.ours import OURS, OURS_PREPARED, OURS_STRUCT
from tests.benchmarks.price.peers.sqlalchemy_core import CORE
from tests.benchmarks.price.results import Measured, Report
from tests.benchmarks.price.spread import Spread, ratios
from tests.benchmarks.price.threads import COUNTS, by_threads
from tests.benchmarks.price.works import (
    BULK_1K,
    BULK_10K,
    FIFTY,
    FIFTY_MODELS,
    GET,
    IN_THREADS,
    INSERT,
    ONE_BUILT,
    ONE_PREPARED,
    SEARCH_10,
    SEARCH_100,
    Work,
)

EVERY = ("sqlite", "postgresql", "mariadb", "mysql")
INDEXED = ("postgresql", "mariadb")


@dataclass(frozen=True)
class Budget:
    """A limit for the ratio of two contenders.

    Attributes:
        limit: at most so many times the time of the other; or at least, if it is the other that
            may be `times_faster` than.
        of: the contender that keeps it.
        against: the one that it is compared with.
        engines: where it holds.
        times_faster: the ratio is the other's time to its own.
        by_wall: only wall time counts.
    """

    work: Work
    limit: float
    of: str = OURS
    against: str = RAW
    engines: tuple[str, ...] = EVERY
    times_faster: bool = False
    by_wall: bool = False


BUDGETS = (
    Budget(GET, 1.90),
    Budget(ONE_PREPARED, 1.10),
    Budget(ONE_PREPARED, 1.10, of=OURS_STRUCT),
    Budget(ONE_BUILT, 1.40),
    Budget(ONE_BUILT, 1.40, of=OURS_STRUCT),
    Budget(FIFTY, 3.20),
    Budget(FIFTY, 3.20, of=OURS_PREPARED),
    Budget(FIFTY_MODELS, 1.10),
    Budget(FIFTY_MODELS, 1.10, of=OURS_PREPARED),
    Budget(FIFTY_MODELS, 1.10, of=OURS_STRUCT),
    Budget(INSERT, 1.05),
    Budget(BULK_1K, 1.10),
    Budget(BULK_10K, 1.10),
    Budget(BULK_10K, 25, against=CORE, engines=("postgresql",), times_faster=True),
    Budget(SEARCH_10, 1.10, engines=INDEXED),
    Budget(SEARCH_10, 1.10, of=OURS_PREPARED, engines=INDEXED),
    Budget(SEARCH_100, 1.50, engines=INDEXED),
    Budget(SEARCH_100, 1.50, of=OURS_PREPARED, engines=INDEXED),
    *(
        Budget(work, 1.05, by_threads(OURS, more), by_threads(OURS, less), by_wall=True)
        for work in IN_THREADS
        for less, more in pairwise(COUNTS)
    ),
)


@dataclass(frozen=True)
class Judged:
    """A budget on one engine, and what was measured; None where it was not."""

    budget: Budget
    engine: str
    cpu: Spread | None = None
    wall: Spread | None = None

    @property
    def verdict(self) -> str:
        """Whether the median keeps the budget."""
        if self.cpu is None or self.wall is None:
            return "not measured"
        kept = {"wall": self._kept(self.wall)}
        if not self.budget.by_wall:
            kept = {"CPU": self._kept(self.cpu), **kept}
        if all(kept.values()):
            return "yes"
        return next((f"by {name} only" for name, is_kept in kept.items() if is_kept), "no")

    def _kept(self, ratio: Spread) -> bool:
        limit = self.budget.limit
        return ratio.median >= limit if self.budget.times_faster else ratio.median <= limit


def judged(report: Report, budgets: Iterable[Budget] = BUDGETS) -> list[Judged]:
    """Every budget on every engine of the report where it holds and its work was done."""
    found = {(one.engine, one.work, one.contender): one for one in report.measured}
    return [
        _judged(
            budget,
            engine,
            found.get((engine, budget.work.name, budget.of)),
            found.get((engine, budget.work.name, budget.against)),
        )
        for engine in report.engines
        for budget in budgets
        if engine in budget.engines and (engine, budget.work.name, budget.against) in found
    ]


def _judged(budget: Budget, engine: str, ours: Measured | None, base: Measured | None) -> Judged:
    if ours is None or base is None:
        return Judged(budget, engine)
    if budget.times_faster:
        ours, base = base, ours
    cpu, wall = ratios(ours.cpu, base.cpu), ratios(ours.wall, base.wall)
    return Judged(budget, engine, cpu, wall)
