"""Programs that a server is made and run by, as a user that servers accept."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.engines.engine import Missing

NOBODY = 65534

Process = subprocess.Popen[bytes]


def owner() -> int | None:
    return NOBODY if os.geteuid() == 0 else None  # servers refuse to run as root


def give(path: Path) -> None:
    """To the user that programs run as."""
    if (user := owner()) is not None:
        os.chown(path, user, user)


def launch(command: Sequence[str | Path], folder: Path, stdin: Path | None = None) -> Process:
    give(folder)
    with (folder / "log").open("ab") as log, Path(stdin or os.devnull).open("rb") as source:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=source,
            stdout=log,
            stderr=log,
            process_group=0,  # so that its children end with it
            user=owner(),
            group=owner(),
            extra_groups=None if owner() is None else [],
        )


@contextmanager
def running(
    command: Sequence[str | Path],
    folder: Path,
    stdin: Path | None = None,
    *,
    end: signal.Signals = signal.SIGKILL,
) -> Generator[Process]:
    process = launch(command, folder, stdin)
    try:
        yield process
    finally:
        if process.poll() is None:
            _end(process, end)


def _end(process: Process, how: signal.Signals) -> None:
    os.killpg(process.pid, how)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(
    name: str,
    command: Sequence[str | Path],
    folder: Path,
    stdin: Path | None = None,
    *,
    limit: float = 120,
) -> None:
    """To its end; what it said is in the folder's log."""
    with running(command, folder, stdin) as process:
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Missing(f"{name} took more than {limit} s: {log(folder)}") from None
    if code:
        raise Missing(f"{name} failed: {log(folder)}")


def await_ready(name: str, server: Process, folder: Path, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        if server.poll() is not None or time.monotonic() > deadline:
            raise Missing(f"{name} did not start: {log(folder)}")
        time.sleep(0.01)


def log(folder: Path) -> str:
    lines = (folder / "log").read_text(errors="replace").splitlines()
    telling = [line for line in lines if "error" in line.lower()] or lines
    return " ".join(telling)[-600:]


@contextmanager
def own_port() -> Generator[int]:
    """A free port, which nobody else is given while the server starts."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        if sys.platform != "linux":  # elsewhere no server could take a port that is held
            probe.close()
        yield port
