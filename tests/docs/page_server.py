"""Runs pages, each in a process of its own, which begins where ``import agentorm`` has ended.

A line of its input is a `Request` in JSON, a line of its output the exit code and what was said.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TypedDict

from tests.docs.run_page import main

ROOT = Path(__file__).parents[2]


class Request(TypedDict):
    page: str
    folder: str
    environment: dict[str, str]


class Pages:
    """The test run's end of it."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def run(self, page: Path, folder: Path, **variables: str) -> None:
        """Run a page in a folder.

        Raises:
            AssertionError: it is not true; with what it said.
        """
        unset = {"AGENTORM_URL", "DATABASE_URL"}
        environment = {k: v for k, v in os.environ.items() if k not in unset} | variables
        request = Request(page=str(page), folder=str(folder), environment=environment)
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(request), file=self._server.stdin, flush=True)
        code, said = json.loads(self._server.stdout.readline())
        assert code == 0, said


@contextmanager
def serving() -> Generator[Pages]:
    one_thread = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}  # a fork has no other
    command = [sys.executable, "-m", "tests.docs.page_server"]
    environment = os.environ | one_thread
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as server:
        yield Pages(server)


def serve() -> None:
    run = _forked if platform.system() == "Linux" else _spawned
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")
        sys.stdout.flush()


def _forked(request: Request) -> tuple[int, str]:
    """The child never returns."""
    with TemporaryFile() as said:
        child = os.fork()
        if not child:
            _run(request, said)
            sys.exit()
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read().decode(errors="replace")


def _run(request: Request, said: IO[bytes]) -> None:
    for stream in (1, 2):
        os.dup2(said.fileno(), stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = request["folder"]
    sys.argv = ["run_page", request["page"]]
    main()


def _spawned(request: Request) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.docs.run_page", request["page"]],
        cwd=request["folder"],
        env=request["environment"] | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    return ran.returncode, ran.stderr


if __name__ == "__main__":
    import_module("agentorm")  # once for all pages
    serve()
