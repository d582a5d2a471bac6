"""A run with so many rows: everybody builds alone, then all are asked in turn."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from tests.benchmarks.index_recall.progress import say
from tests.benchmarks.price.peers.leaving_out import LeftOut
from tests.benchmarks.vector_stores import threads
from tests.benchmarks.vector_stores.alone import BUILD, OPEN, QUERIES, apart
from tests.benchmarks.vector_stores.contenders.base import Contender, Hand, Opened
from tests.benchmarks.vector_stores.contenders.every import CONTENDERS
from tests.benchmarks.vector_stores.contenders.ours import OURS, OWN, PREPARED
from tests.benchmarks.vector_stores.contenders.rows import FOLDER
from tests.benchmarks.vector_stores.given import BUCKETS, SHARES, Floats, Source
from tests.benchmarks.vector_stores.inserting import meanwhile, new_rows
from tests.benchmarks.vector_stores.measuring import Sample, Trial, measured, reaching, recall
from tests.benchmarks.vector_stores.results import Absent, Built, Inserted, Searched, Threaded
from tests.benchmarks.vector_stores.truth import Truth

K, MANY = 10, 100
_WARMING, _OTHERS = 4, 200


@dataclass(frozen=True)
class Effort:
    """How long a run measures.

    Attributes:
        queries: how many are asked at most.
        seconds: for each contender at each question; then it is asked no more of them.
        turns: seconds of each turn of some threads, and how many turns they have.
        inserting: seconds of inserts.
        at_once: build and open again in one process.
    """

    queries: int
    seconds: float
    turns: tuple[float, int]
    inserting: float
    at_once: bool = False


FULL = Effort(queries=1_000, seconds=15, turns=(1.0, 5), inserting=6)
QUICK = Effort(queries=50, seconds=0.5, turns=(0.05, 3), inserting=0.3, at_once=True)


@dataclass(frozen=True)
class Race:
    """The contenders that are open, and what they are asked.

    Attributes:
        others: queries that are not measured, by which graphs are tuned.
    """

    source: Source
    truth: Truth
    queries: Floats
    others: Floats
    effort: Effort

    @property
    def rows(self) -> int:
        return self.source.count


@dataclass(frozen=True)
class Entrant:
    """A contender that is open, with the hand of this thread."""

    contender: Contender
    opened: Opened
    hand: Hand

    @property
    def ef(self) -> int | None:
        """How far its graph is usually searched."""
        return next(iter(self.contender.efs), None)

    def trial(self, way: str = "", k: int = K, buckets: int = BUCKETS) -> Trial:
        """One way to ask it."""
        return Trial(self.hand.ways[way], k, buckets, self.ef)


def build(
    contenders: Sequence[Contender], source: Source, effort: Effort
) -> tuple[dict[str, Built], list[Absent]]:
    """Everybody's rows and indexes, and who is absent."""
    found: dict[str, Built] = {}
    absent: list[Absent] = []
    for contender in contenders:
        name = contender.name
        try:
            for package in contender.packages:
                __import__(package)
            found[name] = _built(contender, source, effort)
        except ImportError as error:
            absent.append(Absent(source.count, name, f"{error.name} is not installed"))
        except LeftOut as reason:
            absent.append(Absent(source.count, name, str(reason)))
    for one in absent:
        say(f"{one.contender} is left out, {one.reason}")
    return found, absent


def _built(contender: Contender, source: Source, effort: Effort) -> Built:
    """As it was built by a run before, if that was kept; the library itself always builds anew."""
    known = source.place("built") / f"{contender.name}.json"
    if known.exists() and contender.folders and contender.name not in OWN:
        return Built(**json.loads(known.read_text(encoding="utf-8")))
    for folder in contender.folders:
        if folder != FOLDER:
            shutil.rmtree(source.place(folder))
    built = _built_anew(contender, source, effort)
    known.write_text(json.dumps(asdict(built)), encoding="utf-8")
    return built


def _built_anew(contender: Contender, source: Source, effort: Effort) -> Built:
    began = perf_counter()
    wrote = contender.write(source)
    write = perf_counter() - began
    steps = apart(contender, source, at_once=effort.at_once)
    say(f"{contender.name}: built in {steps[BUILD].seconds:.1f} s")
    return Built(
        rows=source.count,
        contender=contender.name,
        setting=", ".join([*(f"ef={ef}" for ef in contender.efs[:1]), contender.setting]),
        write=write if wrote else None,
        build=steps[BUILD].seconds,
        reopen=steps[OPEN].seconds,
        own=None if effort.at_once else steps[BUILD].own,
        own_reopened=steps[OPEN].own,
        mapped=steps[OPEN].mapped,
        disk=contender.disk(source),
    )


def search(race: Race, contenders: Sequence[Contender]) -> tuple[list[Searched], list[Threaded]]:
    """All of them open, asked in turn."""
    with ExitStack() as stack:
        entrants = list[Entrant]()
        for contender in contenders:
            opened = stack.enter_context(contender.opened(race.source))
            entrants.append(Entrant(contender, opened, opened.hand()))
        _warm(race, entrants)
        found = [*_usual(race, entrants), *_many(race, entrants), *_filtered(race, entrants)]
        return found, [*_threaded(race, entrants)]


def _warm(race: Race, entrants: Sequence[Entrant]) -> None:
    """Other queries first, so that what is read from files is there."""
    trials = {one.contender.name: one.trial() for one in entrants}
    measured(trials, race.others, race.effort.seconds / _WARMING)


