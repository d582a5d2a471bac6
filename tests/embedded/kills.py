"""A process that writes and searches is killed at any point; what it leaves is read by another.

Run it for long: ``python -m tests.embedded.kills --kills 200``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from time import sleep

import numpy as np

from agentorm import Database
from agentorm.embedded import index
from agentorm.rank.held import held_by
from agentorm.switch import indexes_switched
from tests.embedded.oracle import Question, check_rows, recall, truth
from tests.embedded.shelves import DIMENSION, ByName, ByNumber
from tests.embedded.work import MODELS, Worker
from tests.filling import insert_rows

ROOT = Path(__file__).parents[2]
ROWS = 5_000
"""As many as it takes for a file beside the database."""
LEAST = 0.95
"""The mean recall, where candidates are found by their codes."""


def killed(path: Path, kills: int) -> Counter[str]:
    """How the rows were found, and how many files of an index were read.

    Raises:
        AssertionError: a search after a kill was wrong.
    """
    random, found = Random(kills), Counter[str]()  # noqa: S311  # no secret is made of it
    recalls: list[float] = []
    fill(path)
    command = [sys.executable, "-m", "tests.embedded.kills", "--path", str(path)]
    for kill in range(kills):
        worker = subprocess.Popen(
            [*command, "--seed", str(kill)],
            cwd=ROOT,
            env={**os.environ, "AGENTORM_INDEX": "always"},
            stdout=subprocess.PIPE,
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"begun\n"
        sleep(random.random() * 0.4)
        assert worker.poll() is None, "it ended by itself"
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        recalls += compare(path, random, found)
    assert sum(recalls) >= LEAST * len(recalls)
    return found


def fill(path: Path) -> None:
    vectors = np.random.default_rng(1).normal(size=(ROWS, DIMENSION)).astype(np.float32)
    with Database(f"sqlite:///{path}") as db:
        db.create_all(*MODELS)
        rows = [{"n": i % 4, "embedding": vector} for i, vector in enumerate(vectors.tolist())]
        insert_rows(db, ByNumber, [{**row, "id": i} for i, row in enumerate(rows)])
        insert_rows(db, ByName, [{**row, "name": f"k{i}"} for i, row in enumerate(rows[:200])])


def compare(path: Path, random: Random, found: Counter[str]) -> list[float]:
    """Search as a new process does, whose index knows nothing yet; the recall of each search."""
    recalls: list[float] = []
    with Database(f"sqlite:///{path}") as db, indexes_switched("always"):
        forget(db)
        for model in MODELS:
            for size in (1, 10, 40):
                with db.session() as session:
                    vector = [random.gauss(0, 1) for _ in range(DIMENSION)]
                    question = Question(vector, size, below=random.choice([None, 2]))
                    hits, true = question.of(model, session).hits(), truth(model, session, question)
                check_rows(hits, true, question)
                recalls.append(recall(hits, true, question))
                found[hits.ranker] += 1
    files = [file.name for file in path.parent.iterdir() if "-vx_" in file.name]
    found["kills"] += 1
    found["with a file"] += any("." not in name.split("-vx_")[1] for name in files)
    found["left over"] = sum("." in name.split("-vx_")[1] for name in files)
    return recalls


def forget(db: Database) -> None:
    """What this process knows of indexes."""
    with db.engine.connect() as connection:
        for held in held_by(connection).values():
            held.index.forget()


def work(path: Path, seed: int) -> None:
    """Until it is killed. It writes the file of an index with every few changes."""
    index.__dict__.update(_WORTH_A_FILE=1, _SHARE=1_000)
    with Database(f"sqlite:///{path}") as db:
        worker = Worker(db, seed)
        with db.session() as session:
            for model in MODELS:
                worker.search(model, session)
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        while True:
            worker.step()
            with db.engine.connect() as connection:
                for held in held_by(connection).values():
                    held.index.refresh()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.path is not None:
        work(given.path, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        done = killed(Path(folder) / "kills.db", given.kills)
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main()
