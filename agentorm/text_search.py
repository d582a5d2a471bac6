"""Full-text search as SQL: what is read, whether a row matches, and how well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Double,
    MetaData,
    Table,
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
        if isinstance(value, Raw):
            known.check_raw(value)
        return known.text.written(value)


class BeginningType(TypeDecorator[Any]):
    """The beginning of a word, of `Terms`, as the engine writes it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else dialects.of(dialect).text.beginning(value)


class Sought:
    """What is searched for, bound; the beginning of a word in two ways, of which one is taken."""

    def __init__(self, search: Terms | Raw) -> None:
        begun = isinstance(search, Terms) and bool(search.prefix)
        self.words = bindparam("words", search, type_=WordsType(), unique=True)
        self.prefix = (
            bindparam("prefix", search, type_=BeginningType(), unique=True) if begun else None
        )


class Searched(TableClause):
    """What a search reads: the table itself, or an index that is a table of its own."""

    inherit_cache = True

    def __init__(self, place: TextPlace, *, indexed: bool = True) -> None:
        super().__init__(place.index if indexed else place.table, schema=place.schema)
        self.place, self.indexed = place, indexed


class _OfText(ColumnElement[Any]):
    """What is read of `Searched`."""

    inherit_cache = True


class _OfSearch(_OfText):
    template: ClassVar[str]
    gives: ClassVar[TypeEngine[Any]]
    _traverse_internals = [
        ("place", InternalTraversal.dp_plain_obj),
        ("words", InternalTraversal.dp_clauseelement),
        ("prefix", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, place: TextPlace, sought: Sought) -> None:
        self.place, self.words, self.prefix = place, sought.words, sought.prefix
        self.type = self.gives


class TextMatch(_OfSearch):
    """Whether a row is found."""

    inherit_cache = True
    template = "match"
    gives: ClassVar[TypeEngine[Any]] = Boolean()

    def self_group(self, against: Any = None) -> Any:
        """No engine is asked whether it is 1: its own operator is a condition."""
        return self


class TextScore(_OfSearch):
    """How well a row matches, larger is better; scores of two engines do not compare."""

    inherit_cache = True
    template = "score"
    gives: ClassVar[TypeEngine[Any]] = Double()


class TextKey(_OfText):
    """A column of the key of a row that is found."""

    _traverse_internals = [
        ("place", InternalTraversal.dp_plain_obj),
        ("position", InternalTraversal.dp_plain_obj),
        ("type", InternalTraversal.dp_type),
        ("indexed", InternalTraversal.dp_plain_obj),
    ]

    def __init__(
        self, place: TextPlace, position: int, type_: TypeEngine[Any], *, indexed: bool = True
    ) -> None:
        self.place, self.position, self.type, self.indexed = place, position, type_, indexed


class TextHolds(_OfText):
    """Whether a text is a part of the searched one, whatever the case of its letters."""

    _traverse_internals = [
        ("place", InternalTraversal.dp_plain_obj),
        ("text", InternalTraversal.dp_clauseelement),
        ("indexed", InternalTraversal.dp_plain_obj),
    ]

    def __init__(self, place: TextPlace, text: str, *, indexed: bool = True) -> None:
        self.place, self.indexed, self.type = place, indexed, Boolean()
        self.text = bindparam("text", text, type_=Text(), unique=True)

    def self_group(self, against: Any = None) -> Any:
        """Every engine's own operator is a condition."""
        return self


@compiles(Searched)
def _searched(element: Searched, compiler: SQLCompiler, **kw: Any) -> str:
    if not element.indexed:
        return _filled("{table}", element.place, dialects.of(compiler.dialect), compiler)
    known = dialects.of(compiler.dialect)
    if Feature.FULL_TEXT not in known.features:
        raise UnsupportedFeature("a full-text index", dialect=known.name)
    keyed = None if element.place.by_row_id else known.text.keyed_source
    return _filled(keyed or known.text.source, element.place, known, compiler)


@compiles(TextKey)
def _text_key(element: TextKey, compiler: SQLCompiler, **kw: Any) -> str:
    known = dialects.of(compiler.dialect)
    keyed = None if element.place.by_row_id else known.text.keyed_key
    template = (keyed or known.text.key) if element.indexed else "{table}.{key}"
    key = compiler.preparer.quote(element.place.keys[element.position])
    return _filled(template, element.place, known, compiler, key=key)


@compiles(TextHolds)
def _text_holds(element: TextHolds, compiler: SQLCompiler, **kw: Any) -> str:
    known = dialects.of(compiler.dialect)
    template = known.text.column if element.indexed else "{table}.{column}"
    name = compiler.preparer.quote(element.place.column)
    column = _filled(template, element.place, known, compiler, column=name)
    text = compiler.process(element.text)
    return known.text.holds.format(column=column, text=text)


@compiles(TextMatch)
@compiles(TextScore)
def _of_search(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    forms = dialects.of(compiler.dialect).text
    parts = {"words": compiler.process(element.words)}
    search = forms.search
    if element.prefix is not None and forms.begun is not None:
        search, parts["prefix"] = forms.begun, compiler.process(element.prefix)
    template = getattr(forms, element.template).replace("{search}", search)
    return _filled(template, element.place, dialects.of(compiler.dialect), compiler, **parts)


def _filled(
    template: str, place: TextPlace, known: Dialect, compiler: SQLCompiler, **more: str
) -> str:
    """The template with quoted names; an index that is a table is in the schema of its table."""
    quoted, named = compiler.preparer, Table(place.table, MetaData(), schema=place.schema)
    schema, table = quoted.schema_for_object(named), quoted.format_table(named)
    return template.format(
        table=table,
        schema=f"{quoted.quote_schema(schema)}." if schema else "",
        index=quoted.quote(place.index),
        keys=quoted.quote(place.key_table),
        shadow=f"{table}.{quoted.quote(place.shadow)}",
        language=place.language,
        **more,
    )
