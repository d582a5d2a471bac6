"""What is made once for all test runs: programs, and data folders to begin with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.process import give, owner

VARIABLE = "AGENTORM_ENGINES_CACHE"


def home() -> Path:
    if given := os.environ.get(VARIABLE):
        return Path(given).absolute()
    if owner() is not None:  # root's own folder is closed to the user that servers run as
        return Path("/var/cache/agentorm-engines")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "agentorm-engines")


def cached(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder of that name, filled by the first run that needs it."""
    ready, partial = home() / name, home() / f"{name}.part"
    if ready.exists():
        return ready
    home().mkdir(parents=True, exist_ok=True)
    with _locked(home() / f"{name}.lock"):
        if not ready.exists():
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            give(partial)
            fill(partial)
            partial.rename(ready)
    return ready


@contextmanager
def _locked(path: Path) -> Generator[None]:
    import fcntl

    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
