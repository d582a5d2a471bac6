"""Indexes of JSON documents: declared on the field, built by the engines that have that kind."""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import blake2s
from typing import Any, ClassVar, TypeAlias

from sqlalchemy import Boolean, Column, ColumnElement, Index, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import Numeric, TypeEngine

from agentorm import dialects
from agentorm.dialects import Dialect, Feature
from agentorm.dialects.naming import short_name
from agentorm.errors import InvalidModel, InvalidQuery, InvalidValue
from agentorm.indexes import asked_of
from agentorm.json_declared import DECLARED
from agentorm.json_paths import ODD, JSONPath, JSONRead, Step, checked_step

_KINDS: dict[type, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    date: "date",
}
PATH_TYPES = (str, int, bool, date)
"""A type of each kind of values that a path is indexed by."""
_READS: dict[str, tuple[str, TypeEngine[Any]]] = {
    "string": ("text", String()),
    "number": ("number_value", Numeric()),
    "boolean": ("boolean", Boolean()),
    "date": ("date_text", String()),
}
_PLAIN = re.compile("[a-z][a-z0-9]*")


@dataclass(frozen=True, slots=True)
class GIN:
    """An inverted index of all that the documents hold, which PostgreSQL has.

    It serves ``Doc.meta.contains({...})``; where there is none, every row is read.

    Example:
        ``meta: dict[str, Any] = json_field(index=GIN())`` is, on PostgreSQL,
        ``CREATE INDEX ix_doc_meta_gin ON doc USING gin (meta jsonb_path_ops)``.
    """

    method: ClassVar[Feature] = Feature.GIN

    @property
    def label(self) -> str:
        """What it adds to the name of an index."""
        return "gin"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class PathIndex:
    """An index of what lies at one path of the documents, which PostgreSQL and SQLite have.

    It serves comparisons of that path with values of that type; where there is none, every row
    is read.

    Args:
        steps: the keys, and places in arrays, that lead to the value.
        type: the type of the values it is compared with: str, int, float, bool or date.

    Raises:
        InvalidModel: no step, a step that leads nowhere, or another type.

    Example:
        ``json_field(index=PathIndex("owner", "age", type=int))`` serves
        ``Doc.meta["owner"]["age"] >= 18`` by the index ``ix_doc_meta_owner_age_number``.
    """

    method: ClassVar[Feature] = Feature.JSON_PATH_INDEX
    steps: tuple[Step, ...]
    type: builtins.type

    def __init__(self, *steps: Step, type: builtins.type = str) -> None:  # noqa: A002  # a keyword
        if type not in _KINDS:
            known = ", ".join(kind.__name__ for kind in _KINDS)
            raise InvalidModel(f"a path index of {type!r}", hint=f"its type is one of {known}")
        if not steps:
            raise InvalidModel(
                "a path index needs one step or more",
                hint='name the key: PathIndex("role"); GIN() indexes whole documents',
            )
        object.__setattr__(self, "steps", tuple(_step(step) for step in steps))
        object.__setattr__(self, "type", type)

    def __repr__(self) -> str:
        steps = ", ".join(map(repr, self.steps))
        module = "" if self.type.__module__ == "builtins" else f"{self.type.__module__}."
        of_type = "" if self.type is str else f", type={module}{self.type.__name__}"
        return f"PathIndex({steps}{of_type})"

    @property
    def kind(self) -> str:
        """Which JSON values it holds: string, number, boolean or date."""
        return _KINDS[self.type]

    @property
    def label(self) -> str:
        """What it adds to the name of an index, which no other path or type does."""
        steps = "_".join(map(str, self.steps))
        if all(isinstance(step, int) or _PLAIN.fullmatch(step) for step in self.steps):
            return f"{steps}_{self.kind}"
        digest = blake2s(repr(self.steps).encode(), digest_size=4).hexdigest()
        return f"{re.sub('[^a-z0-9]+', '_', steps.lower()).strip('_')}_{digest}_{self.kind}"


JSONIndex: TypeAlias = GIN | PathIndex
"""Any declaration of an index of JSON documents."""


class IndexedPath(ColumnElement[Any]):
    """What lies at a path, sorted in an index as a query sorts it."""

    inherit_cache = True
    _traverse_internals = [("read", InternalTraversal.dp_clauseelement)]

    def __init__(self, read: JSONRead) -> None:
        self.read = read
        self.type = read.type


@compiles(IndexedPath)
def _indexed_path(element: IndexedPath, compiler: SQLCompiler, **kw: Any) -> str:
    ascending = dialects.of(compiler.dialect).ascending
    return ascending.format(expression=compiler.process(element.read, **kw))


def _read(column: Column[Any], index: PathIndex) -> JSONRead:
    return JSONRead(JSONPath(column, index.steps), *_READS[index.kind])


def _step(step: Any) -> Step:
    try:
        return checked_step(step)
    except (InvalidQuery, InvalidValue) as error:
        raise InvalidModel(f"a path index has the step {step!r}: {error}") from error


def json_index(column: Column[Any], index: JSONIndex) -> Index:
    """The index as a plain SQLAlchemy `Index` of the column's table.

    An engine without this kind of index leaves it out of its DDL and reads every row.

    Raises:
        InvalidModel: the table has this very index already.
    """
    name = index_name(column.table.name, str(column.name), index)
    if any(known.name == name for known in column.table.indexes):
        raise InvalidModel(
            f"{column} has two indexes {name}", hint="one of each path and type is enough"
        )
    return named_json_index(name, column, index).ddl_if(callable_=partial(asked_of, builds))


def named_json_index(name: str, column: Column[Any], index: JSONIndex) -> Index:
    """The same by a given name, for whoever knows that the engine builds it."""
    info = {DECLARED: index}
    if isinstance(index, PathIndex):
        return Index(name, IndexedPath(_read(column, index)), info=info)
    options: dict[str, Any] = {}
    for engine in dialects.names():
        options |= dialects.declared(engine).json_index_options(str(column.name))
    return Index(name, column, info=info, **options)


def index_name(table: str, column: str, index: JSONIndex) -> str:
    """What the index of a column is called: there is one name of each path and type."""
    return short_name(f"ix_{table}_{column}_{index.label}")


def is_json_index(index: Index) -> bool:
    """Whether an index was declared as one of JSON documents."""
    return DECLARED in index.info


def declared_in(index: Index) -> JSONIndex:
    """What was declared, of an index for which `is_json_index` holds."""
    declared: JSONIndex = index.info[DECLARED]
    return declared


def builds(index: Index, known: Dialect) -> bool:
    """Whether an engine builds an index of JSON documents."""
    declared = declared_in(index)
    if declared.method not in known.features:
        return False
    if isinstance(declared, GIN):
        return True
    (column,) = index.columns
    return not (known.json.odd and ODD.search(JSONPath(column, declared.steps).shape))
