"""LanceDB, embedded."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from tests.benchmarks.vector_stores.contenders.base import EFS, Hand, Kept, Way
from tests.benchmarks.vector_stores.given import COLUMNS, DIMENSION, Ask, Row, Source


class Lance(Kept):
    name = "lancedb"
    setting = "IVF_HNSW_SQ of one part, cosine, m=16, ef_construction=200; bucket indexed"
    packages = ("lancedb", "pyarrow")
    efs = EFS
    folders = ("lancedb",)

    @contextmanager
    def built(self, source: Source) -> Generator[_Table]:
        database = self._database(source)
        table = database.create_table("texts", schema=_batch([]).schema)
        for rows in source.chunks():
            table.add(_batch(rows))
        table.create_index(
            metric="cosine",
            vector_column_name="embedding",
            index_type="IVF_HNSW_SQ",
            num_partitions=1,
            m=16,
            ef_construction=200,
        )
        table.create_scalar_index("bucket")
        table.optimize()
        yield _Table(table)

    @contextmanager
    def opened(self, source: Source) -> Generator[_Table]:
        yield _Table(self._database(source).open_table("texts"))

    def _database(self, source: Source) -> Any:
        return import_module("lancedb").connect(str(source.place(self.name)))


class _Table:
    def __init__(self, table: Any) -> None:
        self._table = table

    def hand(self, *, writing: bool = False) -> Hand:
        return Hand(
            {
                "": Way(lambda ask: self._nearest(ask, COLUMNS), _ids),
                "ranking only": Way(
                    lambda ask: self._nearest(ask, ("id",)), _ids, gives_rows=False
                ),
            },
            lambda row: self._table.add(_batch([row])),
        )

    def _nearest(self, ask: Ask, columns: tuple[str, ...]) -> Any:
        query = self._table.search(ask.query, vector_column_name="embedding")
        query = query.distance_type("cosine").ef(ask.reach).limit(ask.k)
        if ask.buckets is not None:
            query = query.where(f"bucket < {ask.buckets}", prefilter=True)
        return query.select([*columns, "_distance"]).to_arrow()


def _ids(answer: Any) -> list[int]:
    found: list[int] = answer["id"].to_pylist()
    return found


def _batch(rows: list[Row]) -> Any:
    """Rows as a table of Arrow."""
    arrow = import_module("pyarrow")
    vectors = np.concatenate([np.empty(0, np.float32), *(row.embedding for row in rows)])
    columns = [
        arrow.array([row.id for row in rows], arrow.int64()),
        arrow.array([row.title for row in rows], arrow.string()),
        arrow.array([row.topic for row in rows], arrow.string()),
        arrow.array([row.bucket for row in rows], arrow.int64()),
        arrow.FixedSizeListArray.from_arrays(arrow.array(vectors, arrow.float32()), DIMENSION),
    ]
    return arrow.table(columns, names=list(COLUMNS))
