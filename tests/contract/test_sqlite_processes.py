"""Several processes use one SQLite file at the same moment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from typing import TypeAlias

import pytest

from agentorm import Database, repository
from tests.contract.models import Doc, vector

pytestmark = [pytest.mark.engines("sqlite"), pytest.mark.sync("the processes block each other")]

ROOT = Path(__file__).parents[2]
PROCESSES, TRANSACTIONS = 4, 50
Together: TypeAlias = Callable[[str, str], list[str]]

WORKER = """
import json, sys, traceback
from agentorm import Database, repository
from tests.contract.models import Author, Doc, Tag

print("ready", flush=True)
for line in sys.stdin:
    url, name, script = json.loads(line)
    try:
        with Database(url) as db:
            exec(script)
        answer = "done"
    except Exception:
        answer = traceback.format_exc()
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture(scope="module")
def together() -> Iterator[Together]:
    """Run a script in several processes at once; what each of them says."""
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker()) for _ in range(PROCESSES)]
        for worker in workers:
            stack.callback(worker.kill)
        assert [_answer(worker) for worker in workers] == ["ready"] * PROCESSES

        def run(url: str, script: str) -> list[str]:
            for n, worker in enumerate(workers):
                assert worker.stdin is not None
                worker.stdin.write(json.dumps([url, f"p{n}", dedent(script)]) + "\n")
                worker.stdin.flush()
            return [json.loads(_answer(worker)) for worker in workers]

        yield run


def _worker() -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", WORKER], cwd=ROOT, stdin=pipe, stdout=pipe, text=True
    )


def _answer(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def test_transactions_lose_no_row(library: Database, together: Together) -> None:
    repository(Doc, library).add(Doc(title="counter", n=0))
    answers = together(
        str(library.engine.url),
        """
        for turn in range(50):
            with db.transaction() as session:
                docs = repository(Doc, session)
                counter = docs.where(Doc.title == "counter").one()
                docs.update(counter, n=counter.n + 1)
                docs.add(Doc(title=f"{name}-{turn}", embedding=[1, turn, 0]))
        """,
    )
    assert answers == ["done"] * PROCESSES
    docs = repository(Doc, library)
    assert docs.where(Doc.title == "counter").one().n == PROCESSES * TRANSACTIONS
    assert docs.similar_to([1, 0, 0]).count() == PROCESSES * TRANSACTIONS


def test_sessions_that_begin_with_a_write_wait_for_each_other(
    library: Database, together: Together
) -> None:
    answers = together(
        str(library.engine.url),
        """
        for turn in range(50):
            with db.session() as session:
                repository(Doc, session).add_all([Doc(title=f"{name}-{turn}")])
                session.commit()
            repository(Doc, db).upsert([Doc(title="shared", n=turn)], on=Doc.title)
        """,
    )
    assert answers == ["done"] * PROCESSES
    assert repository(Doc, library).count() == PROCESSES * TRANSACTIONS + 1


def test_the_schema_is_created_by_all_of_them(url: str, together: Together) -> None:
    answers = together(
        url,
        """
        for turn in range(5):
            db.create_all(Author, Doc, Tag)
            repository(Doc, db).add(Doc(title=f"{name}-{turn}"))
            db.dispose()
        """,
    )
    assert answers == ["done"] * PROCESSES
    with Database(url) as db:
        assert repository(Doc, db).count() == PROCESSES * 5


def test_readers_read_while_the_others_write(library: Database, together: Together) -> None:
    repository(Doc, library).add_all(
        Doc(title=str(n), n=1, embedding=vector(1, n, 0)) for n in range(50)
    )
    answers = together(
        str(library.engine.url),
        """
        docs = repository(Doc, db)
        for turn in range(40):
            if name in ("p0", "p1"):
                with db.transaction() as session:
                    docs.on(session).update_where(Doc.n == 1, n=2)
                    docs.on(session).update_where(Doc.n == 2, n=1)
            else:
                with db.session() as session:
                    assert docs.on(session).where(Doc.n == 1).count() == 50
                    assert len(docs.on(session).similar_to([1, 0, 0]).limit(50).hits()) == 50
        """,
    )
    assert answers == ["done"] * PROCESSES
