"""What an attribute holds of rows that are found, without a read that loads it row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import inspect, select
from sqlalchemy.orm import InstrumentedAttribute

from agentorm.models import key_columns, mapper_of
from agentorm.rank.base import Run, in_chunks
from agentorm.selecting import has_key

Key: TypeAlias = tuple[Any, ...]


def values_of(
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
