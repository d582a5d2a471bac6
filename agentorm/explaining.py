"""How a query would be answered, by the engine's own plan."""

from __future__ import annotations

import re
from typing import Any

from agentorm import dialects, rank
from agentorm.expressions import Explain
from agentorm.json_explained import json_notes
from agentorm.legs import nearest_leg
from agentorm.query import Query
from agentorm.rank import Ranker, Run
from agentorm.results import Explanation
from agentorm.written import text_of, with_named_binds

_SPELT_OUT = re.compile(
    r"(\[-?\d[^,\[\]]*)(?:,\s*-?\d[^,\[\]]*){3,}\]|(X'[0-9a-fA-F]{8})[0-9a-fA-F]{8,}'"
)


def explained(query: Query[Any], run: Run) -> Explanation:
    """The explanation of a query, planned under the settings that it would run with."""
    ranker = rank.ranker_of(query, run.dialect).here(query, run) if query.is_ranked else None
    selects = (ranker or rank).statements(query, run.dialect)
    target = with_named_binds(type(run.connection.dialect))
    dialects.remember(target, run.dialect)
    statements = tuple(text_of(made, target) for made in selects)
    if ranker is None:
        plan = _plan(run, Explain(selects[0]))
        notes = _notes_of_json(query, run, plan) + _of_loading(query, run)
        return Explanation(
            ranker="none", exact=True, statements=statements, plan=_short(plan), notes=notes
        )
    with rank.raw_refused(query, run), ranker.searching(query, run):
        plan = _plan(run, Explain(selects[0]))
    index = _index(query, run, plan)
    return Explanation(
        ranker=ranker.name,
        exact=ranker.is_exact(query, run.dialect),
        statements=statements,
        plan=_short(plan),
        notes=(
            *_notes(query, run, ranker, index),
            *_notes_of_json(query, run, plan),
            *_of_loading(query, run),
        ),
        index=index,
    )


def _index(query: Query[Any], run: Run, plan: str) -> str | None:
    if query.ranking is None:
        return rank.text_index_in(plan, query)
    column = query.ranking.field.attribute.property.columns[0].name
    return run.dialect.index_in(plan, column)


def _notes(query: Query[Any], run: Run, ranker: Ranker, index: str | None) -> tuple[str, ...]:
    vectors = query.ranking is not None
    leg = nearest_leg(ranker.asked(query))
    unused = rank.why_not_by(leg, run) if vectors and index is None else ()
    if not vectors and index is None:
        unused = rank.why_no_text_index(query, run)
    return (*ranker.notes(query, run.dialect), *unused, *rank.ignored(leg, run.dialect))


def _notes_of_json(query: Query[Any], run: Run, plan: str) -> tuple[str, ...]:
    return json_notes((*query.filters, *query.ordering), plan, run.dialect)


def _of_loading(query: Query[Any], run: Run) -> tuple[str, ...]:
    why = rank.why_unplanned(query, run)
    return () if why is None else (f"SQLAlchemy's ORM loads the rows: {why}",)


def _plan(run: Run, explain: Explain) -> str:
    return "\n".join(str(row[-1]) for row in run.connection.execute(explain).all())


def _short(plan: str) -> str:
    return _SPELT_OUT.sub(_cut, plan)


def _cut(vector: re.Match[str]) -> str:
    return f"{vector[1]},...]" if vector[1] else f"{vector[2]}...'"
