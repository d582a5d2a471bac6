"""What an attribute holds of rows that are found, without a read that loads it row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import inspect, select
from sqlalchemy.orm import InstrumentedAttribute

from agentorm.models import key_columns, mapper_of
from agentorm.query import Query
from agentorm.rank.base import Run, in_chunks
from agentorm.read_models import WHOLE_ROW
from agentorm.selecting import has_key

Key: TypeAlias = tuple[Any, ...]


def values_of(
    query: Query[Any], rows: Sequence[Any], attribute: InstrumentedAttribute[Any], run: Run
) -> list[Any]:
    """The value of each of the rows that the query found, whether entities or read models."""
    target = query.target
    if target is None:
        return _of_entities(rows, query.model, attribute, run)
    if attribute.key in target.names:
        return [target.values(row, [attribute.key])[0] for row in rows]
    entities = [entity_of(query, row) for row in rows]
    return _of_entities(entities, query.model, attribute, run)


def entity_of(query: Query[Any], row: Any) -> Any:
    """The entity of a row that was read whole."""
    return row if query.target is None else query.target.values(row, [WHOLE_ROW])[0]


def _of_entities(
    entities: Sequence[Any], model: type[Any], attribute: InstrumentedAttribute[Any], run: Run
) -> list[Any]:
    """The value of each, read in one statement where it is not loaded; None of a row that is gone.

    Keys beyond what a statement takes are read in several.
    """
    name = attribute.key
    key_of = mapper_of(model).primary_key_from_instance
    held = [inspect(entity).dict for entity in entities]
    keys = [tuple(key_of(entity)) for entity in entities]
    unread = (key for key, values in zip(keys, held, strict=True) if name not in values)
    read = values_by_key(unread, model, attribute, run)
    return [
        values[name] if name in values else read.get(key)
        for key, values in zip(keys, held, strict=True)
    ]


def values_by_key(
    keys: Iterable[Key], model: type[Any], attribute: InstrumentedAttribute[Any], run: Run
) -> dict[Key, Any]:
    """The value of each row that is there."""
    values: dict[Key, Any] = {}
    for part in in_chunks(keys):
        made = select(*key_columns(model), attribute).where(has_key(model, part))
        rows = run.session.execute(made).all()
        values.update({tuple(row[:-1]): row[-1] for row in rows})
    return values
