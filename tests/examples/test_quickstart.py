"""`examples/quickstart.py` as a user runs it: a program of its own, on real input."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.engines import NAMES

ROOT = Path(__file__).parents[2]
BEST = {
    "play music from the terminal": "cynthiune.app",
    "compress files quickly": "afio",
    "edit photographs": "phototonic",
    "a database that needs no server": "libtest-database-perl",
    "learn a foreign language": "langdrill",
    "scan a network for open ports": "simple-scan",
    "write a scientific paper": "liboscar4-java",
    "simulate a robot": "libmrpt-img-dev",
    "back up my home directory to another machine": "dkopp",
    "convert a video to another format": "libsvtav1-dev",
    "track time spent on tasks": "bbtime",
    "draw diagrams from text": "librust-box-drawing-dev",
    "speech synthesis": "freetts",
    "monitor the temperature of the processor": "mangohud",
    "library for parsing JSON in C++": "libcli11-dev",
    "play chess against the computer": "knights",
    "encrypt a disk": "ecryptfs-utils",
    "web server with low memory use": "lighttpd",
    "compute the orbit of a satellite": "transcalc",
    "convert between character encodings": "ruby-unidecode",
    "library for parsing JSON in C++, among libraries below 500 KiB": "libsimdjson14",
}
WEB_SERVERS = """
web server with low memory use
  0.721  lighttpd                       httpd           975 KiB  fast webserver with minimal...
  0.507  webfs                          httpd           191 KiB  lightweight HTTP server for...
  0.440  nohang                         admin           264 KiB  sophisticated low memory handler...
"""
SMALL_LIBRARIES = """
library for parsing JSON in C++, among libraries below 500 KiB
  0.485  libsimdjson14                  libs            229 KiB  Parsing gigabytes of JSON per...
  0.455  libnsync-cpp1                  libs             66 KiB  C library that exports various...
  0.382  libdaemon0                     libs             50 KiB  lightweight C library for...
"""
SCANNING = {"mysql", "mariadb-10.11", "postgresql-without-pgvector"}
SECRET = "xyzzy"  # noqa: S105  # what no output may show


def quickstart(
    *arguments: str, folder: Path, path: Path = ROOT, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    unset = {"AGENTORM_URL", "DATABASE_URL"}
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    fixed = {"PYTHONPATH": f"{path}{os.pathsep}{ROOT}", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "quickstart.py", *arguments],
        cwd=folder,
        env=inherited | fixed | (environment or {}),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def best(output: str) -> dict[str, str]:
    return dict(re.findall(r"^(\S.*)\n  -?\d\.\d{3}  (\S+)", output, re.MULTILINE))


def said(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether it told, once and beside nothing else, that numpy ranks."""
    assert not done.stderr or re.fullmatch(r"\S+: SlowPath: .+\n +hits = .+\n", done.stderr)
    return bool(done.stderr)


def without_module(name: str, folder: Path) -> Path:
    """A folder that hides a package, as if it were not installed."""
    shadow = folder / "shadow"
    shadow.mkdir()
    (shadow / f"{name}.py").write_text(f"raise ModuleNotFoundError(name={name!r})\n")
    return shadow


@pytest.mark.engines(*NAMES)
def test_every_engine_gives_the_same_best_answers(
    engine_name: str, url: str, tmp_path: Path
) -> None:
    done = quickstart(url, folder=tmp_path)
    assert (done.returncode, said(done)) == (0, engine_name in SCANNING)
    assert best(done.stdout) == BEST
    assert WEB_SERVERS in done.stdout
    assert SMALL_LIBRARIES in done.stdout
    assert "2,000 packages are stored" in done.stdout
    assert re.search(r"\n20 searches, \d+\.\d ms each\n", done.stdout)
    assert re.search(r"\n  SELECT (`?)package\1\.id, \1package\1\.name", done.stdout)
    assert max(map(len, done.stdout.splitlines()[1:])) <= 100
    assert (make_url(url).password or SECRET) not in done.stdout


