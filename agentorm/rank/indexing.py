"""Whether the index that a model declares serves a query, how far it looks, and if not, why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np
from sqlalchemy import Table

from agentorm.change_logs import embeds
from agentorm.checking import depth_of
from agentorm.dialects import Dialect, Feature
from agentorm.dialects.effort import Effort
from agentorm.models import mapper_of
from agentorm.query import Query
from agentorm.rank.base import Run, reading
from agentorm.rank.held import unserved as unserved_here
from agentorm.selecting import conditions_of, servable

E = TypeVar("E")
FIRST_TIMES, SECOND_TIMES = 4, 16
_UNFUSED = "the index in this process serves no fusion by groups: every row is ranked, exactly"
_SPARE_TIMES, _FEWEST_CANDIDATES = 2, 10
_LARGEST_HALF = float(np.finfo(np.float16).max)
_SMALLEST_HALF = float(np.finfo(np.float16).smallest_normal)


def more(query: Query[E], times: int = FIRST_TIMES) -> Query[E]:
    """The query of an index for one that groups: so many rows for each of its groups."""
    if query.best_of is None or query.size is None:
        return query
    grouped = reading(query, query.best_of)
    return replace(grouped, best_of=None, size=times * depth_of(query), skip=0)


def is_served(query: Query[Any], dialect: Dialect) -> bool:
    """Whether the declared index may serve the query as it is written."""
    if not servable(query) or _built(query, dialect) is None:
        return False
    return obstacle(query, dialect) is None


def method_of(query: Query[Any], dialect: Dialect) -> Feature:
    """The kind of index that serves."""
    method = _built(query, dialect)
    assert method is not None
    return method


def candidates_of(query: Query[Any], dialect: Dialect) -> int:
    """How many rows an index is asked for; some to spare where it ranks by narrower vectors."""
    depth = depth_of(more(query))
    if not _is_narrowed(query, dialect):
        return depth
    spare = max(_SPARE_TIMES * depth, _FEWEST_CANDIDATES)
    return spare if dialect.index_reach is None else min(spare, dialect.index_reach)


def effort_of(
    query: Query[Any], dialect: Dialect, *, passing: bool, widened: bool = False
) -> Effort:
    """How far the index is to look for this query."""
    assert query.ranking is not None
    return Effort(
        depth=candidates_of(query, dialect),
        filtered=is_filtered(query),
        ef=query.search.ef,
        least=getattr(query.ranking.field.index, "ef", 0),
        probes=query.search.probes,
        widened=widened,
        passing=passing,
    )


def is_filtered(query: Query[Any]) -> bool:
    """Whether rows that the index finds may be left out afterwards."""
    return bool(conditions_of(query) or query.joins)


def sorts_alone(query: Query[Any], dialect: Dialect) -> bool:
    """Whether an index gives rows in an order of its own, so that pages are cut after sorting."""
    assert query.ranking is not None
    return query.ranking.metric in dialect.index_order or _is_narrowed(query, dialect)


def why(query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
    """What is to be said of the index and this query."""
    ranking = query.ranking
    assert ranking is not None
    index = ranking.field.index
    if index is None:
        return (f"{ranking.field.label} declares no index: every row is ranked, exactly",)
    built = _built(query, dialect)
    if built is None and embeds(dialect):
        return (unserved_here(query, dialect) or _UNFUSED,)
    if built is None:
        known = dialect.indexed_by(index.method, ranking.field.metric, ranking.kind)
        over = ranking.field.metric if known is None else f"{len(ranking.vector)} dimensions"
        reason = f"{dialect.name} has no {index.method} for {over}"
        return (f"{reason}: every row is ranked, exactly",)
    if query.search.is_exact:
        return (f"exactly, as asked for: the {built} does not serve",)
    unserved = obstacle(query, dialect)
    if unserved is not None:
        return (unserved,)
    instead = "" if built is index.method else f", instead of the {index.method},"
    narrower = dialect.narrowed(ranking.kind, ranking.field.type.dimension)
    over = "" if narrower is None else f", over the vectors cast to {narrower},"
    said = f"the {built}{instead}{over} may serve: near rows can be missed, never invented"
    notes = [said]
    if dialect.few_passing is not None and is_filtered(query):
        few = dialect.few_passing
        notes.append(f"where fewer than {few} rows pass, which is counted first, all are ranked")
    if query.best_of is not None:
        notes.append(
            f"it is asked for {FIRST_TIMES} rows, then {SECOND_TIMES}, for each group that is"
            " wanted; where they are of too few groups, all are ranked"
        )
    return tuple(notes)


def why_not_by(query: Query[Any], run: Run) -> tuple[str, ...]:
    """Why the engine's plan has no use for an index that may serve."""
    if not is_served(query, run.dialect):
        return ()
    ranking, method = query.ranking, method_of(query, run.dialect)
    assert ranking is not None
    table = cast(Table, mapper_of(query.model).local_table)
    column = ranking.field.attribute.property.columns[0].name
    there = run.dialect.vector_indexes(run.connection, table.name, table.schema)
    if not any(index.column == column for index in there.values()):
        return (f"the {method} is declared and not in the database: create it by a migration",)
    return (f"the planner has another way than the {method}: few rows, or few that pass",)


