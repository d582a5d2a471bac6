"""How another table is brought into a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import RelationshipProperty
from sqlalchemy.orm.util import AliasedInsp
from sqlalchemy.sql.expression import FromClause

from agentorm.errors import InvalidQuery
from agentorm.models import mapper_of


@dataclass(frozen=True, slots=True)
class Join:
    """Another table beside the model's; `single` when it adds no rows."""

    target: Any
    onclause: Any
    tables: tuple[FromClause, ...]
    single: bool


def _is_relationship(candidate: object) -> bool:
    return isinstance(candidate, RelationshipProperty)


def joined(target: Any, onclause: Any) -> Join:
    """The join that these arguments of `join` mean; see there."""
    if hasattr(target, "__clause_element__"):
        related: Any = getattr(target, "property", None)
        if not _is_relationship(related):
            raise InvalidQuery(f"{target} is no relationship")
        return Join(target, onclause, (*related.mapper.tables,), single=not related.uselist)
    alias = inspect(target, raiseerr=False)
    if isinstance(alias, AliasedInsp):
        return Join(target, onclause, (alias.selectable,), single=False)
    return Join(target, onclause, tuple(mapper_of(target).tables), single=False)
