"""Several processes write, roll back and search in one file: no row is stale, missing or extra.

Run it for long: ``python -m tests.embedded.stress --processes 4 --seconds 60``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic

from agentorm import Database
from tests.embedded.shelves import SHELVES
from tests.embedded.work import Worker

ROOT = Path(__file__).parents[2]


def stressed(path: Path, processes: int, seconds: float) -> Counter[str]:
    """What all of them did.

    Raises:
        AssertionError: a search was wrong, or a process failed.
    """
    with Database(f"sqlite:///{path}") as db:
        db.create_all(*SHELVES)
    command = [sys.executable, "-m", "tests.embedded.stress", "--path", str(path)]
    workers = [
        subprocess.Popen(
            [*command, "--seconds", str(seconds), "--seed", str(seed)],
            cwd=ROOT,
            env={**os.environ, "AGENTORM_INDEX": "always"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(processes)
    ]
    done: Counter[str] = Counter()
    for worker in workers:
        out, error = worker.communicate()
        assert worker.returncode == 0, error
        done += Counter(json.loads(out))
    return done


def work(path: Path, seconds: float, seed: int) -> Counter[str]:
    """What one of them does."""
    with Database(f"sqlite:///{path}") as db:
        worker, end = Worker(db, seed), monotonic() + seconds
        while monotonic() < end:
            worker.step()
        assert sum(worker.recalls) >= 0.95 * len(worker.recalls)
        return worker.done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--path", type=Path)
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    if given.seed is not None:
        done = work(given.path, given.seconds, given.seed)
    else:
        with tempfile.TemporaryDirectory() as folder:
            done = stressed(Path(folder) / "stress.db", given.processes, given.seconds)
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main()
