"""What a query or statement is in the SQL of each engine, without any database."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ClauseElement, MetaData, create_mock_engine, make_url
from sqlalchemy.engine.interfaces import Dialect

from agentorm.endings import Endings
from agentorm.errors import UnsupportedFeature

DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


@dataclass(frozen=True)
class Unsupported:
    """Expects `UnsupportedFeature`, with this part in its message."""

    part: str = ""


UNSUPPORTED = Unsupported()
MARIADB_BEHIND_MYSQL = "mysql that reached mariadb"
"""SQLAlchemy's dialect of a URL ``mysql://`` that has connected to a MariaDB server."""

_URLS = {name: f"{driver}://" for name, driver in DRIVERS.items()}
_URLS[MARIADB_BEHIND_MYSQL] = _URLS["mysql"]
_OPTIONS = {MARIADB_BEHIND_MYSQL: {"is_mariadb": True}}
Subject: TypeAlias = Endings[Any, Any] | ClauseElement | Callable[[str], ClauseElement | str]
"""A query, a statement, or what makes the statement or the SQL for an engine."""


def unsupported(part: str) -> Unsupported:
    """Expects `UnsupportedFeature`, with this part in its message."""
    return Unsupported(part)


def assert_sql(
    subject: Subject,
    *,
    sqlite: str | Unsupported,
    postgresql: str | Unsupported,
    mysql: str | Unsupported,
    mariadb: str | Unsupported,
) -> None:
    """The subject is this SQL, white space aside, or unsupported, on each engine."""
    expected = {"sqlite": sqlite, "postgresql": postgresql, "mysql": mysql, "mariadb": mariadb}
    for engine, literal in expected.items():
        wanted = folded(literal) if isinstance(literal, str) else literal
        got = _outcome(subject, engine)
        assert _fulfils(got, wanted), f"{engine}:\n  expected {wanted}\n  got      {got}"


def sql_of(subject: Subject, engine: str, *, paramstyle: str = "named") -> str:
    """The SQL on one line, with the placeholders of that style."""
    if isinstance(subject, Endings):
        return folded(subject.sql(engine))
    made = subject if isinstance(subject, ClauseElement) else subject(engine)
    if isinstance(made, str):
        return folded(made)
    options = {"render_postcompile": True}
    return folded(str(made.compile(dialect=dialect(engine, paramstyle), compile_kwargs=options)))


def schema_of(metadata: MetaData, *names: str) -> Callable[[str], str]:
    """What makes the DDL that would create these tables on an engine, then the indexes by name."""

    def created(engine: str) -> str:
        statements: list[str] = []

        def note(ddl: Any, *_: Any, **__: Any) -> None:
            statements.append(str(ddl.compile(dialect=recorder.dialect)))

        recorder = create_mock_engine(_URLS[engine], note, **_OPTIONS.get(engine, {}))
        tables = [metadata.tables[name] for name in names]
        metadata.create_all(recorder, tables=tables, checkfirst=False)
        indexes = sorted(ddl for ddl in statements if _CREATE_INDEX.match(ddl))
        return "; ".join([ddl for ddl in statements if ddl not in indexes] + indexes)

    return created


def dialect(engine: str, paramstyle: str = "named") -> Dialect:
    """SQLAlchemy's dialect of an engine, before any connection."""
    kind: Any = make_url(_URLS[engine]).get_dialect()
    made: Dialect = kind(paramstyle=paramstyle, **_OPTIONS.get(engine, {}))
    return made


_CREATE_INDEX = re.compile(r"\s*CREATE (VECTOR )?INDEX ")


def folded(sql: str) -> str:
    """The text with every run of white space as one blank, and none inside parentheses."""
    return re.sub(r"(?<=\() | (?=\))| (?=;)", "", " ".join(sql.split()))


def _outcome(subject: Subject, engine: str) -> str | UnsupportedFeature:
    try:
        return sql_of(subject, engine)
    except UnsupportedFeature as error:
        return error


def _fulfils(got: str | UnsupportedFeature, wanted: str | Unsupported) -> bool:
    if isinstance(wanted, Unsupported):
        return isinstance(got, UnsupportedFeature) and wanted.part in str(got)
    return isinstance(got, str) and got == wanted
