"""Servers that run as long as the tests do, each under a child process that outlives them not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from tests.engines.engine import Engine, Missing

ROOT = Path(__file__).parents[2]
MISSING = "missing: "
MEMORY, ROOMY = Path("/dev/shm"), 2 << 30  # noqa: S108  # a folder of one's own is made in it


@contextmanager
def supervised(engine: Engine) -> Generator[Callable[[], str]]:
    """Starts the engine's server; what it gives waits for it and says its URL."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.engines", engine.name],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # an interrupt from the keyboard is for pytest alone
    ) as supervisor:

        @cache
        def answer() -> str:
            assert supervisor.stdout is not None
            return supervisor.stdout.readline().strip() or f"{MISSING}its supervisor died"

        def url() -> str:
            if answer().startswith(MISSING):
                raise Missing(answer().removeprefix(MISSING))
            return answer()

        yield url


def supervise(engine: Engine) -> None:
    """Run the engine's server until the test run's end of the pipe closes."""
    assert engine.serve is not None
    if os.name != "posix":
        return _answer(f"{MISSING}the suite starts servers on Linux and macOS only")
    signal.signal(signal.SIGTERM, _end)
    os.umask(0o022)
    with TemporaryDirectory(prefix=f"agentorm-{engine.name}-", dir=_fastest()) as folder:
        Thread(target=_end_with_the_test_run, daemon=True).start()
        try:
            with engine.serve(Path(folder)) as url:
                _answer(url)
                Event().wait()
        except (Missing, OSError) as reason:
            _answer(MISSING + " ".join(str(reason).split()))
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the folder must go to its last file


def _end_with_the_test_run() -> None:
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def _fastest() -> Path | None:
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOMY
    return MEMORY if roomy else None


def _answer(line: str) -> None:
    with suppress(BrokenPipeError):  # the test run is over before it began
        os.write(1, f"{line}\n".encode())
