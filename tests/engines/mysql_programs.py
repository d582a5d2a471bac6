"""The program of a MariaDB or MySQL server, and the data it begins with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal

from tests.engines import debian
from tests.engines.cache import cached
from tests.engines.engine import Missing
from tests.engines.process import give, owner, run

FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/usr/local/mysql/bin",
    "/opt/homebrew/opt/mariadb/bin",
    "/opt/homebrew/opt/mysql/bin",
)
PROGRAMS = {"MariaDB": ("mariadbd", "mysqld"), "MySQL": ("mysqld",)}
SETTINGS = {
    "MariaDB": ("--skip-ssl", "--innodb-log-file-size=64M"),
    "MySQL": (
        "--auto-generate-certs=OFF",
        "--tls-version=",
        "--innodb-redo-log-capacity=64M",
        "--mysqlx=OFF",
        "--performance-schema=OFF",
        "--secure-file-priv=NULL",
        "--skip-log-bin",
    ),
}
THROWN_AWAY = (
    "--innodb-doublewrite=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--loose-innodb-flush-method=nosync",
    "--innodb-use-native-aio=0",  # containers and many servers at once run out of it
)
SYSTEM_TABLES = (
    "*_system_tables.sql",
    "*_performance_tables.sql",
    "*_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "*_sys_schema.sql",
)


@dataclass(frozen=True)
class Kind:
    """A product from one version to before another, and the Debian package that holds it."""

    product: Literal["MariaDB", "MySQL"]
    since: tuple[int, ...]
    package: str
    suite: str
    before: tuple[int, ...] | None = None

    def check(self, told: str) -> str:
        """`MariaDB 11.8.6`, from what a server or its program tells as its version."""
        numbers = re.search(r"\d+\.\d+\.\d+", told)
        product = "MariaDB" if "MariaDB" in told else "MySQL"
        name = f"{product} {numbers[0] if numbers else told}"
        version = tuple(map(int, numbers[0].split("."))) if numbers else ()
        early_enough = self.before is None or version < self.before
        if product != self.product or version < self.since or not early_enough:
            wanted = ".".join(map(str, self.since)) + " or later" * (self.before is None)
            raise Missing(f"{name} is not {self.product} {wanted}")
        return name


def prepared(kind: Kind) -> tuple[Sequence[str], Path]:
    """The command that runs a server, and the data to begin with."""
    for plain, base in _on_this_machine(kind):
        try:
            return _begun(kind, plain, base)
        except (Missing, OSError):  # another product or version, or closed to other users
            continue
    root = debian.unpacked(kind.package, kind.suite)
    path = next(p for n in PROGRAMS[kind.product] if (p := root / "usr/sbin" / n).exists())
    return _begun(kind, debian.by_own_loader(root, path), root / "usr")


def _on_this_machine(kind: Kind) -> Iterator[tuple[list[str], Path]]:
    for folder in dict.fromkeys([*os.get_exec_path(), *FOLDERS]):
        for name in PROGRAMS[kind.product]:
            if path := shutil.which(name, path=folder):
                yield [path], Path(path).resolve().parents[1]


def _begun(kind: Kind, plain: Sequence[str], base: Path) -> tuple[Sequence[str], Path]:
    version = kind.check(_told_by(plain))
    share = _share(base)
    command = [
        *plain,
        "--no-defaults",
        f"--basedir={base}",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        *THROWN_AWAY,
        *SETTINGS[kind.product],
    ]
    fill = partial(FIRST_DATA[kind.product], version, command, share)
    digest = sha256(repr((version, command)).encode()).hexdigest()[:12]
    return command, cached(f"{version.lower().replace(' ', '-')}-data-{digest}", fill) / "data"


def _told_by(plain: Sequence[str]) -> str:
    user = owner()
    told = subprocess.run(
        [*plain, "--version"], capture_output=True, check=False, user=user, group=user, text=True
    )
    return told.stdout.partition(" Ver ")[2]


def _share(base: Path) -> Path:
    for name in ("mariadb", "mysql", ""):
        if (base / "share" / name / "english" / "errmsg.sys").exists():
            return base / "share" / name
    raise Missing(f"{base / 'share'} holds no messages of a server")


def _mysql_data(version: str, command: Sequence[str], share: Path, folder: Path) -> None:
    first = [*command, *_places(folder), "--initialize-insecure"]
    run(f"the first start of {version}", first, folder)


def _mariadb_data(version: str, command: Sequence[str], share: Path, folder: Path) -> None:
    """What mariadb-install-db does, whose script would need the system's shell tools and paths."""
    statements = ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket = NULL;"]
    for pattern in SYSTEM_TABLES:
        statements += [path.read_text() for path in share.glob(pattern)]
    statements += ["DELETE FROM mysql.global_priv WHERE User = 'root';"]  # it has no password
    (folder / "bootstrap.sql").write_text("\n".join(statements))
    (folder / "data").mkdir()
    give(folder / "data")
    first = [*command, *_places(folder), "--bootstrap", "--max-allowed-packet=8M"]
    run(f"the first start of {version}", first, folder, folder / "bootstrap.sql")


def _places(folder: Path) -> list[str]:
    """A server removes the temporary tables of others from the folder that it has for its own."""
    return [f"--datadir={folder / 'data'}", f"--tmpdir={folder}"]


FIRST_DATA = {"MariaDB": _mariadb_data, "MySQL": _mysql_data}