def test_a_second_run_changes_nothing(engine_name: str, url: str, tmp_path: Path) -> None:
    first, second = (quickstart(url, folder=tmp_path) for _ in range(2))
    assert (second.returncode, said(second)) == (0, engine_name in SCANNING)
    assert "2,000 packages are stored" in second.stdout
    assert best(second.stdout) == best(first.stdout) == BEST


def test_without_a_url_it_is_a_file_in_the_current_folder(tmp_path: Path) -> None:
    done = quickstart(folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "quickstart.db").is_file()
    assert done.stdout.startswith("Database('sqlite+pysqlite:///quickstart.db')\nSQLite 3.")


def test_the_environment_names_the_database(tmp_path: Path) -> None:
    both = {"AGENTORM_URL": "sqlite:///a.db", "DATABASE_URL": "sqlite:///b.db"}
    assert quickstart(folder=tmp_path, environment=both).returncode == 0
    assert {path.name for path in tmp_path.glob("*.db")} == {"a.db"}
    assert quickstart("sqlite:///c.db", folder=tmp_path, environment=both).returncode == 0
    assert {path.name for path in tmp_path.glob("*.db")} == {"a.db", "c.db"}
    assert (
        quickstart(folder=tmp_path, environment={"DATABASE_URL": "sqlite:///b.db"}).returncode == 0
    )
    assert {path.name for path in tmp_path.glob("*.db")} == {"a.db", "b.db", "c.db"}


def test_without_rich_the_progress_is_plain_text(tmp_path: Path) -> None:
    done = quickstart(folder=tmp_path, path=without_module("rich", tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Storing packages  10%" in done.stdout
    assert "Storing packages 100%\n2,000 packages are stored" in done.stdout


def test_help_says_where_the_database_comes_from(tmp_path: Path) -> None:
    done = quickstart("--help", folder=tmp_path)
    assert done.returncode == 0
    for name in ("AGENTORM_URL", "DATABASE_URL", "sqlite:///quickstart.db"):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", "the database URL cannot be read; as sqlite:///docs.db or postgresql://"),
        (f"nonsense:{SECRET}@h", "the database URL cannot be read; as sqlite:///docs.db or"),
        (f"postgresql://me:{SECRET}@h:port/x", "the database URL cannot be read; as sqlite:///"),
        (f"frobnicate://me:{SECRET}@h/x", "no engine 'frobnicate'; known are sqlite, postgresql"),
        (f"postgresql+nope://me:{SECRET}@h/x", "no driver 'postgresql+nope'"),
        (f"postgresql://me:{SECRET}@127.0.0.1:1/x", "port 1 failed: Connection refused"),
        (f"mariadb://me:{SECRET}@127.0.0.1:1/x", "Can't connect to MySQL server on '127.0.0.1'"),
        (f"mysql://me:{SECRET}@127.0.0.1:1/x", "Can't connect to MySQL server on '127.0.0.1'"),
        ("sqlite:///no/such/folder/x.db", "unable to open database file"),
        ("sqlite:///.", "unable to open database file"),
        ("sqlite:///notes.txt", "file is not a database; check the path of the URL"),
        ("sqlite:///x.db?timeout=soon", "soon"),
    ],
)
def test_a_url_of_no_use_is_one_sentence(url: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database, but a text of some length\n" * 100)
    done = quickstart(url, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("quickstart: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("scheme", "driver", "extra"),
    [
        ("postgresql", "psycopg", "postgresql"),
        ("mariadb", "pymysql", "mysql"),
        ("mysql", "pymysql", "mysql"),
    ],
)
def test_a_missing_driver_is_one_sentence(
    scheme: str, driver: str, extra: str, tmp_path: Path
) -> None:
    shadow = without_module(driver, tmp_path)
    done = quickstart(f"{scheme}://me:{SECRET}@127.0.0.1:1/x", folder=tmp_path, path=shadow)
    assert done.returncode == 2
    assert done.stderr == (
        f"quickstart: {driver!r} is not installed; pip install 'agentorm[{extra}]'\n"
    )
