"""How contenders are timed: interleaved, in random order, none of them first."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time, thread_time

RAW, CONTROL = "raw driver", "raw driver again"
WARMING = 1


def nothing() -> None:
    """What a step that leaves nothing behind does before and after."""


@dataclass(frozen=True)
class Step:
    """What one contender does for one work.

    Attributes:
        run: what is timed.
        before: begins the transaction and makes what is to be written, untimed.
        after: ends the transaction and forgets, untimed.
    """

    run: Callable[[], object]
    before: Callable[[], object] = nothing
    after: Callable[[], object] = nothing


Steps = Mapping[str, Step]
"""By the name of the work, or of the contender."""


@dataclass(frozen=True)
class Clock:
    """What CPU time is counted: that of this thread, or of every thread of the process."""

    cpu: Callable[[], float] = thread_time

    def timed(self, run: Callable[[], object]) -> tuple[float, float]:
        """CPU seconds and wall seconds of one run."""
        wall, cpu = perf_counter(), self.cpu()
        run()
        return self.cpu() - cpu, perf_counter() - wall


OF_THREAD, OF_PROCESS = Clock(), Clock(process_time)


@dataclass(frozen=True)
class Effort:
    """How long to measure: up to `rounds`, but after `seconds` no more than `fewest`."""

    rounds: int
    fewest: int
    seconds: float


@dataclass(frozen=True)
class Sample:
    """CPU seconds and wall seconds, one of each for every round."""

    cpu: tuple[float, ...]
    wall: tuple[float, ...]


def with_control(steps: Steps) -> dict[str, Step]:
    """The contenders and a second copy of the baseline, which shows how much is noise."""
    return {**steps, CONTROL: steps[RAW]}


def measure(steps: Steps, effort: Effort, clock: Clock = OF_THREAD) -> dict[str, Sample]:
    """Every contender's time in each round.

    A round begins with a run that does not count, so that no contender is the first; the order of
    the others is random. Garbage is collected before each run.
    """
    timed: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    gc.collect()
    gc.freeze()
    began = perf_counter()
    for done in range(-WARMING, effort.rounds):
        if done >= effort.fewest and perf_counter() - began > effort.seconds:
            break
        opener, *names = _order(list(steps))
        _once(steps[opener], clock)
        for name in names:
            took = _once(steps[name], clock)
            if done >= 0:
                timed[name].append(took)
    gc.unfreeze()
    return {name: Sample(*zip(*times, strict=True)) for name, times in timed.items()}


def _order(names: Sequence[str]) -> list[str]:
    return [*random.sample(names, 1), *random.sample(names, len(names))]


def _once(step: Step, clock: Clock) -> tuple[float, float]:
    step.before()
    gc.collect()
    try:
        return clock.timed(step.run)
    finally:
        step.after()
