"""A run on one engine: the contenders called up, and every work measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.benchmarks.index_recall.progress import say
from tests.benchmarks.price import awaiting, growth, threads
from tests.benchmarks.price.measuring import (
    OF_PROCESS,
    OF_THREAD,
    RAW,
    Effort,
    Steps,
    measure,
    with_control,
)
from tests.benchmarks.price.peers import (
    advanced,
    django_orm,
    ours,
    peewee_orm,
    raw,
    sqlalchemy_core,
    sqlalchemy_orm,
    sqlmodel_orm,
)
from tests.benchmarks.price.peers.leaving_out import LeftOut
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.results import Absent, Measured
from tests.benchmarks.price.spread import ratios
from tests.benchmarks.price.works import Kind, Work

Sides = Callable[[Place, ExitStack], dict[str, Steps]]
_FEW_ROWS = 1_000


@dataclass(frozen=True)
class Plan:
    """How long a run measures.

    Attributes:
        quick: peers are spared what takes them long.
    """

    effort: Effort
    quick: bool = False

    def admits(self, contender: str, work: Work) -> bool:
        """Whether this contender does this work."""
        if work.kind is Kind.GROWTH:
            return contender in growth.CONTENDERS
        slow = self.quick and work.rows > _FEW_ROWS
        return not slow or contender in {RAW, ours.OURS, sqlalchemy_core.CORE}


PEERS: Mapping[str, Sides] = {
    RAW: raw.sides,
    ours.OURS: ours.sides,
    ours.OURS_STRUCT: ours.structs,
    sqlalchemy_core.CORE: sqlalchemy_core.sides,
    "SQLAlchemy ORM": sqlalchemy_orm.sides,
    "SQLModel": sqlmodel_orm.sides,
    "peewee": peewee_orm.sides,
    "advanced-alchemy": advanced.sides,
    "Django": django_orm.sides,
}


TEAMS = (
    (PEERS, {Kind.READ, Kind.WRITE, Kind.SEARCH, Kind.GROWTH}),
    ({RAW: growth.sides}, {Kind.SHAPE}),
    ({RAW: threads.sides}, {Kind.THREADS}),
    ({RAW: awaiting.sides}, {Kind.ASYNC}),
)
"""Who does which kinds of works, one team after the other."""
Counted = Iterator[Measured]


def call_up(
    place: Place, stack: ExitStack, peers: Mapping[str, Sides]
) -> tuple[dict[str, Steps], list[Absent]]:
    """What each contender can do, and who is absent."""
    sides: dict[str, Steps] = {}
    absent: list[Absent] = []
    for name, called in peers.items():
        try:
            sides |= called(place, stack)
        except ImportError as error:
            absent.append(Absent(place.engine, name, f"{error.name} is not installed"))
        except LeftOut as reason:
            absent.append(Absent(place.engine, name, str(reason)))
    for one in absent:
        say(f"{one.engine}: {one.contender} is left out, {one.reason}")
    return sides, absent


def measured(place: Place, work: Work, steps: Steps, effort: Effort) -> Counted:
    """One work by everybody who does it, and by the baseline twice."""
    clock = OF_PROCESS if work.kind in {Kind.THREADS, Kind.ASYNC} else OF_THREAD
    samples = measure(with_control(steps), effort, clock)
    for name, sample in samples.items():
        yield Measured(
            engine=place.engine,
            work=work.name,
            contender=name,
            cpu=sample.cpu,
            wall=sample.wall,
            repeats=work.repeats,
        )


def run(place: Place, works: Sequence[Work], plan: Plan) -> tuple[list[Measured], list[Absent]]:
    """Every work that the raw driver does too, on one engine."""
    found: list[Measured] = []
    missing: list[Absent] = []
    for peers, kinds in TEAMS:
        chosen = [work for work in works if work.kind in kinds]
        cells, absent = _team(place, chosen, plan, peers) if chosen else ([], [])
        found += cells
        missing += absent
    return found, missing


def _team(
    place: Place, works: Iterable[Work], plan: Plan, peers: Mapping[str, Sides]
) -> tuple[list[Measured], list[Absent]]:
    """The works of some kinds, by those who do such works."""
    with ExitStack() as stack:
        sides, absent = call_up(place, stack, peers)
        found: list[Measured] = []
        for work in works:
            steps = {
                name: side[work.name]
                for name, side in sides.items()
                if work.name in side and plan.admits(name, work)
            }
            if len(steps) > 1 and RAW in steps:
                found += measured(place, work, steps, plan.effort)
                tell(work, found)
        return found, absent


def tell(work: Work, found: Iterable[Measured]) -> None:
    """How it went, on stderr."""
    by_name = {one.contender: one for one in found if one.work == work.name}
    told = [
        f"{name} {ratios(one.cpu, by_name[RAW].cpu).median:.2f}"
        for name, one in by_name.items()
        if name != RAW
    ]
    say(f"{by_name[RAW].engine}: {work.title}, CPU by the raw driver's: {', '.join(told)}")
