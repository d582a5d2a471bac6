"""Which declared indexes of JSON documents serve a query, by the engine's own plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Index

from agentorm.dialects import Dialect
from agentorm.json_declared import declared_indexes
from agentorm.json_indexes import PathIndex, builds, declared_in
from agentorm.json_paths import JSONCondition, JSONPath


def json_notes(
    expressions: Iterable[ColumnElement[Any]], plan: str, known: Dialect
) -> tuple[str, ...]:
    """A sentence for each declared index of what the expressions read."""
    return tuple(
        dict.fromkeys(_note(index, plan, known) for each in expressions for index in _asked(each))
    )


def _asked(expression: ColumnElement[Any]) -> Iterator[Index]:
    for path in _paths(expression):
        for index in declared_indexes(path.document):
            declared = declared_in(index)
            if path.taken == (declared.steps if isinstance(declared, PathIndex) else ()):
                yield index


def _paths(element: Any) -> Iterator[JSONPath]:
    if isinstance(element, JSONPath):
        yield element
        return
    parts = (element.path,) if isinstance(element, JSONCondition) else element.get_children()
    for part in parts:
        yield from _paths(part)


def _note(index: Index, plan: str, known: Dialect) -> str:
    declared = f"{index.columns[0]} by {declared_in(index)!r}"
    if not builds(index, known):
        return f"{known.name} builds no index of {declared}: every row is read for it"
    if re.search(rf"\b{re.escape(str(index.name))}\b", plan):
        return f"the index {index.name} serves"
    return f"the engine's plan does without the index {index.name}"