def _usual(race: Race, entrants: Sequence[Entrant]) -> Iterator[Searched]:
    """The ten nearest, in every way, and with graphs searched until they find as many as we do."""
    trials = {
        (one.contender.name, way): one.trial(way) for one in entrants for way in one.hand.ways
    }
    tuned = _tuned(race, entrants)
    yield from _searched(race, trials | tuned)


Trials = Mapping[tuple[str, str], Trial]
_TUNED = "ef="


def _tuned(race: Race, entrants: Sequence[Entrant]) -> dict[tuple[str, str], Trial]:
    """The graphs that have to be searched less far, or farther, to find as many as we do."""
    ours = next((one for one in entrants if one.contender.name == OURS), None)
    if ours is None:
        return {}
    truth = Truth(race.source.vectors, race.others)
    sample = measured({OURS: ours.trial()}, race.others, race.effort.seconds)[OURS]
    wanted = recall(truth, ours.trial(), sample.answers)
    found: dict[tuple[str, str], Trial] = {}
    for one in (one for one in entrants if one.contender.efs):
        ef = reaching(one.trial(), one.contender.efs, truth, race.others, wanted)
        say(f"{one.contender.name}: as many as {OURS}, {wanted:.4f}, with ef {ef}")
        if ef is not None and ef != one.ef:
            found[one.contender.name, _TUNED] = replace(one.trial(), ef=ef)
    return found


def _many(race: Race, entrants: Sequence[Entrant]) -> Iterator[Searched]:
    """The hundred nearest, as rows."""
    yield from _searched(race, _as_rows(entrants, MANY, BUCKETS))


def _filtered(race: Race, entrants: Sequence[Entrant]) -> Iterator[Searched]:
    """The ten nearest of the rows that pass, as rows."""
    for buckets in SHARES[1:]:
        yield from _searched(race, _as_rows(entrants, K, buckets))


def _as_rows(entrants: Sequence[Entrant], k: int, buckets: int) -> Trials:
    return {
        (one.contender.name, way): one.trial(way, k, buckets)
        for one in entrants
        for way in ("", PREPARED)
        if way in one.hand.ways
    }


def _searched(race: Race, trials: Trials) -> Iterator[Searched]:
    """Each contender's share of the answers; told on stderr too."""
    named = {f"{name}\n{way}": trial for (name, way), trial in trials.items()}
    samples = measured(named, race.queries, race.effort.seconds)
    for ((name, way), trial), sample in zip(trials.items(), samples.values(), strict=True):
        found = _summary(race, name, way, trial, sample)
        say(
            f"{found.label}: k={found.k}, {found.share:.1%} pass, recall {found.recall:.4f},"
            f" p50 {median(found.seconds) * 1e3:.3f} ms"
        )
        yield found


def _summary(race: Race, name: str, way: str, trial: Trial, sample: Sample) -> Searched:
    expected = race.truth.expected(trial.k, trial.buckets)
    is_tuned = way == _TUNED
    return Searched(
        rows=race.rows,
        contender=name,
        way="" if is_tuned else way,
        ef=trial.ef,
        tuned=is_tuned,
        is_store=CONTENDERS[name].is_store,
        gives_rows=trial.way.gives_rows,
        k=trial.k,
        share=trial.buckets / BUCKETS,
        seconds=tuple(round(each, 7) for each in sample.seconds),
        recall=recall(race.truth, trial, sample.answers),
        fewer=sum(len(answer) < expected for answer in sample.answers),
    )


def _threaded(race: Race, entrants: Sequence[Entrant]) -> Iterator[Threaded]:
    """Searches by several threads."""
    teams: dict[str, Sequence[Trial]] = {}
    for one in entrants:
        hands = [replace(one, hand=one.opened.hand()) for _ in range(max(threads.COUNTS))]
        teams[one.contender.name] = [hand.trial() for hand in hands]
    found = threads.per_second(teams, race.queries, *race.effort.turns)
    for name, counted in found.items():
        for count, per_second in counted.items():
            yield Threaded(race.rows, name, count, tuple(per_second))
        told = ", ".join(f"{median(each):.0f} by {count}" for count, each in counted.items())
        say(f"{name}: searches per second {told}")


def insert(race: Race, contenders: Sequence[Contender]) -> Iterator[Inserted]:
    """Searches while rows are inserted, one contender after the other, into copies of the files."""
    rows = new_rows(race.others, race.rows, race.effort.inserting)
    for contender in contenders:
        copied = race.source.moved(race.source.place("copies"))
        for name in contender.folders:
            shutil.copytree(race.source.place(name), copied.folder / name)
        ef = next(iter(contender.efs), None)
        with contender.opened(copied) as opened:
            found = meanwhile(opened, ef, race.queries, rows, race.effort.inserting)
        shutil.rmtree(copied.folder)
        say(f"{contender.name}: {len(found.inserts)} rows inserted, {found.fresh} found at once")
        yield Inserted(
            race.rows, contender.name, found.searches, found.inserts, found.elapsed, found.fresh
        )


def prepared(folder: Path, source: Source, queries: Floats, effort: Effort) -> Race:
    """What is asked, with the truth about it."""
    np.save(folder / QUERIES, queries[: effort.queries])
    asked, others = (
        queries[: effort.queries],
        queries[effort.queries :][: min(_OTHERS, effort.queries)],
    )
    truth = Truth(source.vectors, asked)
    return Race(source, truth, asked, others if len(others) else asked, effort)
