"""The engine's full-text index finds the rows and scores them."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from typing import Any, TypeVar

from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.query import Query
from agentorm.rank.base import Found, Ranker, Run
from agentorm.rank.streaming import streamed
from agentorm.results import Hit
from agentorm.statement import counted, statement

E = TypeVar("E")


class Matches(Ranker):
    name = "text"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        rows = run.session.execute(statement(query))
        if query.loaders:
            rows = rows.unique()
        hits = [Hit(entity, nan, score, text_score=score) for entity, score in rows]
        return Found(hits, exact=True)

    def stream(self, query: Query[E], run: Run) -> Iterator[E]:
        with streamed(query, statement(query), run) as rows:
            yield from rows.scalars()

    def count(self, query: Query[Any], run: Run) -> int:
        return int(run.session.execute(counted(query)).scalar_one())

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        return (statement(query),)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return True

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        return ()
