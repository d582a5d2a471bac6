"""Full-text search as SQL: what is read, whether a row matches, and how well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Text,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import TableClause
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator, TypeEngine

from agentorm import dialects
from agentorm.dialects import Dialect, Feature
from agentorm.dialects.text_storage import has_integer_key, index_name, keys_name, shadow_name
from agentorm.errors import UnsupportedFeature
from agentorm.words import Raw, Terms


@dataclass(frozen=True, slots=True)
class TextPlace:
    """A searched column, and the names of what its full-text index consists of.

    Attributes:
        keys: the columns of the table's primary key.
        by_row_id: whether that key is one integer, which an index can hold as its own row id.
    """

    table: str
    schema: str | None
    column: str
    keys: tuple[str, ...]
    by_row_id: bool
    language: str

    @property
    def index(self) -> str:
        """The name of the index."""
        return index_name(self.table, self.column)

    @property
    def key_table(self) -> str:
        """The name of the table of keys, where the index is a table of its own."""
        return keys_name(self.index)

    @property
    def shadow(self) -> str:
        """The name of the hidden column, where there is one."""
        return shadow_name(self.column)


def place_of(column: Column[Any], language: str) -> TextPlace:
    """Where a column is searched."""
    table: Any = column.table
    keys = [*table.primary_key.columns]
    return TextPlace(
        table=str(table.name),
        schema=table.schema,
        column=str(column.name),
        keys=tuple(str(key.name) for key in keys),
        by_row_id=has_integer_key(table),
        language=language,
    )


class WordsType(TypeDecorator[Any]):
    """`Terms`, or `Raw`, as the engine writes them."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        if value is None:
            return None
        known = dialects.of(dialect)
        if isinstance(value, Raw) and value.engine != known.name:
            raise UnsupportedFeature(
                f"a search in the syntax of {value.engine}",
                dialect=known.name,
                hint='matching("words") means the same on every engine',
            )
        return known.text.written(value)


def bound_words(search: Terms | Raw) -> BindParameter[Any]:
    """A search as a bound value."""
    return bindparam("words", search, type_=WordsType(), unique=True)


class Searched(TableClause):
    """What a search reads: the table, or an index that is a table of its own."""

    inherit_cache = True

    def __init__(self, place: TextPlace) -> None:
        super().__init__(place.index, schema=place.schema)
        self.place = place


class _OfText(ColumnElement[Any]):
    """What is read of `Searched`."""

    inherit_cache = True
    template: str


class TextMatch(_OfText):
    """Whether a row is found."""

    template = "match"
    _traverse_internals = [
        ("place", InternalTraversal.dp_plain_obj),
        ("words", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, place: TextPlace, words: BindParameter[Any]) -> None:
        self.place, self.words, self.type = place, words, Boolean()

    def self_group(self, against: Any = None) -> Any:
        """No engine is asked whether it is 1: its own operator is a condition."""
        return self


class TextScore(_OfText):
    """How well a row matches, larger is better; scores of two engines do not compare."""

    template = "score"
    _traverse_internals = [
        ("place", InternalTraversal.dp_plain_obj),
        ("words", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, place: TextPlace, words: BindParameter[Any]) -> None:
        self.place, self.words, self.type = place, words, Double()


class TextKey(_OfText):
    """A column of the key of a row that is found."""

    _traverse_internals = [
        ("place", InternalTraversal.dp_plain_obj),
        ("position", InternalTraversal.dp_plain_obj),
        ("type", InternalTraversal.dp_type),
    ]

    def __init__(self, place: TextPlace, position: int, type_: TypeEngine[Any]) -> None:
        self.place, self.position, self.type = place, position, type_


@compiles(Searched)
def _searched(element: Searched, compiler: SQLCompiler, **kw: Any) -> str:
    known = dialects.of(compiler.dialect)
    if Feature.FULL_TEXT not in known.features:
        raise UnsupportedFeature("a full-text index", dialect=known.name)
    forms = known.text
    keyed = None if element.place.by_row_id else forms.keyed_source
    return _filled(keyed or forms.source, element.place, known, compiler)


@compiles(TextKey)
def _text_key(element: TextKey, compiler: SQLCompiler, **kw: Any) -> str:
    known = dialects.of(compiler.dialect)
    keyed = None if element.place.by_row_id else known.text.keyed_key
    key = compiler.preparer.quote(element.place.keys[element.position])
    return _filled(keyed or known.text.key, element.place, known, compiler, key=key)


@compiles(TextMatch)
@compiles(TextScore)
def _of_words(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    known = dialects.of(compiler.dialect)
    words = compiler.process(element.words)
    template: str = getattr(known.text, element.template)
    return _filled(template, element.place, known, compiler, words=words)


def _filled(
    template: str, place: TextPlace, known: Dialect, compiler: SQLCompiler, **more: str
) -> str:
    """The template with quoted names; an index that is a table is in the schema of its table."""
    quoted = compiler.preparer
    prefix = f"{quoted.quote_schema(place.schema)}." if place.schema else ""
    table = f"{prefix}{quoted.quote(place.table)}"
    return template.format(
        table=table,
        index=quoted.quote(place.index),
        keys=quoted.quote(place.key_table),
        shadow=f"{table}.{quoted.quote(place.shadow)}",
        language=place.language,
        **more,
    )
