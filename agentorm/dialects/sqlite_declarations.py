"""What the schema of SQLite says: how a column is declared, and whose tables are whose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    Update,
    false,
    func,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from agentorm.dialects.built import BuiltText
from agentorm.dialects.sqlite_changes import is_log, log_name
from agentorm.dialects.text_storage import SQLITE, index_name, keys_name
from agentorm.errors import DatabaseError, UnsupportedFeature

_COLUMNS = text('SELECT name, type, "notnull" FROM pragma_table_info(:table) ORDER BY cid')
_INDEXED = text("SELECT name FROM pragma_table_info(:table, :schema) ORDER BY cid LIMIT 1")
_PARTS = text("SELECT cid FROM pragma_index_info(:index, :schema)")
_AN_EXPRESSION = -2
_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+(\w+)", re.IGNORECASE | re.DOTALL)
_STRING = r"'(?:''|[^'])*'|--[^\n]*|/\*.*?\*/"
_NAME = r'"(?:""|[^"])*"|`[^`]*`|\[[^\]]*\]|\w+'
_FOLLOWED = re.compile(r"\bWHEN old\.(.+) IS NOT new\.")
_VERBS = ("insert", "update", "delete")
_TOKENIZER = re.compile(r'tokenize\s*=\s*"([^"]*)"')
_OURS = frozenset({SQLITE.otherwise, *SQLITE.configurations.values()})
_FULL_TEXT = "data idx content docsize config segments segdir stat"
_SHADOWS: dict[str, str] = {
    "fts3": _FULL_TEXT,
    "fts4": _FULL_TEXT,
    "fts5": _FULL_TEXT,
    "rtree": "node parent rowid",
    "rtree_i32": "node parent rowid",
    "geopoly": "node parent rowid",
    "vec0": r"info chunks rowids auxiliary vector_chunks\d+ metadatachunks\d+ metadatatext\d+",
}


def redeclare(connection: Connection, column: Column[Any], type_: TypeEngine[Any]) -> None:
    """Change the declared type of a column, and whether it takes NULL, and nothing else.

    No row is touched, nor what refers to the table: the way that SQLite's documentation of
    ALTER TABLE gives for changes that leave the content as it is. The values must fit already.

    Raises:
        UnsupportedFeature: the table is in an attached database.
        DatabaseError: the declaration is not found, or the schema may not be written.
    """
    if column.table.schema not in {None, "main"}:
        raise UnsupportedFeature("a changed column in an attached database", dialect="sqlite")
    table, name = column.table.name, str(column.name)
    before = _columns(connection, table)
    spec = type_.compile(dialect=connection.dialect)
    wanted = spec if column.nullable else f"{spec} NOT NULL"
    declared = _declaration(name, before[name][0], connection.dialect.identifier_preparer)
    master = _master(column.table.schema)
    here = (master.c.type == "table", func.lower(master.c.name) == func.lower(table))
    written = connection.execute(select(master.c.sql).where(*here)).scalar_one()
    found = [match for match in declared.finditer(written) if match["name"]]
    if len(found) == 1:
        changed = declared.sub(lambda it: it["name"] + wanted if it["name"] else it[0], written)
        _write(connection, update(master).where(*here).values(sql=changed))
    if _columns(connection, table) != before | {name: (spec, int(not column.nullable))}:
        raise DatabaseError(
            f"the declaration of {name} was not found in that of the table {table}",
            hint="change it with op.batch_alter_table",
        )


def _write(connection: Connection, change: Update) -> None:
    """The next statement reads the schema again, as its version says."""
    version = int(connection.execute(text("PRAGMA schema_version")).scalar_one())
    next_version = f"PRAGMA schema_version = {version + 1}"
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        connection.execute(change)
        connection.exec_driver_sql(next_version)
    except DBAPIError as error:
        raise DatabaseError(
            "this SQLite does not let its schema be written, so that it cannot change a column",
            hint="change it with op.batch_alter_table",
        ) from error
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def hidden_tables(connection: Connection) -> frozenset[str]:
    """The virtual tables, those in which they keep what they hold, and change logs."""
    schema = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    written = {str(name): str(sql) for name, sql in schema}
    modules = {
        name: found[1].lower() for name, sql in written.items() if (found := _VIRTUAL.match(sql))
    }
    shadows = [
        re.compile(f"{re.escape(name)}_({'|'.join(_SHADOWS[module].split())})", re.IGNORECASE)
        for name, module in modules.items()
        if module in _SHADOWS
    ]
    kept = {name for name in written if any(shadow.fullmatch(name) for shadow in shadows)}
    keys = {keys_name(name) for name, module in modules.items() if module == "fts5"}
    logs = {name for name, sql in written.items() if is_log(name, sql)}
    return frozenset(kept | modules.keys() | (keys & written.keys()) | logs)


def change_logs(connection: Connection, table: str) -> dict[str, str]:
    """The logs that follow the rows of a table, or did so before, and the column of each."""
    master = _master(None)
    tables = select(master.c.name, master.c.sql).where(master.c.type == "table")
    logs = {name for name, sql in connection.execute(tables) if is_log(name, str(sql))}
    found = {log_name(table, column): column for column in _columns(connection, table)}
    triggers = select(master.c.name, master.c.sql).where(
        master.c.type == "trigger", func.lower(master.c.tbl_name) == func.lower(table)
    )
    for name, sql in connection.execute(triggers if logs else triggers.where(false())):
        column = _FOLLOWED.search(sql)
        if column is not None:
            found.setdefault(name.removesuffix("_update"), _unquoted(column[1]))
    return {log: column for log, column in found.items() if log in logs}


def has_triggers(connection: Connection, written: Sequence[str]) -> bool:
    """Whether all of these triggers are there, as they are written."""
    master = _master(None)
    found = select(func.count()).where(master.c.type == "trigger", master.c.sql.in_(written))
    return connection.execute(found).scalar_one() == len(written)


def text_indexes(connection: Connection, table: str, schema: str | None) -> dict[str, BuiltText]:
    """The full-text indexes that follow the rows of a table, or that did so before."""
    master = _master(schema)
    names = select(master.c.name)
    follows = names.where(
        master.c.type == "trigger", func.lower(master.c.tbl_name) == func.lower(table)
    )
    triggers = frozenset(connection.execute(follows).scalars())
    virtual = select(master.c.name, master.c.sql).where(
        master.c.type == "table", master.c.name.startswith("ft_", autoescape=True)
    )
    found: dict[str, BuiltText] = {}
    for name, sql in connection.execute(virtual).all():
        module, tokenizer = _VIRTUAL.match(sql), _TOKENIZER.search(sql)
        if module is None or module[1].lower() != "fts5" or tokenizer is None:
            continue
        column = connection.execute(_INDEXED, {"table": name, "schema": schema or "main"}).scalar()
        own = {f"{name}_{verb}" for verb in _VERBS}
        if tokenizer[1] in _OURS and (own & triggers or name == index_name(table, str(column))):
            found[name] = BuiltText(str(column), tokenizer[1] if own <= triggers else None)
    return found


def expression_indexes(connection: Connection, table: str, schema: str | None) -> dict[str, str]:
    """How each index of expressions is declared, by its name."""
    master = _master(schema)
    here = (master.c.type == "index", func.lower(master.c.tbl_name) == func.lower(table))
    found = connection.execute(select(master.c.name, master.c.sql).where(*here))
    return {name: sql for name, sql in found if sql and _has_expression(connection, name, schema)}


def _has_expression(connection: Connection, index: str, schema: str | None) -> bool:
    parts = {"index": index, "schema": schema or "main"}
    return any(row.cid == _AN_EXPRESSION for row in connection.execute(_PARTS, parts))


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _master(schema: str | None) -> Table:
    columns = (Column[str](name) for name in ("type", "name", "tbl_name", "sql"))
    return Table("sqlite_master", MetaData(), *columns, schema=schema)


def _columns(connection: Connection, table: str) -> dict[str, tuple[str, int]]:
    found = connection.execute(_COLUMNS, {"table": table})
    return {name: (type_, notnull) for name, type_, notnull in found}


def _declaration(name: str, type_: str, preparer: Any) -> re.Pattern[str]:
    """Finds the column by its name; strings, comments and longer names are read over."""
    spelt = (preparer.quote_identifier(name), f"`{name}`", f"[{name}]", name)
    names = "|".join(map(re.escape, spelt))
    declared = rf"(?P<name>(?:{names})\s+){re.escape(type_)}(?![\w(])(?:\s+NOT\s+NULL\b)?"
    return re.compile(rf"{_STRING}|{declared}|{_NAME}", re.IGNORECASE | re.DOTALL)
