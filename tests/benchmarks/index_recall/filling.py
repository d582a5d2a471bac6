"""Tables filled once: the rows, then the vector index, unless it grows with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Index, Table, func, insert, inspect, select
from sqlalchemy.orm import class_mapper
from sqlalchemy.schema import CreateTable

from agentorm import Database, Vector, repository
from tests.benchmarks.index_recall.models import BUCKETS, RecallFilled, RecallText
from tests.benchmarks.index_recall.progress import Progress, say

ROWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Recipe:
    """How a table comes to be.

    Attributes:
        model: the table.
        kind: the vectors that it holds.
        index_first: the engine lets the vector index grow with the rows.
        settings: what the connection that builds the index is told.
    """

    model: type[RecallText]
    kind: Callable[[Any], object] = Vector
    index_first: bool = False
    settings: tuple[str, ...] = ()

    @property
    def table(self) -> Table[Any]:
        """The model's table."""
        return cast("Table[Any]", class_mapper(self.model).local_table)

    @property
    def vector_indexes(self) -> list[Index]:
        """The indexes that are built when the rows are there."""
        return [index for index in self.table.indexes if "agentorm" in index.info]


def filled(db: Database, recipe: Recipe, embeddings: NDArray[np.float32]) -> RecallFilled:
    """The table with these rows and its index; one that has them already is left alone."""
    db.create_all(RecallFilled)
    name = recipe.model.__name__
    known = repository(RecallFilled, db).get(name)
    if known is None or known.rows != len(embeddings) or not _exists(db, recipe):
        known = RecallFilled(name=name, rows=len(embeddings), load_seconds=0.0)
        _create(db, recipe)
    if known.finished is not None:
        return known
    known.settings = "; ".join(recipe.settings)
    repository(RecallFilled, db).upsert([known])
    _load(db, recipe, embeddings, known)
    _build(db, recipe, known)
    known.finished = datetime.now(UTC)
    repository(RecallFilled, db).upsert([known])
    return known


def _exists(db: Database, recipe: Recipe) -> bool:
    return inspect(db.engine).has_table(recipe.table.name)


def _create(db: Database, recipe: Recipe) -> None:
    db.drop_all(recipe.model)
    if recipe.index_first:
        db.create_all(recipe.model)
        return
    db.prepare_for_vectors()
    later = recipe.vector_indexes
    with db.engine.begin() as connection:
        connection.execute(CreateTable(recipe.table))
        for index in recipe.table.indexes:
            if index not in later:
                index.create(connection)


def _load(
    db: Database, recipe: Recipe, embeddings: NDArray[np.float32], known: RecallFilled
) -> None:
    """From where an interrupted run has left off."""
    with db.engine.connect() as connection:
        there = connection.execute(select(func.count()).select_from(recipe.model)).scalar_one()
    title = f"{db.engine.dialect.name}: {recipe.table.name}"
    progress, before = Progress(title, len(embeddings), there), known.load_seconds
    for start in range(there, len(embeddings), ROWS_AT_ONCE):
        rows = [
            {
                "id": n,
                "bucket": n % BUCKETS,
                "indexed_bucket": n % BUCKETS,
                "title": f"text {n}",
                "embedding": recipe.kind(embedding),
            }
            for n, embedding in enumerate(embeddings[start : start + ROWS_AT_ONCE], start)
        ]
        known.load_seconds = before + progress.seconds
        with db.transaction() as session:
            session.connection().execute(insert(recipe.model), rows)
            repository(RecallFilled, session).upsert([known])
        progress.reached(start + len(rows))
    known.load_seconds = before + progress.seconds


def _build(db: Database, recipe: Recipe, known: RecallFilled) -> None:
    if recipe.index_first:
        return
    for index in recipe.vector_indexes:
        with db.engine.begin() as connection:
            for setting in recipe.settings:
                connection.exec_driver_sql(setting)
            say(f"{db.engine.dialect.name}: {index.name} is being built")
            began = perf_counter()
            index.create(connection)
            known.index_seconds = perf_counter() - began
        say(f"{db.engine.dialect.name}: {index.name} built in {known.index_seconds:.0f} s")
