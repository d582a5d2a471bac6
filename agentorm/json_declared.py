"""What a model says of the indexes of its JSON documents, for the paths into them to know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Index

DECLARED = "agentorm_json"
"""The key in ``Index.info`` of the index of JSON documents that was declared."""


def is_indexed(document: ColumnElement[Any], steps: tuple[str | int, ...]) -> bool:
    """Whether the model declares an index of this path into the documents of a column."""
    declared = declared_indexes(document)
    return any(getattr(index.info[DECLARED], "steps", None) == steps for index in declared)


def declared_indexes(document: ColumnElement[Any]) -> list[Index]:
    """The indexes that the model declares of the documents of a column."""
    bases: Iterable[Any] = document.base_columns
    return [
        index
        for base in bases
        for index in getattr(getattr(base, "table", None), "indexes", ())
        if DECLARED in index.info and base.key in index.columns
    ]
