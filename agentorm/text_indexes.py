"""Full-text indexes: declared on the field, kept beside the table by each engine in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler, IdentifierPreparer
from sqlalchemy.sql.ddl import ExecutableDDLElement

from agentorm import dialects
from agentorm.dialects import Dialect, Feature
from agentorm.dialects.text_storage import (
    TextStatements,
    checked_language,
    has_integer_key,
    index_name,
    keys_name,
    shadow_name,
)
from agentorm.errors import InvalidModel
from agentorm.scalars import StringType

_SQLITE: Any = sqlite.dialect()
_ROW_ID = "rowid"


@dataclass(frozen=True, slots=True)
class TextField:
    """What `text_field` declared, kept as ``column.info["agentorm"]``.

    Args:
        search: the language in which the text is searched; None where it is not.

    Raises:
        InvalidModel: an unknown language.
    """

    search: str | None = None

    def __post_init__(self) -> None:
        if self.search is not None:
            checked_language(self.search)


def text_index(column: Column[Any], language: str) -> None:
    """Have the words of a column indexed, by whatever creates its table.

    An engine without full text leaves it out. A table that is there already gets its index by a
    migration: ``op.create_text_index``.

    Raises:
        InvalidModel: an unknown language, a column of another type than text, or a name that is
            taken.

    Example:
        ``text_index(Doc.__table__.c.body, "english")`` is, on PostgreSQL, a hidden column
        ``body_search TSVECTOR GENERATED ALWAYS AS (...) STORED`` and
        ``CREATE INDEX ft_doc_body ON doc USING gin (body_search)``.
    """
    check_text(column)
    column.info["agentorm"] = TextField(language)
    table = column.table
    check_searched(table)
    for moment, listener in (("after_create", _created), ("before_drop", _dropped)):
        if not event.contains(table, moment, listener):
            event.listen(table, moment, listener, propagate=True)


def check_text(column: Column[Any]) -> None:
    """See that a column holds text.

    Raises:
        InvalidModel: it does not.
    """
    if not isinstance(column.type, StringType):
        raise InvalidModel(
            f"{column.table.name}.{column.name} is declared as text, and its type is"
            f" {column.type!r}",
            hint="annotate it str, or str | None",
        )


def searched_columns(table: Table) -> dict[str, str]:
    """The languages of the searched columns of a table, by the names of these."""
    found = ((str(column.name), column.info.get("agentorm")) for column in table.columns)
    return {
        name: spec.search
        for name, spec in found
        if isinstance(spec, TextField) and spec.search is not None
    }


def check_searched(table: Table) -> None:
    """See that every engine can search the columns of a table that say so.

    Raises:
        InvalidModel: one cannot.
    """
    taken = {str(column.name).casefold(): column for column in table.columns}
    searched, number = searched_columns(table), taken.get(_ROW_ID)
    if searched and number is not None and not (number.primary_key and has_integer_key(table)):
        raise InvalidModel(
            f"{table.name} is searched, and its column {number.name} hides the row ids of SQLite",
            hint="give it another name",
        )
    if searched and has_integer_key(table) and not table.dialect_options["sqlite"]["with_rowid"]:
        raise InvalidModel(
            f"{table.name} is searched, and SQLite gives it no row ids",
            hint="leave sqlite_with_rowid=False out",
        )
    for name in searched:
        place = f"{table.name}.{name}"
        reserved = (dialects.declared(engine).text_storage.reserved for engine in dialects.names())
        if name.casefold() in frozenset[str]().union(*reserved):
            raise InvalidModel(
                f"{place} is searched, and a full-text index has a column {name} of its own",
                hint="give it another name",
            )
        if shadow_name(name).casefold() in taken:
            raise InvalidModel(
                f"{place} is searched in a hidden column {shadow_name(name)}, which the table has",
                hint="give that one another name",
            )


class TextDDL(ExecutableDDLElement):
    """One statement of a full-text index, of a template and the names in it."""

    def __init__(self, template: str, column: Column[Any], index: str, language: str) -> None:
        self.template, self.column, self.index, self.language = template, column, index, language


def text_ddl(
    known: Dialect, part: str, column: Column[Any], *, index: str, language: str
) -> Iterator[TextDDL]:
    """The statements that create, fill, drop or leave an index; none where there is no full text.

    Its table is known by name and key.
    """
    if Feature.FULL_TEXT not in known.features:
        return
    storage = known.text_storage
    keyed = storage.keyed is not None and not has_integer_key(column.table)
    statements: TextStatements | None = storage.keyed if keyed else storage.statements
    configuration = storage.configuration(checked_language(language))
    for template in getattr(statements, part):
        yield TextDDL(template, column, index, configuration)


@compiles(TextDDL)
def _text_ddl(element: TextDDL, compiler: DDLCompiler, **kw: Any) -> str:
    fragments, table = _fragments(element, compiler.preparer), element.column.table
    storage = dialects.of(compiler.dialect).text_storage
    if storage.keyed is not None and not has_integer_key(table):
        fragments |= _key_fragments(table, compiler.preparer)
    return element.template.format(**fragments, language=element.language)


def _fragments(element: TextDDL, preparer: IdentifierPreparer) -> dict[str, str]:
    column, name = element.column, str(element.column.name)
    table, quoted = column.table, preparer.quote
    named = preparer.schema_for_object(table)
    schema = f"{preparer.quote_schema(named)}." if named else ""
    bare = {
        "index": element.index,
        "keys": keys_name(element.index),
        **{f"on_{verb}": f"{element.index}_{verb}" for verb in ("insert", "update", "delete")},
    }
    held = preparer.quote(column.name)
    return {
        **{part: schema + quoted(given) for part, given in bare.items()},
        **{f"bare_{part}": quoted(given) for part, given in bare.items()},
        "table": preparer.format_table(table),
        "bare_table": preparer.format_table(table, use_schema=False),
        "content": "'" + table.name.replace("'", "''") + "'",
        "column": held,
        "shadow": quoted(shadow_name(name)),
    }


def _key_fragments(table: Table, preparer: IdentifierPreparer) -> dict[str, str]:
    columns = list(table.primary_key.columns)
    types = [column.type.compile(dialect=_SQLITE) for column in columns]
    names = [preparer.quote(column.name) for column in columns]
    return {
        "key": ", ".join(names),
        "declared_key": ", ".join(map(" ".join, zip(names, types, strict=True))),
        "new_key": ", ".join(f"new.{name}" for name in names),
        "set_new": ", ".join(f"{name} = new.{name}" for name in names),
        "is_new": " AND ".join(f"{name} = new.{name}" for name in names),
        "is_old": " AND ".join(f"{name} = old.{name}" for name in names),
        "key_moved": " OR ".join(f"old.{name} IS NOT new.{name}" for name in names),
        "joined": " AND ".join(f"numbered.{name} = held.{name}" for name in names),
    }


def _created(table: Table, connection: Connection, **_: Any) -> None:
    _run("create", table, connection)


def _dropped(table: Table, connection: Connection, **_: Any) -> None:
    _run("leave", table, connection)


def _run(part: str, table: Table, connection: Connection) -> None:
    known = dialects.of(connection.dialect)
    for name, language in searched_columns(table).items():
        index = index_name(table.name, name)
        for statement in text_ddl(known, part, table.columns[name], index=index, language=language):
            connection.execute(statement)
