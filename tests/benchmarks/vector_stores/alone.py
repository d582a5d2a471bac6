"""A contender in a process of its own, which tells the seconds and the memory of a step.

``python -m tests.benchmarks.vector_stores.alone CONTENDER FOLDER STEP``, with the step ``build`` or
``open``, or both one after the other: what it found is the last line of what it prints.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from agentorm import SlowPath
from tests.benchmarks.price.peers.leaving_out import LeftOut
from tests.benchmarks.texts import ROOT
from tests.benchmarks.vector_stores.contenders.base import Contender, Opened
from tests.benchmarks.vector_stores.contenders.every import CONTENDERS
from tests.benchmarks.vector_stores.given import Ask, Floats, Source
from tests.benchmarks.vector_stores.memory import resident

BUILD, OPEN = "build", "open"
VECTORS, QUERIES = "vectors.npy", "queries.npy"
WARMING = 100
_K = 10


@dataclass(frozen=True)
class Stepped:
    """One step.

    Attributes:
        seconds: until the first answer.
        own: bytes of memory, after some searches, beyond what the process had before.
        mapped: bytes of files in memory, likewise.
    """

    seconds: float
    own: int | None
    mapped: int | None


def apart(contender: Contender, source: Source, *, at_once: bool) -> dict[str, Stepped]:
    """Both steps, each in a process of its own, or `at_once` in one.

    Raises:
        LeftOut: a peer failed.
    """
    found: dict[str, Stepped] = {}
    for steps in ([BUILD, OPEN],) if at_once else ([BUILD], [OPEN]):
        ran = subprocess.run(
            [sys.executable, "-m", __name__, contender.name, str(source.folder), *steps],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        if ran.returncode:
            last = (ran.stderr.strip() or "no message").splitlines()[-1]
            raise LeftOut(f"for it failed: {last}")
        told = json.loads(ran.stdout.strip().splitlines()[-1])
        found |= {step: Stepped(**each) for step, each in told.items()}
    return found


def source_in(folder: Path) -> Source:
    """The rows of a run."""
    return Source(folder, folder / VECTORS)


def main(name: str, folder: str, *steps: str) -> None:
    """Do the steps and tell."""
    warnings.simplefilter("ignore", SlowPath)
    contender, source = CONTENDERS[name], source_in(Path(folder))
    queries: Floats = np.load(source.folder / QUERIES)
    for package in contender.packages:
        __import__(package)
    done = {step: asdict(_stepped(contender, source, queries, step)) for step in steps}
    print(json.dumps(done))


def _stepped(contender: Contender, source: Source, queries: Floats, step: str) -> Stepped:
    before = resident()
    began = perf_counter()
    with (contender.built if step == BUILD else contender.opened)(source) as opened:
        seconds = _first(opened, queries, began)
        after = resident()
    if before is None or after is None:
        return Stepped(seconds, None, None)
    more = after.beyond(before)
    return Stepped(seconds, more.own, more.mapped)


def _first(opened: Opened, queries: Floats, began: float) -> float:
    """Seconds until the first of some answers."""
    way = next(iter(opened.hand().ways.values()))
    seconds = 0.0
    for n, query in enumerate(queries[:WARMING]):
        way.before()
        way.search(Ask(query, _K, ef=_K))
        if not n:
            seconds = perf_counter() - began
        way.after()
    return seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
