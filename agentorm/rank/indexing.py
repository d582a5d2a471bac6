"""Whether the index that a model declares serves a query, how far it looks, and if not, why."""

from __future__ import annotations

from typing import Any

from agentorm.dialects import Dialect, Feature
from agentorm.dialects.effort import Effort
from agentorm.query import Query
from agentorm.statement import depth_of, servable


def is_served(query: Query[Any], dialect: Dialect) -> bool:
    """Whether the declared index may serve the query as it is written."""
    return servable(query) and _built(query, dialect) is not None and not _is_beyond(query, dialect)


def method_of(query: Query[Any], dialect: Dialect) -> Feature:
    """The kind of index that serves."""
    method = _built(query, dialect)
    assert method is not None
    return method


def effort_of(query: Query[Any], *, passing: bool, widened: bool = False) -> Effort:
    """How far the index is to look for this query."""
    return Effort(
        depth=depth_of(query),
        filtered=bool(query.filters or query.joins),
        ef=query.search.ef,
        probes=query.search.probes,
        widened=widened,
        passing=passing,
    )


def sorts_alone(query: Query[Any], dialect: Dialect) -> bool:
    """Whether an index gives rows in an order of its own, so that pages are cut after sorting."""
    assert query.ranking is not None
    return query.ranking.metric in dialect.index_order


def why(query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
    """What is to be said of the index and this query."""
    ranking = query.ranking
    assert ranking is not None
    index = ranking.field.index
    if index is None:
        return ()
    built = dialect.indexed_by(index.method, ranking.field.metric, ranking.kind)
    if built is None:
        reason = f"{dialect.name} has no {index.method} for {ranking.field.metric}"
        return (f"{reason}: every row is ranked, exactly",)
    if query.search.is_exact:
        return (f"exactly, as asked for: the {built} does not serve",)
    unserved = obstacle(query, dialect)
    if unserved is not None:
        return (unserved,)
    instead = "" if built is index.method else f", instead of the {index.method},"
    return (f"the {built}{instead} may serve: near rows can be missed, never invented",)


def obstacle(query: Query[Any], dialect: Dialect) -> str | None:
    """Why an index that is declared, and built here, cannot serve the query as written."""
    ranking = query.ranking
    if ranking is None or ranking.field.index is None or query.search.is_exact:
        return None
    built = dialect.indexed_by(ranking.field.index.method, ranking.field.metric, ranking.kind)
    if built is None:
        return None
    if ranking.metric is not ranking.field.metric:
        return f"the {built} ranks by {ranking.field.metric}, not {ranking.metric}"
    if query.size is None:
        return f"without a limit the {built} does not serve: every row is ranked"
    if _is_beyond(query, dialect):
        return f"the {built} reaches {dialect.index_reach} rows: every row is ranked"
    return None


def _built(query: Query[Any], dialect: Dialect) -> Feature | None:
    ranking = query.ranking
    if ranking is None or ranking.field.index is None:
        return None
    return dialect.indexed_by(ranking.field.index.method, ranking.metric, ranking.kind)


def _is_beyond(query: Query[Any], dialect: Dialect) -> bool:
    return dialect.index_reach is not None and depth_of(query) > dialect.index_reach
