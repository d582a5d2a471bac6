"""MariaDB and MySQL, run by the machine's own programs or by Debian's."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.engines import debian
from tests.engines.cache import cached
from tests.engines.engine import Missing
from tests.engines.process import await_ready, free_port, give, owner, run, running

FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin")
INNODB = [
    "--innodb-buffer-pool-size=128M",
    "--innodb-doublewrite=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-use-native-aio=0",
]
SYSTEM_TABLES = (
    "*_system_tables.sql",
    "*_performance_tables.sql",
    "*_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "*_sys_schema.sql",
)


@dataclass(frozen=True)
class Kind:
    """A server of one product and a range of its versions, and the package that holds it."""

    product: str
    since: tuple[int, ...]
    before: tuple[int, ...]
    package: str
    suite: str

    @property
    def mariadb(self) -> bool:
        return self.product == "MariaDB"

    def check(self, told: str) -> str:
        """`MariaDB 11.8.6`, of what a server or its program tells as its version."""
        numbers = re.search(r"\d+\.\d+\.\d+", told)
        product = "MariaDB" if "MariaDB" in told else "MySQL"
        name = f"{product} {numbers[0] if numbers else told}"
        version = tuple(map(int, numbers[0].split("."))) if numbers else ()
        if product != self.product or not self.since <= version < self.before:
            first = ".".join(map(str, self.since))
            raise Missing(f"{name} is not {self.product} {first}")
        return name


@dataclass(frozen=True)
class Program:
    command: tuple[str, ...]
    base: Path

    def options(self) -> list[str]:
        share = self.share()
        return [
            "--no-defaults",
            f"--basedir={self.base}",
            f"--lc-messages-dir={share}",
            f"--character-sets-dir={share / 'charsets'}",
        ]

    def share(self) -> Path:
        for name in ("mariadb", "mysql", ""):
            if (self.base / "share" / name / "english" / "errmsg.sys").exists():
                return self.base / "share" / name
        raise Missing(f"{self.base} holds no messages")


@contextmanager
def serve(kind: Kind, folder: Path) -> Generator[str]:
    program, template = _prepared(kind)
    run(["cp", "-R", template / "data", folder / "data"], folder)
    password, port = secrets.token_hex(16), free_port()
    (folder / "init.sql").write_text(
        f"CREATE USER agentorm@'%' IDENTIFIED BY '{password}';\n"
        "GRANT ALL ON *.* TO agentorm@'%' WITH GRANT OPTION;\n"
        "DROP USER IF EXISTS root@localhost;\n"
    )
    command = [*program.command, *program.options(), *_settings(kind), *_places(folder, port)]
    with running(command, folder) as server:
        path = folder / "log"
        await_ready(
            kind.product, server, folder, lambda: b"ready for connections" in path.read_bytes()
        )
        yield f"{kind.product.lower()}://agentorm:{password}@127.0.0.1:{port}"


def _settings(kind: Kind) -> list[str]:
    if kind.mariadb:
        return [*INNODB, "--innodb-log-file-size=64M"]
    redo = "--innodb-redo-log-capacity=64M"
    return [
        *INNODB,
        redo,
        "--skip-log-bin",
        "--mysqlx=OFF",
        "--performance-schema=OFF",
        "--secure-file-priv=NULL",
    ]


def _places(folder: Path, port: int) -> list[str]:
    return [
        f"--datadir={folder / 'data'}",
        f"--init-file={folder / 'init.sql'}",
        f"--pid-file={folder / 'pid'}",
        f"--socket={folder / 'socket'}",
        f"--tmpdir={folder}",
        "--bind-address=127.0.0.1",
        f"--port={port}",
        "--skip-name-resolve",
        "--max-connections=200",
    ]


def _prepared(kind: Kind) -> tuple[Program, Path]:
    """A program that works, and the folder of the data it begins with."""
    for program in _of_this_machine(kind):
        try:
            return program, _template(kind, program)
        except Missing:
            continue
    root = debian.unpacked(kind.package, kind.suite)
    path = root / "usr" / "sbin" / ("mariadbd" if kind.mariadb else "mysqld")
    program = Program(tuple(debian.by_own_loader(root, path)), root / "usr")
    return program, _template(kind, program)


def _of_this_machine(kind: Kind) -> Iterator[Program]:
    folders = [*os.get_exec_path(), *FOLDERS]
    for name in ("mariadbd", "mysqld") if kind.mariadb else ("mysqld",):
        for folder in dict.fromkeys(folders):
            path = shutil.which(name, path=folder)
            if path and _is(kind, [path]):
                yield Program((path,), Path(path).resolve().parents[1])


def _is(kind: Kind, command: Sequence[str]) -> bool:
    try:
        told = subprocess.run(
            [*command, "--version"], capture_output=True, check=True, user=owner(), text=True
        ).stdout
        kind.check(told.partition(" Ver ")[2])
    except (OSError, subprocess.SubprocessError, Missing):
        return False
    return True


def _template(kind: Kind, program: Program) -> Path:
    options = [*program.command, *program.options(), *_settings(kind)]
    digest = hashlib.sha256(repr(options).encode()).hexdigest()[:12]
    fill = partial(_initialise, kind, program, options)
    return cached(f"{kind.product.lower()}-data-{digest}", fill)


def _initialise(kind: Kind, program: Program, options: Sequence[str], folder: Path) -> None:
    data = f"--datadir={folder / 'data'}"
    if not kind.mariadb:
        run([*options, data, "--initialize-insecure"], folder)
        return
    (folder / "data").mkdir()
    give(folder / "data")
    statements = ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket=NULL;"]
    for pattern in SYSTEM_TABLES:
        (path,) = program.share().glob(pattern)
        statements.append(path.read_text())
    (folder / "bootstrap.sql").write_text("\n".join(statements))
    bootstrap = ["--bootstrap", "--log-warnings=0", "--max-allowed-packet=8M"]
    run([*options, data, *bootstrap], folder, folder / "bootstrap.sql")
