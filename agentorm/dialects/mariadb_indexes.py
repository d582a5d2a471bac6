"""The vector indexes of MariaDB, as the server describes them."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.ddl import ExecutableDDLElement

from agentorm.dialects.base import Feature
from agentorm.dialects.built import BuiltIndex
from agentorm.vectors import Metric

NAMES = {Metric.COSINE: "cosine", Metric.L2: "euclidean"}
_METRICS = {name: metric for metric, name in NAMES.items()}
_VECTOR_INDEXES = text(
    "SELECT index_name, column_name FROM information_schema.statistics"
    " WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :table"
    " AND index_type = 'VECTOR'"
)
_DEFAULTS = text("SELECT @@mhnsw_default_m, @@mhnsw_default_distance")
_LINE = re.compile(r"^\s*VECTOR KEY `((?:``|[^`])+)` \((?:``|[^)])+\)(.*)$", re.MULTILINE)
_OPTION = re.compile(r"`?(M|DISTANCE)`?\s*=\s*'?(\w+)'?", re.IGNORECASE)


class ShowTable(ExecutableDDLElement):
    """``SHOW CREATE TABLE``, of a table."""

    def __init__(self, table: Table) -> None:
        self.table = table


@compiles(ShowTable)
def _show_table(element: ShowTable, compiler: Any, **kw: Any) -> str:
    return f"SHOW CREATE TABLE {compiler.preparer.format_table(element.table)}"


def vector_indexes(connection: Connection, table: str, schema: str | None) -> dict[str, BuiltIndex]:
    """The vector indexes of a table; there is one at most."""
    asked = {"table": table, "schema": schema}
    columns = {
        str(name): str(column) for name, column in connection.execute(_VECTOR_INDEXES, asked)
    }
    if not columns:
        return {}
    links, distance = connection.execute(_DEFAULTS).one()
    shown = connection.execute(ShowTable(Table(table, MetaData(), schema=schema))).one()[1]
    found: dict[str, BuiltIndex] = {}
    for quoted, options in _LINE.findall(shown):
        name = quoted.replace("``", "`")
        given = {"m": links, "distance": distance}
        given |= {option.lower(): value for option, value in _OPTION.findall(options)}
        metric = _METRICS[str(given["distance"]).lower()]
        found[name] = BuiltIndex(columns[name], Feature.HNSW, metric, {"m": int(given["m"])})
    return found


def serving(plan: str, column: str) -> str | None:
    """The index that a plan uses for this column of vectors; no other kind can have it.

    A plan is not always JSON: strings of the statement can stand in it as they are.
    """
    parts = rf'\[\s*"{re.escape(column)}"\s*\]'
    used = rf'"key": "([^"]+)",\s*"key_length": "\d+",\s*"used_key_parts": {parts}'
    found = re.search(used, plan)
    return found and found[1]
