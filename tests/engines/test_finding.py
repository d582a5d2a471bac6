"""What the engines' finders read: versions as programs and servers tell them, apt's sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines import Missing, debian
from tests.engines.mysql_programs import Kind

MARIADB = Kind("MariaDB", (11, 7), "mariadb-server-core", "trixie")
MARIADB_10_11 = Kind("MariaDB", (10, 11), "mariadb-server-core", "bookworm", before=(10, 12))
MYSQL = Kind("MySQL", (9,), "mysql-server-core", "sid")


@pytest.mark.parametrize(
    ("kind", "told", "name"),
    [
        (MARIADB, "11.8.6-MariaDB-0+deb13u1 from Debian", "MariaDB 11.8.6"),
        (
            MARIADB,
            "11.8.6-MariaDB for debian-linux-gnu on x86_64 (Debian 13.2.0)",
            "MariaDB 11.8.6",
        ),
        (MARIADB_10_11, "10.11.18-MariaDB-0+deb12u1", "MariaDB 10.11.18"),
        (MYSQL, "9.7.4-2 for Linux on x86_64 ((Debian))", "MySQL 9.7.4"),
        (MYSQL, "10.0.1", "MySQL 10.0.1"),
    ],
)
def test_a_version_that_fits_is_named(kind: Kind, told: str, name: str) -> None:
    assert kind.check(told) == name


@pytest.mark.parametrize(
    ("kind", "told", "reason"),
    [
        (MARIADB, "11.4.2-MariaDB", "MariaDB 11.4.2 is not MariaDB 11.7 or later"),
        (MARIADB, "9.7.4", "MySQL 9.7.4 is not MariaDB 11.7 or later"),
        (MARIADB_10_11, "11.8.6-MariaDB", "MariaDB 11.8.6 is not MariaDB 10.11"),
        (MYSQL, "8.4.6", "MySQL 8.4.6 is not MySQL 9 or later"),
        (MYSQL, "11.8.6-MariaDB", "MariaDB 11.8.6 is not MySQL 9 or later"),
        (MYSQL, "soon", "MySQL soon is not MySQL 9 or later"),
    ],
)
def test_a_version_that_does_not_fit_is_missing(kind: Kind, told: str, reason: str) -> None:
    with pytest.raises(Missing) as missing:
        kind.check(told)
    assert str(missing.value) == reason


@pytest.mark.parametrize(
    ("name", "text", "mirror"),
    [
        (
            "debian.sources",
            "Types: deb\nURIs: https://a.b/debian/\nSuites: x\n",
            "https://a.b/debian",
        ),
        (
            "a.list",
            "# deb http://no/debian x main\ndeb http://a.b/debian x main\n",
            "http://a.b/debian",
        ),
        ("a.list", "deb [arch=amd64 trusted=no] http://a.b/debian x main", "http://a.b/debian"),
        ("a.list", "deb http://a.b/debian-security x main", "http://deb.debian.org/debian"),
        ("ubuntu.sources", "URIs: http://a.b/ubuntu\n", "http://deb.debian.org/debian"),
    ],
)
def test_the_mirror_is_that_of_the_machine(
    name: str, text: str, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENTORM_DEBIAN_MIRROR", raising=False)
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / name).write_text(text)
    assert debian.mirror(tmp_path) == mirror
    monkeypatch.setenv("AGENTORM_DEBIAN_MIRROR", "http://elsewhere/debian")
    assert debian.mirror(tmp_path) == "http://elsewhere/debian"
