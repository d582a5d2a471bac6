"""The schema is in the wheel, and runs from there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.migrations.memory_commands import REPOSITORY

PROGRAM = """
import agentorm
from agentorm import Database, memory
from agentorm.memory import schema

with Database("sqlite:///made.db") as db:
    memory.upgrade(db)
    memory.check(db)
    print(agentorm.__file__, schema.folder(), memory.current(db), sep="\\n")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel brings, in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "--no-deps", f"--wheel-dir={folder}", REPOSITORY], check=True)
    [wheel] = folder.glob("agentorm-*.whl")
    ZipFile(wheel).extractall(folder / "site")  # our own
    return folder / "site"


def test_the_wheel_holds_the_revisions_beside_the_package(installed: Path) -> None:
    inside, shipped = "agentorm/memory/alembic/", installed / "agentorm" / "memory" / "alembic"
    [wheel] = installed.parent.glob("agentorm-*.whl")
    written = ZipFile(wheel).namelist()
    names = {name.removeprefix(inside) for name in written if name.startswith(inside)}
    in_the_repository = (REPOSITORY / "alembic").rglob("*.*")
    expected = {path.relative_to(REPOSITORY / "alembic").as_posix() for path in in_the_repository}
    assert names == {name for name in expected if "__pycache__" not in name}
    assert "versions/0001_sources_documents_chunks.py" in names
    assert not (installed / "alembic").exists()
    for folder in (shipped, REPOSITORY / "alembic"):
        assert not list(folder.rglob("__init__.py"))


def test_an_installed_package_upgrades_a_database(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.stderr, done.stdout.splitlines()) == (
        "",
        [
            str(installed / "agentorm" / "__init__.py"),
            str(installed / "agentorm" / "memory" / "alembic"),
            "0001",
        ],
    )
