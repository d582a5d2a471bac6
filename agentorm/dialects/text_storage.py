"""How each engine keeps the words of a searched column beside its table.

The names of a template's fragments: ``{table}`` is the table, ``{column}`` the searched column,
``{index}`` what holds its words and ``{shadow}`` the hidden column behind that, ``{language}`` what
the engine writes for the declared one. Where the index is a table of its own, ``{keys}`` gives each
row a number that lasts, unless its key is one integer; ``{key}`` is a list of its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import Integer, Table
from sqlalchemy.dialects import sqlite

from agentorm.dialects.naming import short_name
from agentorm.errors import InvalidModel

_SQLITE: Any = sqlite.dialect()
_NAMES = """
    simple arabic armenian basque catalan danish dutch english finnish french german greek hindi
    hungarian indonesian irish italian lithuanian nepali norwegian portuguese romanian russian
    serbian spanish swedish tamil turkish yiddish
"""
LANGUAGES = frozenset(_NAMES.split())
"""The languages that a searched field may name: those PostgreSQL has a configuration for."""


def index_name(table: str, column: str) -> str:
    """What the full-text index of a column is called."""
    return short_name(f"ft_{table}_{column}")


def shadow_name(column: str) -> str:
    """What the hidden column with the words of a column is called, on engines that need one."""
    return short_name(f"{column}_search")


def keys_name(index: str) -> str:
    """What the table is called that numbers the rows of an index, where their key does not."""
    return f"{index}_keys"


def has_integer_key(table: Table) -> bool:
    """Whether one integer is the key of a table, by which SQLite itself numbers the rows."""
    key = list(table.primary_key.columns)
    if len(key) != 1:
        return not key
    type_ = key[0].type
    impl: Any = getattr(type_, "impl_instance", type_)
    return isinstance(impl, Integer) and type_.compile(dialect=_SQLITE) == "INTEGER"


def checked_language(language: str) -> str:
    """The language, if there is one of that name.

    Raises:
        InvalidModel: there is none.
    """
    if language not in LANGUAGES:
        raise InvalidModel(
            f"a search in the language {language!r}",
            hint=f"choose from {', '.join(sorted(LANGUAGES))}; simple is for any other",
        )
    return language


@dataclass(frozen=True, kw_only=True)
class TextStatements:
    """The statements of one engine, for one kind of key.

    Attributes:
        create: make the index of a table that is there.
        fill: put in the words of the rows that are there, where `create` does not.
        drop: take all of it away, and leave the table as it was.
        leave: take away what would outlive the table, before that is dropped.
    """

    create: tuple[str, ...] = ()
    fill: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TextStorage:
    """One engine's full-text index.

    Attributes:
        statements: for rows whose key is one integer, or for all.
        keyed: for rows with another key, None where that makes no difference.
        shadows: whether there is a hidden column.
        configurations: what the engine writes for a language, where languages differ.
        otherwise: the same for all others.
        reserved: names that no searched column can have.
    """

    statements: TextStatements = field(default_factory=TextStatements)
    keyed: TextStatements | None = None
    shadows: bool = False
    configurations: Mapping[str, str] = field(default_factory=dict[str, str])
    otherwise: str = ""
    reserved: frozenset[str] = frozenset()

    def configuration(self, language: str) -> str:
        """What the engine writes for a language; equal where it makes no difference."""
        return self.configurations.get(language, self.otherwise)

    def language(self, configuration: str) -> str:
        """A language for which the engine writes this, "simple" wherever that is one."""
        found = {self.configuration(name): name for name in (*sorted(LANGUAGES), "simple")}
        return found.get(configuration, "simple")


_DROP_TRIGGERS = (
    "DROP TRIGGER IF EXISTS {on_insert}",
    "DROP TRIGGER IF EXISTS {on_update}",
    "DROP TRIGGER IF EXISTS {on_delete}",
)


def _triggers(insert: str, update: str, delete: str, moved: str) -> tuple[str, ...]:
    changed = "old.{column} IS NOT new.{column} COLLATE BINARY OR " + moved
    return (
        "CREATE TRIGGER {on_insert} AFTER INSERT ON {bare_table} BEGIN " + insert + "; END",
        "CREATE TRIGGER {on_update} AFTER UPDATE ON {bare_table} WHEN "
        + changed
        + " BEGIN "
        + update
        + "; END",
        "CREATE TRIGGER {on_delete} AFTER DELETE ON {bare_table} BEGIN " + delete + "; END",
    )


_FTS5 = "CREATE VIRTUAL TABLE {index} USING fts5({column}, "
_TOKENIZE = 'tokenize="{language}")'
_INSERT = "INSERT INTO {bare_index}(rowid, {column}) VALUES (new.rowid, new.{column})"
_FORGET = (
    "INSERT INTO {bare_index}({bare_index}, rowid, {column})"
    " VALUES ('delete', old.rowid, old.{column})"
)
_DROP_INDEX, _DROP_KEYS = "DROP TABLE IF EXISTS {index}", "DROP TABLE IF EXISTS {keys}"
_DROP = (*_DROP_TRIGGERS, _DROP_INDEX, _DROP_KEYS)
_BY_ROW_ID = TextStatements(
    create=(
        _FTS5 + "content={content}, content_rowid='rowid', " + _TOKENIZE,
        *_triggers(_INSERT, f"{_FORGET}; {_INSERT}", _FORGET, "old.rowid <> new.rowid"),
    ),
    fill=("INSERT INTO {index}({bare_index}) VALUES ('rebuild')",),
    drop=_DROP,
    leave=(_DROP_INDEX,),
)
_KEY_INSERT = (
    "INSERT INTO {bare_keys}({key}) VALUES ({new_key}); INSERT INTO {bare_index}(rowid, {column})"
    " SELECT {bare_keys}.rowid, new.{column} FROM {bare_keys} WHERE {is_new}"
)
_KEY_UPDATE = (
    "UPDATE {bare_keys} SET {set_new} WHERE {is_old}; UPDATE {bare_index}"
    " SET {column} = new.{column} WHERE rowid = (SELECT rowid FROM {bare_keys} WHERE {is_new})"
)
_KEY_DELETE = (
    "DELETE FROM {bare_index} WHERE rowid = (SELECT rowid FROM {bare_keys} WHERE {is_old});"
    " DELETE FROM {bare_keys} WHERE {is_old}"
)
_FILL_KEYED = (
    "INSERT INTO {index}(rowid, {column}) SELECT numbered.rowid, held.{column}"
    " FROM {keys} AS numbered JOIN {table} AS held ON {joined}"
)
_BY_KEY = TextStatements(
    create=(
        "CREATE TABLE {keys} (rowid INTEGER PRIMARY KEY, {declared_key}, UNIQUE ({key}))",
        _FTS5 + _TOKENIZE,
        *_triggers(_KEY_INSERT, _KEY_UPDATE, _KEY_DELETE, "{key_moved}"),
    ),
    fill=(
        "INSERT INTO {keys}({key}) SELECT {key} FROM {table}",
        _FILL_KEYED,
    ),
    drop=_DROP,
    leave=(_DROP_INDEX, _DROP_KEYS),
)
_LETTERS_MARKS_NUMBERS = "unicode61 remove_diacritics 0 categories 'L* M* N*'"
SQLITE = TextStorage(
    statements=_BY_ROW_ID,
    keyed=_BY_KEY,
    configurations=MappingProxyType({"english": f"porter {_LETTERS_MARKS_NUMBERS}"}),
    otherwise=_LETTERS_MARKS_NUMBERS,
    reserved=frozenset({"rank", "rowid"}),
)

_MOST_CHARACTERS = 200_000
_PUNCTUATION = r"""E'!"#$\x25&''()*+,-./:;<=>?@[\\]^_`{{|}}~'"""
_WORDS = f"left(translate({{column}}, {_PUNCTUATION}, repeat(' ', 32)), {_MOST_CHARACTERS})"
_TSVECTOR = (
    "ALTER TABLE {table} ADD COLUMN {shadow} tsvector"
    f" GENERATED ALWAYS AS (to_tsvector('{{language}}'::regconfig, {_WORDS})) STORED"
)
POSTGRESQL = TextStorage(
    statements=TextStatements(
        create=(_TSVECTOR, "CREATE INDEX {bare_index} ON {table} USING gin ({shadow})"),
        drop=("ALTER TABLE {table} DROP COLUMN {shadow}",),
    ),
    shadows=True,
    configurations=MappingProxyType({name: name for name in LANGUAGES}),
)

_FULLTEXT = (
    "ALTER TABLE {table} ADD COLUMN {shadow} LONGTEXT CHARACTER SET utf8mb4 COLLATE {language}"
    " GENERATED ALWAYS AS (REPLACE({column}, '_', ' ')) STORED,"
    " ADD FULLTEXT INDEX {bare_index} ({shadow})"
)
_IN_THE_TABLE = TextStatements(
    create=(_FULLTEXT,),
    drop=("ALTER TABLE {table} DROP INDEX {bare_index}, DROP COLUMN {shadow}",),
)
MYSQL = TextStorage(statements=_IN_THE_TABLE, shadows=True, otherwise="utf8mb4_0900_as_ci")
MARIADB = TextStorage(statements=_IN_THE_TABLE, shadows=True, otherwise="utf8mb4_uca1400_as_ci")
NOTHING = TextStorage()
