"""Many conditions as one, in a tree that no engine finds too deep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.sql.elements import BooleanClauseList, Grouping

WIDEST = 8


class Parenthesised(Grouping[bool]):
    """A group of conditions that SQLAlchemy leaves as it is within a larger one."""

    inherit_cache = True
    operator = None


def joined(
    operator: Callable[..., ColumnElement[bool]], conditions: Sequence[ColumnElement[bool]]
) -> ColumnElement[bool]:
    """All the conditions joined by `and_` or `or_`, with few side by side.

    SQLite parses ``a OR b OR c`` into a tree as deep as it is long, and takes a depth of 1,000.
    """
    parts: list[ColumnElement[bool]] = [*map(_grouped, conditions)]
    while len(parts) > WIDEST:
        chunks = [parts[i : i + WIDEST] for i in range(0, len(parts), WIDEST)]
        parts = [_grouped(operator(*chunk)) for chunk in chunks]
    return operator(*parts)


def _grouped(condition: Any) -> ColumnElement[bool]:
    return Parenthesised(condition) if isinstance(condition, BooleanClauseList) else condition
