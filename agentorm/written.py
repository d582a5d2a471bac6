"""Queries as the SQL of each engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect as SQLAlchemyDialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import NoSuchModuleError
from typing_extensions import TypeVar

from agentorm import dialects, rank
from agentorm.dialects.translation import translated
from agentorm.errors import InvalidQuery
from agentorm.expressions import AnySelect
from agentorm.query import Query

E = TypeVar("E")
Q = TypeVar("Q", bound="Query[Any, Any]", default=Any)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Written(Query[E, Q]):
    """A `Query` whose SQL can be read."""

    def sql(self, dialect: str) -> str:
        """The SQL for an engine, by name, as declared: no connection is made.

        Values stay placeholders, written ``:name``. A ranking that the engine cannot compute
        takes two statements, both are given.

        Raises:
            InvalidQuery: no engine of that name.
            UnsupportedFeature: the engine cannot run it.
        """
        target = _sqlalchemy_dialect(dialect)
        selects = rank.statements(self, dialects.of(target))
        with translated(target):
            return ";\n".join(text_of(made, target) for made in selects)


def text_of(made: AnySelect, dialect: SQLAlchemyDialect) -> str:
    """One select as this dialect writes it, its values as placeholders."""
    compiled = made.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return "\n".join(line.strip() for line in str(compiled).splitlines())


def _sqlalchemy_dialect(name: str) -> SQLAlchemyDialect:
    declared = dialects.declared(name)
    scheme = f"{name}+{declared.driver}" if declared.driver else name
    try:
        return with_named_binds(make_url(f"{scheme}://").get_dialect())
    except NoSuchModuleError:
        known = ", ".join(dialects.names())
        raise InvalidQuery(f"no engine {name!r}", hint=f"known are {known}") from None


def with_named_binds(kind: Callable[..., SQLAlchemyDialect]) -> SQLAlchemyDialect:
    """This kind of dialect, writing placeholders as ``:name``."""
    return kind(paramstyle="named")
