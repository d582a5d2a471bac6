"""Threads and forks of a process: each search is right in its own transaction."""

from __future__ import annotations

import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event
from typing import Any

import pytest

from agentorm import Database
from agentorm.rank.held import held_by
from tests.embedded.oracle import Question, rankers, searched
from tests.embedded.shelves import DIMENSION, ByName, ByNumber, filled
from tests.embedded.work import MODELS, Worker

pytestmark = [pytest.mark.engines("sqlite"), pytest.mark.untraced]
THREADS, WRITES = 8, 60


def search(db: Database, seed: int, ended: Event) -> Counter[str]:
    """Search until the writer ends."""
    random, found = Random(seed), Counter[str]()  # noqa: S311  # no secret is made of it
    while not ended.is_set():
        model = random.choice(MODELS)
        question = Question([random.gauss(0, 1) for _ in range(DIMENSION)], random.randint(1, 9))
        with db.session() as session:
            found[searched(model, session, question).ranker] += 1
    return found


def test_threads_search_while_one_writes(shelves: Database) -> None:
    ended = Event()
    with ThreadPoolExecutor(THREADS) as pool:
        searches = [pool.submit(search, shelves, seed, ended) for seed in range(THREADS)]
        try:
            worker = Worker(shelves, 0)
            for _ in range(WRITES):
                worker.step()
        finally:
            ended.set()
        found = sum((each.result() for each in searches), Counter[str]())
    assert found["embedded"] > 10 * found["native"]


def test_threads_that_come_first_together(shelves: Database) -> None:
    """One builds the index; the others need not wait for it."""
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(rankers, shelves, ByNumber) for _ in range(THREADS)]
        found = [each.result() for each in asked]
    assert set().union(*found) <= {"embedded", "native"}
    assert rankers(shelves, ByNumber) == {"embedded"}


def in_a_child(run: Callable[[], object]) -> int:
    """The status of a fork that runs this."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        run()
    except BaseException:  # noqa: BLE001  # a child must not go on with the tests
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("model", [ByNumber, ByName])
def test_a_fork_searches_and_writes(shelves: Database, model: Any) -> None:
    """It leaves the connections to its parent, as SQLAlchemy asks for."""
    assert rankers(shelves, model) == {"embedded"}

    def child() -> None:
        shelves.engine.dispose(close=False)
        assert rankers(shelves, model) == {"embedded"}
        filled(shelves, model, range(31, 131))
        assert rankers(shelves, model) == {"embedded"}

    assert in_a_child(child) == 0
    assert rankers(shelves, model) == {"embedded"}
    filled(shelves, model, range(131, 140))
    assert in_a_child(lambda: check_anew(shelves, model)) == 0


def check_anew(db: Database, model: Any) -> None:
    db.engine.dispose(close=False)
    assert rankers(db, model) == {"embedded"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_while_the_index_is_built(shelves: Database) -> None:
    """The child does not wait for the lock, nor does it leave the building to its parent."""
    assert rankers(shelves, ByNumber) == {"embedded"}
    statuses: list[int] = []

    def progress(done: int, of: int) -> None:
        statuses.append(in_a_child(lambda: check_anew(shelves, ByNumber)))

    with shelves.engine.connect() as connection:
        (index,) = [held.index for held in held_by(connection).values()]
    index.forget()
    index.refresh(progress)
    assert statuses == [0]
    assert rankers(shelves, ByNumber) == {"embedded"}
