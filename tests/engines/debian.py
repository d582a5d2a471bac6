"""Debian packages, unpacked without root into a folder of their own, and run from there.

A private state of apt resolves what a package needs, the C library too, so that the programs run
by their own loader on any distribution, and nothing of the machine is changed.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from functools import partial
from pathlib import Path

from tests.engines.cache import cached
from tests.engines.engine import Missing
from tests.engines.process import give, run

MIRROR = "AGENTORM_DEBIAN_MIRROR"
DEFAULT_MIRROR = "http://deb.debian.org/debian"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NEEDLESS = re.compile(r"(lib)?perl|libc-gconv|libdb5|libgdbm")
SOURCE = re.compile(r"^(?:URIs:|deb(?: \[[^]]*\])?) *(\S+/debian)/?(?:\s|$)", re.MULTILINE)


def unpacked(package: str, suite: str) -> Path:
    """The folder that holds what the package and all it needs install."""
    if sys.platform != "linux":
        raise Missing("Debian's packages run on Linux only")
    if absent := [tool for tool in ("apt-get", "dpkg") if shutil.which(tool) is None]:
        raise Missing(f"there is no {absent[0]} to fetch Debian's packages with")
    if not KEYS.exists():
        raise Missing("the keys of Debian's packages (debian-archive-keyring) are not installed")
    name = f"{package}-{suite}-{platform.machine()}"
    return cached(name, partial(_fetch, package, suite))


def by_own_loader(root: Path, program: Path) -> list[str]:
    libraries = [path for folder in ("lib", "usr/lib") for path in root.glob(f"{folder}/*-linux-*")]
    loaders = (path for library in libraries for path in library.glob("ld-linux-*.so.?"))
    loader = next(path for path in loaders if not path.is_symlink())  # which may lead to another's
    return [str(loader), "--library-path", ":".join(map(str, libraries)), str(program)]


def _fetch(package: str, suite: str, folder: Path) -> None:
    state = folder / "apt"
    for part in ("", "lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    for path in (state, *state.rglob("*")):
        give(path)
    (state / "status").touch()
    (state / "sources.list").write_text(f"deb [signed-by={KEYS}] {mirror()} {suite} main\n")
    run("apt-get update", [*_apt_get(state), "update"], state)
    wanted = ["--download-only", "--no-install-recommends", "-y", package]
    run("apt-get install", [*_apt_get(state), "install", *wanted], state, limit=600)
    for archive in (state / "cache/archives").glob("*.deb"):
        if not NEEDLESS.match(archive.name):
            run("dpkg", ["dpkg", "-x", archive, folder], folder)
    for part in ("apt", "usr/share/doc", "usr/share/locale", "usr/share/man"):
        shutil.rmtree(folder / part, ignore_errors=True)


def _apt_get(state: Path) -> list[str]:
    options = {
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::Lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Acquire::Languages": "none",
        "Acquire::Retries": 2,
        "Acquire::http::Timeout": 20,
        "APT::Update::Error-Mode": "any",
        "Debug::NoLocking": "true",
    }
    return ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]


def mirror(sources: Path = Path("/etc/apt")) -> str:
    if given := os.environ.get(MIRROR):
        return given
    for path in (sources / "sources.list", *sorted(sources.glob("sources.list.d/*.*"))):
        if path.is_file() and (found := SOURCE.search(path.read_text(errors="replace"))):
            return found[1]
    return DEFAULT_MIRROR