def ignored(query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
    """What was tuned that nothing here can be tuned by."""
    method = _built(query, dialect) if is_served(query, dialect) else None
    asked = {
        "ef": (query.search.ef, Feature.HNSW),
        "probes": (query.search.probes, Feature.IVFFLAT),
    }
    return tuple(
        f"{name}={value} is ignored: no {kind} serves here"
        for name, (value, kind) in asked.items()
        if value is not None and method is not kind
    )


def unserved(query: Query[Any], dialect: Dialect) -> str | None:
    """The announcement that a declared index cannot serve; None where none is due."""
    reason = obstacle(query, dialect)
    if reason is None or query.ranking is None:
        return None
    return f"{dialect.name} ranks {query.ranking.field.label}: {reason}"


def unpaged(query: Query[Any], dialect: Dialect) -> str | None:
    """The announcement that no declared index serves a page; None where none is due."""
    ranking, built = query.ranking, _built(query, dialect)
    if ranking is None or built is None or query.search.is_exact:
        return None
    reason = f"pages are exact and the {built} does not serve them: every row is ranked"
    return f"{dialect.name} ranks {ranking.field.label}: {reason}"


def obstacle(query: Query[Any], dialect: Dialect) -> str | None:
    """Why an index that is declared, and built here, cannot serve the query as written."""
    ranking = query.ranking
    built = _built(query, dialect)
    if ranking is None or built is None or query.search.is_exact:
        return None
    if ranking.others:
        return f"the {built} does not rank by the nearest of several vectors: every row is ranked"
    if ranking.metric is not ranking.field.metric:
        return f"the {built} ranks by {ranking.field.metric}, not {ranking.metric}"
    if query.size is None:
        return f"without a limit the {built} does not serve: every row is ranked"
    if dialect.index_reach is not None and depth_of(more(query)) > dialect.index_reach:
        return f"the {built} reaches {dialect.index_reach} rows: every row is ranked"
    if _is_lost(query, dialect):
        return f"the vector is beyond the range of the {built}: every row is ranked"
    return None


def _built(query: Query[Any], dialect: Dialect) -> Feature | None:
    """The kind of index that the engine builds where the field declares one."""
    ranking = query.ranking
    if ranking is None or ranking.field.index is None:
        return None
    if not dialect.indexes(ranking.kind, ranking.field.type.dimension):
        return None
    return dialect.indexed_by(ranking.field.index.method, ranking.field.metric, ranking.kind)


def _is_narrowed(query: Query[Any], dialect: Dialect) -> bool:
    ranking = query.ranking
    assert ranking is not None
    return dialect.narrowed(ranking.kind, ranking.field.type.dimension) is not None


def _is_lost(query: Query[Any], dialect: Dialect) -> bool:
    """Whether nothing of the vector, or infinity, would be left by the cast."""
    if not _is_narrowed(query, dialect):
        return False
    assert query.ranking is not None
    largest = float(np.abs(np.asarray(query.ranking.vector)).max())
    return largest > _LARGEST_HALF or 0 < largest < _SMALLEST_HALF
