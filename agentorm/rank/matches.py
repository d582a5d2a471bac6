"""The engine's full-text index finds the rows and scores them; else their texts are read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from math import nan
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from agentorm.counting import counted
from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.query import Query
from agentorm.rank import texts
from agentorm.rank.base import Found, Ranker, Run, split, taken
from agentorm.rank.streaming import streamed
from agentorm.results import Hit
from agentorm.statement import statement
from agentorm.words import Raw

E = TypeVar("E")


class InOneStatement(Ranker):
    """The engine searches the text, and ranks, in one statement."""

    @abstractmethod
    def hit(self, *row: Any) -> Hit[Any]:
        """The hit that a row of the statement is."""

    def stream(self, query: Query[E], run: Run) -> Iterator[Hit[E]]:
        made = statement(texts.asked(query, run.dialect), indexed=False)
        with raw_refused(query, run), streamed(query, made, run) as rows:
            for row in split(query, rows):
                yield self.hit(*row)

    def count(self, query: Query[Any], run: Run) -> int:
        made = counted(texts.asked(query, run.dialect))
        with raw_refused(query, run):
            return int(run.session.execute(made).scalar_one())


class Matches(InOneStatement):
    name = "text"

    def nearest(self, query: Query[E], run: Run) -> Found[E]:
        rows = fetched(query, statement(texts.asked(query, run.dialect)), run)
        return Found([self.hit(*row) for row in rows], exact=True)

    def hit(self, *row: Any) -> Hit[Any]:
        entity, score = row
        return Hit(entity, nan, score, text_score=score)

    def statements(self, query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
        return (statement(texts.asked(query, dialect)),)

    def is_exact(self, query: Query[Any], dialect: Dialect) -> bool:
        return True

    def notes(self, query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
        return texts.notes(query, dialect)


def fetched(query: Query[Any], made: AnySelect, run: Run) -> list[Any]:
    """The rows of a select that the query was made into."""
    with raw_refused(query, run):
        rows = run.session.execute(made)
    return [*taken(query, rows)]


@contextmanager
def raw_refused(query: Query[Any], run: Run) -> Generator[None]:
    """Within, an engine that does not understand a raw search says which.

    Raises:
        InvalidQuery: it does not.
    """
    raw = query.text and query.text.search
    try:
        yield
    except DBAPIError as error:
        cause = error.orig
        if not isinstance(raw, Raw) or cause is None:
            raise
        if not texts.is_refusal(cause, run.dialect):
            raise
        raise texts.refused(raw, cause, run.dialect) from error
