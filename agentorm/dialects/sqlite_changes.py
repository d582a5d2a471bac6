"""The statements of a change log on SQLite, as templates.

``{log}`` is its table and ``{on_...}`` the triggers that write and trim it, ``{table}`` the table
whose rows it follows, ``{column}`` the vectors there, ``{row}`` what numbers the rows. Of a log
the newest 131,072 changes stay; an index that is behind them is built anew.

The numbers of a log begin anywhere, and are SQLite's own: VACUUM, and a dump that is read again,
let both a log and a table without an integer key begin at 1, so that who knows the numbers of such
rows does not find its entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from agentorm.dialects.naming import short_name

_COLUMNS = "row INTEGER, stamp INTEGER NOT NULL DEFAULT (random())"
_PREFIX = "vx_"
_LOG = f"""
CREATE TABLE {{log}} (
    {_COLUMNS}
)"""
_BEGIN = """
INSERT INTO {log}(rowid, row) VALUES (abs(random() % 900000000000) + 100000000000, NULL)"""
ANY_ROW = "INSERT INTO {log}(row) VALUES (NULL)"
_INSERTED = """
CREATE TRIGGER {on_insert} AFTER INSERT ON {table}
BEGIN INSERT INTO {log}(row) VALUES (new.{row}); END"""
_UPDATED = """
CREATE TRIGGER {on_update} AFTER UPDATE ON {table}
WHEN old.{column} IS NOT new.{column} OR old.{row} <> new.{row}
BEGIN INSERT INTO {log}(row) SELECT old.{row} UNION SELECT new.{row}; END"""
_DELETED = """
CREATE TRIGGER {on_delete} AFTER DELETE ON {table}
BEGIN INSERT INTO {log}(row) VALUES (old.{row}); END"""
_TRIMMED = """
CREATE TRIGGER {on_trim} AFTER INSERT ON {log} WHEN new.rowid % 4096 = 0
BEGIN DELETE FROM {log} WHERE rowid <= new.rowid - 131072; END"""
TRIGGERS = tuple(sql.lstrip() for sql in (_INSERTED, _UPDATED, _DELETED, _TRIMMED))
VERBS = ("insert", "update", "delete", "trim")
DROP = (
    *(f"DROP TRIGGER IF EXISTS {{on_{verb}}}" for verb in VERBS),
    "DROP TABLE IF EXISTS {log}",
)
CREATE = (*DROP, _LOG, _BEGIN, *TRIGGERS)
_CLOCK = """
SELECT log.rowid, log.stamp, schema_version FROM {log} AS log, pragma_schema_version
ORDER BY log.rowid DESC LIMIT 1"""
_FOLLOWED = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND sql IN (?, ?, ?, ?)"
_GOES_ON = """
SELECT count(*) FROM {log} WHERE rowid = :clock AND stamp = :stamp
AND NOT EXISTS (SELECT 1 FROM {log} WHERE rowid > :clock AND row IS NULL)"""
_SINCE = """
SELECT rowid, row, stamp FROM {log} WHERE rowid >= :clock ORDER BY rowid LIMIT :most"""
_CHANGED = """
SELECT changed.row, held.{column}
FROM (SELECT DISTINCT row FROM {log} WHERE rowid > :clock AND row IS NOT NULL) AS changed
LEFT JOIN {table} AS held ON held.{row} = changed.row"""
_NEXT = """
SELECT {row}, {column} FROM {table}
WHERE {row} >= :start AND {column} IS NOT NULL ORDER BY {row} LIMIT 1"""
_READ = """
SELECT {row}, {column} FROM {table}
WHERE {row} IN (SELECT value FROM json_each(:numbers)) AND {column} IS NOT NULL ORDER BY {row}"""
_STRETCH = """
SELECT {row}, {column} FROM {table}
WHERE {row} >= :start AND {column} IS NOT NULL ORDER BY {row} LIMIT :most"""
READING: Mapping[str, str] = MappingProxyType(
    {
        "clock": _CLOCK,
        "followed": _FOLLOWED,
        "goes_on": _GOES_ON,
        "since": _SINCE,
        "changed": _CHANGED,
        "ends": "SELECT (SELECT min({row}) FROM {table}), (SELECT max({row}) FROM {table})",
        "next": _NEXT,
        "rows": "SELECT {row}, {column} FROM {table} WHERE {column} IS NOT NULL",
        "read": _READ,
        "stretch": _STRETCH,
    }
)
"""What an index reads; see `agentorm.embedded.source.Statements`."""


def log_name(table: str, column: str) -> str:
    """What the log of a column is called."""
    return short_name(f"{_PREFIX}{table}_{column}")


def is_log(table: str, sql: str) -> bool:
    """Whether a table of the schema is a log, of its name and its statement."""
    return table.startswith(_PREFIX) and _COLUMNS in sql
