"""Conditions on whole documents in the form that an index serves, where that is the same."""

from __future__ import annotations

from copy import copy
from typing import Any

from sqlalchemy import and_, or_
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BooleanClauseList, Grouping

from agentorm.json_paths import Every, JSONCondition, JSONPath

_WRAPPED: tuple[type[Any], ...] = (Grouping,)
_JOINTS: dict[Any, Any] = {operators.and_: and_, operators.or_: or_}


def served(condition: Any) -> Any:
    """The same condition for a WHERE, to which false is as good as unknown.

    Behind a NOT the two differ, so nothing within one is changed.
    """
    if isinstance(condition, _WRAPPED):
        return served(condition.element)
    if isinstance(condition, BooleanClauseList) and condition.operator in _JOINTS:
        return _JOINTS[condition.operator](*map(served, condition.clauses))
    if isinstance(condition, Every):
        return Every(
            [*map(served, condition.conditions)], condition.joint, certain=condition.certain
        )
    return _whole(condition) if isinstance(condition, JSONCondition) else condition


def _whole(condition: JSONCondition) -> JSONCondition:
    path = condition.path
    if not isinstance(path, JSONPath) or path.shape or condition.form not in _SERVED:
        return condition
    made = copy(condition)
    made.served = True
    made.operands = [
        served(operand) if isinstance(operand, Every) and condition.form == "has_any" else operand
        for operand in condition.operands
    ]
    return made


_SERVED = ("contains", "has_all", "has_any")
