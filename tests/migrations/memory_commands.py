"""Alembic as a program of its own, and the engines' own clients."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from alembic.config import main
from sqlalchemy import URL, make_url

from tests.engines import Missing
from tests.engines.debian import by_own_loader, unpacked

REPOSITORY = Path(__file__).parents[2]
DEBIAN = {
    "sqlite": ("sqlite3", "trixie", "sqlite3"),
    "postgresql": ("postgresql-client-17", "trixie", "../lib/postgresql/17/bin/psql"),
    "mariadb": ("mariadb-client-core", "trixie", "mariadb"),
    "mysql": ("mysql-client-core", "sid", "mysql"),
}


def alembic(url: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """`alembic ...` at the root of the repository, with nothing but a URL."""
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "AGENTORM_URL": url, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> tuple[int, str]:
    """How it ended, and all that it said."""
    out, err = process.communicate(timeout=120)
    return process.returncode, (out + err).strip()


def run(url: str, *arguments: str, **environment: str) -> str:
    """What the command printed; it must have gone well."""
    code, said = told(alembic(url, *arguments, **environment))
    assert code == 0, said
    return said


def here(url: str, *arguments: str) -> str:
    """The same in this process, which is faster; what a script would be written to is returned."""
    written = StringIO()
    with pytest.MonkeyPatch.context() as change, redirect_stdout(written):
        change.setenv("AGENTORM_URL", url)
        change.chdir(REPOSITORY)
        main(list(arguments), prog="alembic")
    return written.getvalue()


def feed(engine: str, url: str, script: str) -> None:
    """Let the engine's own client run a script in a database, up to its first error."""
    place = make_url(url)
    done = subprocess.run(
        [*_client(engine), *_options(engine, place)],
        input=script,
        env={**os.environ, "PGPASSWORD": place.password or "", "MYSQL_PWD": place.password or ""},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def _client(engine: str) -> list[str]:
    package, suite, program = DEBIAN[engine]
    path = shutil.which(Path(program).name)
    if path and engine in {"sqlite", "postgresql"}:  # mysql may be MariaDB's, and the reverse
        return [path]
    root = unpacked(package, suite)
    client = root / "usr/bin" / program
    if not client.exists():
        raise Missing(f"{package} of {suite} holds no {program}")
    return by_own_loader(root, client)


def _options(engine: str, place: URL) -> list[str]:
    if engine == "sqlite":
        return ["-bail", str(place.database)]
    if engine == "postgresql":
        where = place.set(drivername="postgresql", password=None)
        return ["-X", "-q", "-v", "ON_ERROR_STOP=1", where.render_as_string(hide_password=False)]
    server = [f"-h{place.host}", f"-P{place.port or 3306}", f"-u{place.username}"]
    safe = "--skip-ssl" if engine == "mariadb" else "--get-server-public-key"
    return ["--no-defaults", *server, "--protocol=TCP", safe, str(place.database)]
