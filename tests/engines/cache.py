"""What is made once for all test runs: programs, and data folders to begin with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.engine import Missing
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
    try:
        home().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Missing(f"{VARIABLE} must name a folder for its cache: {error}") from None
    with _locked(home() / f"{name}.lock"):
        if not ready.exists():
            _fill(partial, fill)
            partial.rename(ready)
    return ready


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir()
    give(folder)
    try:
        fill(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _locked(path: Path) -> Generator[None]:
    import fcntl

    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
