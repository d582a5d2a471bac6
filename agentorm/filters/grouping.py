"""Many conditions as one, in a tree that no engine finds too deep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement
from sqlalchemy.sql.elements import BooleanClauseList, Grouping, UnaryExpression

WIDEST = 8
DEEPEST = 4


class Parenthesised(Grouping[bool]):
    """A group of conditions that SQLAlchemy leaves as it is within a larger one."""

    inherit_cache = True
    operator = None


def joined(
    operator: Callable[..., ColumnElement[bool]], conditions: Sequence[ColumnElement[bool]]
) -> ColumnElement[bool]:
    """All the conditions joined by `and_` or `or_`, with few side by side.

    SQLite parses ``a OR b OR c`` into a tree as deep as it is long, and takes a depth of 1,000.
    Its parser keeps what stands before a parenthesis while it reads on, and has room for 100: so
    where conditions nest deeper than usual, the deepest come first.
    """
    parts: list[ColumnElement[bool]] = [*map(_grouped, conditions)]
    if max(map(_depth, parts)) > DEEPEST:
        parts.sort(key=_depth, reverse=True)
    while len(parts) > WIDEST:
        chunks = [parts[i : i + WIDEST] for i in range(0, len(parts), WIDEST)]
        parts = [_grouped(operator(*chunk)) for chunk in chunks]
    return operator(*parts)


def _grouped(condition: Any) -> ColumnElement[bool]:
    return Parenthesised(condition) if isinstance(condition, BooleanClauseList) else condition


def _depth(condition: object) -> int:
    """How many groups are within each other."""
    if isinstance(condition, BooleanClauseList):
        return 1 + max(map(_depth, condition.clauses))
    if isinstance(condition, Grouping | UnaryExpression):
        inner: Any = cast(Any, condition).element
        return _depth(inner)
    return 0
