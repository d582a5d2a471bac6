"""Rows that are listed by their numbers, on SQLite: one parameter, however many there are."""

from __future__ import annotations

import json
from typing import Any, Self

from sqlalchemy import BindParameter, Boolean, ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.sql.visitors import InternalTraversal

from agentorm.embedded.places import Numbers

_TEXT, _BOOLEAN = Text(), Boolean()


class AmongListed(ColumnElement[bool]):
    """Whether the number of a row is one of these."""

    inherit_cache = True
    _traverse_internals = [
        ("number", InternalTraversal.dp_clauseelement),
        ("listed", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, number: ColumnElement[int], numbers: Numbers) -> None:
        self.number = number
        self.listed = BindParameter("rows", listed(numbers), _TEXT, unique=True)
        self.type = _BOOLEAN

    @property
    def _from_objects(self) -> list[Any]:
        return self.number._from_objects

    def self_group(self, against: OperatorType | None = None) -> Self:
        """It is a condition as it is; compared with 1, SQLite would look at every row."""
        return self


@compiles(AmongListed)
def _among_listed(element: AmongListed, compiler: SQLCompiler, **kw: Any) -> str:
    number, rows = compiler.process(element.number, **kw), compiler.process(element.listed, **kw)
    return f"{number} IN (SELECT value FROM json_each({rows}))"


def listed(numbers: Numbers) -> str:
    """The numbers as a list in JSON."""
    return json.dumps(numbers.tolist(), separators=(",", ":"))
