"""Where the best come from: the engine, its text index, an index or a scan in this process."""

from __future__ import annotations

from typing import Any, TypeVar

from agentorm import plan
from agentorm.dialects import Dialect
from agentorm.expressions import AnySelect
from agentorm.legs import nearest_leg
from agentorm.query import Query
from agentorm.rank import held, texts
from agentorm.rank.announcing import say_once
from agentorm.rank.apart import FusedApart
from agentorm.rank.base import Found, Ranker, Run, hits_of, split
from agentorm.rank.embedded import Embedded
from agentorm.rank.fused import Fused
from agentorm.rank.fused_inside import FusedInside, serves_leg
from agentorm.rank.indexing import ignored, unpaged, unserved, why_not_by
from agentorm.rank.matches import Matches, raw_refused
from agentorm.rank.native import Native, as_sent, one_look, within
from agentorm.rank.reranked import Reranked
from agentorm.rank.scan import Scan, slow_path
from agentorm.rank.streaming import check_free, streamed
from agentorm.rank.texts import learn, text_index_in, why_no_text_index
from agentorm.statement import statement

__all__ = [
    "Found",
    "Ranker",
    "Run",
    "announce",
    "announce_page",
    "announce_unserved",
    "check_free",
    "hits_of",
    "ignored",
    "learn",
    "ranker_of",
    "raw_refused",
    "split",
    "statements",
    "straight",
    "streamed",
    "text_index_in",
    "why_no_text_index",
    "why_not_by",
    "why_unplanned",
    "within",
]

E = TypeVar("E")
_NATIVE, _EMBEDDED, _SCAN, _MATCHES = Native(), Embedded(), Scan(), Matches()
_FUSED, _FUSED_INSIDE, _FUSED_APART = Fused(), FusedInside(), FusedApart()


def ranker_of(query: Query[Any], dialect: Dialect) -> Ranker:
    """Who ranks this query on this engine."""
    base = _finder_of(query, dialect)
    return base if query.reach is None else Reranked(base)


def _finder_of(query: Query[Any], dialect: Dialect) -> Ranker:
    ranking = query.ranking
    if ranking is None:
        return _MATCHES
    here = dialect.computes(ranking.metric, ranking.kind)
    if query.fusion is not None:
        if here and serves_leg(query, dialect):
            return _FUSED_INSIDE
        return _FUSED if here else _FUSED_APART
    if here and held.serves(query, dialect):
        return _EMBEDDED
    return _NATIVE if here else _SCAN


def statements(query: Query[Any], dialect: Dialect) -> tuple[AnySelect, ...]:
    """The selects that `all` or `hits` would send, in order."""
    if not query.is_ranked:
        return (statement(query),)
    return ranker_of(query, dialect).statements(query, dialect)


def straight(query: Query[E], run: Run) -> tuple[Query[E], bool] | None:
    """What a ranking asks in one statement of which nothing depends on what it finds.

    With it, whether an index serves: then an answer of all rows is complete, a shorter one not.
    None where the ranking takes more than that.
    """
    return one_look(query, run) if ranker_of(query, run.dialect) is _NATIVE else None


def why_unplanned(query: Query[Any], run: Run) -> str | None:
    """Why SQLAlchemy's ORM loads the rows; None where a plan does, or a scan finds them by key."""
    if not query.is_ranked:
        return plan.why_unplanned(query, run.line)
    ranker = ranker_of(query, run.dialect).base
    if ranker is _SCAN:
        return None
    return plan.why_unplanned(
        as_sent(query, run) if isinstance(ranker, Native) else query, run.line
    )


def announce(query: Query[Any], run: Run, ranker: Ranker) -> None:
    """Warn, once for each engine and reason, that a ranking takes the long way."""
    if ranker.base in {_SCAN, _FUSED_APART} and query.ranking is not None:
        say_once(slow_path(query.ranking, run.dialect), run)
    if texts.reads_rows(query, run.dialect):
        say_once(texts.slow_path(query, run.dialect), run)


def announce_unserved(query: Query[Any], run: Run, ranker: Ranker) -> None:
    """Warn, once for each engine and reason, that a declared index cannot serve as it is asked."""
    asked = nearest_leg(ranker.asked(query))
    message = unserved(asked, run.dialect) if ranker.base in {_NATIVE, _FUSED} else None
    if message is not None:
        say_once(message, run)


def announce_page(query: Query[Any], run: Run) -> None:
    """Warn, once for each engine and reason, that pages do without a declared index."""
    message = unpaged(query, run.dialect)
    if message is not None:
        say_once(message, run)
