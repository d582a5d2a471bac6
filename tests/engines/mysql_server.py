"""MariaDB and MySQL, run by the machine's own programs or by Debian's."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.mysql_programs import Kind, prepared
from tests.engines.process import await_ready, own_port, run, running


@contextmanager
def serve(kind: Kind, folder: Path) -> Generator[str]:
    command, data = prepared(kind)
    run("the copy of its data", ["cp", "-R", data, folder / "data"], folder)
    password = secrets.token_hex(16)
    (folder / "users.sql").write_text(
        f"CREATE USER agentorm@'%' IDENTIFIED BY '{password}';\n"
        "GRANT ALL ON *.* TO agentorm@'%' WITH GRANT OPTION;\n"
        "DROP USER IF EXISTS root@localhost;\n"
    )
    with own_port() as port, running([*command, *_options(folder, port)], folder) as server:
        await_ready(kind.product, server, folder, lambda: _is_ready(folder))
        yield f"{kind.product.lower()}://agentorm:{password}@127.0.0.1:{port}"


def _options(folder: Path, port: int) -> list[str]:
    settings = {
        "datadir": folder / "data",
        "init-file": folder / "users.sql",
        "pid-file": folder / "pid",
        "socket": folder / "socket",
        "tmpdir": folder,
        "bind-address": "127.0.0.1",
        "port": port,
        "skip-name-resolve": "ON",
        "max-connections": 200,
    }
    return [f"--{name}={value}" for name, value in settings.items()]


def _is_ready(folder: Path) -> bool:
    return b"ready for connections" in (folder / "log").read_bytes()
